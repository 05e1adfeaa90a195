// SPDX-License-Identifier: MIT
/* One cell of a run: its state and its numbers, from what is on the disk. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "io/lock.h"
#include "io/metrics.h"

#define FAILURE_MAX 4096

static const char *const states[] = { "missing", "running", "cut", "failed", "done" };

const char *cell_state_name(enum cell_state state)
{
	return states[state];
}

/* ---- paths --------------------------------------------------------------------- */

char *cell_path(const char *run, const struct experiment *e, int arm, int seed, const char *ending)
{
	return str_printf("%s/cells/%s/seed-%lld%s", run, e->arms[arm].name, e->seeds[seed],
			  ending);
}

char *cell_checkpoint(const struct experiment_cell *cell, long long step)
{
	return str_printf("%s/checkpoints/step-%010lld", cell->path, step);
}

char *cell_measure_dir(const struct experiment_run *run, const struct experiment_cell *cell,
		       int at)
{
	const struct experiment *e = run->plan;

	return at == e->nr_at - 1 ? str_printf("%s/measure", cell->path)
				  : str_printf("%s/measure/at-%s", cell->path, e->at_text[at]);
}

char *cell_measure_file(const struct experiment_run *run, const struct experiment_cell *cell,
			int measure, int at, const char *ending)
{
	char *dir = cell_measure_dir(run, cell, at), *path;

	path = dir ? str_printf("%s/%s%s", dir, run->plan->measures[measure].name, ending) : NULL;
	free(dir);
	return path;
}

long long share_step(const struct experiment *e, int at, long long steps)
{
	long long step = llround(e->at[at] * (double)steps);

	return step > 0 || !steps ? step : 1;
}

long long cell_step(const struct experiment_run *run, const struct experiment_cell *cell, int at)
{
	return share_step(run->plan, at, cell->steps);
}

/* Enough for the lines of some steps; a sample's line is longer, and then this is an old step. */
#define TAIL_BYTES 16384

long long log_last_step(const char *path)
{
	static const char key[] = "{\"event\":\"train\",\"step\":";
	char *log = path_join(path, "metrics.jsonl"), text[TAIL_BYTES + 1], *at;
	FILE *f = log ? fopen(log, "re") : NULL;
	long long step = 0;
	size_t n;

	free(log);
	if (!f)
		return 0;
	if (fseek(f, -TAIL_BYTES, SEEK_END))
		rewind(f);
	n = fread(text, 1, TAIL_BYTES, f);
	fclose(f);
	text[n] = '\0';
	for (at = text; (at = strstr(at, key)); at++)
		step = strtoll(at + strlen(key), NULL, 10);
	return step;
}

/* ---- the state ----------------------------------------------------------------- */

/** struct ending - what the log says of a training's end. */
struct ending {
	long long done, steps;
	bool evaluated, sampled;	/* at the last step */
};

static int read_line(void *ctx, const struct metrics_line *l)
{
	struct ending *end = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret)
		return ret;
	if (metrics_is(l, "train"))
		end->done = step;
	if (step == end->steps && metrics_is(l, "eval"))
		end->evaluated = true;
	if (step == end->steps && metrics_is(l, "sample"))
		end->sampled = true;
	return 0;
}

/* A process that was killed behind its last step left something for the next one to remove. */
static bool has_remains(const struct experiment_cell *cell)
{
	char *path = path_join(cell->path, "checkpoints");
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *d;
	bool remains = false;

	while (dir && (d = readdir(dir)))
		remains |= strstr(d->d_name, ".tmp-") != NULL;
	if (dir)
		closedir(dir);
	free(path);
	return remains;
}

/* The checkpoint of the last step stands for the weights; what follows it is in the log. */
static int read_log(const struct experiment_run *run, struct experiment_cell *cell)
{
	const struct config *cfg = run->plan->arms[cell->arm].cfg;
	struct ending end = { .steps = cell->steps };
	char *log = path_join(cell->path, "metrics.jsonl");
	char *last = cell_checkpoint(cell, cell->steps);
	int ret = log && last ? 0 : fail_nomem(0, "a path");

	if (!ret && file_exists(log))
		ret = metrics_read(log, read_line, &end);
	cell->done = end.done;
	cell->trained = !ret && end.evaluated && file_exists(last) && !has_remains(cell) &&
			(end.sampled || !config_int(cfg, PARAM_TRAIN_SAMPLE_TOKENS));
	free(last);
	free(log);
	return ret;
}

