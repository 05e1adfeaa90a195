// SPDX-License-Identifier: MIT
#include "fim/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/thread.h"
#include "fim/inner.h"
#include "fim/summary.h"
#include "stats/correlation.h"
#include "stats/rank.h"

const double fim_cuts[FIM_CUTS] = { 0.01, 0.1, 0.5 };

/* ---- one pair of arrays --------------------------------------------------------------- */

/** struct ranked - an array with its order and its ranks. */
struct ranked {
	float *x;
	uint32_t *order, *twice;
};

static void ranked_free(struct ranked *r)
{
	free(r->x);
	free(r->order);
	free(r->twice);
	*r = (struct ranked){ 0 };
}

/* @x is taken over, also if this fails. */
static int ranked_make(struct ranked *r, float *x, int64_t n)
{
	int ret;

	*r = (struct ranked){ .x = x };
	r->order = malloc(n * sizeof(*r->order));
	r->twice = malloc(n * sizeof(*r->twice));
	if (!x || !r->order || !r->twice)
		return fail_nomem(n * sizeof(*r->order), "ranks");
	ret = stats_order(x, n, r->order);
	if (!ret)
		stats_ranks(x, r->order, n, r->twice);
	return ret;
}

/** struct shuffle - one null draw per tile: the second array's rows and columns elsewhere. */
struct shuffle {
	const uint32_t *a, *b;
	int64_t rows, columns;
	const char *name;
	int64_t seed;
	double *rho;		/* (draws) */
};

static void shuffle_tile(void *ctx, long draw)
{
	const struct shuffle *s = ctx;
	int64_t n = s->rows * s->columns;
	struct rng rows = rng_stream((uint64_t)s->seed, "fim/null/rows", (uint64_t)draw);
	struct rng columns = rng_stream((uint64_t)s->seed, "fim/null/columns", (uint64_t)draw);
	uint32_t *moved = malloc(n * sizeof(*moved));
	uint32_t *to = malloc(s->columns * sizeof(*to));

	s->rho[draw] = NAN;
	for (int64_t c = 0; c < s->columns && moved && to; c++)
		to[c] = (uint32_t)rng_permute(&columns, c, s->columns);
	for (int64_t r = 0; r < s->rows && moved && to; r++) {
		const uint32_t *from = s->b + (int64_t)rng_permute(&rows, r, s->rows) * s->columns;

		for (int64_t c = 0; c < s->columns; c++)
			moved[r * s->columns + c] = from[to[c]];
	}
	if (moved && to)
		s->rho[draw] = stats_rank_correlation(s->a, moved, n);
	free(moved);
	free(to);
}

static int find_null(const struct ranked *a, const struct ranked *b, int64_t rows,
		     int64_t columns, const struct fim_compare_options *o,
		     struct fim_agreement *to)
{
	struct shuffle s = { .a = a->twice, .b = b->twice, .rows = rows, .columns = columns,
			     .seed = o->seed };
	double mean = 0, var = 0;
	int as_large = 0;

	to->null_sd = to->p = NAN;
	if (!o->shuffles || isnan(to->rho))
		return 0;
	s.rho = calloc(o->shuffles, sizeof(*s.rho));
	if (!s.rho)
		return fail_nomem(o->shuffles * sizeof(*s.rho), "shuffles");
	threads_run(o->shuffles, shuffle_tile, &s);
	for (int i = 0; i < o->shuffles; i++) {
		mean += s.rho[i] / o->shuffles;
		as_large += !(fabs(s.rho[i]) < fabs(to->rho));
	}
	for (int i = 0; i < o->shuffles; i++)
		var += (s.rho[i] - mean) * (s.rho[i] - mean);
	to->null_sd = o->shuffles > 1 ? sqrt(var / (o->shuffles - 1)) : NAN;
	to->p = (1.0 + as_large) / (1.0 + o->shuffles);
	free(s.rho);
	return isnan(mean) ? fail_nomem(rows * columns * sizeof(uint32_t), "shuffles") : 0;
}

/* ---- halves ------------------------------------------------------------------------------- */

/* How far it was shrunk: 0 if it was not. */
static int read_shrink(const struct fim *f, const struct fim_item *item, double *s)
{
	*s = item->part[FIM_SHRINK] ? fim_value(item, FIM_SHRINK, 0) : 0;
	if (*s >= 0 && *s <= 1)
		return 0;
	return fail(-EINVAL, "%s: '%s.shrink' is %g: must be in 0..1", f->path, item->name, *s);
}

