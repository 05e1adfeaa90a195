// SPDX-License-Identifier: MIT
#include "experiment/runner.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "experiment/child.h"
#include "experiment/commands.h"
#include "experiment/internal.h"
#include "experiment/runner-internal.h"
#include "io/lock.h"

#define POLL_SECONDS 0.25	/* between two looks at the logs */
#define LOCK_SECONDS 20		/* for a child of a killed run to go */

/* ---- what there is to do ------------------------------------------------------- */

static struct experiment_cell *cell_of(const struct runner *r, int arm, int seed)
{
	return &r->run->cells[arm * r->run->plan->nr_seeds + seed];
}

static bool is_busy(const struct runner *r, const struct experiment_cell *cell)
{
	for (int i = 0; i < r->nr_workers; i++)
		if (r->workers[i].child.pid && r->workers[i].cell == cell)
			return true;
	return false;
}

static bool has_failed(const struct runner *r, const struct experiment_cell *cell)
{
	return r->failed[cell - r->run->cells];
}

static bool has_manifest(const struct experiment_cell *cell)
{
	char *path = path_join(cell->path, "manifest.yaml");
	bool there = path && file_exists(path);

	free(path);
	return there;
}

static bool has_checkpoint(const struct experiment_cell *cell, long long step)
{
	char *path = cell_checkpoint(cell, step);
	bool there = path && file_exists(path);

	free(path);
	return there;
}

/*
 * A cell that has not begun may have to wait for the one that it shares its beginning with.
 * Where that one cannot lend it any more, it is trained from the start: to the same bits.
 */
static bool must_wait(const struct runner *r, const struct experiment_cell *cell,
		      const struct experiment_cell **parent)
{
	const struct share *s = &r->share[cell->arm];

	*parent = NULL;
	if (s->parent < 0 || has_manifest(cell))
		return false;
	*parent = cell_of(r, s->parent, cell->seed);
	if (has_checkpoint(*parent, s->at))
		return false;
	if (!has_failed(r, *parent) && (*parent)->done <= s->at)
		return true;
	*parent = NULL;
	return false;
}

/* Where the training of @cell has to stop so that others can part from it; 0: nowhere. */
static long long stop_at(const struct runner *r, const struct experiment_cell *cell)
{
	long long stop = 0;

	for (int arm = 0; arm < r->run->plan->nr_arms; arm++) {
		const struct share *s = &r->share[arm];
		const struct experiment_cell *child = cell_of(r, arm, cell->seed);

		if (s->parent != cell->arm || s->at < cell->done || s->at == cell->steps ||
		    has_manifest(child) || has_failed(r, child))
			continue;
		if (!stop || s->at < stop)
			stop = s->at;
	}
	return stop;
}

static bool plan_reads_baseline(const struct experiment_measure *m)
{
	for (char **word = m->argv; *word; word++)
		if (strstr(*word, "{baseline}"))
			return true;
	return false;
}

/* Measures are run in the order of the plan, share by share. */
static bool next_measure(const struct runner *r, const struct experiment_cell *cell, int *measure,
			 int *at)
{
	const struct experiment *e = r->run->plan;

	for (*at = 0; *at < e->nr_at; (*at)++)
		for (*measure = 0; *measure < e->nr_measures; (*measure)++)
			if (cell_has_measure(r->run, cell, *measure) &&
			    !cell_is_measured(r->run, cell, *measure, *at))
				return true;
	return false;
}

static bool measure_must_wait(const struct runner *r, const struct experiment_cell *cell,
			      int measure, int at)
{
	const struct experiment *e = r->run->plan;
	const struct experiment_cell *base = cell_of(r, e->baseline, cell->seed);

	if (base == cell || has_failed(r, base) || !plan_reads_baseline(&e->measures[measure]))
		return false;
	return !cell_is_measured(r->run, base, measure, at);
}

/* Is there something to do for @cell now?  Then @w says what. */
static bool find_work(const struct runner *r, struct experiment_cell *cell, struct worker *w)
{
	w->cell = cell;
	w->parent = NULL;
	w->until = 0;
	w->measure = -1;
	if (cell->trained)
		return next_measure(r, cell, &w->measure, &w->at) &&
		       !measure_must_wait(r, cell, w->measure, w->at);
	if (must_wait(r, cell, &w->parent))
		return false;
	w->until = stop_at(r, cell);
	/* It stands where others part from it: they come first. */
	return !w->until || !has_checkpoint(cell, w->until);
}

static bool next_work(const struct runner *r, struct worker *w)
{
	const struct experiment *e = r->run->plan;

	/* Seed by seed, so that pairs are complete early. */
	for (int seed = 0; seed < e->nr_seeds; seed++)
		for (int arm = 0; arm < e->nr_arms; arm++) {
			struct experiment_cell *cell = cell_of(r, arm, seed);

			if (cell->state != CELL_DONE && !has_failed(r, cell) && !is_busy(r, cell) &&
			    find_work(r, cell, w))
				return true;
		}
	return false;
}

