// SPDX-License-Identifier: MIT
#include "ops/cache-append.h"

#include <string.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op cache_append;

struct tensor *op_cache_append(struct graph *g, struct tensor *cache, struct tensor *new,
			       struct tensor *start)
{
	struct tensor *in[3] = { cache, new, start };

	return graph_op(g, &cache_append, NULL, in, 3);
}

static int cache_append_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	const struct layout *cache = &in[0], *new = &in[1], *start = &in[2];
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_real("cache_append", "new", new);

	if (ret)
		return ret;
	if ((cache->dtype != DT_F32 && cache->dtype != DT_BF16 && cache->dtype != DT_F16) ||
	    cache->nd != 4)
		return fail(-EINVAL, "cache_append: cache is %s: must be f32, bf16 or f16 "
			    "(B, T, H, D)", layout_text(cache, text));
	if (new->nd != 4 || new->n[0] != cache->n[0] || new->n[1] > cache->n[1] ||
	    new->n[2] != cache->n[2] || new->n[3] != cache->n[3])
		return fail(-EINVAL, "cache_append: new is %s: must have the batch, heads and "
			    "width of the cache, %s, and fit in it", layout_text(new, text),
			    layout_text(cache, want));
	if (start->dtype != DT_I32 || start->nd != 1 || start->n[0] != cache->n[0])
		return fail(-EINVAL, "cache_append: start is %s: must be i32 (%lld)",
			    layout_text(start, text), (long long)cache->n[0]);
	out[0] = *cache;
	return 0;
}

static void cache_append_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	double count = layout_count(&in[1]);

	cost->flops = 0;
	cost->bytes = count * (dtype_size(in[1].dtype) + dtype_size(out[0].dtype));
}

static int cache_append_oracle(const struct oracle_call *c)
{
	const int64_t *n = c->in_layout[1].n;
	int64_t capacity = c->in_layout[0].n[1], row = n[2] * n[3];

	if (c->out[0] != c->in[0])
		memcpy(c->out[0], c->in[0], layout_count(&c->in_layout[0]) * sizeof(double));
	for (int64_t b = 0; b < n[0]; b++) {
		int64_t at = (int64_t)c->in[2][b];

		if (at < 0 || at + n[1] > capacity)
			return fail(-EINVAL, "cache_append: sequence %lld does not fit",
				    (long long)b);
		for (int64_t i = 0; i < n[1] * row; i++)
			c->out[0][(b * capacity + at) * row + i] = c->in[1][b * n[1] * row + i];
	}
	return 0;
}

#define START(mask, room, ...) { .dtype = DT_I32, .nd = 1, .n = { __VA_ARGS__ },	\
				 .fill = FILL_IDS, .limit = (room) + 1, .extent_dims = (mask) }
static const struct op_case cache_append_cases[] = {
	{ "one", NULL, 3, { CASE_F32(4, 1, 1, 1, 1), CASE_F32(4, 1, 1, 1, 1), START(0, 0, 1) } },
	{ "odd", NULL, 3, { CASE_F32(4, 3, 9, 2, 5), CASE_F32(4, 3, 4, 2, 5), START(0, 5, 3) } },
	{ "one token", NULL, 3,
	  { CASE_F32(4, 7, 65, 3, 8), CASE_F32(4, 7, 1, 3, 8), START(0, 64, 7) } },
	{ "tiles", NULL, 3,
	  { CASE_F32(4, 2, 300, 4, 33), CASE_EXT(2, 4, 2, 130, 4, 33), START(0, 150, 2) } },
	{ "rounded", NULL, 3,
	  { CASE_FILL(DT_BF16, FILL_NORMAL, 4, 3, 9, 2, 5), CASE_F32(4, 3, 4, 2, 5),
	    START(0, 5, 3) } },
	{ "rounded to f16", NULL, 3,
	  { CASE_FILL(DT_F16, FILL_NORMAL, 4, 3, 9, 2, 5), CASE_F32(4, 3, 4, 2, 5),
	    START(0, 5, 3) } },
	{ .name = NULL },
};

static const struct op cache_append = {
	.name = "cache_append",
	.summary = "write new keys or values into a cache",
	.nr_in = 3,
	.nr_out = 1,
	.strided_in = 1 << 1,
	.compute_in = 1 << 0 | 1 << 1,
	.updates = { 1 },
	.infer = cache_append_infer,
	.cost = cache_append_cost,
	.oracle = OP_TEST(cache_append_oracle),
	.cases = OP_TEST(cache_append_cases),
};
OP_REGISTER(cache_append);
