// SPDX-License-Identifier: MIT
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "io/metrics.h"
#include "io/run.h"
#include "report/decimate.h"
#include "train/trainer.h"

const char *const report_column_key[COL_COUNT] = {
	[COL_STEP] = "step", [COL_TOKENS] = "tokens", [COL_ELAPSED] = "elapsed",
	[COL_LOSS] = "loss", [COL_LR] = "lr", [COL_GRAD_NORM] = "grad_norm",
	[COL_RATE] = "tokens_per_s", [COL_RSS] = "rss_mib", [COL_PEAK_RSS] = "peak_rss_mib",
	[COL_LOAD] = "load",
};

static int grow_columns(struct report_run *run)
{
	size_t cap = run->cap ? 2 * run->cap : 1024;

	for (int c = 0; c < COL_COUNT; c++) {
		double *more = realloc(run->col[c], cap * sizeof(*more));

		if (!more)
			return fail_nomem(cap * sizeof(*more), "a log");
		run->col[c] = more;
	}
	run->cap = cap;
	return 0;
}

/* The newest value of a column, which says where in training an event was. */
static double last(const struct report_run *run, enum report_column c)
{
	return run->nr ? run->col[c][run->nr - 1] : 0;
}

/* Logs of old versions lack "elapsed": it is the sum of "seconds". */
static int read_step(struct report_run *run, const struct metrics_line *l)
{
	double seconds = metrics_number(l, "seconds"), before = last(run, COL_ELAPSED);
	int ret = run->nr < run->cap ? 0 : grow_columns(run);

	if (ret)
		return ret;
	for (int c = 0; c < COL_COUNT; c++)
		run->col[c][run->nr] = metrics_number(l, report_column_key[c]);
	if (isnan(run->col[COL_ELAPSED][run->nr]))
		run->col[COL_ELAPSED][run->nr] = before + (isnan(seconds) ? 0 : seconds);
	if (isnan(run->col[COL_TOKENS][run->nr]))
		run->col[COL_TOKENS][run->nr] = last(run, COL_TOKENS);
	run->nr++;
	return 0;
}

/* @list with room for one more than the @nr entries that it has, or NULL. */
static void *with_room(void *list, size_t nr, size_t size)
{
	/* Powers of two: the array is full when its length is one. */
	return nr & (nr - 1) ? list : realloc(list, (nr ? 2 * nr : 1) * size);
}

static const char *text_of(const struct metrics_line *l, const char *key)
{
	const struct metrics_field *f = metrics_get(l, key);

	return f ? f->text : "";
}

static int read_eval(struct report_run *run, const struct metrics_line *l, double step)
{
	struct report_eval *e = with_room(run->evals, run->nr_evals, sizeof(*e));

	if (!e)
		return fail_nomem(sizeof(*e), "a log");
	run->evals = e;
	e += run->nr_evals++;
	*e = (struct report_eval){
		.step = step,
		.tokens = last(run, COL_TOKENS),
		.elapsed = last(run, COL_ELAPSED),
		.loss = metrics_number(l, "loss"),
		.nats_per_byte = metrics_number(l, "nats_per_byte"),
		.measured = metrics_number(l, "tokens"),
	};
	return 0;
}

static int read_sample(struct report_run *run, const struct metrics_line *l, double step)
{
	struct report_sample *s = with_room(run->samples, run->nr_samples, sizeof(*s));

	if (!s)
		return fail_nomem(sizeof(*s), "a log");
	run->samples = s;
	s += run->nr_samples++;
	*s = (struct report_sample){
		.step = step,
		.tokens = last(run, COL_TOKENS),
		.prompt = strdup(text_of(l, "prompt")),
		.text = strdup(text_of(l, "text")),
	};
	return s->prompt && s->text ? 0 : fail_nomem(0, "a text");
}

static int read_resume(struct report_run *run, const struct metrics_line *l, double step)
{
	struct report_resume *e = with_room(run->resumes, run->nr_resumes, sizeof(*e));

	if (!e)
		return fail_nomem(sizeof(*e), "a log");
	run->resumes = e;
	e += run->nr_resumes++;
	*e = (struct report_resume){
		.step = step,
		.tokens = last(run, COL_TOKENS),
		.elapsed = last(run, COL_ELAPSED),
		.time = strdup(text_of(l, "time")),
	};
	return e->time ? 0 : fail_nomem(0, "a text");
}

static void free_pruned(struct report_run *run)
{
	for (size_t i = 0; i < run->nr_pruned; i++)
		free(run->pruned[i].name);
	free(run->pruned);
	run->pruned = NULL;
	run->nr_pruned = 0;
}

/* The lines of its tensors follow. */
static int read_masks(struct report_run *run, const struct metrics_line *l, double step)
{
	struct report_masks *m = with_room(run->masks, run->nr_masks, sizeof(*m));

	if (!m)
		return fail_nomem(sizeof(*m), "a log");
	free_pruned(run);
	run->masks = m;
	m += run->nr_masks++;
	*m = (struct report_masks){
		.step = step,
		.tokens = last(run, COL_TOKENS),
		.weights = metrics_number(l, "weights"),
		.sparsity = metrics_number(l, "sparsity"),
		.changed = metrics_number(l, "changed"),
		.regrown = metrics_number(l, "regrown"),
		.jaccard = metrics_number(l, "jaccard"),
		.fresh_jaccard = metrics_number(l, "fresh_jaccard"),
		.eps_ratio = metrics_number(l, "eps_ratio"),
		.seconds = metrics_number(l, "seconds"),
	};
	return 0;
}

