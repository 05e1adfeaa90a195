// SPDX-License-Identifier: MIT
/*
 * The pieces that families are built from.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "kv/cache.h"
#include "nn/family.h"
#include "nn/model.h"
#include "ops/add.h"
#include "ops/attention.h"
#include "ops/broadcast-to.h"
#include "ops/cache-append.h"
#include "ops/cast.h"
#include "ops/dropout.h"
#include "ops/embedding.h"
#include "ops/gelu.h"
#include "ops/glu.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/merge-dims.h"
#include "ops/mul.h"
#include "ops/qlinear.h"
#include "ops/relu2.h"
#include "ops/rmsnorm.h"
#include "ops/rope.h"
#include "ops/scale.h"
#include "ops/sigmoid.h"
#include "ops/silu.h"
#include "ops/softcap.h"
#include "ops/sparse-linear.h"
#include "ops/split-dim.h"

#define NAME_MAX_LEN 128

/* A weight called "NAME.SUFFIX". */
static struct tensor *weight(struct builder *b, const char *name, const char *suffix,
			     struct param_info info)
{
	char full[NAME_MAX_LEN];

	snprintf(full, sizeof(full), "%s.%s", name, suffix);
	info.name = full;
	return nn_weight(b, &info);
}

static struct param_info vector(int n, enum weight_kind kind, enum init_kind init)
{
	return (struct param_info){ .nd = 1, .n = { n }, .kind = kind, .init = init };
}

struct tensor *nn_add_norm(struct builder *b, const char *name, struct tensor **x,
			   struct tensor *branch)
{
	const struct model_spec *s = &b->model->spec;
	enum dtype out = b->model->compute;
	struct graph *g = b->graph;
	struct tensor *w, *bias = NULL;

	w = weight(b, name, "weight", vector(s->width, WEIGHT_NORM, INIT_ONE));
	if (s->norm != NORM_RMSNORM && s->bias)
		bias = weight(b, name, "bias", vector(s->width, WEIGHT_NORM, INIT_ZERO));
	if (b->collecting)
		return NULL;
	if (s->norm == NORM_RMSNORM)
		return branch ? op_add_rmsnorm(g, x, branch, w, s->norm_eps, out)
			      : op_rmsnorm(g, *x, w, s->norm_eps, out);
	return branch ? op_add_layernorm(g, x, branch, w, bias, s->norm_eps, out)
		      : op_layernorm(g, *x, w, bias, s->norm_eps, out);
}

struct tensor *nn_norm(struct builder *b, const char *name, struct tensor *x)
{
	return nn_add_norm(b, name, &x, NULL);
}

/* Is @w in another type than it is computed in? */
static bool is_stored(const struct tensor *x, const struct tensor *w)
{
	return x && w && w->max.dtype != x->max.dtype;
}

static struct tensor *activate(struct graph *g, struct tensor *x, enum activation act)
{
	switch (act) {
	case ACT_GELU:
		return op_gelu(g, x, false);
	case ACT_GELU_EXACT:
		return op_gelu(g, x, true);
	case ACT_SILU:
		return op_silu(g, x);
	case ACT_RELU2:
		return op_relu2(g, x);
	default:
		return x;
	}
}

struct tensor *nn_linear(struct builder *b, const char *name, struct tensor *x,
			 struct nn_linear l)
{
	struct param_info info = {
		.nd = 2, .n = { l.out, l.in }, .kind = WEIGHT_MATRIX,
		.init = INIT_NORMAL, .std = l.std, .transposed = l.transposed,
	};
	struct sparse_weight sparse;
	bool is_sparse = nn_sparse_weight(b, name, &sparse);
	struct tensor *w = is_sparse ? NULL : weight(b, name, "weight", info), *bias = NULL;

	if (l.bias)
		bias = weight(b, name, "bias", vector(l.out, WEIGHT_BIAS, INIT_ZERO));
	if (b->collecting)
		return NULL;
	if (is_sparse)
		return activate(b->graph, op_sparse_linear(b->graph, x, &sparse, bias,
							   b->model->act_round), l.act);
	if (is_stored(x, w))
		return activate(b->graph, op_qlinear(b->graph, x, w, bias, b->model->act_round),
				l.act);
	return l.act == ACT_NONE ? op_linear(b->graph, x, w, bias)
				 : op_linear_act(b->graph, x, w, bias, l.act);
}

