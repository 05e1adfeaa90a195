// SPDX-License-Identifier: MIT
#include "ops/token-scores.h"

#include <math.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op token_scores;

enum { LOG_P, BEST };

struct tensor *op_token_scores(struct graph *g, struct tensor *logits, struct tensor *targets,
			       struct tensor **best)
{
	struct tensor *in[2] = { logits, targets };
	struct node *n = graph_node(g, &token_scores, NULL, in, 2);

	*best = n ? n->out[BEST] : NULL;
	return n ? n->out[LOG_P] : NULL;
}

static int token_scores_infer(const void *attr, const struct layout *in, int nr_in,
			      struct layout *out)
{
	struct layout rows = rule_without_last(&in[0]);
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_f32("token_scores", "logits", &in[0]);

	if (!ret)
		ret = rule_rows("token_scores", "logits", &in[0]);
	if (!ret && (in[1].dtype != DT_I32 || !layout_same_shape(&in[1], &rows)))
		ret = fail(-EINVAL, "token_scores: targets are %s: must be i32, one for each row "
			   "of logits, %s", layout_text(&in[1], text),
			   layout_text(&in[0], want));
	out[LOG_P] = layout_like(&rows, DT_F32);
	out[BEST] = layout_like(&rows, DT_I32);
	return ret;
}

static void token_scores_cost(const void *attr, const struct layout *in,
			      const struct layout *out, struct cost *cost)
{
	cost->flops = 2.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 2);
}

static int64_t token_scores_reduce(const void *attr, const struct layout *in,
				   const struct layout *out)
{
	return layout_last(&in[0]);
}

static int token_scores_oracle(const struct oracle_call *c)
{
	int64_t n = layout_last(&c->in_layout[0]);

	for (int64_t r = 0; r < layout_rows(&c->in_layout[0]); r++) {
		const double *z = c->in[0] + r * n;
		int64_t target = (int64_t)c->in[1][r], best = 0;
		double sum = 0;

		if (target >= n)
			return fail(-EINVAL, "token_scores: target %lld of %lld tokens",
				    (long long)target, (long long)n);
		for (int64_t v = 1; v < n; v++)
			best = z[v] > z[best] ? v : best;
		for (int64_t v = 0; v < n; v++)
			sum += exp(z[v] - z[best]);
		c->out[LOG_P][r] = target < 0 ? 0 : z[target] - z[best] - log(sum);
		c->out[BEST][r] = (double)best;
	}
	return 0;
}

#define TARGETS(mask, most, count, ...)						\
	{ .dtype = DT_I32, .nd = (count), .n = { __VA_ARGS__ }, .fill = FILL_TARGETS,	\
	  .limit = (most), .extent_dims = (mask) }
static const struct op_case token_scores_cases[] = {
	{ "one", NULL, 2, { CASE_F32(2, 1, 1), TARGETS(0, 1, 1, 1) } },
	{ "odd", NULL, 2, { CASE_EXT(3, 3, 3, 5, 7), TARGETS(3, 7, 2, 3, 5) } },
	{ "tiles", NULL, 2, { CASE_EXT(1, 2, 131, 384), TARGETS(1, 384, 1, 131) } },
	{ "long rows", NULL, 2, { CASE_F32(2, 3, 20011), TARGETS(0, 20011, 1, 3) } },
	{ NULL },
};

static const struct op token_scores = {
	.name = "token_scores",
	.summary = "log p of the tokens that came, and the most probable ones",
	.nr_in = 2,
	.nr_out = 2,
	.infer = token_scores_infer,
	.cost = token_scores_cost,
	.reduce = token_scores_reduce,
	.oracle = OP_TEST(token_scores_oracle),
	.cases = OP_TEST(token_scores_cases),
};
OP_REGISTER(token_scores);