/* The diagonal before it was shrunk by @s. */
static void unshrink(double s, float *x, int64_t n)
{
	double mean = 0;

	if (!(s > 0))
		return;
	for (int64_t i = 0; i < n; i++)
		mean += x[i];
	mean /= (double)n;
	for (int64_t i = 0; i < n; i++)
		x[i] = (float)((x[i] - s * mean) / (1 - s));
}

/* With F the mean of the two, the second half's estimate is 2 F - F_1. */
static int read_halves(const struct fim *f, const struct fim_item *item, double shrink,
		       float **first, float **second)
{
	int64_t n = fim_count(item, FIM_DIAGONAL);
	int ret;

	*first = malloc(n * sizeof(**first));
	*second = malloc(n * sizeof(**second));
	if (!*first || !*second)
		return fail_nomem(n * sizeof(**first), item->name);
	ret = fim_read(f, item, FIM_HALF, *first);
	if (!ret)
		ret = fim_read(f, item, FIM_DIAGONAL, *second);
	if (ret)
		return ret;
	unshrink(shrink, *second, n);
	for (int64_t i = 0; i < n; i++)
		(*second)[i] = fmaxf(0, 2 * (*second)[i] - (*first)[i]);
	return 0;
}

/* From the correlation of halves to the reliability of the whole. */
static double whole(double rho)
{
	return rho > 0 ? stats_spearman_brown(rho) : 0;
}

static int find_reliability(const struct fim *f, const struct fim_item *item, double *plain,
			    double *inner)
{
	float *first = NULL, *second = NULL;
	double rho = NAN, shrink;
	int ret = read_shrink(f, item, &shrink);

	*plain = *inner = NAN;
	if (ret || !item->part[FIM_HALF] || shrink >= 1)
		return ret;
	ret = read_halves(f, item, shrink, &first, &second);
	if (!ret)
		ret = stats_spearman(first, second, fim_count(item, FIM_DIAGONAL), &rho);
	if (!ret && !isnan(rho))
		*plain = whole(rho);
	if (!ret && item->nd == 2) {
		int64_t rows = item->n[0], columns = item->n[1];

		ret = inner_pair(&first, &second, &rows, &columns);
		if (!ret && rows * columns > 1)
			ret = stats_spearman(first, second, rows * columns, &rho);
		if (!ret && rows * columns > 1 && !isnan(rho))
			*inner = whole(rho);
	}
	free(first);
	free(second);
	return ret;
}

/* A reliability that is not known is taken for 1. */
static double or_one(double reliability)
{
	return isnan(reliability) ? 1 : reliability;
}

static void find_interval(struct fim_agreement *a, int64_t n)
{
	a->low = a->high = NAN;
	if (!isnan(a->rho))
		stats_rho_interval(a->rho, n, 0.95, &a->low, &a->high);
}

static void correct(struct fim_agreement *a)
{
	const double *r = a->reliability;

	a->corrected = isnan(r[0]) && isnan(r[1])
		     ? NAN : stats_disattenuate(a->rho, or_one(r[0]), or_one(r[1]));
	a->corrected_f = isnan(r[0]) ? NAN : stats_disattenuate(a->rho, r[0], 1);
}

/* ---- one tensor ------------------------------------------------------------------------------ */

static int read_diagonal(const struct fim *f, const struct fim_item *item, float **x)
{
	int64_t n = fim_count(item, FIM_DIAGONAL);

	*x = malloc(n * sizeof(**x));
	return *x ? fim_read(f, item, FIM_DIAGONAL, *x) : fail_nomem(n * sizeof(**x), item->name);
}

static int find_plain(const struct ranked *a, const struct ranked *b, struct fim_pair *p,
		      const struct fim_compare_options *o)
{
	size_t n = p->count;
	int ret = 0;

	p->plain.rho = stats_rank_correlation(a->twice, b->twice, n);
	for (int i = 0; i < FIM_CUTS && !ret; i++) {
		size_t k = (size_t)llround(fim_cuts[i] * (double)n);

		k = k ? k : 1;
		ret = stats_overlap(a->order, b->order, n, k, &p->jaccard[i]);
		p->chance[i] = stats_overlap_chance(n, k);
	}
	return ret ? ret : find_null(a, b, p->n[0], p->n[1], o, &p->plain);
}

