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
		.model = r->o->model ? r->o->model : r->run->model,
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

static int cells_done(const struct runner *r)
{
	int done = 0;

	for (int i = 0; i < r->run->nr_cells; i++)
		done += r->run->cells[i].state == CELL_DONE;
	return done;
}

static int tell_done(const struct runner *r, const struct experiment_cell *cell)
{
	char name[128];
	double value;
	int ret;

	cell_name(r, cell, name);
	ret = cell_metric(r->run, cell, &r->run->plan->metric, r->run->plan->nr_at - 1, &value);
	if (ret)
		return ret;
	log_info("%d of %d cells done: %s: %s %.5g%s%s", cells_done(r), r->run->nr_cells, name,
		 r->run->plan->metric.name, value, *r->run->plan->metric.unit ? " " : "",
		 r->run->plan->metric.unit);
	return 0;
}

static bool is_stopping(const struct runner *r)
{
	return *r->o->stop || r->hopeless;
}

static void note_time(struct runner *r, const struct worker *w)
{
	double seconds = clock_seconds() - w->begin;

	if (w->measure >= 0) {
		r->time[w->measure].seconds += seconds;
		r->time[w->measure].nr++;
	} else if (w->cell->done > w->done_before) {
		r->step_seconds += seconds;
		r->steps += w->cell->done - w->done_before;
	}
}

/* Why the child of @w failed, by what it left; NULL: it did not, or was stopped. */
static int find_failure(const struct runner *r, const struct worker *w, int status, char **why)
{
	bool good = WIFEXITED(status) && !WEXITSTATUS(status);
	int ret = 0;

	if (!good && !is_stopping(r)) {
		*why = child_failure(&w->child, status);
		ret = *why ? 0 : fail_nomem(0, "a text");
	} else if (good && w->measure >= 0) {
		ret = keep_answer(r, w, why);
	}
	if (!ret)
		ret = cell_update(r->run, w->cell);
	if (ret || *why)
		return ret;
	if (good && w->measure < 0 && !w->until && !w->cell->trained)
		*why = strdup("the training ended without its last checkpoint");
	else if (good && w->cell->state == CELL_FAILED)
		*why = strdup(w->cell->failure);
	else
		return 0;
	return *why ? 0 : fail_nomem(0, "a text");
}

/*
 * A wrong command line, an answer that is no JSON, or one without the number that decides: what
 * the first cell fails by, all would, and the rest need not be trained for it.
 */
static bool all_would_fail(const struct runner *r, const struct worker *w, int status)
{
	const struct experiment *e = r->run->plan;
	double value;
	int ret;

	if (w->measure < 0)
		return false;
	if (WIFEXITED(status) && !WEXITSTATUS(status) &&
	    cell_is_measured(r->run, w->cell, w->measure, w->at)) {
		ret = cell_metric(r->run, w->cell, &e->metric, e->nr_at - 1, &value);
		fail_clear();
		return ret == -ENOENT && !cells_done(r);
	}
	if (r->time[w->measure].nr || r->time[w->measure].before || !WIFEXITED(status))
		return false;
	return !WEXITSTATUS(status) || WEXITSTATUS(status) == CHILD_WRONG_USAGE;
}

static int take_failure(struct runner *r, const struct worker *w, int status, const char *why)
{
	bool all = all_would_fail(r, w, status);
	int ret = note_failure(r, w->cell, why);

	if (!ret && all && !r->hopeless) {
		r->hopeless = strdup(why);
		ret = r->hopeless ? 0 : fail_nomem(0, "a text");
	}
	return ret ? ret : cell_update(r->run, w->cell);
}

