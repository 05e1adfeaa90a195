// SPDX-License-Identifier: MIT
#include "fim/diagonal.h"
#include "ops/linear.h"
#include "ops/mul.h"

static bool is_linear(const struct param_info *p)
{
	return p->kind == WEIGHT_MATRIX || p->kind == WEIGHT_HEAD;
}

void position_prepare(struct fim_pass *p, bool *covered)
{
	const struct model *m = p->model;

	for (int i = 0; i < m->nr_params; i++)
		covered[i] = is_linear(&m->params[i]);
	for (int i = 0; i < p->graph->nr_tensors; i++) {
		struct tensor *t = p->graph->tensors[i];
		const struct param_info *info;

		if (t->kind != TENSOR_PARAM)
			continue;
		info = model_param(m, t->name);
		if (info && !is_linear(info))
			t->grad = NULL;
	}
}

static enum tap_action replace(void *ctx, struct graph *g, struct tensor *weight,
			       struct tensor *input, struct tensor *delta)
{
	struct position_tap *tap = ctx;

	if (tap->x != input) {
		tap->x = input;
		tap->x_squares = op_mul(g, input, input);
	}
	op_linear_dw(g, tap->x_squares, op_mul(g, delta, delta), weight->grad, tap->add, false);
	return TAP_REPLACE;
}

void position_tap(struct position_tap *tap, struct fim_pass *p, struct backward_options *opts)
{
	*tap = (struct position_tap){ .add = p->add };
	opts->tap = replace;
	opts->tap_ctx = tap;
}
