// SPDX-License-Identifier: MIT
/*
 * knlp sweep - tune one parameter on the baseline of an experiment.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "experiment/begin.h"
#include "experiment/child.h"
#include "experiment/find.h"
#include "experiment/runner.h"
#include "experiment/sweep.h"
#include "io/lock.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "tools/run/measures.h"
#include "tools/run/stop.h"

#define SEEDS_USUAL 3

static struct {
	const char *param, *values, *grid, *out, *data;
	int seeds, jobs, threads;
	bool resume, no_check;
} opt = { .jobs = 1 };

/** struct results - of both parts. */
struct results {
	struct sweep_curve tune, check;
	struct experiment_run *tune_run, *check_run;
	bool has_check;
};

/* ---- running a part -------------------------------------------------------------------- */

/* What failed is a point of the curve; the rest goes on. */
static int execute(struct experiment_run *run, const char *part)
{
	struct runner_options o = {
		.data = opt.data, .jobs = opt.jobs, .threads = run_threads(opt.threads),
		.share = true, .stop = &run_stop,
	};
	int ret;

	log_info("%s: %d training%s with each of %d seed%s", part, run->plan->nr_arms,
		 run->plan->nr_arms > 1 ? "s" : "", run->plan->nr_seeds,
		 run->plan->nr_seeds > 1 ? "s" : "");
	ret = experiment_execute(run, &o);
	if (ret != -ECANCELED)
		return ret;
	log_warn("%s", fail_message());
	return 0;
}

/* Without --resume, the folder of the sweep was found to be new. */
static int run_part(const struct sweep_part *part, const char *name, struct experiment_run **run)
{
	struct experiment *e;
	int lock = -1, ret = experiment_read(part->plan, &e);

	if (ret)
		return ret;
	if (experiment_is_run(part->run))
		ret = experiment_go_on(e, opt.data, NULL, part->run, &lock);
	else
		ret = experiment_begin(e, opt.data, NULL, part->run, &lock);
	if (!ret)
		ret = experiment_run_open(part->run, run);
	if (!ret)
		ret = execute(*run, name);
	if (lock >= 0)
		close(lock);
	experiment_free(e);
	return ret;
}

static int part_begin(struct sweep_part *part, const char *out, const char *name)
{
	part->plan = str_printf("%s/plans/%s", out, name);
	part->run = path_join(out, name);
	return part->plan && part->run ? 0 : fail_nomem(0, "a path");
}

static void part_end(struct sweep_part *part)
{
	free(part->plan);
	free(part->run);
}

static int tune(const struct sweep *s, const char *data, const char *out, struct results *r)
{
	struct sweep_part part;
	int ret = part_begin(&part, out, "tune");

	if (!ret)
		ret = sweep_plan_tune(s, data, &part);
	if (!ret)
		ret = run_part(&part, "tune", &r->tune_run);
	if (!ret)
		ret = sweep_curve_read(s, r->tune_run, &r->tune);
	if (!ret && r->tune.best < 0)
		ret = fail(-ECANCELED, "%s: no value of %s could be measured with all seeds", out,
			   params[s->param].name);
	part_end(&part);
	return ret;
}

static int check(const struct sweep *s, const char *data, const char *out, struct results *r)
{
	const char *best = s->values[r->tune.best];
	struct sweep_part part;
	int ret = part_begin(&part, out, "check");

	if (!ret && !sweep_can_check(s, best)) {
		log_info("%s=%s has no half or no double: there is no check",
			 params[s->param].name, best);
		goto out_part;
	}
	if (!ret)
		ret = sweep_plan_check(s, best, data, &part);
	if (!ret)
		ret = run_part(&part, "check", &r->check_run);
	if (!ret)
		ret = sweep_check_read(s, r->check_run, &r->check);
	r->has_check = !ret;
out_part:
	part_end(&part);
	return ret;
}

/* ---- what came of it ---------------------------------------------------------------------- */

static void print_number(double v, int digits)
{
	if (isnan(v))
		printf("  %12s", "-");
	else
		printf("  %12.*g", digits, v);
}

static void print_tune(const struct sweep *s, const struct sweep_curve *c)
{
	int width = (int)strlen(params[s->param].name);

	for (int i = 0; i < s->nr; i++)
		if ((int)strlen(s->values[i]) > width)
			width = (int)strlen(s->values[i]);
	printf("%s%s%s\n%-*s  %12s  %12s\n", s->e->metric.name, *s->e->metric.unit ? ", " : "",
	       s->e->metric.unit, width, params[s->param].name, "mean", "SD");
	for (int i = 0; i < c->nr; i++) {
		printf("%-*s", width, s->values[i]);
		print_number(c->point[i].mean, 6);
		print_number(c->point[i].sd, 2);
		puts(i == c->best && !c->flat ? "  best" : "");
	}
}

