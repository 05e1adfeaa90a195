// SPDX-License-Identifier: MIT
/*
 * knlp run - run an experiment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "experiment/begin.h"
#include "experiment/child.h"
#include "experiment/find.h"
#include "experiment/report.h"
#include "experiment/runner.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/run/estimate.h"
#include "tools/run/measures.h"
#include "tools/run/stop.h"
#include "tools/run/table.h"
#include "tools/run/verify.h"

#define JOBS_MAX CHILDREN_MAX

static struct {
	const char *out, *data, *model;
	bool resume, no_share, estimate, verify, force;
	int jobs, threads;
} opt = { .jobs = 1 };

/* ---- which experiment, which folder -------------------------------------------- */

static int no_name(void)
{
	struct strbuf names;
	int ret;

	strbuf_init(&names);
	experiment_names(&names);
	ret = usage_error("run: NAME is missing, and this binary was not configured for an "
			  "experiment%s%s", names.len ? ": there are " : "", names.s);
	strbuf_free(&names);
	return ret;
}

/* The plan that is meant; NULL for a run that is to go on with the plan that it has. */
static int read_plan(int argc, char **argv, struct experiment **e, char **run_dir)
{
	const char *name = argc ? argv[0] : config_embedded[PARAM_RUN_EXPERIMENT];
	char *dir;
	int ret;

	*e = NULL;
	if (opt.resume && argc && experiment_is_run(name)) {
		*run_dir = strdup(name);
		return *run_dir ? 0 : fail_nomem(0, "a path");
	}
	if (!*name && opt.resume && opt.out)
		return 0;
	if (!*name)
		return no_name();
	ret = experiment_find(name, &dir);
	if (!ret)
		ret = experiment_read(dir, e);
	free(dir);
	return ret;
}

static int choose_out(const struct experiment *e, char **out)
{
	if (opt.out && *out && strcmp(opt.out, *out))
		return usage_error("run: %s is a run, and --out says %s", *out, opt.out);
	if (!*out)
		*out = opt.out ? strdup(opt.out) : path_join("runs", e->name);
	return *out ? 0 : fail_nomem(0, "a path");
}

/* ---- running it ---------------------------------------------------------------- */

static void tell_plan(const struct experiment_run *run, const struct runner_options *o)
{
	const struct experiment *e = run->plan;
	int done = 0;

	for (int i = 0; i < run->nr_cells; i++)
		done += run->cells[i].state == CELL_DONE;
	log_info("%s: %d arms with %d seeds, %d of %d cells done; %d at a time, %d thread%s in all",
		 e->name, e->nr_arms, e->nr_seeds, done, run->nr_cells, o->jobs, o->threads,
		 o->threads > 1 ? "s" : "");
}

/* They show what there is, and can be made again: knlp report RUN. */
static void write_reports(const struct experiment_run *run)
{
	if (IS_ENABLED(CONFIG_REPORT) && experiment_report_write_run(run))
		log_warn("%s: no report: %s", run->path, fail_message());
}

/* What was found, and behind it what failed or was stopped. */
static int show(const struct experiment_run *run, int err)
{
	char *message = strdup(fail_message());
	int ret = message ? 0 : fail_nomem(0, "a message");

	if (!ret && (!err || err == -ECANCELED || err == -EINTR)) {
		write_reports(run);
		ret = run_print(run);
	}
	if (!ret && err)
		ret = fail(err, "%s", message);
	free(message);
	return ret;
}

static int execute(const char *path)
{
	struct runner_options o = {
		.data = opt.data, .model = opt.model, .jobs = opt.jobs,
		.threads = run_threads(opt.threads), .share = !opt.no_share, .stop = &run_stop,
	};
	struct experiment_run *run;
	int ret = experiment_run_open(path, &run);

	if (ret)
		return ret;
	ret = run_check_measures(run->plan);
	if (!ret) {
		run_catch_signals();
		tell_plan(run, &o);
		ret = experiment_execute(run, &o);
		ret = show(run, ret);
	}
	experiment_run_close(run);
	return ret;
}

/* ---- the command --------------------------------------------------------------- */