static int end_work(struct runner *r, struct worker *w, int status)
{
	char *why = NULL;
	int ret = find_failure(r, w, status, &why);

	if (!ret && why)
		ret = take_failure(r, w, status, why);
	else if (!ret && w->cell->state == CELL_DONE)
		ret = tell_done(r, w->cell);
	if (!ret && !why)
		note_time(r, w);
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

/*
 * How many steps take the time of measure number @measure: by its own time, or by that of the
 * others until it is known.
 */
static double measure_weight(const struct runner *r, int measure)
{
	const struct measure_time *t = &r->time[measure];
	double step = r->steps ? r->step_seconds / (double)r->steps : 0, seconds = 0;
	int known = 0;

	if (r->run->model)
		step = 1;	/* there is nothing else to be compared with */
	if (step > 0 && t->nr)
		return t->seconds / t->nr / step;
	for (int m = 0; m < r->run->plan->nr_measures; m++)
		if (r->time[m].nr) {
			seconds += r->time[m].seconds / r->time[m].nr;
			known++;
		}
	return step > 0 && known ? seconds / known / step : r->run->model != NULL;
}

static int count_measured(const struct runner *r, const struct experiment_cell *cell, int measure)
{
	int nr = 0;

	for (int at = 0; at < r->run->plan->nr_at; at++)
		nr += cell_is_measured(r->run, cell, measure, at);
	return nr;
}

static void count_measures(const struct runner *r, const struct experiment_cell *cell,
			   double *done, double *total)
{
	for (int m = 0; m < r->run->plan->nr_measures; m++) {
		double weight = measure_weight(r, m);
		int measured;

		if (weight <= 0 || !cell_has_measure(r->run, cell, m))
			continue;
		measured = count_measured(r, cell, m);
		*done += weight * measured;
		/* For a cell that failed nothing more will be done. */
		*total += weight * (has_failed(r, cell) ? measured : r->run->plan->nr_at);
	}
}

/* @skipped: of what is done, by an earlier process */
static void count_work(struct runner *r, double *done, double *total, double *skipped)
{
	*done = *total = 0;
	*skipped = r->steps_before;
	for (int i = 0; i < r->run->nr_cells; i++) {
		struct experiment_cell *cell = &r->run->cells[i];

		if (is_busy(r, cell) && !cell->trained)
			cell->done = log_last_step(cell->path);
		*total += (double)own_steps(r, cell, has_failed(r, cell) ? cell->done
							: cell->steps);
		*done += (double)own_steps(r, cell, cell->done);
		count_measures(r, cell, done, total);
	}
	for (int m = 0; m < r->run->plan->nr_measures; m++)
		*skipped += measure_weight(r, m) * r->time[m].before;
}

static void show_progress(struct runner *r)
{
	struct strbuf now;
	double done, total, skipped;

	count_work(r, &done, &total, &skipped);
	strbuf_init(&now);
	for (int i = 0; i < r->nr_workers; i++) {
		const struct worker *w = &r->workers[i];

		if (w->child.pid)
			strbuf_addf(&now, "%s%s/%lld%s%s", now.len ? " " : "",
				    r->run->plan->arms[w->cell->arm].name,
				    r->run->plan->seeds[w->cell->seed], w->measure < 0 ? "" : ":",
				    w->measure < 0 ? "" : r->run->plan->measures[w->measure].name);
	}
	progress_total(r->bar, (uint64_t)llround(total));
	progress_skip(r->bar, (uint64_t)llround(skipped));
	progress_update(r->bar, (uint64_t)llround(done), "%d/%d cells  %s", cells_done(r),
			r->run->nr_cells, now.s);
	strbuf_free(&now);
}

static void begin_progress(struct runner *r)
{
	double done, total, skipped;

	for (int m = 0; m < r->run->plan->nr_measures; m++)
		for (int i = 0; i < r->run->nr_cells; i++)
			r->time[m].before += count_measured(r, &r->run->cells[i], m);
	count_work(r, &done, &total, &skipped);
	r->steps_before = done;
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
	log_info("stopping: %d cell%s save%s what %s", running(r), running(r) > 1 ? "s" : "",
		 running(r) > 1 ? "" : "s", running(r) > 1 ? "they have" : "it has");
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
	while (!ret && !is_stopping(r)) {
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
	r->time = calloc((size_t)e->nr_measures + 1, sizeof(*r->time));
	if (!r->cfgs || !r->share || !r->failed || !r->workers || !r->time)
		return fail_nomem(0, "cells");
	for (int arm = 0; arm < e->nr_arms && !ret; arm++)
		ret = arm_config_read(r->run, arm, &r->cfgs[arm]);
	for (int arm = 0; arm < e->nr_arms; arm++)
		r->share[arm].parent = -1;
	if (!ret && r->o->share && !e->model)
		share_find(e, r->cfgs, r->share);
	return ret;
}

static void divide_threads(struct runner *r)
{
	int budget = r->o->threads;

	r->nr_workers = r->o->jobs < r->run->nr_cells ? r->o->jobs : r->run->nr_cells;
	for (int i = 0; i < r->nr_workers; i++) {
		int n = budget / r->nr_workers + (i < budget % r->nr_workers);

		r->workers[i].threads = n > 0 ? n : 1;
	}
}

static void runner_free(struct runner *r)
{
	for (int i = 0; r->cfgs && i < r->run->plan->nr_arms; i++)
		config_free(r->cfgs[i]);
	free(r->hopeless);
	free(r->time);
	free(r->workers);
	free(r->failed);
	free(r->share);
	free(r->cfgs);
}

/* The first one is named, the others are counted. */
static int sum_up(const struct experiment_run *run, bool stopped, bool hopeless)
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
	if (hopeless)
		return fail(-ECANCELED, "%s: stopped, for all cells would fail like this one: "
			    "arm '%s', seed %lld: %s", run->path, run->plan->arms[first->arm].name,
			    run->plan->seeds[first->seed], first->failure);
	return fail(-ECANCELED, "%s: %d of %d cells failed: arm '%s', seed %lld: %s%s", run->path,
		    failed, run->nr_cells, run->plan->arms[first->arm].name,
		    run->plan->seeds[first->seed], first->failure, failed > 1 ? "; ..." : "");
}

/* What cannot be read is gone, so that it is made anew. */
static int forget_damage(struct experiment_run *run)
{
	int ret = 0;

	for (int i = 0; i < run->nr_cells && !ret; i++) {
		if (!run->cells[i].trained)
			continue;
		ret = cell_forget_damage(run, &run->cells[i]);
		if (!ret)
			ret = cell_update(run, &run->cells[i]);
	}
	return ret;
}

/* Reports warn as well; here the user may still stop. */
static void warn_of_configs(const struct experiment_run *run)
{
	for (int i = 0; i < run->nr_cells; i++)
		if (has_manifest(&run->cells[i]) && cell_config_check(run, &run->cells[i])) {
			log_warn("%s", fail_message());
			fail_clear();
		}
}

int experiment_execute(struct experiment_run *run, const struct runner_options *o)
{
	struct runner r = { .run = run, .o = o };
	bool hopeless;
	int ret;

	run->active = true;
	ret = read_configs(&r);
	if (!ret) {
		warn_of_configs(run);
		ret = forget_damage(run);
	}
	if (!ret) {
		divide_threads(&r);
		ret = loop(&r);
	}
	hopeless = r.hopeless;
	runner_free(&r);
	run->active = false;
	for (int i = 0; i < run->nr_cells && !ret; i++)
		ret = cell_update(run, &run->cells[i]);
	return ret ? ret : sum_up(run, *o->stop, hopeless);
}