static void print_check(const struct sweep_curve *c)
{
	int width = (int)strlen("arm");

	for (int i = 0; i < c->nr; i++)
		if ((int)strlen(c->point[i].label) > width)
			width = (int)strlen(c->point[i].label);
	printf("\n%-*s  %12s  %12s  %12s\n", width, "arm", "half", "best", "double");
	for (int i = 0; i + 2 < c->nr; i += 3) {
		printf("%-*s", width, c->point[i].label);
		for (int f = 0; f < 3; f++)
			print_number(c->point[i + f].mean, 6);
		putchar('\n');
	}
}

static void point_json(struct json_out *list, const struct sweep_point *p, bool check)
{
	struct json_out *o = json_out_object(list, NULL);

	json_out_text(o, check ? "arm" : "value", p->label);
	if (check)
		json_out_number(o, "factor", p->factor);
	json_out_number(o, "mean", p->mean);
	json_out_number(o, "sd", p->sd);
	if (p->failure)
		json_out_text(o, "failure", p->failure);
}

static int print_json(const struct sweep *s, const struct results *r, char *advice)
{
	struct json_out *o = json_out_new(), *list;

	json_out_text(o, "experiment", s->e->name);
	json_out_text(o, "parameter", params[s->param].name);
	json_out_text(o, "best", s->values[r->tune.best]);
	list = json_out_array(o, "tune");
	for (int i = 0; i < r->tune.nr; i++)
		point_json(list, &r->tune.point[i], false);
	list = json_out_array(o, "check");
	for (int i = 0; r->has_check && i < r->check.nr; i++)
		point_json(list, &r->check.point[i], true);
	list = json_out_array(o, "advice");
	for (char *line = strtok(advice, "\n"); line; line = strtok(NULL, "\n"))
		json_out_text(list, NULL, line);
	return json_out_print(o);
}

static int show(const struct sweep *s, const struct results *r, const char *data, const char *out)
{
	const struct sweep_curve *checked = r->has_check ? &r->check : NULL;
	struct strbuf advice;
	int ret = sweep_report(s, &r->tune, checked, data, out);

	strbuf_init(&advice);
	sweep_advice(s, &r->tune, checked, &advice);
	if (!ret && config_options.json) {
		ret = print_json(s, r, advice.s);
	} else if (!ret) {
		print_tune(s, &r->tune);
		if (checked)
			print_check(checked);
		printf("%s%s\n%s%s\n", advice.len ? "\n" : "", advice.s, out,
		       IS_ENABLED(CONFIG_REPORT) ? "/sweep.html" : "");
	}
	strbuf_free(&advice);
	return ret;
}

/* ---- the command -------------------------------------------------------------------- */

static int read_options(struct sweep *s)
{
	const char *near;
	int id = param_find(opt.param);

	if (id < 0) {
		near = param_nearest(opt.param);
		return usage_error("sweep: unknown parameter %s%s%s%s", opt.param,
				   near ? ": did you mean " : "", near ? near : "",
				   near ? "?" : "");
	}
	s->param = id;
	if (sweep_values(s, opt.values, opt.grid))
		return fail_in(COMMAND_USAGE, "sweep");
	s->seeds = opt.seeds ? opt.seeds : SEEDS_USUAL;
	return 0;
}

static int check_usage(void)
{
	if (!opt.param)
		return usage_error("sweep: --param is missing");
	if (!opt.values == !opt.grid)
		return usage_error("sweep: either --values or --grid says what to try");
	return 0;
}

static int read_plan(int argc, char **argv, struct experiment **e)
{
	const char *name = argc ? argv[0] : config_embedded[PARAM_RUN_EXPERIMENT];
	char *dir;
	int ret;

	if (!*name)
		return usage_error("sweep: NAME is missing");
	ret = experiment_find(name, &dir);
	if (!ret)
		ret = experiment_read(dir, e);
	if (!ret)
		ret = run_check_measures(*e);
	if (!ret && (*e)->model)
		ret = fail(-EINVAL, "%s gives a model: a sweep tunes what is trained",
			   (*e)->file);
	free(dir);
	return ret;
}

static int check_seeds(struct sweep *s)
{
	if (opt.seeds > s->e->nr_seeds)
		return usage_error("sweep: --seeds=%d: %s has %d", opt.seeds, s->e->file,
				   s->e->nr_seeds);
	if (s->seeds > s->e->nr_seeds)
		s->seeds = s->e->nr_seeds;
	return 0;
}

/* Nothing but a sweep is written over. */
static int check_empty(const char *out)
{
	static const char *const ours[] = { ".", "..", "lock", "plans", "tune", "check",
					    "sweep.html", "sweep.md" };
	const size_t nr = sizeof(ours) / sizeof(ours[0]);
	const struct dirent *d;
	DIR *dir = opendir(out);
	int ret = 0;

	if (!dir)
		return errno == ENOENT ? 0 : fail_errno("%s", out);
	while (!ret && (d = readdir(dir))) {
		size_t i = 0;

		while (i < nr && strcmp(ours[i], d->d_name))
			i++;
		if (i == nr && !strstr(d->d_name, ".tmp-"))
			ret = fail(-EEXIST, "%s is not empty ('%s'): choose another folder with "
				   "--out", out, d->d_name);
	}
	closedir(dir);
	return ret;
}

