// SPDX-License-Identifier: MIT
/*
 * Muon (Keller Jordan 2024) for the matrices of hidden layers, as torch.optim.Muon.  Each
 * weight is one matrix, queries, keys and values that are packed in one as well.
 */
#include "ops/muon.h"

#include <string.h>

#include "optim/optim.h"

static int muon_update(struct graph *g, const struct config *cfg, const struct optim_segment *s)
{
	struct muon_attr attr = {
		.momentum = config_float(cfg, PARAM_OPTIM_MOMENTUM),
		.weight_decay = s->decay,
		.nesterov = config_bool(cfg, PARAM_OPTIM_NESTEROV),
		.match_rms = !strcmp(config_text(cfg, PARAM_OPTIM_MUON_SCALE), "match_rms"),
	};

	op_muon(g, s->weights, s->states[0], s->gradients, s->clip, s->hyper, s->mask, s->shadow,
		&attr);
	return graph_error(g);
}

/* TRAIN_LR is that of all others; one that is 0 stops Muon, too. */
static double muon_lr_scale(const struct config *cfg)
{
	double lr = config_float(cfg, PARAM_TRAIN_LR);

	return lr > 0 ? config_float(cfg, PARAM_OPTIM_MUON_LR) / lr : 0;
}

static const struct optimizer muon = {
	.name = "muon",
	.summary = "momentum made orthogonal, for hidden matrices; AdamW for the rest",
	.unit = OPTIM_MATRIX,
	.nr_states = 1,
	.states = { "momentum_buffer" },
	.others = "adamw",
	.decay = 0.1,
	.lr_scale = muon_lr_scale,
	.update = muon_update,
};
OPTIMIZER_REGISTER(muon);
