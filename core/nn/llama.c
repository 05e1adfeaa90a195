// SPDX-License-Identifier: MIT
/*
 * Llama (Touvron et al. 2023): RMSNorm, rotary positions, grouped-query attention,
 * gated MLP, no biases.  Names are those of LlamaForCausalLM (QK-norm as in Qwen3, norms
 * behind the branches as in Gemma 3).
 */
#include "nn/llama.h"

#include <math.h>
#include <stdio.h>

#include "nn/family.h"
#include "nn/model.h"
#include "ops/split-dim.h"

/* 8/3 of the width, so that three matrices cost what GPT-2's two do; multiple of 32. */
int llama_mlp_width(int width)
{
	return (8 * width / 3 + 31) / 32 * 32;
}

static struct tensor *project(struct builder *b, const char *name, const char *which,
			      struct tensor *x, int out, bool bias)
{
	const struct model_spec *s = &b->model->spec;
	char part[96];

	snprintf(part, sizeof(part), "%s.%s", name, which);
	return nn_linear(b, part, x, (struct nn_linear){
		s->width, out, bias, s->init_std, false });
}

static struct tensor *heads(struct builder *b, const char *name, const char *which,
			    struct tensor *x, const struct layer_spec *l, int count)
{
	const struct model_spec *s = &b->model->spec;
	struct tensor *y = project(b, name, which, x, count * l->head_dim,
				   s->bias || s->qkv_bias);

	return b->collecting ? NULL : op_split_dim(b->graph, y, 2, l->head_dim);
}

static struct tensor *attention(struct builder *b, int layer, const char *name, struct tensor *x)
{
	const struct model_spec *s = &b->model->spec;
	const struct layer_spec *l = &s->layer[layer];
	struct tensor *q, *k, *v, *o;
	char part[96];

	q = heads(b, name, "q_proj", x, l, l->heads);
	k = heads(b, name, "k_proj", x, l, l->kv_heads);
	v = heads(b, name, "v_proj", x, l, l->kv_heads);
	o = nn_attention(b, layer, name, x, q, k, v);
	snprintf(part, sizeof(part), "%s.o_proj", name);
	return nn_linear(b, part, o, (struct nn_linear){
		l->heads * l->head_dim, s->width, s->bias,
		s->init_std / sqrtf(2.0f * (float)s->layers), false });
}

static struct tensor *mlp(struct builder *b, int layer, const char *name, struct tensor *x)
{
	const struct model_spec *s = &b->model->spec;
	const struct layer_spec *l = &s->layer[layer];
	struct tensor *up, *h;
	char part[96];

	if (activation_is_gated(l->activation)) {
		h = project(b, name, "gate_proj", x, l->mlp_width, s->bias);
		up = project(b, name, "up_proj", x, l->mlp_width, s->bias);
		h = nn_gated(b, l->activation, h, up);
	} else {
		snprintf(part, sizeof(part), "%s.up_proj", name);
		h = nn_linear(b, part, x, (struct nn_linear){
			s->width, l->mlp_width, s->bias, s->init_std, false, l->activation });
	}
	snprintf(part, sizeof(part), "%s.down_proj", name);
	return nn_linear(b, part, h, (struct nn_linear){
		l->mlp_width, s->width, s->bias,
		s->init_std / sqrtf(2.0f * (float)s->layers), false });
}

/* The norm behind a branch, if there is one. */
static struct tensor *norm_branch(struct builder *b, int layer, const char *which,
				  struct tensor *branch)
{
	char name[96];

	if (!b->model->spec.post_norms)
		return branch;
	snprintf(name, sizeof(name), "model.layers.%d.%s", layer, which);
	return nn_norm(b, name, branch);
}

/*
 * The last branch of a block is added where the next norm is taken.  Gemma calls the norm
 * behind attention what Llama calls the one in front of the MLP.
 */
static struct tensor *block(struct builder *b, int layer, struct tensor **x,
			    struct tensor *branch)
{
	const char *before_mlp = b->model->spec.post_norms ? "pre_feedforward_layernorm"
							   : "post_attention_layernorm";
	char name[64], part[96];
	struct tensor *y;

	graph_scope(b->graph, "layers.%d", layer);
	snprintf(name, sizeof(name), "model.layers.%d", layer);
	snprintf(part, sizeof(part), "%s.input_layernorm", name);
	y = nn_add_norm(b, part, x, branch);
	snprintf(part, sizeof(part), "%s.self_attn", name);
	y = attention(b, layer, part, y);
	y = norm_branch(b, layer, "post_attention_layernorm", y);
	branch = nn_dropout(b, part, y);
	snprintf(part, sizeof(part), "%s.%s", name, before_mlp);
	y = nn_add_norm(b, part, x, branch);
	snprintf(part, sizeof(part), "%s.mlp", name);
	y = mlp(b, layer, part, y);
	y = norm_branch(b, layer, "post_feedforward_layernorm", y);
	return nn_dropout(b, part, y);
}

struct tensor *llama_build(struct builder *b)
{
	const struct model_spec *s = &b->model->spec;
	struct tensor *x, *branch = NULL;

	graph_scope(b->graph, "embed");
	x = nn_embedding(b, "model.embed_tokens");
	if (s->position == POS_LEARNED)
		x = nn_residual(b, x, nn_positions(b, "model.embed_positions"));
	x = nn_dropout(b, "model.embed", x);
	for (int i = 0; i < s->layers; i++) {
		b->graph->group = i + 1;
		branch = block(b, i, &x, branch);
		b->graph->group = 0;
	}
	graph_scope(b->graph, "head");
	return nn_add_norm(b, "model.norm", &x, branch);
}

static const struct family llama = {
	.name = "llama",
	.summary = "Llama: rmsnorm, rotary positions, SwiGLU, grouped-query attention",
	.defaults = {
		.tied = false,
		.bias = false,
		.norm = NORM_RMSNORM,
		.norm_eps = 1e-5f,
		.position = POS_ROPE,
		.rope_base = 10000,
	},
	.has_post_norms = true,
	.activation = ACT_SWIGLU,
	.mlp_width = llama_mlp_width,
	.build = llama_build,
	.embedding = "model.embed_tokens",
	.head = "lm_head",
};
FAMILY_REGISTER(llama);
