// SPDX-License-Identifier: MIT
/*
 * The control: any weights.  The draws depend on the tensor's name and on the place in it, not
 * on the step, so that sparser masks are parts of denser ones.
 */
#include "base/rng.h"
#include "prune/criterion.h"

static void random_score(const struct score_call *c)
{
	struct rng r = rng_stream_hashed(c->values->seed, c->name_hash, 0);
	uint32_t word[4];

	for (int64_t i = 0; i < c->nr; i++) {
		int64_t element = c->at + i;

		if (!i || !(element % 4))
			rng_block(&r, (uint64_t)element / 4, word);
		c->score[i] = (float)(word[element % 4] >> 8);
	}
}

static const struct criterion random_criterion = {
	.name = "random",
	.summary = "any: the control",
	.reads = READS(WEIGHT),
	.is_monotone = true,
	.score = random_score,
};
CRITERION_REGISTER(random_criterion);
