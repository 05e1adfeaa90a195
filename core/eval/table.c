// SPDX-License-Identifier: MIT
#include "eval/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "stats/ratio.h"

int table_new(size_t rows, size_t rows_all, struct eval_table **out)
{
	struct eval_table *t = calloc(1, sizeof(*t));

	if (!t)
		return fail_nomem(sizeof(*t), "a table");
	t->rows = rows;
	t->rows_all = rows_all;
	t->details = calloc(rows + 1, sizeof(*t->details));
	if (!t->details) {
		table_free(t);
		return fail_nomem(rows * sizeof(*t->details), "a table");
	}
	*out = t;
	return 0;
}

void table_free(struct eval_table *t)
{
	if (!t)
		return;
	for (int c = 0; c < t->columns; c++)
		free(t->column[c].x);
	for (size_t i = 0; t->details && i < t->rows; i++)
		free(t->details[i]);
	free(t->details);
	free(t->task);
	free(t->options);
	free(t->data);
	free(t->model);
	free(t);
}

int table_column(struct eval_table *t, const char *name)
{
	struct table_column *c = &t->column[t->columns];

	BUG_ON(t->columns == TABLE_COLUMNS_MAX);
	c->x = calloc(t->rows + 1, sizeof(*c->x));
	if (!c->x)
		return fail_nomem(t->rows * sizeof(*c->x), "a table");
	snprintf(c->name, sizeof(c->name), "%s", name);
	return t->columns++;
}

void table_metric(struct eval_table *t, const char *name, enum metric_kind kind, int sum, int per)
{
	struct table_metric *m = &t->metric[t->metrics++];

	BUG_ON(t->metrics > TABLE_METRICS_MAX || sum >= t->columns || per >= t->columns);
	*m = (struct table_metric){ .kind = kind, .sum = sum, .per = per };
	snprintf(m->name, sizeof(m->name), "%s", name);
}

int table_find_column(const struct eval_table *t, const char *name)
{
	for (int c = 0; c < t->columns; c++)
		if (!strcmp(t->column[c].name, name))
			return c;
	return -1;
}

int table_find_metric(const struct eval_table *t, const char *name)
{
	for (int m = 0; m < t->metrics; m++)
		if (!strcmp(t->metric[m].name, name))
			return m;
	return -1;
}

struct stats_estimate table_estimate(const struct eval_table *t, int metric)
{
	const struct table_metric *m = &t->metric[metric];
	const double *sum = t->column[m->sum].x;

	if (m->per < 0)
		return stats_mean(sum, t->rows);
	return stats_ratio(sum, t->column[m->per].x, t->rows);
}

double table_sum(const struct eval_table *t, const char *name)
{
	int c = table_find_column(t, name);
	double sum = 0;

	for (size_t i = 0; c >= 0 && i < t->rows; i++)
		sum += t->column[c].x[i];
	return sum;
}