static int check_usage(int argc)
{
	if (opt.verify + opt.resume + opt.estimate > 1)
		return usage_error("run: --verify, --resume and --estimate exclude each other");
	if (opt.verify && !argc)
		return usage_error("run: RUN is missing");
	if (opt.verify && argc == 2)
		return usage_error("run: SEED is missing");
	if (!opt.verify && argc > 1)
		return usage_error("run: one experiment at a time");
	if (opt.force && !opt.verify)
		return usage_error("run: --force is for --verify only");
	return 0;
}

static int estimate(const struct experiment *e)
{
	return run_estimate(e, opt.data, opt.model, opt.jobs, run_threads(opt.threads),
			    !opt.no_share);
}

static int run_run(int argc, char **argv)
{
	struct experiment *e = NULL;
	char *out = NULL;
	int lock = -1, ret = output_from_options();

	if (!ret)
		ret = check_usage(argc);
	if (!ret && opt.verify)
		return run_verify(argc, argv, opt.data, opt.threads, opt.force);
	if (!ret)
		ret = read_plan(argc, argv, &e, &out);
	if (!ret && e)
		ret = run_check_measures(e);
	if (!ret && opt.estimate) {
		ret = estimate(e);
		experiment_free(e);
		return ret;
	}
	if (!ret)
		ret = choose_out(e, &out);
	if (!ret)
		ret = opt.resume ? experiment_go_on(e, opt.data, opt.model, out, &lock)
				 : experiment_begin(e, opt.data, opt.model, out, &lock);
	if (!ret)
		ret = execute(out);
	if (lock >= 0)
		close(lock);
	experiment_free(e);
	free(out);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('o', "out", "DIR", &opt.out, "folder of the run (default: runs/NAME)"),
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards, in the place of those that "
		      "the plan names"),
	OPTION_STRING('m', "model", "MODEL", &opt.model, "a run or model, in the place of the one "
		      "that the plan names: it is measured, nothing is trained"),
	OPTION_BOOL(0, "resume", &opt.resume, "go on with a run that was cut; what failed is "
		    "tried again"),
	OPTION_INT('j', "jobs", "N", &opt.jobs, 1, JOBS_MAX, "cells side by side (default 1)"),
	OPTION_INT('t', "threads", "N", &opt.threads, 1, 4096, "threads of all cells together; "
		   "results do not depend on it"),
	OPTION_BOOL(0, "no-share", &opt.no_share, "train each cell from the start, also where "
		    "arms have a beginning in common"),
	OPTION_BOOL(0, "estimate", &opt.estimate, "run some steps of each arm, and say what all "
		    "will take; nothing is written"),
	OPTION_BOOL(0, "verify", &opt.verify, "train one cell of RUN again, and demand the same "
		    "bits (default: the primary arm with its first seed)"),
	OPTION_BOOL(0, "force", &opt.force, "verify with other kernels and libraries, too"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "run",
	.group = "Experiments",
	.summary = "run an experiment: all arms with all seeds",
	.usage = (const char *const []){
		"[NAME|DIR] [--out=DIR] [--data=DIR] [--model=MODEL] [--jobs=N] [--threads=N] "
		"[--no-share] [--json]",
		"[NAME|DIR|RUN] --resume [--out=DIR] [--data=DIR] [--model=MODEL] [--jobs=N] "
		"[--threads=N] [--no-share] [--json]",
		"[NAME|DIR] --estimate [--data=DIR] [--model=MODEL] [--jobs=N] [--threads=N] "
		"[--no-share] [--json]",
		"NAME|RUN [ARM SEED] --verify [--data=DIR] [--threads=N] [--force] [--json]",
		NULL
	},
	.description =
		"Trains each arm of an experiment with each seed, and measures it, as the plan in "
		"DIR/plan.yaml says. A NAME is looked for in defconfigs/experiments; without one "
		"it is the experiment that the binary was configured for. Arms that differ in "
		"anything that the plan does not name are refused. A run that was cut, even by "
		"SIGKILL, goes on with --resume and ends with the bits of an uncut one. Where a "
		"plan gives a model, nothing is trained, and arms and seeds are ways to measure "
		"it.",
	.options = options,
	.args = "NAME|DIR|RUN ARM SEED",
	.max_args = 3,
	.run = run_run,
};
COMMAND_REGISTER(command);
