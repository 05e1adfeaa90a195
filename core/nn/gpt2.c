// SPDX-License-Identifier: MIT
/*
 * GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, one packed
 * projection for queries, keys and values, GELU MLP.  Names and layouts are those of
 * GPT2LMHeadModel: projections are stored (in, out).
 */
#include <math.h>
#include <stdio.h>

#include "nn/family.h"
#include "nn/model.h"
#include "ops/slice.h"
#include "ops/split-dim.h"

static int gpt2_mlp_width(int width)
{
	return 4 * width;
}

/* Heads @first ... @first + @count - 1 of the packed projection: (B, T, count, D). */
static struct tensor *heads(struct builder *b, struct tensor *qkv, const struct layer_spec *l,
			    int first, int count)
{
	struct tensor *part;

	if (b->collecting)
		return NULL;
	part = op_slice(b->graph, qkv, 2, (int64_t)first * l->head_dim,
			(int64_t)count * l->head_dim);
	return op_split_dim(b->graph, part, 2, l->head_dim);
}

static struct tensor *attention(struct builder *b, int layer, const char *name, struct tensor *x)
{
	const struct model_spec *s = &b->model->spec;
	const struct layer_spec *l = &s->layer[layer];
	int packed = (l->heads + 2 * l->kv_heads) * l->head_dim;
	struct tensor *qkv, *o;
	char part[96];

	snprintf(part, sizeof(part), "%s.c_attn", name);
	qkv = nn_linear(b, part, x, (struct nn_linear){
		s->width, packed, s->bias || s->qkv_bias, s->init_std, true });
	o = nn_attention(b, layer, name, x, heads(b, qkv, l, 0, l->heads),
			 heads(b, qkv, l, l->heads, l->kv_heads),
			 heads(b, qkv, l, l->heads + l->kv_heads, l->kv_heads));
	snprintf(part, sizeof(part), "%s.c_proj", name);
	return nn_linear(b, part, o, (struct nn_linear){
		l->heads * l->head_dim, s->width, s->bias,
		s->init_std / sqrtf(2.0f * (float)s->layers), true });
}

static struct tensor *mlp(struct builder *b, int layer, const char *name, struct tensor *x)
{
	const struct model_spec *s = &b->model->spec;
	const struct layer_spec *l = &s->layer[layer];
	bool gated = activation_is_gated(l->activation);
	struct nn_linear up = { s->width, l->mlp_width, s->bias, s->init_std, true };
	struct tensor *h, *gate;
	char part[96];

	up.act = gated ? ACT_NONE : l->activation;
	snprintf(part, sizeof(part), "%s.c_fc", name);
	h = nn_linear(b, part, x, up);
	if (gated) {
		snprintf(part, sizeof(part), "%s.c_gate", name);
		gate = nn_linear(b, part, x, up);
		h = nn_gated(b, l->activation, gate, h);
	}
	snprintf(part, sizeof(part), "%s.c_proj", name);
	return nn_linear(b, part, h, (struct nn_linear){
		l->mlp_width, s->width, s->bias,
		s->init_std / sqrtf(2.0f * (float)s->layers), true });
}

/* The last branch of a block is added where the next norm is taken. */
static struct tensor *block(struct builder *b, int layer, struct tensor **x,
			    struct tensor *branch)
{
	char name[64], part[96];
	struct tensor *y;

	graph_scope(b->graph, "h.%d", layer);
	snprintf(name, sizeof(name), "transformer.h.%d", layer);
	snprintf(part, sizeof(part), "%s.ln_1", name);
	y = nn_add_norm(b, part, x, branch);
	snprintf(part, sizeof(part), "%s.attn", name);
	y = attention(b, layer, part, y);
	branch = nn_dropout(b, part, y);
	snprintf(part, sizeof(part), "%s.ln_2", name);
	y = nn_add_norm(b, part, x, branch);
	snprintf(part, sizeof(part), "%s.mlp", name);
	y = mlp(b, layer, part, y);
	return nn_dropout(b, part, y);
}

static struct tensor *gpt2_build(struct builder *b)
{
	const struct model_spec *s = &b->model->spec;
	struct tensor *x, *branch = NULL;

	graph_scope(b->graph, "embed");
	x = nn_embedding(b, "transformer.wte");
	if (s->position == POS_LEARNED)
		x = nn_residual(b, x, nn_positions(b, "transformer.wpe"));
	x = nn_dropout(b, "transformer.embed", x);
	for (int i = 0; i < s->layers; i++) {
		b->graph->group = i + 1;
		branch = block(b, i, &x, branch);
		b->graph->group = 0;
	}
	graph_scope(b->graph, "head");
	return nn_add_norm(b, "transformer.ln_f", &x, branch);
}

static const struct family gpt2 = {
	.name = "gpt2",
	.summary = "GPT-2: layernorm, learned positions, GELU, tied head",
	.defaults = {
		.tied = true,
		.bias = true,
		.norm = NORM_LAYERNORM,
		.norm_eps = 1e-5f,
		.position = POS_LEARNED,
		.rope_base = 10000,
	},
	.activation = ACT_GELU,
	.mlp_width = gpt2_mlp_width,
	.build = gpt2_build,
	.embedding = "transformer.wte",
	.head = "lm_head",
};
FAMILY_REGISTER(gpt2);
