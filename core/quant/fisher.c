// SPDX-License-Identifier: MIT
/*
 * Fisher information as importance: the column means of E[g^2], by which the predicted loss
 * of a rounding is 1/2 sum_j F_j sum_r (w_rj - w^_rj)^2 if rows are alike.
 */
#include <stdlib.h>

#include "base/fail.h"
#include "fim/fim.h"
#include "nn/model.h"
#include "quant/importance.h"

/* @part of @item is one value for each column of the matrix. */
static int take_sums(const struct fim *f, const struct fim_item *item, enum fim_part part,
		     struct imatrix_sum *e)
{
	float *x = malloc(e->row * sizeof(*x));
	int ret = x ? fim_read(f, item, part, x) : fail_nomem(e->row * sizeof(*x), item->name);

	for (int64_t k = 0; k < e->row && !ret; k++)
		e->sum[k] = x[k];
	free(x);
	return ret;
}

static int take_diagonal(const struct fim *f, const struct fim_item *item, bool transposed,
			 struct imatrix_sum *e)
{
	int64_t nr = fim_count(item, FIM_DIAGONAL), inner = item->n[1];
	float *x = malloc(nr * sizeof(*x));
	int ret = x ? fim_read(f, item, FIM_DIAGONAL, x) : fail_nomem(nr * sizeof(*x), item->name);

	for (int64_t i = 0; i < nr && !ret; i++)
		e->sum[transposed ? i / inner : i % inner] += x[i];
	free(x);
	return ret;
}

/* Column sums of matrix @p (out, in), which files may hold as (in, out). */
static int read_sums(const struct fim *f, const struct param_info *p, struct imatrix_sum *e)
{
	const struct fim_item *item = fim_find(f, p->name);
	enum fim_part part = p->transposed ? FIM_ROW : FIM_COLUMN;

	if (!item)
		return fail(-EINVAL, "%s: has no '%s': it is of unit %s", f->path, p->name,
			    f->facts.unit);
	if (item->nd != 2 || item->n[p->transposed] != p->n[0] ||
	    item->n[!p->transposed] != p->n[1])
		return fail(-EINVAL, "%s: '%s' has not the shape of the weight", f->path, p->name);
	if (item->part[part])
		return take_sums(f, item, part, e);
	if (item->part[FIM_DIAGONAL])
		return take_diagonal(f, item, p->transposed, e);
	return fail(-EINVAL, "%s: '%s' has neither its diagonal nor sums over its %s: knlp fim "
		    "estimate --store=%s", f->path, p->name, p->transposed ? "columns" : "rows",
		    p->transposed ? "row" : "column");
}

/* Sums over the columns of all matrices; their rows to @rows. */
static int read_all(const struct model *m, const struct fim *f, struct imatrix_sums *s,
		    double *rows)
{
	int ret = 0;

	for (int i = 0; i < m->nr_params && !ret; i++) {
		const struct param_info *p = &m->params[i];

		if (p->nd != 2 || p->positional)
			continue;
		rows[s->nr] = (double)p->n[0];
		ret = imatrix_sums_add(s, &m->spec, p->name, p->n[1]);
		if (!ret)
			ret = read_sums(f, p, &s->of[s->nr - 1]);
	}
	return ret;
}

/* Sums become means of columns, over @s->count as the file wants them, and the mean of all 1. */
static int scale(struct imatrix_sums *s, const struct fim *f, const double *rows)
{
	double total = 0, weights = 0;

	for (int i = 0; i < s->nr; i++) {
		weights += rows[i] * (double)s->of[i].row;
		for (int64_t k = 0; k < s->of[i].row; k++)
			total += s->of[i].sum[k];
	}
	if (!(total > 0))
		return fail(-EINVAL, "%s: all of the Fisher information is 0", f->path);
	s->scale = weights / total;
	for (int i = 0; i < s->nr; i++)
		for (int64_t k = 0; k < s->of[i].row; k++)
			s->of[i].sum[k] *= s->scale * (double)s->count / rows[i];
	return 0;
}

int importance_of_fim(const struct model *m, const struct fim *f, struct imatrix_sums *s)
{
	double *rows = calloc(m->nr_params + 1, sizeof(*rows));
	int ret = rows ? imatrix_sums_init(s, m->nr_params)
		       : fail_nomem(m->nr_params * sizeof(*rows), "rows");

	s->count = f->facts.tokens > 0 ? f->facts.tokens : 1;
	s->chunks = f->facts.sequences;
	s->chunk = f->facts.context;
	if (!ret)
		ret = read_all(m, f, s, rows);
	if (!ret)
		ret = scale(s, f, rows);
	free(rows);
	return ret;
}
