// SPDX-License-Identifier: MIT
/*
 * AdamW (Loshchilov and Hutter 2019).  exp_avg and exp_avg_sq are PyTorch's names.
 */
#include "ops/adamw.h"

#include <math.h>

#include "optim/optim.h"
#include "tensor/graph.h"

static int adamw_update(struct graph *g, const struct config *cfg, const struct optim_segment *s)
{
	struct adamw_attr attr = {
		.beta1 = config_float(cfg, PARAM_OPTIM_BETA1),
		.beta2 = config_float(cfg, PARAM_OPTIM_BETA2),
		.eps = config_float(cfg, PARAM_OPTIM_EPS),
		.weight_decay = s->decay,
	};

	op_adamw(g, s->weights, s->states[0], s->states[1], s->gradients, s->clip, s->hyper,
		 s->mask, s->shadow, &attr);
	return graph_error(g);
}

static void adamw_hyper(const struct config *cfg, int64_t step, double lr,
			float hyper[OPTIM_HYPER])
{
	double t = (double)step;

	hyper[ADAMW_LR] = (float)lr;
	hyper[ADAMW_CORRECT1] = (float)(1 - pow(config_float(cfg, PARAM_OPTIM_BETA1), t));
	hyper[ADAMW_CORRECT2] = (float)(1 - pow(config_float(cfg, PARAM_OPTIM_BETA2), t));
	hyper[ADAMW_DECAY] = 1;
}

static const struct optimizer adamw = {
	.name = "adamw",
	.summary = "Adam with decoupled weight decay",
	.unit = OPTIM_ELEMENT,
	.nr_states = 2,
	.states = { "exp_avg", "exp_avg_sq" },
	.decay = 0.1,
	.update = adamw_update,
	.hyper = adamw_hyper,
};
OPTIMIZER_REGISTER(adamw);