static int read_failure(const struct experiment_run *run, struct experiment_cell *cell)
{
	char *path = cell_path(run->path, run->plan, cell->arm, cell->seed, ".failed");
	int ret = path ? 0 : fail_nomem(0, "a path");
	size_t len;

	free(cell->failure);
	cell->failure = NULL;
	if (!ret && file_exists(path))
		ret = file_read_all(path, FAILURE_MAX, &cell->failure, &len);
	free(path);
	if (!ret && !cell->failure)
		cell->failure = strdup("");
	if (!ret && cell->failure)
		cell->failure[strcspn(cell->failure, "\n")] = '\0';
	return ret || cell->failure ? ret : fail_nomem(0, "a text");
}

bool cell_has_measure(const struct experiment_run *run, const struct experiment_cell *cell,
		      int measure)
{
	return cell->arm == run->plan->baseline || !run->plan->measures[measure].only_baseline;
}

bool cell_is_measured(const struct experiment_run *run, const struct experiment_cell *cell,
		      int measure, int at)
{
	char *path = cell_measure_file(run, cell, measure, at, ".json");
	bool there = cell_has_measure(run, cell, measure) && path && file_exists(path);

	free(path);
	return there;
}

static bool is_measured(const struct experiment_run *run, const struct experiment_cell *cell)
{
	for (int m = 0; m < run->plan->nr_measures; m++)
		for (int at = 0; at < run->plan->nr_at; at++)
			if (cell_has_measure(run, cell, m) && !cell_is_measured(run, cell, m, at))
				return false;
	return true;
}

/* ---- is what the measures left whole? ------------------------------------------ */

static int check_answer(const struct experiment_run *run, const struct experiment_cell *cell,
			int measure, int at)
{
	char *path = cell_measure_file(run, cell, measure, at, ".json");
	cJSON *root = NULL;
	int ret = path ? cell_measure(run, cell, measure, at, &root) : fail_nomem(0, "a path");

	if (ret == -ENODATA)
		ret = 0;
	else if (!ret && !cJSON_IsObject(root))
		ret = fail(-EINVAL, "%s: it holds no JSON object", path);
	cJSON_Delete(root);
	free(path);
	return ret;
}

int cell_check_measures(const struct experiment_run *run, const struct experiment_cell *cell,
			int *measure, int *at)
{
	const struct experiment *e = run->plan;
	double value;
	char *name;
	int ret;

	for (*at = 0; *at < e->nr_at; (*at)++)
		for (*measure = 0; *measure < e->nr_measures; (*measure)++) {
			if (!cell_is_measured(run, cell, *measure, *at))
				continue;
			ret = check_answer(run, cell, *measure, *at);
			if (ret)
				return ret;
		}
	if (!is_measured(run, cell))
		return 0;
	/* A cell without the number that decides is no result. */
	*at = e->nr_at - 1;
	ret = cell_metric(run, cell, &e->metric, *at, &value);
	name = strndup(e->metric.from, strcspn(e->metric.from, "."));
	*measure = name ? experiment_measure(e, name) : -1;
	free(name);
	return ret;
}

int cell_forget_damage(const struct experiment_run *run, const struct experiment_cell *cell)
{
	int measure, at, ret = 0;

	while (!ret && cell_check_measures(run, cell, &measure, &at)) {
		char *path = measure < 0 ? NULL
					 : cell_measure_file(run, cell, measure, at, ".json");

		if (!path)
			break;
		log_info("%s: measured again", fail_message());
		ret = unlink(path) ? fail_errno("%s", path) : 0;
		free(path);
	}
	if (!ret)
		fail_clear();
	return ret;
}

/* ---- all of the state ---------------------------------------------------------- */

static bool has_begun(const struct experiment_cell *cell)
{
	char *path = path_join(cell->path, "manifest.yaml");
	bool begun = path && file_exists(path);

	free(path);
	return begun;
}

/* What cannot be read has failed, and is measured again by the next run. */
static int note_damage(const struct experiment_run *run, struct experiment_cell *cell)
{
	int measure, at, ret = cell_check_measures(run, cell, &measure, &at);

	if (!ret || ret == -ENOMEM)
		return ret;
	free(cell->failure);
	cell->failure = strdup(fail_message());
	fail_clear();
	return cell->failure ? 0 : fail_nomem(0, "a text");
}

/* Where the model is given, a cell is what its measures left. */
static int update_measured(const struct experiment_run *run, struct experiment_cell *cell)
{
	int ret = *cell->failure ? 0 : note_damage(run, cell);

	cell->trained = true;
	if (*cell->failure)
		cell->state = CELL_FAILED;
	else if (is_measured(run, cell))
		cell->state = CELL_DONE;
	else if (file_exists(cell->path))
		cell->state = run->active ? CELL_RUNNING : CELL_CUT;
	return ret;
}

