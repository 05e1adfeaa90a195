// SPDX-License-Identifier: MIT
#include "prune/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "prune/mask.h"
#include "prune/select.h"

const char *const prune_scope_names[PRUNE_SCOPES] = { "row", "tensor", "block", "global" };

int prune_scope_find(const char *name)
{
	for (int i = 0; i < PRUNE_SCOPES; i++)
		if (!strcmp(prune_scope_names[i], name))
			return i;
	return -EINVAL;
}

int prune_check(const struct prune_choice *c, const struct prune_tensor *tensors, int nr)
{
	for (int i = 0; i < nr && c->of; i++)
		if (tensors[i].cols % c->of)
			return fail(-EINVAL, "%s: %d:%d does not divide its %lld columns; "
				    "PRUNE_EXCLUDE can leave it out", tensors[i].name, c->keep,
				    c->of, (long long)tensors[i].cols);
	return 0;
}

/* Does @a belong to one scope with the tensors that begin with @first? */
static bool is_together(const struct prune_choice *c, const struct prune_tensor *first,
			const struct prune_tensor *a)
{
	if (a == first || (c->scope == PRUNE_GLOBAL && !c->of))
		return true;
	return c->scope == PRUNE_BLOCK && !c->of && a->layer == first->layer;
}

static struct select_part part_of(const struct prune_choice *c, const struct prune_tensor *t,
				  const float *score)
{
	return (struct select_part){
		.score = score, .mask = t->mask, .nr = prune_tensor_count(t),
		.before = c->criterion->is_monotone ? t->before : NULL,
	};
}

/* Of how many weights, a row or all of a scope, how many go. */
struct portion {
	int64_t of, drop;
};

static struct portion portion_of(const struct prune_choice *c, const struct prune_tensor *t,
				 int nr)
{
	struct portion p = { 0 };
	double drop = 0;

	if (c->scope == PRUNE_ROW)
		return (struct portion){ t->cols, select_count(t->sparsity, t->cols) };
	for (int i = 0; i < nr; i++) {
		drop += t[i].sparsity * (double)prune_tensor_count(&t[i]);
		p.of += prune_tensor_count(&t[i]);
	}
	p.drop = select_count(drop, 1);
	return p;
}

static int select_scope(const struct prune_choice *c, const struct select_part *parts, int nr,
			const struct prune_tensor *t, int64_t drop)
{
	if (c->scope != PRUNE_ROW)
		return select_lowest(parts, nr, drop);
	select_rows(&parts[0], t->cols, drop);
	return 0;
}

/* What is kept stays before all else; of the rest those with the largest gradients. */
static void score_growth(const struct prune_tensor *t, float *score)
{
	const float *g = t->in[PRUNE_GRADIENT];

	for (int64_t i = 0; i < prune_tensor_count(t); i++)
		score[i] = mask_get(t->mask, i) ? INFINITY : fabsf(g[i]);
}

static int choose_scope(const struct prune_choice *c, struct prune_tensor *t, int nr, float *score,
			struct select_part *parts)
{
	struct portion p = portion_of(c, t, nr);
	int64_t grow = select_count(c->regrow, p.of - p.drop);
	int ret = select_scope(c, parts, nr, t, p.drop + grow);

	if (ret || !grow)
		return ret;
	for (int i = 0; i < nr; i++) {
		score_growth(&t[i], score);
		parts[i].before = NULL;
		score += parts[i].nr;
	}
	return select_scope(c, parts, nr, t, p.drop);
}

/* Tensors [@nr) of one scope. */
static int choose_together(const struct prune_choice *c, struct prune_tensor *t, int nr,
			   float *score, struct select_part *parts)
{
	float *at = score;

	for (int i = 0; i < nr; i++) {
		int ret = prune_scores(c, &t[i], at);

		if (ret)
			return ret;
		parts[i] = part_of(c, &t[i], at);
		at += parts[i].nr;
	}
	if (!c->of)
		return choose_scope(c, t, nr, score, parts);
	select_groups(&parts[0], c->keep, c->of);
	return 0;
}

/* The end of the scope that begins at @at; its weights are @count. */
static int scope_end(const struct prune_choice *c, const struct prune_tensor *t, int nr, int at,
		     int64_t *count)
{
	int end = at;

	*count = 0;
	for (; end < nr && is_together(c, &t[at], &t[end]); end++)
		*count += prune_tensor_count(&t[end]);
	return end;
}

int64_t prune_asked(const struct prune_choice *c, const struct prune_tensor *t, int nr)
{
	int64_t asked = 0, count;
	int end;

	for (int at = 0; at < nr; at = end) {
		struct portion p;

		end = scope_end(c, t, nr, at, &count);
		p = portion_of(c, t + at, end - at);
		if (c->of)
			asked += count / c->of * (c->of - c->keep);
		else
			asked += count / p.of * p.drop;
	}
	return asked;
}

static int choose_all(const struct prune_choice *c, struct prune_tensor *t, int nr,
		      struct select_part *parts)
{
	int64_t count, most = 0;
	float *score;
	int ret = 0, end;

	for (int at = 0; at < nr; at = end) {
		end = scope_end(c, t, nr, at, &count);
		most = count > most ? count : most;
	}
	score = malloc(most * sizeof(*score));
	if (!score)
		return fail_nomem(most * sizeof(*score), "scores");
	for (int at = 0; at < nr && !ret; at = end) {
		end = scope_end(c, t, nr, at, &count);
		ret = choose_together(c, t + at, end - at, score, parts);
	}
	free(score);
	return ret;
}

int prune_choose(const struct prune_choice *c, struct prune_tensor *tensors, int nr)
{
	struct select_part *parts = calloc(nr + 1, sizeof(*parts));
	int ret = parts ? 0 : fail_nomem(nr * sizeof(*parts), "a list of tensors");

	if (!ret)
		ret = prune_check(c, tensors, nr);
	if (!ret && nr)
		ret = choose_all(c, tensors, nr, parts);
	free(parts);
	return ret;
}
