// SPDX-License-Identifier: MIT
/*
 * Gradient descent with momentum, as torch.optim.SGD without dampening.
 */
#include "ops/sgd.h"

#include "optim/optim.h"

static int sgd_update(struct graph *g, const struct config *cfg, const struct optim_segment *s)
{
	struct sgd_attr attr = {
		.momentum = config_float(cfg, PARAM_OPTIM_MOMENTUM),
		.weight_decay = s->decay,
		.nesterov = config_bool(cfg, PARAM_OPTIM_NESTEROV),
	};

	op_sgd(g, s->weights, s->states[0], s->gradients, s->clip, s->hyper, s->mask, s->shadow,
	       &attr);
	return graph_error(g);
}

static const struct optimizer sgd = {
	.name = "sgd",
	.summary = "gradient descent with momentum",
	.unit = OPTIM_ELEMENT,
	.nr_states = 1,
	.states = { "momentum_buffer" },
	.decay = 1e-4,
	.update = sgd_update,
};
OPTIMIZER_REGISTER(sgd);
