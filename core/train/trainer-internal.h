/* SPDX-License-Identifier: MIT */
/*
 * The inside of a trainer, for the files of core/train/.
 */
#ifndef TRAIN_TRAINER_INTERNAL_H
#define TRAIN_TRAINER_INTERNAL_H

#include "data/loader.h"
#include "nn/model.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "tensor/plan.h"
#include "train/feed.h"
#include "train/pruner.h"
#include "train/trainer.h"

/** Small values that kernels read: byte offsets in the scalars buffer. */
enum scalar {
	SCALAR_LOSS_SCALE = 0,	/* f32 */
	SCALAR_CLIP = 64,	/* f32, written by the norm graph */
	SCALAR_FLAG = 128,	/* i32: add to the gradients (1) or overwrite them (0) */
	SCALAR_KEY = 192,	/* i64 (2): seed, step */
	SCALAR_HYPER = 256,	/* per group f32 (4): see struct optimizer */
	SCALAR_HYPER_STRIDE = 64,
	SCALARS_BYTES = SCALAR_HYPER + GROUP_MAX * SCALAR_HYPER_STRIDE
};

/** struct stage - one graph of a step, planned. */
struct stage {
	struct graph *graph;
	struct plan *plan;
};

struct trainer {
	const struct config *cfg;
	struct dataset *data;
	struct device *dev;
	bool dry;
	struct train_shape shape;
	struct loader loader;
	struct model *model;
	struct optim_groups *groups;
	const struct schedule *schedule;
	struct feed *feed;
	struct buffer *scalars;
	struct stage step, norm, update;
	struct feed_inputs inputs;	/* of the step graph */
	struct pruner *pruner;		/* NULL: nothing is pruned */
	struct tensor *loss;		/* of the step graph: sum over a micro batch, nats */
	struct tensor *sq_norm;		/* of the norm graph */
	struct evaluator *eval;
	int64_t done;
	char *tokenizer_config;		/* goes along with --init's weights; NULL: there is none */
	char **kernels;
};

/** stages_build() - the three graphs, planned. */
int stages_build(struct trainer *t);
void stages_free(struct trainer *t);
void stage_free(struct stage *s);

#endif