static struct tensor *look_up(struct builder *b, const char *name, int rows, bool positional,
			      struct tensor *ids)
{
	struct param_info info = {
		.nd = 2, .n = { rows, b->model->spec.width }, .kind = WEIGHT_EMBEDDING,
		.init = INIT_NORMAL, .std = b->model->spec.init_std, .positional = positional,
	};
	struct tensor *table = weight(b, name, "weight", info);

	return b->collecting ? NULL : op_embedding(b->graph, table, ids, DT_F32);
}

struct tensor *nn_embedding(struct builder *b, const char *name)
{
	float scale = b->model->spec.embed_scale;
	struct tensor *x = look_up(b, name, b->model->spec.vocab, false, b->ids);

	return b->collecting || !scale ? x : op_scale(b->graph, x, scale);
}

struct tensor *nn_positions(struct builder *b, const char *name)
{
	return look_up(b, name, b->model->spec.context, true, b->positions);
}

struct tensor *nn_gated(struct builder *b, enum activation a, struct tensor *gate,
			struct tensor *up)
{
	if (b->collecting)
		return NULL;
	return op_glu(b->graph, gate, up, a == ACT_SWIGLU ? GLU_SILU : GLU_GELU);
}

struct tensor *nn_dropout(struct builder *b, const char *name, struct tensor *x)
{
	float rate = b->model->spec.dropout;
	char purpose[NAME_MAX_LEN];

	if (b->collecting || !b->training || rate <= 0)
		return x;
	snprintf(purpose, sizeof(purpose), "dropout/%s", name);
	return op_dropout(b->graph, x, b->rng_key, rate, purpose);
}

struct tensor *nn_residual(struct builder *b, struct tensor *x, struct tensor *branch)
{
	return b->collecting ? NULL : op_add(b->graph, x, branch);
}

/* RMSNorm of each head's queries or keys (Henry et al. 2020; as Qwen3). */
static struct tensor *qk_norm(struct builder *b, const struct layer_spec *l, const char *prefix,
			      const char *which, struct tensor *x)
{
	char name[NAME_MAX_LEN];
	struct tensor *w;

	if (!l->qk_norm)
		return x;
	snprintf(name, sizeof(name), "%s.%s", prefix, which);
	w = weight(b, name, "weight", vector(l->head_dim, WEIGHT_NORM, INIT_ONE));
	return b->collecting ? NULL : op_rmsnorm(b->graph, x, w, b->model->spec.norm_eps,
						     x->max.dtype);
}

static bool is_rotary(const struct model_spec *s)
{
	return s->position == POS_ROPE || s->position == POS_ROPE_ADJACENT;
}

static struct rope_attr rope_of(const struct model_spec *s, const struct layer_spec *l)
{
	struct rope_attr rope = { .adjacent = s->position == POS_ROPE_ADJACENT };

	rope.base = l->rope_base ? l->rope_base : s->rope_base;
	if (!l->rope_base)
		rope.scaling = s->rope_scaling;
	return rope;
}

/* In one model layers differ in the base, and in whether it is scaled. */
static bool same_angles(const struct shared_angles *a, const struct rope_attr *rope, int width)
{
	return a->width == width && a->rope.base == rope->base &&
	       a->rope.scaling.kind == rope->scaling.kind;
}

/* Angles that layers have in common are computed once. */
static struct tensor *angles_of(struct builder *b, const struct rope_attr *rope, int width)
{
	struct shared_angles *r = b->angles;

	while (r < b->angles + ANGLES_MAX && r->angles && !same_angles(r, rope, width))
		r++;
	if (r == b->angles + ANGLES_MAX)
		return NULL;
	if (!r->angles)
		*r = (struct shared_angles){
			*rope, width, op_rope_angles(b->graph, b->positions, rope, width) };
	return r->angles;
}

static void turn(struct builder *b, int layer, struct tensor **q, struct tensor **k)
{
	const struct model_spec *s = &b->model->spec;
	struct rope_attr rope = rope_of(s, &s->layer[layer]);
	struct tensor *angles;

	if (!is_rotary(s))
		return;
	angles = angles_of(b, &rope, s->layer[layer].head_dim);
	*q = op_rope_by(b->graph, *q, b->positions, angles, &rope);
	*k = op_rope_by(b->graph, *k, b->positions, angles, &rope);
}

