/* SPDX-License-Identifier: MIT */
/*
 * Sweeps: one parameter tuned on the baseline of an experiment, then checked on its arms.
 *
 * Both are experiments like others, with plans that are made here:
 *
 *	SWEEP/plans/tune, SWEEP/tune	the baseline with each value
 *	SWEEP/plans/check, SWEEP/check	baseline and arms at half, once and twice the best value
 *
 * Tuning on the baseline alone favours the baseline; the check says whether an arm would rather
 * have had another value.
 */
#ifndef EXPERIMENT_SWEEP_H
#define EXPERIMENT_SWEEP_H

#include <stdbool.h>

#include "experiment/experiment.h"

#define SWEEP_VALUES_MAX 64

/** struct sweep - what is tuned. */
struct sweep {
	const struct experiment *e;
	enum param_id param;
	char *values[SWEEP_VALUES_MAX];		/* canonical, in the order given, all different */
	int nr;
	int seeds;				/* so many of the plan's, the first ones */
};

/**
 * sweep_values() - take the values from a list, "1e-3,3e-3", or a grid, "1e-4:1e-2:5": so many
 * values that rise by the same factor.
 *
 * Return: 0; -EINVAL for a value that the parameter cannot have, or one that is there twice, or
 * fewer than two.
 */
int sweep_values(struct sweep *s, const char *list, const char *grid);
void sweep_free(struct sweep *s);

/**
 * struct sweep_part - where one of the two experiments of a sweep is.
 * @plan: the folder of its plan
 * @run: the folder of its run, which may be there already
 */
struct sweep_part {
	char *plan, *run;
};

/**
 * sweep_can_tune() - is parameter @id something to tune?
 * Return: 0; -EINVAL saying why not: it is of this machine, pairs the arms, is the budget, or
 * changes what is measured and not the model.
 */
int sweep_can_tune(const struct experiment *e, enum param_id id);

/**
 * sweep_check() - can there be such a sweep? Nothing is written.
 * @data: folder of token shards, by which arms are resolved
 *
 * Return: 0; -EINVAL if the parameter is one in which arms differ, so that the baseline's value
 * is not theirs; -ENOENT without data; -errno.
 */
int sweep_check(const struct sweep *s, const char *data);

/**
 * sweep_plan_tune() - write the plan of the first part.
 *
 * Return: as sweep_check(); -EINVAL if the run of @part is one of another plan, with other
 * values, say: then the plan that is there stays.
 */
int sweep_plan_tune(const struct sweep *s, const char *data, const struct sweep_part *part);

/** sweep_can_check() - is there a half and a double of @value, in the parameter's range? */
bool sweep_can_check(const struct sweep *s, const char *value);

/** sweep_plan_check() - the same for the second part, around value @best. */
int sweep_plan_check(const struct sweep *s, const char *best, const char *data,
		     const struct sweep_part *part);

/** struct sweep_point - the metric of one arm of such an experiment. */
struct sweep_point {
	const char *label;		/* a value, or the arm of the experiment that is swept */
	double factor;			/* of the check: 0.5, 1, 2 */
	double mean, sd;		/* over seeds; NaN: not all cells are done */
	double *value;			/* (seeds) NaN: that one is not */
	const char *failure;		/* of a cell that failed; or NULL */
};

struct sweep_curve {
	struct sweep_point *point;
	int nr, seeds;
	int best;			/* -1: none is done. Of the check: of each arm by itself */
	bool flat;			/* all values gave the same numbers, seed by seed */
};

/** sweep_curve_read() - of the run of the first part; sweep_curve_free() it. */
int sweep_curve_read(const struct sweep *s, const struct experiment_run *run,
		     struct sweep_curve *c);

/** sweep_check_read() - of the second: three points for each arm, half, best, double. */
int sweep_check_read(const struct sweep *s, const struct experiment_run *run,
		     struct sweep_curve *c);
void sweep_curve_free(struct sweep_curve *c);

/** sweep_gain() - by how much @a is better than @b in the metric; NaN: not known. */
double sweep_gain(const struct sweep *s, const struct sweep_point *a,
		  const struct sweep_point *b);

/**
 * sweep_advice() - append what a reader should not overlook, a line each: a best value at the
 * end of those tried, arms that would rather have another one. @check: NULL without
 */
void sweep_advice(const struct sweep *s, const struct sweep_curve *tune,
		  const struct sweep_curve *check, struct strbuf *sb);

#ifdef CONFIG_REPORT

/** sweep_report() - write sweep.html and sweep.md into folder @dir. @data: it was trained on */
int sweep_report(const struct sweep *s, const struct sweep_curve *tune,
		 const struct sweep_curve *check, const char *data, const char *dir);

#else

static inline int sweep_report(const struct sweep *s, const struct sweep_curve *tune,
			       const struct sweep_curve *check, const char *data,
			       const char *dir)
{
	return 0;
}

#endif

#endif
