// SPDX-License-Identifier: MIT
#include "fim/summary.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* ---- names ------------------------------------------------------------------------------- */

/* "transformer.h.3.attn.c_attn.weight": layer 3, kind "attn.c_attn.weight". */
static int read_layer(const char *name, const char **kind)
{
	*kind = name;
	for (const char *s = strchr(name, '.'); s; s = strchr(s + 1, '.')) {
		const char *digit = s + 1;
		int number = 0;

		while (isdigit((unsigned char)*digit) && number < 100000)
			number = 10 * number + (*digit++ - '0');
		if (digit == s + 1 || *digit != '.')
			continue;
		*kind = digit + 1;
		return number;
	}
	return -1;
}

int fim_layer(const char *name)
{
	const char *kind;

	return read_layer(name, &kind);
}

/* ---- values ------------------------------------------------------------------------------ */

static int read_part(const struct fim *f, const struct fim_item *item, enum fim_part part,
		     float **x)
{
	int64_t n = fim_count(item, part);

	*x = malloc(n * sizeof(**x));
	return *x ? fim_read(f, item, part, *x) : fail_nomem(n * sizeof(**x), item->name);
}

static double add_up(const float *x, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

static int read_diagonal(const struct fim *f, struct fim_figure *t)
{
	float *x = NULL, most = 0;
	int64_t zeros = 0;
	int ret = read_part(f, t->item, FIM_DIAGONAL, &x);

	for (int64_t i = 0; i < t->count && !ret; i++) {
		most = x[i] > most ? x[i] : most;
		zeros += x[i] == 0;
	}
	if (!ret) {
		t->sum = add_up(x, t->count);
		t->zeros = (double)zeros / (double)t->count;
		t->peak = t->sum > 0 ? most / (t->sum / (double)t->count) : NAN;
	}
	free(x);
	return ret;
}

/* Of what is there instead of the diagonal, the sum is known. */
static int read_sums(const struct fim *f, struct fim_figure *t)
{
	static const enum fim_part parts[] = { FIM_SUM, FIM_ROW, FIM_COLUMN };
	float *x = NULL;
	int ret = 0;

	for (int i = 0; i < 3; i++) {
		if (!t->item->part[parts[i]])
			continue;
		ret = read_part(f, t->item, parts[i], &x);
		if (!ret)
			t->sum = add_up(x, fim_count(t->item, parts[i]));
		free(x);
		return ret;
	}
	return fail(-EINVAL, "%s: of '%s' there is no diagonal and no sum", f->path, t->name);
}

/* Mean of the diagonal of a factor. */
static double mean_diagonal(const struct fim_item *item, enum fim_part part, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += fim_value(item, part, i * n + i);
	return sum / (double)n;
}

static int read_factors(const struct fim *f, struct fim_figure *t)
{
	if (!t->item->part[FIM_FACTOR_A] || !t->item->part[FIM_FACTOR_G])
		return fail(-EINVAL, "%s: '%s' lacks a factor", f->path, t->name);
	t->a = mean_diagonal(t->item, FIM_FACTOR_A, t->item->n[1]);
	t->g = mean_diagonal(t->item, FIM_FACTOR_G, t->item->n[0]);
	t->sum = t->a * t->g * (double)t->count;
	if (!isfinite(t->sum))
		return fail(-EINVAL, "%s: '%s' has factors that are not finite", f->path, t->name);
	return 0;
}

static int read_tensor(const struct fim *f, const struct fim_item *item, struct fim_figure *t)
{
	int ret;

	*t = (struct fim_figure){ .name = item->name, .item = item, .peak = NAN, .zeros = NAN,
				  .a = NAN, .g = NAN, .count = item->n[0] * item->n[1] };
	t->layer = read_layer(t->name, &t->kind);
	if (!strcmp(fim_kind(&f->facts), "kfac"))
		ret = read_factors(f, t);
	else if (item->part[FIM_DIAGONAL])
		ret = read_diagonal(f, t);
	else
		ret = read_sums(f, t);
	t->mean = t->sum / (double)t->count;
	return ret;
}

/* ---- layers ------------------------------------------------------------------------------ */

/* By layer, what is in none last; within a layer in the order of the model. */
static int by_layer(const void *a, const void *b)
{
	const struct fim_figure *const *x = a, *const *y = b;

	if ((*x)->layer == (*y)->layer)
		return (*x > *y) - (*x < *y);
	if ((*x)->layer < 0 || (*y)->layer < 0)
		return (*x)->layer < 0 ? 1 : -1;
	return (*x)->layer < (*y)->layer ? -1 : 1;
}

static int make_layers(struct fim_summary *s)
{
	const struct fim_figure **sorted = malloc(((size_t)s->nr + 1) * sizeof(*sorted));

	if (!sorted)
		return fail_nomem((size_t)s->nr * sizeof(*sorted), "layers");
	for (int i = 0; i < s->nr; i++)
		sorted[i] = &s->tensor[i];
	qsort(sorted, (size_t)s->nr, sizeof(*sorted), by_layer);
	for (int i = 0; i < s->nr; i++) {
		struct fim_figure *l = &s->layer[s->nr_layers];

		if (!i || sorted[i]->layer != sorted[i - 1]->layer) {
			*l = (struct fim_figure){
				.name = sorted[i]->layer < 0 ? "outside" : "layer",
				.layer = sorted[i]->layer, .peak = NAN, .zeros = NAN, .a = NAN,
				.g = NAN,
			};
			s->nr_layers++;
		}
		l = &s->layer[s->nr_layers - 1];
		l->count += sorted[i]->count;
		l->sum += sorted[i]->sum;
	}
	free(sorted);
	return 0;
}

static void make_shares(struct fim_figure *t, int nr, double sum)
{
	for (int i = 0; i < nr; i++) {
		t[i].share = sum > 0 ? t[i].sum / sum : NAN;
		t[i].mean = t[i].sum / (double)t[i].count;
	}
}

bool fim_is_attention(const struct fim *f)
{
	return !strcmp(fim_kind(&f->facts), "attention");
}

double fim_head_mean(const struct fim_item *item, enum fim_part part)
{
	double sum = 0;

	for (int64_t h = 0; h < item->n[0]; h++)
		sum += fim_value(item, part, h);
	return sum / (double)item->n[0];
}

/* All four figures of all heads are there, and numbers. */
static int check_heads(const struct fim *f)
{
	int ret = 0;

	for (int i = 0; i < f->nr && !ret; i++)
		for (int p = FIM_TRACE; p <= FIM_ENTROPY && !ret; p++) {
			float *x = NULL;

			ret = f->item[i].part[p] ? read_part(f, &f->item[i], p, &x)
			    : fail(-EINVAL, "%s: '%s%s' is missing", f->path, f->item[i].name,
				   fim_suffix(p));
			free(x);
		}
	return ret;
}

int fim_summarize(const struct fim *f, struct fim_summary *s)
{
	int ret = 0;

	*s = (struct fim_summary){
		.tensor = calloc(f->nr, sizeof(*s->tensor)),
		.layer = calloc(f->nr + 1, sizeof(*s->layer)),
	};
	if (!s->tensor || !s->layer)
		return fail_nomem(f->nr * sizeof(*s->tensor), "a summary");
	if (fim_is_attention(f))
		return check_heads(f);
	for (int i = 0; i < f->nr && !ret; i++) {
		ret = read_tensor(f, &f->item[i], &s->tensor[s->nr++]);
		s->sum += s->tensor[i].sum;
		s->count += s->tensor[i].count;
	}
	if (!ret)
		ret = make_layers(s);
	if (ret)
		return ret;
	make_shares(s->tensor, s->nr, s->sum);
	make_shares(s->layer, s->nr_layers, s->sum);
	return 0;
}

void fim_summary_free(struct fim_summary *s)
{
	free(s->tensor);
	free(s->layer);
	*s = (struct fim_summary){ 0 };
}