static int check_out(const char *out)
{
	char *path = path_join(out, "tune");
	bool there = path && experiment_is_run(path);

	free(path);
	if (there && !opt.resume)
		return fail(-EEXIST, "%s holds a sweep already: go on with --resume, or choose "
			    "another folder with --out", out);
	if (!there && opt.resume)
		return fail(-ENOENT, "%s holds no sweep to go on with", out);
	return check_empty(out);
}

/* What is refused leaves nothing; the lock is the first thing that is written. */
static int take_folder(const struct sweep *s, const char *data, const char *out, int *lock)
{
	int ret = check_out(out);

	if (!ret)
		ret = sweep_check(s, data);
	if (!ret)
		ret = dir_make(out);
	if (!ret)
		ret = folder_lock(out, lock);
	return ret ? ret : check_out(out);	/* another process may have begun meanwhile */
}

static int run_sweep(const struct sweep *s, const char *out)
{
	const char *data = opt.data ? opt.data : s->e->data;
	struct results r = { 0 };
	int lock = -1, ret = take_folder(s, data, out, &lock);

	if (!ret)
		run_catch_signals();
	if (!ret)
		ret = tune(s, data, out, &r);
	if (!ret && !opt.no_check && !r.tune.flat)
		ret = check(s, data, out, &r);
	if (!ret)
		ret = show(s, &r, data, out);
	sweep_curve_free(&r.tune);
	sweep_curve_free(&r.check);
	experiment_run_close(r.tune_run);
	experiment_run_close(r.check_run);
	if (lock >= 0)
		close(lock);
	return ret;
}

static int sweep_run(int argc, char **argv)
{
	struct experiment *e = NULL;
	struct sweep s = { 0 };
	char *out = NULL;
	int ret = output_from_options();

	if (!ret)
		ret = check_usage();
	if (!ret)
		ret = read_options(&s);
	if (!ret)
		ret = read_plan(argc, argv, &e);
	s.e = e;
	if (!ret && sweep_can_tune(e, s.param))
		ret = fail_in(COMMAND_USAGE, "sweep");
	if (!ret)
		ret = check_seeds(&s);
	if (!ret) {
		out = opt.out ? strdup(opt.out)
			      : str_printf("runs/%s-%s", e->name, params[s.param].name);
		ret = out ? run_sweep(&s, out) : fail_nomem(0, "a path");
	}
	free(out);
	sweep_free(&s);
	experiment_free(e);
	return ret;
}

static void parameter_names(struct strbuf *sb)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!params[i].is_local)
			strbuf_addf(sb, "%s%s", sb->len ? " " : "", params[i].name);
}

static const struct option options[] = {
	OPTION_WORD('p', "param", "NAME", &opt.param, parameter_names, "the parameter to tune"),
	OPTION_STRING(0, "values", "LIST", &opt.values, "values to try, with commas between"),
	OPTION_STRING(0, "grid", "LOW:HIGH:N", &opt.grid, "N values that rise by the same factor"),
	OPTION_INT(0, "seeds", "N", &opt.seeds, 1, INT_MAX, "take the first N seeds of the plan "
		   "(default 3)"),
	OPTION_BOOL(0, "no-check", &opt.no_check, "do not try the arms at half and double"),
	OPTION_STRING('o', "out", "DIR", &opt.out, "folder of the sweep (default: "
		      "runs/NAME-PARAM)"),
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards, in the place of those that "
		      "the plan names"),
	OPTION_BOOL(0, "resume", &opt.resume, "go on with a sweep that was cut"),
	OPTION_INT('j', "jobs", "N", &opt.jobs, 1, CHILDREN_MAX, "cells side by side (default 1)"),
	OPTION_INT('t', "threads", "N", &opt.threads, 1, 4096, "threads of all cells together; "
		   "results do not depend on it"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "sweep",
	.group = "Experiments",
	.summary = "tune one parameter on the baseline of an experiment",
	.usage = (const char *const []){
		"[NAME|DIR] --param=NAME --values=LIST|--grid=LOW:HIGH:N [--seeds=N] [--no-check] "
		"[--out=DIR] [--data=DIR] [--resume] [--jobs=N] [--threads=N] [--json]",
		NULL
	},
	.description =
		"Trains the baseline of an experiment with each value of one parameter, and says "
		"which is best by the plan's metric. Then the baseline and all arms but controls "
		"are trained at half, once and twice that value: an arm that would rather have "
		"had another one is named, since what is tuned on the baseline favours it.",
	.options = options,
	.args = "NAME|DIR",
	.max_args = 1,
	.run = sweep_run,
};
COMMAND_REGISTER(command);
