/* SPDX-License-Identifier: MIT */
/*
 * What a model is, before anything is built: the per-layer spec.
 */
#ifndef NN_SPEC_H
#define NN_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/activation.h"
#include "ops/rope.h"

struct config;
struct family;

enum norm_kind { NORM_LAYERNORM, NORM_RMSNORM };

enum position { POS_LEARNED, POS_ROPE, POS_ROPE_ADJACENT, POS_NONE };

/* Sigmoid gate on the attention output, before the output projection. */
enum gate { GATE_NONE, GATE_HEAD, GATE_ELEMENT };

/**
 * struct layer_spec - one block.
 * @window: keys seen back from each query, 0: all
 * @rope_base: of this layer, where layers differ; 0: that of the model, and its scaling
 */
struct layer_spec {
	int heads, kv_heads, head_dim;
	int window;
	float rope_base;
	int mlp_width;
	bool qk_norm;
	enum gate gate;
	enum activation activation;
};

/**
 * struct model_spec - the whole model; @layer has @layers entries.
 * @bias: of all linear layers; @qkv_bias: of the projections to q, k and v, where @bias is not
 * @post_norms: each branch is normed before it is added, too (Gemma 2 and 3)
 * @embed_scale: token embeddings are multiplied by it; 0: they are not
 * @attn_scale: of q k^T; 0: 1 / sqrt(head_dim)
 */
struct model_spec {
	const struct family *family;
	int layers, width, vocab, context;
	bool tied, bias, qkv_bias, post_norms;
	float embed_scale, attn_scale;
	struct rope_scaling rope_scaling;
	enum norm_kind norm;
	float norm_eps;
	enum position position;
	float rope_base;
	float attn_softcap, logit_softcap;
	float dropout;
	float init_std;
	struct layer_spec *layer;
};

/**
 * spec_from_config() - resolve MODEL_* for a data set with @data_vocab tokens.
 * @data_vocab: 0 if there is no data set; then MODEL_VOCAB must be a number
 * Return: 0; -EINVAL naming the parameters that do not fit each other.
 */
int spec_from_config(const struct config *cfg, int data_vocab, struct model_spec *spec);

/**
 * spec_resolve() - put what `auto` stood for into the MODEL_ parameters of @cfg, so that a
 * stored configuration describes the model whatever later versions take for auto.
 * @cfg: the one that @spec was made from
 */
int spec_resolve(const struct model_spec *spec, struct config *cfg);

/**
 * spec_to_config() - put a spec that came from elsewhere into the MODEL_ parameters of @cfg.
 * Return: 0; -ENOTSUP naming what parameters cannot say.
 */
int spec_to_config(const struct model_spec *spec, struct config *cfg);

/** spec_copy() - @to is to be freed on its own. Return: 0 or -ENOMEM. */
int spec_copy(const struct model_spec *from, struct model_spec *to);

/** spec_free() - free what spec_from_config() allocated. */
void spec_free(struct model_spec *spec);

bool activation_is_gated(enum activation a);

#endif
