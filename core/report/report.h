/* SPDX-License-Identifier: MIT */
/*
 * Reports of runs: what a run's folder says, read once, and written as a web page, as
 * Markdown or as JSON.
 *
 *	struct report r;
 *
 *	ret = report_open(&r, paths, nr);
 *	if (!ret)
 *		ret = report_write(&r, "html", &text);
 *	report_close(&r);
 *
 * Runs may be under way, cut, or empty: a report shows what there is.  It follows from the
 * runs' folders alone, without a date.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/registry.h"
#include "base/section.h"
#include "base/strbuf.h"

/** Columns of the steps of training, as metrics.jsonl has them. NaN: not logged. */
enum report_column {
	COL_STEP,
	COL_TOKENS,
	COL_ELAPSED,	/* seconds in training, over all processes */
	COL_LOSS,
	COL_LR,
	COL_GRAD_NORM,
	COL_RATE,	/* tokens per second */
	COL_RSS,	/* MiB */
	COL_PEAK_RSS,
	COL_LOAD,
	COL_COUNT
};

/** report_column_key - the columns' names in metrics.jsonl and in JSON reports. */
extern const char *const report_column_key[COL_COUNT];

/** struct report_eval - a held-out evaluation, and where in training it was. */
struct report_eval {
	double step, tokens, elapsed;
	double loss, nats_per_byte;
	double measured;		/* held-out tokens */
};

struct report_sample {
	double step, tokens;
	char *prompt, *text;
};

struct report_resume {
	double step, tokens, elapsed;
	char *time;			/* UTC; "" if it was not logged */
};

/** struct report_masks - a choice of masks: all tensors together. */
struct report_masks {
	double step, tokens, weights, sparsity, changed, regrown, jaccard, fresh_jaccard;
	double eps_ratio, seconds;
};

/** struct report_pruned - a tensor as the last choice left it. */
struct report_pruned {
	char *name;
	double weights, sparsity, jaccard;
};

enum report_state { REPORT_FINISHED, REPORT_RUNNING, REPORT_CUT, REPORT_FAILED };

/** struct report_run - one run. */
struct report_run {
	char *name;			/* for people: unique in the report */
	struct run *folder;		/* its path and manifest */
	struct config *cfg;
	struct config *plain;		/* the same, had it been left to the defaults */
	double steps_planned;
	enum report_state state;
	char *failure;			/* the message, if the log ends with one */
	double *col[COL_COUNT];		/* (nr) each */
	size_t nr, cap;
	double *smooth_loss;		/* (nr) */
	struct report_eval *evals;
	struct report_sample *samples;
	struct report_resume *resumes;
	struct report_masks *masks;
	struct report_pruned *pruned;
	size_t nr_evals, nr_samples, nr_resumes, nr_masks, nr_pruned;
};

struct report {
	struct report_run **run;
	int nr;
};

/**
 * report_open() - read @nr runs.
 *
 * Return: 0; -ENOENT if a folder holds no run; -EINVAL naming the line of a log that is
 * broken, or a run that is there twice; -errno.  Call report_close() in any case.
 */
int report_open(struct report *r, char *const *paths, int nr);
void report_close(struct report *r);

/**
 * report_write() - append the report in @format to @out.
 * Return: 0; -EINVAL if report_formats() has no such format; -errno.
 */
int report_write(const struct report *r, const char *format, struct strbuf *out);

/** report_formats() - all of them, sorted by name. */
const struct registry *report_formats(void);


/* ---- for its files ---------------------------------------------------------------- */

/** report_run_read() - read the run in @path; report_run_free() takes what there is. */
int report_run_read(const char *path, struct report_run **run);
void report_run_free(struct report_run *run);

/** struct report_format - a way to write reports; REPORT_FORMAT_REGISTER() it. */
struct report_format {
	const char *name;		/* also the ending of file names */
	int (*write)(const struct report *r, struct strbuf *out);
};

SECTION_DECLARE(knlp_report_formats, struct report_format);
#define REPORT_FORMAT_REGISTER(var)						\
	SECTION_ENTRY(knlp_report_formats, struct report_format, var)

#endif
