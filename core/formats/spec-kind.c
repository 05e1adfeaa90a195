// SPDX-License-Identifier: MIT
/*
 * Which model of other programs a spec is: knlp's can do more than any of them.
 */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "formats/source-internal.h"
#include "nn/family.h"

static const char *const names[] = {
	[KIND_GPT2] = "GPT-2", [KIND_LLAMA] = "Llama", [KIND_MISTRAL] = "Mistral",
	[KIND_QWEN2] = "Qwen2", [KIND_QWEN3] = "Qwen3", [KIND_GEMMA3] = "Gemma 3",
};

int spec_window(const struct model_spec *s)
{
	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].window)
			return s->layer[i].window;
	return 0;
}

static bool same_layers(const struct model_spec *s)
{
	const struct layer_spec *a = &s->layer[0];

	for (int i = 1; i < s->layers; i++) {
		const struct layer_spec *b = &s->layer[i];

		if (a->heads != b->heads || a->kv_heads != b->kv_heads ||
		    a->head_dim != b->head_dim || a->mlp_width != b->mlp_width ||
		    a->activation != b->activation || a->qk_norm != b->qk_norm)
			return false;
	}
	return true;
}

static bool same_windows(const struct model_spec *s)
{
	int window = spec_window(s);

	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].window && s->layer[i].window != window)
			return false;
	return true;
}

/* Every layer has what its family's windowed and other layers have. */
static bool same_bases(const struct model_spec *s, bool gemma)
{
	float local = 0;

	for (int i = 0; i < s->layers; i++) {
		const struct layer_spec *l = &s->layer[i];

		if (gemma && l->window) {
			if (!l->rope_base || (local && local != l->rope_base))
				return false;
			local = l->rope_base;
		} else if (l->rope_base && (l->rope_base != s->rope_base ||
					    s->rope_scaling.kind != ROPE_PLAIN)) {
			return false;
		}
	}
	return true;
}

static bool all_windowed(const struct model_spec *s)
{
	for (int i = 0; i < s->layers; i++)
		if (!s->layer[i].window)
			return false;
	return true;
}

static enum spec_kind guess(const struct model_spec *s)
{
	if (!strcmp(s->family->name, "gpt2"))
		return KIND_GPT2;
	if (s->post_norms)
		return KIND_GEMMA3;
	if (s->layer[0].qk_norm)
		return KIND_QWEN3;
	if (s->qkv_bias && !s->bias)
		return KIND_QWEN2;
	return all_windowed(s) ? KIND_MISTRAL : KIND_LLAMA;
}

/* What all kinds lack, or NULL. */
static const char *nobody_has(const struct model_spec *s)
{
	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].gate != GATE_NONE)
			return "gates on attention";
	if (!same_layers(s))
		return "layers of different sizes";
	if (!same_windows(s))
		return "windows of different widths";
	return s->position == POS_NONE ? "no positions" : NULL;
}

static const char *gpt2_lacks(const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];

	if (s->position != POS_LEARNED)
		return "rotary positions";
	if (s->norm != NORM_LAYERNORM)
		return "rmsnorm";
	if (!s->bias)
		return "no biases";
	if (l->kv_heads != l->heads || l->heads * l->head_dim != s->width)
		return "heads that do not make up its width";
	if (l->qk_norm)
		return "norms of q and k";
	if (activation_is_gated(l->activation))
		return "a gated MLP";
	if (spec_window(s))
		return "windows";
	return s->attn_softcap || s->logit_softcap || s->attn_scale || s->embed_scale
		? "caps and scales" : NULL;
}

static const char *llama_lacks(const struct model_spec *s, enum spec_kind kind)
{
	bool gemma = kind == KIND_GEMMA3;
	const struct layer_spec *l = &s->layer[0];

	if (s->position == POS_LEARNED)
		return "learned positions";
	if (s->norm != NORM_RMSNORM)
		return "layernorm";
	if (!activation_is_gated(l->activation))
		return "an MLP without gate";
	if (s->bias && kind != KIND_LLAMA)
		return "biases everywhere";
	if (s->qkv_bias && kind != KIND_QWEN2 && !s->bias)
		return "biases of q, k and v";
	if (l->qk_norm != (kind == KIND_QWEN3 || gemma))
		return l->qk_norm ? "norms of q and k" : "no norms of q and k";
	if (kind == KIND_LLAMA && spec_window(s))
		return "windows in some layers";
	if (!same_bases(s, gemma))
		return "layers with rotary bases of their own";
	if (gemma)
		return s->embed_scale == sqrtf((float)s->width) ? NULL
								 : "another scale of embeddings";
	return s->attn_softcap || s->logit_softcap || s->attn_scale || s->embed_scale
		? "caps and scales" : NULL;
}

int spec_kind(const char *path, const struct model_spec *s)
{
	enum spec_kind kind = guess(s);
	const char *what = nobody_has(s);

	if (what)
		return fail(-ENOTSUP, "%s: the model has %s, for which other programs have no name",
			    path, what);
	what = kind == KIND_GPT2 ? gpt2_lacks(s) : llama_lacks(s, kind);
	if (what)
		return fail(-ENOTSUP, "%s: the model has %s, which a %s cannot have", path, what,
			    names[kind]);
	return (int)kind;
}