/* ---- starting it --------------------------------------------------------------- */

static char *cell_file(const struct runner *r, const struct experiment_cell *cell,
		       const char *ending)
{
	return cell_path(r->run->path, r->run->plan, cell->arm, cell->seed, ending);
}

/* A child of a run that was killed a moment ago may still be there. */
static void await_lock(const char *dir)
{
	double begin = clock_seconds();

	while (folder_is_locked(dir) && clock_seconds() < begin + LOCK_SECONDS)
		usleep(20000);
}

static int make_words(const struct runner *r, const struct worker *w, struct argv *words)
{
	struct command_cell c = {
		.run = r->run, .cell = w->cell, .data = r->o->data ? r->o->data : r->run->data,
		.threads = w->threads, .share = r->share,
	};

	if (w->measure >= 0)
		return command_measure(&c, w->measure, w->at, words);
	if (w->parent)
		return command_fork(&c, w->parent, r->share[w->cell->arm].at, w->until, words);
	return command_train(&c, has_manifest(w->cell), w->until, words);
}

/* The folders that its files go to. */
static int make_folders(const struct runner *r, const struct worker *w)
{
	char *dir = w->measure < 0 ? path_dir(w->cell->path)
				   : cell_measure_dir(r->run, w->cell, w->at);
	int ret = dir ? dir_make(dir) : fail_nomem(0, "a path");

	free(dir);
	return ret;
}

static int start_work(struct runner *r, struct worker *w)
{
	char *log = cell_file(r, w->cell, ".log"), *failed = cell_file(r, w->cell, ".failed");
	struct argv words = { 0 };
	int part = (int)(w - r->workers);
	int ret = log && failed ? make_folders(r, w) : fail_nomem(0, "a path");

	if (!ret) {
		unlink(failed);
		await_lock(w->cell->path);
		ret = make_words(r, w, &words);
	}
	/* Trainings are told how many threads; measures see it from their processors. */
	if (!ret)
		ret = child_start(&w->child, words.argv, log, w->measure >= 0,
				  w->measure >= 0 ? w->threads : 0, part);
	w->begin = clock_seconds();
	w->done_before = w->cell->done;
	argv_free(&words);
	free(failed);
	free(log);
	return ret;
}

/* ---- ending it ----------------------------------------------------------------- */

static void cell_name(const struct runner *r, const struct experiment_cell *cell, char name[128])
{
	snprintf(name, 128, "%s, seed %lld", r->run->plan->arms[cell->arm].name,
		 r->run->plan->seeds[cell->seed]);
}

static int keep_answer(const struct runner *r, const struct worker *w, char **why)
{
	char *path = cell_measure_file(r->run, w->cell, w->measure, w->at, ".json");
	int ret = path ? command_answer(&w->child, r->run->plan->measures[w->measure].name, path,
					why) : fail_nomem(0, "a path");

	free(path);
	return ret;
}

static int note_failure(struct runner *r, struct experiment_cell *cell, const char *why)
{
	char *path = cell_file(r, cell, ".failed"), name[128];
	int ret = path ? file_write_atomic(path, why, strlen(why)) : fail_nomem(0, "a path");

	r->failed[cell - r->run->cells] = true;
	cell_name(r, cell, name);
	log_warn("%s failed: %s", name, why);
	free(path);
	return ret;
}

/* A cell without the number that decides is no result. */
static int tell_done(struct runner *r, struct experiment_cell *cell)
{
	char name[128];
	double value;
	int done = 0, ret;

	for (int i = 0; i < r->run->nr_cells; i++)
		done += r->run->cells[i].state == CELL_DONE;
	cell_name(r, cell, name);
	if (cell_metric(r->run, cell, &r->run->plan->metric, r->run->plan->nr_at - 1, &value)) {
		char *why = strdup(fail_message());

		fail_clear();
		ret = why ? note_failure(r, cell, why) : fail_nomem(0, "a text");
		free(why);
		return ret ? ret : cell_update(r->run, cell);
	}
	log_info("%d of %d cells done: %s: %s %.5g%s%s", done, r->run->nr_cells, name,
		 r->run->plan->metric.name, value, *r->run->plan->metric.unit ? " " : "",
		 r->run->plan->metric.unit);
	return 0;
}