/* @x: (2) the arrays, which it takes over. */
static int find_inner(float *x[2], struct fim_pair *p, const struct fim_compare_options *o)
{
	struct ranked a = { 0 }, b = { 0 };
	int64_t rows = p->n[0], columns = p->n[1];
	int ret = inner_pair(&x[0], &x[1], &rows, &columns);

	if (ret || rows * columns < 2) {
		free(x[0]);
		free(x[1]);
		return ret;
	}
	ret = ranked_make(&a, x[0], rows * columns);
	if (ret)
		free(x[1]);
	else
		ret = ranked_make(&b, x[1], rows * columns);
	if (!ret) {
		p->inner.rho = stats_rank_correlation(a.twice, b.twice, rows * columns);
		find_interval(&p->inner, rows * columns);
		ret = find_null(&a, &b, rows, columns, o, &p->inner);
	}
	ranked_free(&a);
	ranked_free(&b);
	return ret;
}

static double sum_of(const float *x, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

static int compare_diagonals(const struct fim *const file[2], const struct fim_item *const item[2],
			     struct fim_pair *p, const struct fim_compare_options *o)
{
	struct ranked r[2] = { { 0 } };
	float *x[2] = { NULL, NULL };
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		ret = read_diagonal(file[i], item[i], &x[i]);
		if (!ret)
			p->mean[i] = sum_of(x[i], p->count) / (double)p->count;
		if (!ret)
			ret = ranked_make(&r[i], x[i], p->count);
		else
			free(x[i]);
	}
	if (!ret)
		ret = find_plain(&r[0], &r[1], p, o);
	p->ratio = p->mean[0] > 0 ? p->mean[1] / p->mean[0] : NAN;
	find_interval(&p->plain, p->count);
	p->inner.rho = p->inner.null_sd = p->inner.p = NAN;
	find_interval(&p->inner, 0);
	for (int i = 0; i < 2; i++) {
		x[i] = r[i].x;
		r[i].x = NULL;
		ranked_free(&r[i]);
	}
	if (!ret && p->nd == 2)
		return find_inner(x, p, o);
	free(x[0]);
	free(x[1]);
	return ret;
}

static int compare_tensor(const struct fim *const file[2], const struct fim_item *const item[2],
			  struct fim_pair *p, const struct fim_compare_options *o)
{
	int ret = 0;

