// SPDX-License-Identifier: MIT
#include "ops/momentum.h"

#include "base/fail.h"

struct tensor *momentum_step(struct graph *g, const char *name, const struct op *plain,
			     const struct op *with_shadow, const void *attr,
			     struct tensor *const *in)
{
	static const int updated[] = { MOMENTUM_W, MOMENTUM_BUF, MOMENTUM_SHADOW };

	/* The copy of a view would be updated, and then be lost. */
	for (size_t i = 0; i < sizeof(updated) / sizeof(updated[0]); i++) {
		const struct tensor *t = in[updated[i]];

		if (t && !layout_contiguous(&t->max))
			return graph_fail(g, fail(-EINVAL, "%s: '%s' is a view with gaps", name,
						  t->name));
	}
	return in[MOMENTUM_SHADOW] ? graph_op(g, with_shadow, attr, in, MOMENTUM_NR_IN)
				   : graph_op(g, plain, attr, in, MOMENTUM_SHADOW);
}

int momentum_infer(const char *name, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *w = &in[MOMENTUM_W];
	int ret = rule_f32(name, "w", w);

	if (!ret)
		ret = rule_like(name, "the momentum", &in[MOMENTUM_BUF], "w", w);
	if (!ret)
		ret = rule_like(name, "grad", &in[MOMENTUM_GRAD], "w", w);
	if (!ret)
		ret = rule_scalar(name, "clip", &in[MOMENTUM_CLIP]);
	if (!ret)
		ret = rule_vector(name, "hyper", &in[MOMENTUM_HYPER], MOMENTUM_NR_HYPER);
	if (!ret)
		ret = rule_mask(name, rule_input(in, nr_in, MOMENTUM_MASK), w);
	if (!ret)
		ret = rule_shadow(name, rule_input(in, nr_in, MOMENTUM_SHADOW), w);
	out[0] = in[MOMENTUM_W];	/* they are the inputs, at their place */
	out[1] = in[MOMENTUM_BUF];
	if (nr_in > MOMENTUM_SHADOW)
		out[2] = in[MOMENTUM_SHADOW];
	return ret;
}

double momentum_bytes(const struct layout *in, const struct layout *out)
{
	return rule_bytes(in, 3) + rule_bytes(out, 2);
}