static int end_work(struct runner *r, struct worker *w, int status)
{
	double seconds = clock_seconds() - w->begin;
	bool good = WIFEXITED(status) && !WEXITSTATUS(status);
	char *why = NULL;
	int ret = 0;

	if (!good && !*r->o->stop) {
		why = child_failure(&w->child, status);
		ret = why ? 0 : fail_nomem(0, "a text");
	} else if (good && w->measure >= 0) {
		ret = keep_answer(r, w, &why);
		r->measure_seconds += seconds;
		r->measures++;
	}
	if (!ret)
		ret = cell_update(r->run, w->cell);
	if (!ret && good && !why && w->measure < 0 && !w->until && !w->cell->trained)
		why = strdup("the training ended without its last checkpoint");
	if (w->measure < 0 && w->cell->done > w->done_before) {
		r->step_seconds += seconds;
		r->steps += w->cell->done - w->done_before;
	}
	if (!ret && why) {
		ret = note_failure(r, w->cell, why);
		if (!ret)
			ret = cell_update(r->run, w->cell);
	} else if (!ret && w->cell->state == CELL_DONE) {
		ret = tell_done(r, w->cell);
	}
	child_end(&w->child);
	free(why);
	return ret;
}

/* ---- progress ------------------------------------------------------------------ */

/* Steps that the cell itself is trained for: not those that it shares. */
static long long own_steps(const struct runner *r, const struct experiment_cell *cell,
			   long long steps)
{
	steps -= r->share[cell->arm].at;
	return steps > 0 ? steps : 0;
}

/* Measures count as many steps as take their time, once it is known. */
static double measure_weight(const struct runner *r)
{
	if (!r->measures || !r->steps)
		return 0;
	return r->measure_seconds / r->measures / (r->step_seconds / (double)r->steps);
}

/* How many there are and, if asked for, how many of them are done. */
static int count_measures(const struct runner *r, const struct experiment_cell *cell, int *done)
{
	int nr = 0;

	for (int m = 0; m < r->run->plan->nr_measures; m++)
		for (int at = 0; at < r->run->plan->nr_at; at++) {
			nr += cell_has_measure(r->run, cell, m);
			if (done)
				*done += cell_is_measured(r->run, cell, m, at);
		}
	return nr;
}

static void count_work(struct runner *r, double *done, double *total)
{
	double weight = measure_weight(r);

	*done = *total = 0;
	for (int i = 0; i < r->run->nr_cells; i++) {
		struct experiment_cell *cell = &r->run->cells[i];
		int measured = 0, measures = count_measures(r, cell, weight > 0 ? &measured : NULL);

		if (is_busy(r, cell) && !cell->trained)
			cell->done = log_last_step(cell->path);
		*total += (double)own_steps(r, cell, cell->steps) + weight * measures;
		*done += (double)own_steps(r, cell, cell->done) + weight * measured;
		if (has_failed(r, cell))	/* nothing more will be done for it */
			*total -= (double)own_steps(r, cell, cell->steps - cell->done);
	}
}

static void show_progress(struct runner *r)
{
	struct strbuf now;
	double done, total;
	int cells = 0;

	count_work(r, &done, &total);
	strbuf_init(&now);
	for (int i = 0; i < r->run->nr_cells; i++)
		cells += r->run->cells[i].state == CELL_DONE;
	for (int i = 0; i < r->nr_workers; i++) {
		const struct worker *w = &r->workers[i];

		if (w->child.pid)
			strbuf_addf(&now, "%s%s/%lld%s%s", now.len ? " " : "",
				    r->run->plan->arms[w->cell->arm].name,
				    r->run->plan->seeds[w->cell->seed], w->measure < 0 ? "" : ":",
				    w->measure < 0 ? "" : r->run->plan->measures[w->measure].name);
	}
	progress_total(r->bar, (uint64_t)llround(total));
	progress_update(r->bar, (uint64_t)llround(done), "%d/%d cells  %s", cells, r->run->nr_cells,
			now.s);
	strbuf_free(&now);
}

static void begin_progress(struct runner *r)
{
	double done, total;

	count_work(r, &done, &total);
	r->bar = progress_begin("run", (uint64_t)total);
	progress_skip(r->bar, (uint64_t)done);
}

/* ---- the loop ------------------------------------------------------------------ */

static int running(const struct runner *r)
{
	int nr = 0;

	for (int i = 0; i < r->nr_workers; i++)
		nr += r->workers[i].child.pid != 0;
	return nr;
}

static void await_workers(const struct runner *r)
{
	const struct child *list[CHILDREN_MAX];

	for (int i = 0; i < r->nr_workers; i++)
		list[i] = &r->workers[i].child;
	children_wait(list, r->nr_workers, POLL_SECONDS);
}

static int fill_workers(struct runner *r)
{
	int ret = 0;

	for (int i = 0; i < r->nr_workers && !ret; i++) {
		struct worker *w = &r->workers[i];

		if (!w->child.pid && next_work(r, w))
			ret = start_work(r, w);
	}
	return ret;
}

