// SPDX-License-Identifier: MIT
/* The document bootstrap: dumps of evaluations that were measured on the cells. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "eval/compare.h"
#include "eval/dump.h"
#include "experiment/analysis-internal.h"
#include "experiment/internal.h"

static const struct bootstrap boot = { .seed = 1, .draws = 10000, .level = ANALYSIS_LEVEL };

/* struct dumps - of one measure: what all seeds of an arm and of the baseline say. */
struct dumps {
	struct analysis *a;
	int arm, measure;
	struct eval_table *sum[2];	/* the arm's and the baseline's, over @seeds */
	int seeds;
};

static int add(const struct dumps *d, int seed, const struct metric_comparison *m, size_t items)
{
	struct analysis_documents *more, *r;

	more = realloc(d->a->documents, ((size_t)d->a->nr_documents + 1) * sizeof(*more));
	if (!more)
		return fail_nomem(sizeof(*more), "an analysis");
	d->a->documents = more;
	r = &more[d->a->nr_documents];
	*r = (struct analysis_documents){
		.arm = d->arm, .measure = d->measure, .seed = seed,
		.seeds = seed < 0 ? d->seeds : 1, .metric = strdup(m->name), .items = items,
		.value = m->a.value, .baseline = m->b.value, .difference = m->difference,
		.interval = m->interval, .p = seed < 0 ? NAN : m->p,
	};
	if (!r->metric)
		return fail_nomem(0, "a name");
	d->a->nr_documents++;
	return 0;
}

/* Of a single pair of models only right and wrong answers are told, with their exact test. */
static int compare(const struct dumps *d, int seed, const struct eval_table *arm,
		   const struct eval_table *base)
{
	struct comparison c;
	int ret = compare_tables(arm, base, seed < 0 ? &boot : NULL, &c);

	for (int m = 0; m < c.metrics && !ret; m++)
		if (seed < 0 || c.metric[m].kind == METRIC_SHARE)
			ret = add(d, seed, &c.metric[m], c.items);
	return ret;
}

/* Column by column: @sum becomes the sum of what has the same items. */
static int add_table(struct eval_table *sum, const struct eval_table *t)
{
	if (sum->rows != t->rows || sum->columns != t->columns ||
	    strcmp(sum->options, t->options) || strcmp(sum->data_hash, t->data_hash))
		return fail(-EINVAL, "the items are not those of the seeds before");
	for (int c = 0; c < t->columns; c++)
		for (size_t i = 0; i < t->rows; i++)
			sum->column[c].x[i] += t->column[c].x[i];
	return 0;
}

static void divide(struct eval_table *t, int seeds)
{
	for (int c = 0; c < t->columns; c++)
		for (size_t i = 0; i < t->rows; i++)
			t->column[c].x[i] /= seeds;
}

/* Take over the tables of a seed. */
static int add_seed(struct dumps *d, struct eval_table **t)
{
	int ret = 0;

	for (int k = 0; k < 2 && !ret; k++) {
		if (d->seeds) {
			ret = add_table(d->sum[k], t[k]);
		} else {
			d->sum[k] = t[k];
			t[k] = NULL;
		}
	}
	d->seeds += !ret;
	return ret;
}

/* Return: 1 if it is there, 0 if not, -errno. */
static int read_dump(const struct dumps *d, int arm, int seed, struct eval_table **t)
{
	const struct experiment_run *run = d->a->run;
	char *path = cell_measure_file(run, experiment_cell(run, arm, seed), d->measure,
				       run->plan->nr_at - 1, ".jsonl");
	int ret = path ? 1 : fail_nomem(0, "a path");

	if (ret > 0 && !file_exists(path))
		ret = 0;
	if (ret > 0 && dump_read(path, t))
		ret = -EINVAL;
	free(path);
	return ret;
}

static int read_seed(struct dumps *d, int seed)
{
	struct eval_table *t[2] = { NULL, NULL };
	int ret = read_dump(d, d->arm, seed, &t[0]);

	if (ret > 0)
		ret = read_dump(d, d->a->plan->baseline, seed, &t[1]);
	if (ret > 0)
		ret = compare(d, seed, t[0], t[1]);
	else if (!ret)
		goto out;
	if (!ret)
		ret = add_seed(d, t);
out:
	table_free(t[0]);
	table_free(t[1]);
	return ret;
}

/* Dumps that do not fit together are passed over: no verdict hangs on them. */
static int read_measure(struct analysis *a, int arm, int measure)
{
	struct dumps d = { .a = a, .arm = arm, .measure = measure };
	int before = a->nr_documents, ret = 0;

	for (int s = 0; s < a->plan->nr_seeds && !ret; s++)
		ret = read_seed(&d, s);
	if (!ret && d.seeds) {
		divide(d.sum[0], d.seeds);
		divide(d.sum[1], d.seeds);
		ret = compare(&d, -1, d.sum[0], d.sum[1]);
	}
	table_free(d.sum[0]);
	table_free(d.sum[1]);
	if (!ret || ret == -ENOMEM)
		return ret;
	log_warn("%s: the items of measure '%s' are not compared for arm '%s': %s", a->run->path,
		 a->plan->measures[measure].name, a->plan->arms[arm].name, fail_message());
	fail_clear();
	while (a->nr_documents > before)
		free(a->documents[--a->nr_documents].metric);
	return 0;
}

int analysis_documents_read(struct analysis *a)
{
	int ret = 0;

	for (int arm = 0; arm < a->plan->nr_arms && !ret; arm++)
		for (int m = 0; m < a->plan->nr_measures && !ret; m++)
			if (arm != a->plan->baseline)
				ret = read_measure(a, arm, m);
	return ret;
}
