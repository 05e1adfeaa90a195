// SPDX-License-Identifier: MIT
/*
 * What one threshold over all tensors drops of each, but no more than leaves PRUNE_FLOOR of it.
 * Where that holds a tensor back, the others bear the rest: the sum is exact.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "prune/allocation.h"
#include "prune/mask.h"
#include "prune/select.h"

struct rivals {
	const struct alloc_call *c;
	float *score;			/* of all */
	struct select_part *parts;	/* of those that are not held back */
	int *index;			/* which tensors those are */
	int nr;
	bool *held;
	int64_t all, drop;		/* weights of all; what is left to drop */
};

static int64_t most(const struct rivals *r, const struct prune_tensor *t)
{
	int64_t nr = prune_tensor_count(t);
	double floor_share = config_float(r->c->cfg, PARAM_PRUNE_FLOOR);

	return nr - (int64_t)ceil(floor_share * (double)nr - 1e-6);
}

static int score_all(struct rivals *r)
{
	int64_t at = 0;
	int ret = 0;

	for (int i = 0; i < r->c->nr && !ret; i++) {
		ret = prune_scores(r->c->choice, &r->c->tensors[i], r->score + at);
		at += prune_tensor_count(&r->c->tensors[i]);
	}
	return ret;
}

/* What is left to drop, and of whom. */
static void gather(struct rivals *r)
{
	int64_t at = 0;

	r->nr = 0;
	r->drop = select_count(r->c->sparsity, r->all);
	for (int i = 0; i < r->c->nr; i++) {
		struct prune_tensor *t = &r->c->tensors[i];
		int64_t nr = prune_tensor_count(t);

		if (r->held[i]) {
			r->drop -= most(r, t);
		} else {
			r->parts[r->nr] = (struct select_part){ .score = r->score + at,
								.mask = t->mask, .nr = nr };
			r->index[r->nr++] = i;
		}
		at += nr;
	}
}

static int hold_back(struct rivals *r, bool *again)
{
	int ret;

	*again = false;
	gather(r);
	if (r->drop < 0)
		r->drop = 0;
	if (!r->nr && r->drop)
		return fail(-EINVAL, "PRUNE_FLOOR: with a floor of %s a sparsity of %g cannot be "
			    "reached", config_text(r->c->cfg, PARAM_PRUNE_FLOOR), r->c->sparsity);
	ret = select_lowest(r->parts, r->nr, r->drop);
	for (int i = 0; i < r->nr && !ret; i++) {
		struct prune_tensor *t = &r->c->tensors[r->index[i]];
		int64_t dropped = r->parts[i].nr - mask_kept(t->mask, r->parts[i].nr);

		if (dropped > most(r, t)) {
			dropped = most(r, t);
			*again = r->held[r->index[i]] = true;
		}
		t->sparsity = (double)dropped / (double)r->parts[i].nr;
	}
	return ret;
}

static int global_assign(const struct alloc_call *c)
{
	struct rivals r = { .c = c };
	bool again = true;
	int ret = -ENOMEM;

	for (int i = 0; i < c->nr; i++)
		r.all += prune_tensor_count(&c->tensors[i]);
	r.score = malloc((r.all + 1) * sizeof(*r.score));
	r.parts = calloc(c->nr + 1, sizeof(*r.parts));
	r.index = calloc(c->nr + 1, sizeof(*r.index));
	r.held = calloc(c->nr + 1, sizeof(*r.held));
	if (r.score && r.parts && r.index && r.held)
		ret = score_all(&r);
	else
		fail_nomem(r.all * sizeof(*r.score), "scores");
	while (!ret && again)
		ret = hold_back(&r, &again);
	free(r.held);
	free(r.index);
	free(r.parts);
	free(r.score);
	return ret;
}

static const struct allocation global = {
	.name = "global",
	.summary = "what one threshold over all drops, but a floor is kept of each",
	.reads_scores = true,
	.assign = global_assign,
};
ALLOCATION_REGISTER(global);