int cell_update(const struct experiment_run *run, struct experiment_cell *cell)
{
	/* Asked first: what ends meanwhile is called running, not cut. */
	bool active = folder_is_locked(cell->path);
	int ret = read_failure(run, cell);

	cell->trained = false;
	cell->done = 0;
	cell->state = *cell->failure ? CELL_FAILED : CELL_MISSING;
	if (!ret && run->plan->model)
		return update_measured(run, cell);
	if (ret || !has_begun(cell))
		return ret;
	ret = read_log(run, cell);
	if (!ret && cell->trained && !*cell->failure)
		ret = note_damage(run, cell);
	if (ret)
		return ret;
	if (active)
		cell->state = CELL_RUNNING;
	else if (*cell->failure)
		cell->state = CELL_FAILED;
	else if (cell->trained && is_measured(run, cell))
		cell->state = CELL_DONE;
	else
		cell->state = run->active && cell->trained ? CELL_RUNNING : CELL_CUT;
	return 0;
}

/* ---- its numbers --------------------------------------------------------------- */

/** struct newest - the held-out loss of the newest evaluation up to a step. */
struct newest {
	long long until, at;
	double loss;
};

static int read_eval(void *ctx, const struct metrics_line *l)
{
	struct newest *n = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret || step > n->until || !metrics_is(l, "eval"))
		return ret;
	n->at = step;
	n->loss = metrics_number(l, "loss");
	return 0;
}

static int eval_loss_at(const struct experiment_cell *cell, long long step, double *value)
{
	struct newest n = { .until = step };
	char *log = path_join(cell->path, "metrics.jsonl");
	int ret = log ? metrics_read(log, read_eval, &n) : fail_nomem(0, "a path");

	if (!ret && (!n.at || (step == cell->steps && n.at < step)))
		ret = -ENODATA;
	else if (!ret && !isfinite(n.loss))
		ret = fail(-EINVAL, "%s: the held-out loss of step %lld is no number", log, n.at);
	free(log);
	*value = n.loss;
	return ret;
}

int cell_measure(const struct experiment_run *run, const struct experiment_cell *cell,
		 int measure, int at, cJSON **root)
{
	char *path = cell_measure_file(run, cell, measure, at, ".json");
	int ret = path ? 0 : fail_nomem(0, "a path");

	*root = NULL;
	if (!ret)
		ret = file_exists(path) ? json_read(path, root) : -ENODATA;
	free(path);
	return ret;
}

/* @path is "a.b": the value b in the object a in @root; a number picks from an array. */
static const cJSON *json_walk(const cJSON *root, const char *path)
{
	while (root && path) {
		size_t len = strcspn(path, ".");
		char *key = strndup(path, len);
		long long i;

		if (key && cJSON_IsArray(root))
			root = str_to_int(key, &i) || i < 0 || i > cJSON_GetArraySize(root)
			     ? NULL : cJSON_GetArrayItem(root, (int)i);
		else
			root = key ? json_get(root, key) : NULL;
		free(key);
		path = path[len] ? path + len + 1 : NULL;
	}
	return root;
}

static int measure_number(const struct experiment_run *run, const struct experiment_cell *cell,
			  const char *from, int at, double *value)
{
	const char *dot = strchr(from, '.');
	char *name = dot ? strndup(from, (size_t)(dot - from)) : NULL;
	int measure = name ? experiment_measure(run->plan, name) : -1;
	const cJSON *number;
	cJSON *root = NULL;
	int ret;

	free(name);
	if (measure < 0)
		return fail(-EINVAL, "'%s' is neither eval.loss nor of a measure of %s", from,
			    run->plan->file);
	ret = cell_measure(run, cell, measure, at, &root);
	if (ret)
		return ret;
	number = json_walk(root, dot + 1);
	if (cJSON_IsNumber(number) && isfinite(number->valuedouble)) {
		*value = number->valuedouble;
	} else {
		char *path = cell_measure_file(run, cell, measure, at, ".json");

		ret = fail(number ? -EINVAL : -ENOENT, "%s: %s '%s'", path ? path : "a measure",
			   number ? "it holds no number in" : "it holds nothing called", dot + 1);
		free(path);
	}
	cJSON_Delete(root);
	return ret;
}

int cell_metric(const struct experiment_run *run, const struct experiment_cell *cell,
		const struct experiment_metric *m, int at, double *value)
{
	long long step = cell_step(run, cell, at);

	*value = NAN;
	if (cell->done < step || (step == cell->steps && !cell->trained))
		return -ENODATA;
	if (!strcmp(m->from, "eval.loss"))
		return eval_loss_at(cell, step, value);
	return measure_number(run, cell, m->from, at, value);
}
