// SPDX-License-Identifier: MIT
#include "prune/choose.h"

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

static int check_groups(const struct prune_choice *c, const struct prune_tensor *t)
{
	if (!c->of || !(t->cols % c->of))
		return 0;
	return fail(-EINVAL, "%s: %d:%d does not divide its %lld columns: leave it out with "
		    "--exclude", t->name, c->keep, c->of, (long long)t->cols);
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

/* Tensors [@nr) of one scope. */
static int choose_together(const struct prune_choice *c, struct prune_tensor *t, int nr,
			   float *score, struct select_part *parts)
{
	double drop = 0;
	int ret;

	for (int i = 0; i < nr; i++) {
		ret = prune_scores(c, &t[i], score);
		if (ret)
			return ret;
		parts[i] = part_of(c, &t[i], score);
		drop += t[i].sparsity * (double)parts[i].nr;
		score += parts[i].nr;
	}
	if (c->of)
		select_groups(&parts[0], c->keep, c->of);
	else if (c->scope == PRUNE_ROW)
		select_rows(&parts[0], t->cols, select_count(t->sparsity, t->cols));
	else
		return select_lowest(parts, nr, select_count(drop, 1));
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

	for (int i = 0; i < nr && !ret; i++)
		ret = check_groups(c, &tensors[i]);
	if (!ret && nr)
		ret = choose_all(c, tensors, nr, parts);
	free(parts);
	return ret;
}
