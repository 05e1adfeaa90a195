// SPDX-License-Identifier: MIT
/*
 * The graphs of a training step.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/accumulate.h"
#include "ops/add.h"
#include "ops/clip-scale.h"
#include "ops/linear-cross-entropy.h"
#include "ops/sq-norm.h"
#include "ops/sum.h"
#include "tensor/segment.h"
#include "train/trainer-internal.h"

static struct tensor *scalar(struct trainer *t, struct graph *g, size_t at, const char *name,
			     enum dtype dtype, int64_t count)
{
	struct tensor *s = graph_tensor(g, at == SCALAR_CLIP ? TENSOR_STATE : TENSOR_INPUT, name,
					dtype, count > 1, &count, NULL);

	if (s && t->scalars)
		tensor_bind(s, t->scalars, at);
	return s;
}

/* Forward and backward of one micro batch; gradients are added up over micro batches. */
static int build_step(struct trainer *t)
{
	struct builder b = { .model = t->model, .training = true };
	struct backward_options opts = { 0 };
	struct feed_inputs *in = &t->inputs;
	struct tensor *losses;
	struct graph *g;
	int ret;

	t->step.graph = b.graph = g = graph_new();
	if (!g)
		return -ENOMEM;
	ret = feed_inputs(t->feed, g, in);
	if (ret)
		return ret;
	b.ids = in->part[FEED_IDS];
	b.positions = in->part[FEED_POSITIONS];
	b.doc_start = in->part[FEED_DOC_START];
	b.rng_key = scalar(t, g, SCALAR_KEY, "rng_key", DT_I64, 2);
	opts.accumulate = scalar(t, g, SCALAR_FLAG, "accumulate", DT_I32, 1);
	losses = op_linear_cross_entropy(g, model_hidden(&b), model_head(&b),
					 in->part[FEED_TARGETS],
					 scalar(t, g, SCALAR_LOSS_SCALE, "loss_scale", DT_F32, 1),
					 opts.accumulate, NULL, t->model->spec.logit_softcap);
	t->loss = op_sum(g, losses);
	graph_output(t->loss);
	ret = graph_error(g);
	if (!ret)
		ret = graph_backward(g, losses, &opts);
	if (!ret && !strcmp(config_text(t->cfg, PARAM_TRAIN_RECOMPUTE), "layer"))
		ret = graph_recompute(g);
	return ret ? ret : graph_plan(g, t->dev, t->dry, &t->step.plan);
}

static struct tensor *flat(struct trainer *t, struct graph *g, int kind, int group)
{
	return segment_flat(t->model->segment[kind][group], g, TENSOR_STATE);
}

/* Norm of the whole gradient and, from it, the factor that clips it. */
static int build_norm(struct trainer *t)
{
	struct graph *g = t->norm.graph = graph_new();
	struct tensor *sq[GROUP_MAX], *sum = NULL, *clip;
	int nr = 0;
	float limit = (float)config_float(t->cfg, PARAM_OPTIM_CLIP);

	if (!g)
		return -ENOMEM;
	for (; nr < t->groups->nr; nr++) {
		sq[nr] = op_sq_norm(g, flat(t, g, SEG_GRAD, nr));
		sum = sum ? op_add(g, sum, sq[nr]) : sq[nr];
	}
	t->sq_norm = sum;
	graph_output(sum);
	clip = scalar(t, g, SCALAR_CLIP, "clip", DT_F32, 1);
	op_accumulate(g, clip, op_clip_scale(g, sq, nr, limit), NULL, false);
	return graph_plan(g, t->dev, t->dry, &t->norm.plan);
}

/* A tensor of the update: view @view of a segment, or with -1 all of it, flat. */
static struct tensor *part_of(const struct segment *s, struct graph *g, int view)
{
	const struct segment_view *v;
	struct tensor *x;

	if (view < 0)
		return segment_flat(s, g, TENSOR_STATE);
	v = &s->views[view];
	x = graph_tensor(g, TENSOR_STATE, v->name, s->dtype, v->layout.nd, v->layout.n, NULL);
	if (x && s->buffer)
		segment_bind(s, view, x);
	return x;
}

static struct tensor *part(struct trainer *t, struct graph *g, int kind, int group, int view)
{
	return part_of(t->model->segment[kind][group], g, view);
}

static int update_part(struct trainer *t, struct graph *g, struct optim_segment *s, int group,
		       int view)
{
	const struct optimizer *o = t->groups->group[group].optimizer;

	s->weights = part(t, g, SEG_WEIGHT, group, view);
	s->gradients = part(t, g, SEG_GRAD, group, view);
	if (t->model->segment[SEG_SHADOW][group])
		s->shadow = part(t, g, SEG_SHADOW, group, view);
	if (pruner_mask(t->pruner, group))
		s->mask = part_of(pruner_mask(t->pruner, group), g, view);
	for (int i = 0; i < o->nr_states; i++)
		s->states[i] = part(t, g, SEG_STATE + i, group, view);
	return o->update(g, t->cfg, s);
}

static int update_group(struct trainer *t, struct graph *g, struct tensor *clip, int group)
{
	const struct optim_group *settings = &t->groups->group[group];
	struct optim_segment s = { .clip = clip, .decay = settings->decay };
	int views = t->model->segment[SEG_WEIGHT][group]->nr_views, ret = 0;
	char name[32];

	snprintf(name, sizeof(name), "hyper %d", group);
	s.hyper = scalar(t, g, SCALAR_HYPER + group * SCALAR_HYPER_STRIDE, name, DT_F32,
			 OPTIM_HYPER);
	if (settings->optimizer->unit == OPTIM_ELEMENT)
		return update_part(t, g, &s, group, -1);
	for (int view = 0; view < views && !ret; view++)
		ret = update_part(t, g, &s, group, view);
	return ret;
}

static int build_update(struct trainer *t)
{
	struct graph *g = t->update.graph = graph_new();
	struct tensor *clip;
	int ret = 0;

	if (!g)
		return -ENOMEM;
	clip = scalar(t, g, SCALAR_CLIP, "clip", DT_F32, 1);
	for (int group = 0; group < t->groups->nr && !ret; group++)
		ret = update_group(t, g, clip, group);
	if (!ret)
		ret = graph_error(g);
	return ret ? ret : graph_plan(g, t->dev, t->dry, &t->update.plan);
}

int stages_build(struct trainer *t)
{
	int ret = build_step(t);

	if (!ret)
		ret = build_norm(t);
	if (!ret)
		ret = build_update(t);
	return ret ? ret : pruner_build(t);
}

void stage_free(struct stage *s)
{
	plan_free(s->plan);
	graph_free(s->graph);
}

void stages_free(struct trainer *t)
{
	stage_free(&t->step);
	stage_free(&t->norm);
	stage_free(&t->update);
}
