// SPDX-License-Identifier: MIT
#include "fim/merge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"

/* ---- may they be merged? ------------------------------------------------------------- */

static int check_text(const struct fim *a, const struct fim *b, const char *what, const char *x,
		      const char *y)
{
	if (!strcmp(x, y))
		return 0;
	return fail(-EINVAL, "%s and %s have different %s: '%s' and '%s'", a->path, b->path, what,
		    x, y);
}

static int check_number(const struct fim *a, const struct fim *b, const char *what, int64_t x,
			int64_t y)
{
	if (x == y)
		return 0;
	return fail(-EINVAL, "%s and %s have different %s: %lld and %lld", a->path, b->path, what,
		    (long long)x, (long long)y);
}

static int check_facts(const struct fim *a, const struct fim *b)
{
	const struct fim_facts *x = &a->facts, *y = &b->facts;
	int ret = check_text(a, b, "weights", x->model, y->model);

	if (!ret)
		ret = check_text(a, b, "units", x->unit, y->unit);
	if (!ret)
		ret = check_text(a, b, "labels", x->labels, y->labels);
	if (!ret)
		ret = check_text(a, b, "data", x->data, y->data);
	if (!ret)
		ret = check_number(a, b, "contexts", x->context, y->context);
	if (!ret)
		ret = check_number(a, b, "batches", x->batch, y->batch);
	if (!ret)
		ret = check_number(a, b, "seeds", x->seed, y->seed);
	return ret;
}

static int check_tensors(const struct fim *a, const struct fim *b)
{
	int ret = check_number(a, b, "numbers of tensors", a->nr, b->nr);

	for (int i = 0; i < a->nr && !ret; i++) {
		const struct fim_item *x = &a->item[i], *y = &b->item[i];

		ret = check_text(a, b, "tensors", x->name, y->name);
		if (!ret && (x->nd != y->nd || x->n[0] != y->n[0] || x->n[1] != y->n[1]))
			ret = fail(-EINVAL, "%s and %s have different shapes of '%s'", a->path,
				   b->path, x->name);
		if (!ret && (!x->part[FIM_DIAGONAL] || !y->part[FIM_DIAGONAL]))
			ret = fail(-EINVAL, "%s: '%s' has no diagonal to merge",
				   x->part[FIM_DIAGONAL] ? b->path : a->path, x->name);
		if (!ret && (x->part[FIM_SHRINK] || y->part[FIM_SHRINK]))
			ret = fail(-EINVAL, "%s was shrunk: merge first",
				   x->part[FIM_SHRINK] ? a->path : b->path);
	}
	return ret;
}

/* One text twice is not two texts. */
static int check_samples(const struct fim *a, const struct fim *b)
{
	int64_t common = fim_samples_common(a->facts.samples, b->facts.samples);

	if (common < 0)
		return 0;
	return fail(-EINVAL, "%s and %s have samples in common, from number %lld on: see --first "
		    "of `knlp fim estimate`", a->path, b->path, (long long)common);
}

static int check_all(struct fim *const *files, int nr)
{
	int ret = 0;

	if (strcmp(fim_kind(&files[0]->facts), "diagonal"))
		return fail(-EINVAL, "%s is of unit %s: only diagonals are merged",
			    files[0]->path, files[0]->facts.unit);
	for (int i = 0; i < nr; i++)
		if (!*files[i]->facts.samples)
			return fail(-EINVAL, "%s (unit %s) does not say of which samples it is: it "
				    "cannot be merged", files[i]->path, files[i]->facts.unit);
	for (int i = 1; i < nr && !ret; i++) {
		ret = check_facts(files[0], files[i]);
		if (!ret)
			ret = check_tensors(files[0], files[i]);
		for (int k = 0; k < i && !ret; k++)
			ret = check_samples(files[k], files[i]);
	}
	return ret;
}

/* ---- merging --------------------------------------------------------------------------- */

struct merge {
	struct fim *const *file;
	int nr;
	double tokens;
};