/* New keys and values go behind those that the cache holds, keys turned already. */
static void cache_append(struct builder *b, int layer, struct tensor **q, struct tensor **k,
			 struct tensor **v)
{
	turn(b, layer, q, k);
	*k = kv_cache_append(b->cache, b->graph, layer, KV_KEYS, *k);
	*v = kv_cache_append(b->cache, b->graph, layer, KV_VALUES, *v);
}

/* Sigmoid gate on the attention output (Qiu et al. 2025, "Gated attention", G1). */
static struct tensor *gate_output(struct builder *b, const struct layer_spec *l,
				  const char *prefix, struct tensor *x, struct tensor *o)
{
	bool per_head = l->gate == GATE_HEAD;
	char name[NAME_MAX_LEN];
	struct tensor *g;

	if (l->gate == GATE_NONE)
		return o;
	snprintf(name, sizeof(name), "%s.gate", prefix);
	g = nn_linear(b, name, x, (struct nn_linear){
		.in = b->model->spec.width, .out = per_head ? l->heads : l->heads * l->head_dim,
		.std = b->model->spec.init_std });
	if (b->collecting)
		return NULL;
	g = op_sigmoid(b->graph, g);	/* (B, T, H) or (B, T, H D) */
	g = per_head ? op_broadcast_to(b->graph, g, o, true)
		     : op_split_dim(b->graph, g, 2, l->head_dim);
	return op_mul(b->graph, o, g);	/* (B, T, H, D) */
}

struct tensor *nn_attention(struct builder *b, int layer, const char *prefix, struct tensor *x,
			    struct tensor *q, struct tensor *k, struct tensor *v)
{
	const struct model_spec *s = &b->model->spec;
	const struct layer_spec *l = &s->layer[layer];
	struct attention_attr attr = {
		.scale = s->attn_scale, .causal = true, .window = l->window,
		.softcap = s->attn_softcap,
	};
	struct attention_mask mask = { .doc_start = b->doc_start };
	struct tensor *o;

	q = qk_norm(b, l, prefix, "q_norm", q);
	k = qk_norm(b, l, prefix, "k_norm", k);
	if (b->collecting)
		return gate_output(b, l, prefix, x, NULL);
	if (b->cache) {
		cache_append(b, layer, &q, &k, &v);
		mask.kv_length = kv_cache_lengths(b->cache, b->graph);
	} else if (b->kv != DT_F32) {	/* as a cache of that type would hold them */
		turn(b, layer, &q, &k);
		k = op_cast(b->graph, k, b->kv);
		v = op_cast(b->graph, v, b->kv);
	} else if (is_rotary(s)) {	/* turned on the way into the products */
		mask.positions = b->positions;
		attr.rope = rope_of(s, l);
	}
	o = op_attention(b->graph, q, k, v, &mask, &attr);
	o = gate_output(b, l, prefix, x, o);
	return op_merge_dims(b->graph, o, 2);
}

struct tensor *model_hidden(struct builder *b)
{
	return b->model->spec.family->build(b);
}

struct tensor *model_head(struct builder *b)
{
	const struct model_spec *s = &b->model->spec;
	const char *name = s->tied ? s->family->embedding : s->family->head;

	return weight(b, name, "weight", (struct param_info){
		.nd = 2, .n = { s->vocab, s->width },
		.kind = s->tied ? WEIGHT_EMBEDDING : WEIGHT_HEAD,
		.init = INIT_NORMAL, .std = s->init_std });
}

struct tensor *model_logits(struct builder *b, struct tensor *hidden)
{
	struct tensor *w = model_head(b), *z;

	z = is_stored(hidden, w) ? op_qlinear(b->graph, hidden, w, NULL, b->model->act_round)
				 : op_linear(b->graph, hidden, w, NULL);

	if (b->model->compute != DT_F32)
		z = op_cast(b->graph, z, DT_F32);
	return b->model->spec.logit_softcap > 0
	     ? op_softcap(b->graph, z, b->model->spec.logit_softcap) : z;
}