	p->name = item[0]->name;
	p->nd = item[0]->nd;
	p->n[0] = item[0]->n[0];
	p->n[1] = item[0]->n[1];
	p->count = p->n[0] * p->n[1];
	for (int i = 0; i < 2 && !ret; i++)
		ret = find_reliability(file[i], item[i], &p->plain.reliability[i],
				       &p->inner.reliability[i]);
	if (!ret)
		ret = compare_diagonals(file, item, p, o);
	correct(&p->plain);
	correct(&p->inner);
	return ret;
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool is_matrix_of_layer(const struct fim_pair *p)
{
	return p->nd == 2 && fim_layer(p->name) >= 0;
}

/* Weighted by elements, over the tensors that have it. */
static double mean_over(const struct fim_comparison *c, size_t at, bool layers)
{
	double sum = 0, weight = 0;

	for (int i = 0; i < c->nr; i++) {
		double x = *(const double *)((const char *)&c->pair[i] + at);

		if (isnan(x) || (layers && !is_matrix_of_layer(&c->pair[i])))
			continue;
		sum += x * (double)c->pair[i].count;
		weight += (double)c->pair[i].count;
	}
	return weight > 0 ? sum / weight : NAN;
}

/* @layers: of matrices of layers only */
static struct fim_pair average(const struct fim_comparison *c, const char *name, bool layers)
{
	static const size_t members[] = {
		offsetof(struct fim_pair, plain.rho), offsetof(struct fim_pair, plain.corrected),
		offsetof(struct fim_pair, plain.corrected_f),
		offsetof(struct fim_pair, plain.reliability[0]),
		offsetof(struct fim_pair, plain.reliability[1]),
		offsetof(struct fim_pair, inner.rho), offsetof(struct fim_pair, inner.corrected),
		offsetof(struct fim_pair, inner.corrected_f),
		offsetof(struct fim_pair, inner.reliability[0]),
		offsetof(struct fim_pair, inner.reliability[1]),
		offsetof(struct fim_pair, jaccard[0]), offsetof(struct fim_pair, jaccard[1]),
		offsetof(struct fim_pair, jaccard[2]), offsetof(struct fim_pair, chance[0]),
		offsetof(struct fim_pair, chance[1]), offsetof(struct fim_pair, chance[2]),
		offsetof(struct fim_pair, mean[0]), offsetof(struct fim_pair, mean[1]),
	};
	static const struct fim_agreement unknown = { .low = NAN, .high = NAN, .null_sd = NAN,
						      .p = NAN };
	struct fim_pair all = { .name = name, .plain = unknown, .inner = unknown };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		*(double *)((char *)&all + members[i]) = mean_over(c, members[i], layers);
	for (int i = 0; i < c->nr; i++)
		all.count += !layers || is_matrix_of_layer(&c->pair[i]) ? c->pair[i].count : 0;
	all.ratio = all.mean[0] > 0 ? all.mean[1] / all.mean[0] : NAN;
	return all;
}

static int compare_means(struct fim_comparison *c)
{
	float *mean[2] = { malloc(c->nr * sizeof(float)), malloc(c->nr * sizeof(float)) };
	int ret = mean[0] && mean[1] ? 0 : fail_nomem(c->nr * sizeof(float), "means");

	for (int i = 0; i < c->nr && !ret; i++)
		for (int k = 0; k < 2; k++)
			mean[k][i] = (float)c->pair[i].mean[k];
	if (!ret)
		ret = stats_spearman(mean[0], mean[1], c->nr, &c->between);
	free(mean[0]);
	free(mean[1]);
	return ret;
}

static int check_item(const struct fim *f, const struct fim_item *item)
{
	return item->part[FIM_DIAGONAL]
	     ? 0 : fail(-EINVAL, "%s: '%s' has no diagonal to compare", f->path, item->name);
}

static int check_shape(const struct fim *f, const struct fim *g, const struct fim_item *a,
		       const struct fim_item *b)
{
	if (a->nd == b->nd && a->n[0] == b->n[0] && a->n[1] == b->n[1])
		return 0;
	return fail(-EINVAL, "'%s' is (%lld, %lld) in %s and (%lld, %lld) in %s", a->name,
		    (long long)a->n[0], (long long)a->n[1], f->path, (long long)b->n[0],
		    (long long)b->n[1], g->path);
}

static int compare_all(const struct fim *f, const struct fim *g,
		       const struct fim_compare_options *o, struct fim_comparison *c, bool bar)
{
	const struct fim *file[2] = { f, g };
	int ret = 0;

	for (int i = 0; i < f->nr && !ret; i++) {
		const struct fim_item *item[2] = { &f->item[i], fim_find(g, f->item[i].name) };

		if (!item[1])
			continue;
		ret = check_item(f, item[0]);
		if (!ret)
			ret = check_item(g, item[1]);
		if (!ret)
			ret = check_shape(f, g, item[0], item[1]);
		if (!ret)
			ret = compare_tensor(file, item, &c->pair[c->nr++], o);
		progress_update(bar, i + 1, "%s", "");
	}
	return ret;
}

int fim_compare(const struct fim *f, const struct fim *g, const struct fim_compare_options *o,
		struct fim_comparison *c)
{
	bool bar;
	int ret;

	*c = (struct fim_comparison){ .pair = calloc(f->nr, sizeof(*c->pair)) };
	if (!c->pair)
		return fail_nomem(f->nr * sizeof(*c->pair), "a comparison");
	c->same_model = !strcmp(f->facts.model, g->facts.model);
	c->same_data = !strcmp(f->facts.data, g->facts.data);
	c->common_samples = c->same_data && f->facts.seed == g->facts.seed &&
			    fim_samples_common(f->facts.samples, g->facts.samples) >= 0;
	bar = progress_begin("compare", f->nr);
	ret = compare_all(f, g, o, c, bar);
	progress_end(bar);
	if (!ret && !c->nr)
		ret = fail(-EINVAL, "%s and %s have no tensor in common", f->path, g->path);
	c->only[0] = f->nr - c->nr;
	c->only[1] = g->nr - c->nr;
	if (!ret)
		ret = compare_means(c);
	if (!ret) {
		c->all = average(c, "all", false);
		c->layers = average(c, "layers", true);
	}
	return ret;
}

void fim_comparison_free(struct fim_comparison *c)
{
	free(c->pair);
	c->pair = NULL;
}