/* A damaged half would spread unseen: nothing but comparisons looks at halves. */
static int check_value(const struct fim *f, int tensor, enum fim_part part, int64_t i, double value)
{
	if (value >= 0 && !isinf(value))
		return 0;
	return fail(-EINVAL, "%s: '%s%s' has %g as element %lld: must be a number from 0 on",
		    f->path, f->item[tensor].name, fim_suffix(part), value, (long long)i);
}

static int fetch(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to)
{
	const struct merge *m = ctx;
	enum fim_part part = half ? FIM_HALF : FIM_DIAGONAL;
	int ret = 0;

	for (int64_t i = 0; i < nr && !ret; i++) {
		double sum = 0;

		for (int f = 0; f < m->nr && !ret; f++) {
			double value = fim_value(&m->file[f]->item[tensor], part, at + i);

			ret = check_value(m->file[f], tensor, part, at + i, value);
			sum += (double)m->file[f]->facts.tokens * value;
		}
		to[i] = (float)(sum / m->tokens);
	}
	return ret;
}

/* Parts that every tensor has in all files; vectors have no columns. */
static unsigned int common_parts(const struct merge *m)
{
	unsigned int parts = 0;

	for (int p = 0; p <= FIM_HALF; p++) {
		bool all = true;

		for (int f = 0; f < m->nr; f++)
			for (int i = 0; i < m->file[f]->nr; i++) {
				const struct fim_item *item = &m->file[f]->item[i];

				all = all && (item->part[p] ||
					      (p == FIM_COLUMN && item->nd == 1));
			}
		parts |= all ? 1U << p : 0;
	}
	return parts;
}

static int join_facts(const struct merge *m, struct fim_facts *f)
{
	struct strbuf sb;
	int ret = fim_facts_copy(&m->file[0]->facts, f);

	if (ret)
		return ret;
	strbuf_init(&sb);
	f->sequences = f->squares = f->tokens = 0;
	for (int i = 0; i < m->nr && !ret; i++) {
		const struct fim_facts *from = &m->file[i]->facts;

		f->sequences += from->sequences;
		f->squares += from->squares;
		f->tokens += from->tokens;
		if (f->sequences > FIM_NUMBER_MOST || f->squares > FIM_NUMBER_MOST ||
		    f->tokens > FIM_NUMBER_MOST)
			ret = fail(-EINVAL, "%s: with those before it, it is of more tokens than "
				   "can be counted", m->file[i]->path);
		f->draws = from->draws < f->draws ? from->draws : f->draws;
		strbuf_addf(&sb, "%s%s", i ? "," : "", from->samples);
	}
	if (!ret)
		ret = strbuf_ok(&sb);
	free(f->samples);
	f->samples = strbuf_detach(&sb);
	return ret;
}

int fim_merge(struct fim *const *files, int nr, const char *out)
{
	struct merge m = { .file = files, .nr = nr };
	struct fim_tensor *tensor = calloc(files[0]->nr, sizeof(*tensor));
	struct fim_values v = { .tensor = tensor, .nr = files[0]->nr, .fetch = fetch, .ctx = &m };
	struct fim_output o = { .path = out, .shrink = FIM_SHRINK_NONE };
	struct fim_facts facts = { 0 };
	int ret = tensor ? check_all(files, nr) : fail_nomem(0, "a list of tensors");

	for (int i = 0; i < nr; i++)
		m.tokens += (double)files[i]->facts.tokens;
	for (int i = 0; i < files[0]->nr && !ret; i++) {
		const struct fim_item *item = &files[0]->item[i];

		tensor[i] = (struct fim_tensor){ .name = item->name, .nd = item->nd,
						 .n = { item->n[0], item->n[1] } };
	}
	if (!ret)
		ret = join_facts(&m, &facts);
	if (!ret) {
		o.parts = common_parts(&m);
		v.has_half = o.parts & 1 << FIM_HALF;
		ret = fim_write_diagonal(&v, &facts, &o, NULL);
	}
	fim_facts_free(&facts);
	free(tensor);
	return ret;
}