static int read_pruned(struct report_run *run, const struct metrics_line *l)
{
	struct report_pruned *p = with_room(run->pruned, run->nr_pruned, sizeof(*p));

	if (!p)
		return fail_nomem(sizeof(*p), "a log");
	run->pruned = p;
	p += run->nr_pruned++;
	*p = (struct report_pruned){
		.name = strdup(text_of(l, "name")),
		.weights = metrics_number(l, "weights"),
		.sparsity = metrics_number(l, "sparsity"),
		.jaccard = metrics_number(l, "jaccard"),
	};
	return p->name ? 0 : fail_nomem(0, "a text");
}

static int read_failure(struct report_run *run, const struct metrics_line *l)
{
	run->failure = strdup(text_of(l, "message"));
	return run->failure ? 0 : fail_nomem(0, "a text");
}

static int read_line(void *ctx, const struct metrics_line *l)
{
	struct report_run *run = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret)
		return ret;
	free(run->failure);	/* it counts only as the end of the log */
	run->failure = NULL;
	if (metrics_is(l, "train"))
		return read_step(run, l);
	if (metrics_is(l, "eval"))
		return read_eval(run, l, (double)step);
	if (metrics_is(l, "sample"))
		return read_sample(run, l, (double)step);
	if (metrics_is(l, "resume"))
		return read_resume(run, l, (double)step);
	if (metrics_is(l, "prune"))
		return read_masks(run, l, (double)step);
	if (metrics_is(l, "prune_tensor"))
		return read_pruned(run, l);
	if (metrics_is(l, "failed"))
		return read_failure(run, l);
	return 0;
}

/*
 * The configuration as it would be without anybody's wishes: defaults, and for what is
 * `auto` by default what the others make of it.
 */
static int make_plain(struct report_run *run)
{
	int ret = 0;

	run->plain = config_copy(run->cfg);
	if (!run->plain)
		return -ENOMEM;
	for (int i = 0; i < PARAM_COUNT && !ret; i++)
		if (i != PARAM_MODEL_VOCAB && params[i].default_text &&
		    !strcmp(params[i].default_text, "auto"))
			ret = config_put(run->plain, i, "auto");
	if (!ret && trainer_resolve(run->plain, 0))
		fail_clear();	/* the rest does not fit together without them: then "auto" */
	for (int i = 0; i < PARAM_COUNT && !ret; i++)
		if (params[i].default_text && strcmp(params[i].default_text, "auto"))
			ret = config_put(run->plain, i, params[i].default_text);
	return ret;
}

static int read_config(struct report_run *run)
{
	struct train_shape shape;
	int ret = run_config(run->folder, &run->cfg);

	if (!ret)
		ret = train_shape_read(run->cfg, &shape);
	if (ret)
		return ret;
	run->steps_planned = (double)shape.steps;
	return make_plain(run);
}

/* Asked before the log is read: a run that ends meanwhile is called running, not cut. */
static int read_log(struct report_run *run)
{
	char *path = path_join(run->folder->path, "metrics.jsonl");
	bool active = run_is_active(run->folder);
	int ret = path ? 0 : fail_nomem(0, "a path");

	if (!ret && file_exists(path))
		ret = metrics_read(path, read_line, run);
	free(path);
	run->state = last(run, COL_STEP) >= run->steps_planned ? REPORT_FINISHED :
		     active ? REPORT_RUNNING : run->failure ? REPORT_FAILED : REPORT_CUT;
	return ret;
}

static int smooth_losses(struct report_run *run)
{
	run->smooth_loss = calloc(run->nr + 1, sizeof(*run->smooth_loss));
	if (!run->smooth_loss)
		return fail_nomem(run->nr * sizeof(*run->smooth_loss), "a curve");
	return smooth(run->col[COL_LOSS], run->nr, metrics_tail(run->nr) / 2,
		      run->smooth_loss);
}

int report_run_read(const char *path, struct report_run **out)
{
	struct report_run *run = calloc(1, sizeof(*run));
	int ret = run ? run_open(path, &run->folder) : fail_nomem(sizeof(*run), "a run");

	if (!ret)
		ret = read_config(run);
	if (!ret)
		ret = read_log(run);
	if (!ret)
		ret = smooth_losses(run);
	if (ret)
		report_run_free(run);
	else
		*out = run;
	return ret;
}

void report_run_free(struct report_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->nr_samples; i++) {
		free(run->samples[i].prompt);
		free(run->samples[i].text);
	}
	for (size_t i = 0; i < run->nr_resumes; i++)
		free(run->resumes[i].time);
	for (int c = 0; c < COL_COUNT; c++)
		free(run->col[c]);
	free_pruned(run);
	free(run->masks);
	free(run->failure);
	free(run->evals);
	free(run->samples);
	free(run->resumes);
	free(run->smooth_loss);
	config_free(run->cfg);
	config_free(run->plain);
	run_close(run->folder);
	free(run->name);
	free(run);
}
