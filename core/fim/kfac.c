// SPDX-License-Identifier: MIT
/*
 * Unit kfac: Kronecker factors of linear layers.  Where a weight's gradient would be made,
 * the tap makes the Gram matrices of the layer's inputs and of its outputs' gradients, by the
 * very op that makes weight gradients.  (Martens and Grosse, "Optimizing neural networks with
 * Kronecker-factored approximate curvature", 2015; positions share weights as in "expand" of
 * Eschenhagen et al., 2023.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "fim/pass.h"
#include "io/tensor-entry.h"
#include "ops/linear.h"

/** struct layer - a linear layer: views of its factors. */
struct layer {
	const char *name;
	int64_t n[2];		/* out, in */
	struct tensor *input;
	int a, g;
};

/**
 * struct kfac - an estimate under way.
 * @block, @sum: a view for each factor; layers that have one input share its A
 * @bound: (views) the tensors of the graph that are views of @block
 */
struct kfac {
	struct fim_job *job;
	struct fim_pass pass;
	struct segment *block, *sum;
	struct tensor **bound;
	struct layer *layer;
	int nr;
	struct fim_stage fold;
	int in_block;
	double scale;
};

/* ---- the graph -------------------------------------------------------------------------- */

/* @x^T x, added up in a view of the block. Return: the view or -errno. */
static int add_gram(struct kfac *k, struct graph *g, struct tensor *x, const char *name)
{
	int64_t width = layout_last(&x->max), n[2] = { width, width };
	int view = segment_add(k->block, name, 2, n);
	struct tensor *to;

	if (view < 0)
		return view;
	to = graph_tensor(g, TENSOR_STATE, k->block->views[view].name, DT_F32, 2, n, NULL);
	k->bound[view] = to;
	op_linear_dw(g, x, x, to, k->pass.add, false);
	return view;
}

static enum tap_action tap(void *ctx, struct graph *g, struct tensor *weight,
			   struct tensor *input, struct tensor *delta)
{
	struct kfac *k = ctx;
	struct layer *l = &k->layer[k->nr], *before = k->nr ? l - 1 : NULL;
	char name[256];

	*l = (struct layer){ .name = weight->name, .input = input,
			     .n = { weight->max.n[0], weight->max.n[1] } };
	snprintf(name, sizeof(name), "%s.A", weight->name);
	l->a = before && before->input == input ? before->a : add_gram(k, g, input, name);
	snprintf(name, sizeof(name), "%s.G", weight->name);
	l->g = add_gram(k, g, delta, name);
	if (l->a < 0 || l->g < 0)
		graph_fail(g, l->a < 0 ? l->a : l->g);
	k->nr++;
	return TAP_REPLACE;
}

/* Gradients of linear weights are asked for, so that the tap is; nobody makes them. */
static int want_gradients(struct kfac *k)
{
	struct graph *g = k->pass.graph;
	int nr = g->nr_tensors, layers = 0;

	for (int i = 0; i < nr; i++) {
		struct tensor *t = g->tensors[i];
		const struct param_info *p = model_param(k->pass.model, t->name);

		if (t->kind != TENSOR_PARAM || !p || p->kind != WEIGHT_MATRIX)
			continue;
		t->grad = graph_tensor(g, TENSOR_STATE, "", DT_F32, 2, p->n, NULL);
		layers++;
	}
	k->layer = calloc(layers + 1, sizeof(*k->layer));
	k->bound = calloc(2 * layers + 1, sizeof(*k->bound));
	return k->layer && k->bound ? graph_error(g) : fail_nomem(0, "factors");
}

static int build(struct kfac *k)
{
	struct backward_options opts = { .accumulate = k->pass.add, .tap = tap, .tap_ctx = k };
	struct fim_pass *p = &k->pass;
	struct tensor *hidden = model_hidden(&p->b), *losses;
	int ret = graph_error(p->graph);

	k->block = segment_new("a block of factors", DT_F32);
	if (!k->block)
		return -ENOMEM;
	if (!ret)
		ret = want_gradients(k);
	if (ret)
		return ret;
	losses = fim_pass_losses(p, hidden, false);
	ret = graph_error(p->graph);
	if (!ret)
		ret = graph_backward(p->graph, losses, &opts);
	if (!ret && !k->nr)
		ret = fail(-EINVAL, "%s has no linear layers", k->job->model);
	return ret;
}

static int bind(struct kfac *k)
{
	int ret = 0;

	k->sum = segment_like(k->block, "factors", DT_F32);
	if (!k->sum)
		return -ENOMEM;
	if (!k->pass.dry) {
		ret = segment_alloc(k->block, k->job->dev);
		if (!ret)
			ret = segment_alloc(k->sum, k->job->dev);
		for (int i = 0; i < k->block->nr_views && !ret; i++)
			segment_bind(k->block, i, k->bound[i]);
	}
	if (!ret)
		ret = fim_pass_plan(&k->pass);
	return ret ? ret : fim_fold_build(&k->pass, k->block, k->sum, &k->fold);
}

static void kfac_end(struct kfac *k)
{
	fim_stage_free(&k->fold);
	fim_pass_end(&k->pass);
	segment_free(k->block);
	segment_free(k->sum);
	free(k->bound);
	free(k->layer);
}