static int reap(struct runner *r)
{
	int status, ret = 0;

	for (int i = 0; i < r->nr_workers && !ret; i++) {
		struct worker *w = &r->workers[i];

		if (!w->child.pid)
			continue;
		ret = child_wait(&w->child, false, &status);
		if (ret > 0)
			ret = end_work(r, w, status);
	}
	return ret;
}

static void signal_all(const struct runner *r, int signal_number)
{
	for (int i = 0; i < r->nr_workers; i++)
		if (r->workers[i].child.pid)
			kill(r->workers[i].child.pid, signal_number);
}

/* Trainings finish their step and save; measures begin again another time. */
static int stop_all(struct runner *r)
{
	int ret = 0;

	if (!running(r))
		return 0;
	log_info("stopping: %d cell%s save what they have", running(r), running(r) > 1 ? "s" : "");
	signal_all(r, SIGTERM);
	while (!ret && running(r)) {
		await_workers(r);
		if (*r->o->stop < 0)	/* asked again */
			signal_all(r, SIGKILL);
		ret = reap(r);
	}
	return ret;
}

/* After an error of our own, nothing is left running. */
static void kill_all(struct runner *r)
{
	int status;

	signal_all(r, SIGKILL);
	for (int i = 0; i < r->nr_workers; i++)
		if (r->workers[i].child.pid) {
			child_wait(&r->workers[i].child, true, &status);
			child_end(&r->workers[i].child);
		}
}

static int loop(struct runner *r)
{
	int ret = 0;

	begin_progress(r);
	while (!ret && !*r->o->stop) {
		ret = fill_workers(r);
		if (ret || !running(r))
			break;
		show_progress(r);
		await_workers(r);
		ret = reap(r);
	}
	if (!ret)
		ret = stop_all(r);
	if (ret)
		kill_all(r);
	progress_end(r->bar);
	return ret;
}

/* ---- before and after ---------------------------------------------------------- */

static int read_configs(struct runner *r)
{
	const struct experiment *e = r->run->plan;
	int ret = 0;

	r->cfgs = calloc((size_t)e->nr_arms, sizeof(*r->cfgs));
	r->share = calloc((size_t)e->nr_arms, sizeof(*r->share));
	r->failed = calloc((size_t)r->run->nr_cells, sizeof(*r->failed));
	r->workers = calloc((size_t)r->o->jobs, sizeof(*r->workers));
	if (!r->cfgs || !r->share || !r->failed || !r->workers)
		return fail_nomem(0, "cells");
	for (int arm = 0; arm < e->nr_arms && !ret; arm++)
		ret = arm_config_read(r->run, arm, &r->cfgs[arm]);
	for (int arm = 0; arm < e->nr_arms; arm++)
		r->share[arm].parent = -1;
	if (!ret && r->o->share)
		share_find(e, r->cfgs, r->share);
	return ret;
}

static void divide_threads(struct runner *r)
{
	int budget = r->o->threads;

	r->nr_workers = r->o->jobs;
	for (int i = 0; i < r->nr_workers; i++) {
		int n = budget / r->nr_workers + (i < budget % r->nr_workers);

		r->workers[i].threads = n > 0 ? n : 1;
	}
}

static void runner_free(struct runner *r)
{
	for (int i = 0; r->cfgs && i < r->run->plan->nr_arms; i++)
		config_free(r->cfgs[i]);
	free(r->workers);
	free(r->failed);
	free(r->share);
	free(r->cfgs);
}

/* The first one is named, the others are counted. */
static int sum_up(const struct experiment_run *run, bool stopped)
{
	const struct experiment_cell *first = NULL;
	int failed = 0, done = 0;

	for (int i = 0; i < run->nr_cells; i++) {
		done += run->cells[i].state == CELL_DONE;
		if (run->cells[i].state != CELL_FAILED)
			continue;
		failed++;
		first = first ? first : &run->cells[i];
	}
	if (stopped && done < run->nr_cells)
		return fail(-EINTR, "%s: stopped with %d of %d cells done; go on with --resume",
			    run->path, done, run->nr_cells);
	if (!failed)
		return 0;
	return fail(-ECANCELED, "%s: %d of %d cells failed: arm '%s', seed %lld: %s%s", run->path,
		    failed, run->nr_cells, run->plan->arms[first->arm].name,
		    run->plan->seeds[first->seed], first->failure, failed > 1 ? "; ..." : "");
}

int experiment_execute(struct experiment_run *run, const struct runner_options *o)
{
	struct runner r = { .run = run, .o = o };
	int ret;

	run->active = true;
	ret = read_configs(&r);
	if (!ret) {
		divide_threads(&r);
		ret = loop(&r);
	}
	runner_free(&r);
	run->active = false;
	for (int i = 0; i < run->nr_cells && !ret; i++)
		ret = cell_update(run, &run->cells[i]);
	return ret ? ret : sum_up(run, *o->stop);
}