static int kfac_begin(struct kfac *k, struct fim_job *j, bool dry)
{
	int ret;

	*k = (struct kfac){ .job = j };
	ret = fim_pass_begin(&k->pass, j, 1, false, dry);
	if (!ret)
		ret = build(k);
	return ret ? ret : bind(k);
}

/* ---- running it ---------------------------------------------------------------------------- */

static int fold(struct kfac *k)
{
	int ret = k->in_block ? plan_run(k->fold.plan) : 0;

	k->in_block = 0;
	return ret;
}

static int step(struct kfac *k, int64_t sample)
{
	int ret = fim_pass_sample(&k->pass, sample);

	for (int64_t draw = 0; draw < k->job->facts.draws && !ret; draw++) {
		int32_t add = k->in_block > 0;

		ret = fim_pass_put(&k->pass, FIM_ADD, &add, sizeof(add));
		if (!ret)
			ret = fim_pass_run(&k->pass, sample, draw);
		if (!ret && ++k->in_block == FIM_BLOCK)
			ret = fold(k);
	}
	return ret;
}

static int run(struct kfac *k)
{
	int64_t sequences = k->job->facts.sequences;
	bool bar = progress_begin("fim", sequences);
	int ret = 0;

	for (int64_t s = 0; s < sequences && !ret; s++) {
		ret = step(k, k->job->first + s);
		progress_update(bar, s + 1, "%s", "");
	}
	progress_end(bar);
	return ret ? ret : fold(k);
}

/* ---- the file -------------------------------------------------------------------------------- */

struct place {
	const struct kfac *k;
	size_t at;
};

static int fetch(void *ctx, size_t offset, size_t len, void *buf)
{
	const struct place *p = ctx;
	float *to = buf;
	int ret = device_read(p->k->sum->buffer, p->at + offset, to, len);

	for (size_t i = 0; i < len / sizeof(*to) && !ret; i++)
		to[i] = (float)(p->k->scale * to[i]);
	return ret;
}

static int make_entry(const struct kfac *k, const struct layer *l, enum fim_part part,
		      struct tensor_entry *e, struct place *place)
{
	int64_t width = l->n[part == FIM_FACTOR_A];
	int view = part == FIM_FACTOR_A ? l->a : l->g;

	*place = (struct place){ k, k->sum->views[view].at };
	*e = (struct tensor_entry){
		.name = str_printf("%s%s", l->name, fim_suffix(part)), .dtype = DT_F32,
		.nd = 2, .shape = { width, width }, .fetch = fetch, .ctx = place,
	};
	return e->name ? 0 : fail_nomem(strlen(l->name), "a name");
}

/* The backward pass met the last layer first. */
static int write_out(struct kfac *k)
{
	struct fim_tensor *tensor = calloc(k->nr, sizeof(*tensor));
	struct tensor_entry *e = calloc(2 * k->nr, sizeof(*e));
	struct place *place = calloc(2 * k->nr, sizeof(*place));
	int ret = tensor && e && place ? 0 : fail_nomem(0, "a list of factors");

	k->scale = 1.0 / (double)k->job->facts.tokens / (double)k->job->facts.draws;
	for (int i = 0; i < k->nr && !ret; i++) {
		const struct layer *l = &k->layer[k->nr - 1 - i];

		tensor[i] = (struct fim_tensor){ .name = l->name, .nd = 2,
						 .n = { l->n[0], l->n[1] } };
		ret = make_entry(k, l, FIM_FACTOR_A, &e[2 * i], &place[2 * i]);
		if (!ret)
			ret = make_entry(k, l, FIM_FACTOR_G, &e[2 * i + 1], &place[2 * i + 1]);
	}
	if (!ret)
		ret = fim_write_parts(k->job->out.path, &k->job->facts, tensor, k->nr, e,
				      2 * k->nr);
	for (int i = 0; e && i < 2 * k->nr; i++)
		free((char *)e[i].name);
	free(tensor);
	free(e);
	free(place);
	return ret;
}

static int check_room(struct fim_job *j)
{
	struct kfac k;
	int ret = kfac_begin(&k, j, true);

	if (!ret)
		ret = fim_check_room(j, fim_pass_bytes(&k.pass) + k.block->bytes + k.sum->bytes +
				     fim_stage_bytes(&k.fold));
	kfac_end(&k);
	return ret;
}

static int kfac_run(struct fim_job *j)
{
	struct kfac k;
	int ret;

	j->facts.tokens = j->facts.sequences * j->facts.context;
	j->facts.squares = j->facts.tokens * j->facts.draws;
	ret = check_room(j);
	if (ret)
		return ret;
	ret = kfac_begin(&k, j, false);
	if (!ret)
		ret = fim_pass_load(&k.pass);
	if (!ret)
		ret = run(&k);
	if (!ret)
		ret = write_out(&k);
	kfac_end(&k);
	return ret;
}

static const struct fim_unit kfac = {
	.name = "kfac",
	.summary = "Kronecker factors of linear layers",
	.has_labels = true, .from_data = true,
	.run = kfac_run,
};
FIM_UNIT_REGISTER(kfac);
