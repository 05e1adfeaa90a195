// SPDX-License-Identifier: MIT
/*
 * Names of tensors: llama.cpp, src/llama-arch.cpp; gguf-py, tensor_mapping.py.
 */
#include <string.h>

#include "base/fail.h"
#include "formats/gguf-internal.h"
#include "nn/family.h"

static const struct gguf_arch archs[] = {
	{ "gpt2", "gpt2", false },
	{ "llama", "llama", true },
	{ "qwen2", "qwen2", false },
	{ "qwen3", "qwen3", false },
	{ "gemma3", "gemma3", false },
};

#define NR_ARCHS (sizeof(archs) / sizeof(archs[0]))

const struct gguf_arch *gguf_arch_named(struct gguf_string name)
{
	for (size_t i = 0; i < NR_ARCHS; i++)
		if (strlen(archs[i].name) == name.len &&
		    !memcmp(archs[i].name, name.bytes, name.len))
			return &archs[i];
	return NULL;
}

/* What a Llama of knlp has beyond Llama decides: llama.cpp gives it another name then. */
static const char *arch_name(const struct model_spec *s)
{
	if (!strcmp(s->family->name, "gpt2"))
		return "gpt2";
	if (s->post_norms)
		return "gemma3";
	if (s->layer[0].qk_norm)
		return "qwen3";
	return s->qkv_bias ? "qwen2" : "llama";
}

const struct gguf_arch *gguf_arch_for(const struct model_spec *spec)
{
	const char *name = arch_name(spec);

	return gguf_arch_named((struct gguf_string){ name, strlen(name) });
}

struct name_pair {
	const char *hf, *gguf;
};

static const struct name_pair whole[] = {
	{ "model.embed_tokens", "token_embd" },
	{ "model.norm", "output_norm" },
	{ "lm_head", "output" },
	{ "transformer.wte", "token_embd" },
	{ "transformer.wpe", "position_embd" },
	{ "transformer.ln_f", "output_norm" },
};

static const struct name_pair gpt2_layer[] = {
	{ "ln_1", "attn_norm" },
	{ "attn.c_attn", "attn_qkv" },
	{ "attn.c_proj", "attn_output" },
	{ "ln_2", "ffn_norm" },
	{ "mlp.c_fc", "ffn_up" },
	{ "mlp.c_proj", "ffn_down" },
};

static const struct name_pair llama_layer[] = {
	{ "input_layernorm", "attn_norm" },
	{ "self_attn.q_proj", "attn_q" },
	{ "self_attn.k_proj", "attn_k" },
	{ "self_attn.v_proj", "attn_v" },
	{ "self_attn.o_proj", "attn_output" },
	{ "self_attn.q_norm", "attn_q_norm" },
	{ "self_attn.k_norm", "attn_k_norm" },
	{ "mlp.gate_proj", "ffn_gate" },
	{ "mlp.up_proj", "ffn_up" },
	{ "mlp.down_proj", "ffn_down" },
	{ "pre_feedforward_layernorm", "ffn_norm" },
	{ "post_feedforward_layernorm", "post_ffw_norm" },
};

static const char *in(const struct name_pair *pairs, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(pairs[i].hf, name))
			return pairs[i].gguf;
	return NULL;
}

#define IN(pairs, name) in(pairs, sizeof(pairs) / sizeof((pairs)[0]), name)

static const char *in_layer(const struct model_spec *s, const char *part)
{
	if (!strcmp(s->family->name, "gpt2"))
		return IN(gpt2_layer, part);
	if (!strcmp(part, "post_attention_layernorm"))	/* Gemma's is behind the branch */
		return s->post_norms ? "post_attention_norm" : "ffn_norm";
	return IN(llama_layer, part);
}

int gguf_tensor_name(const struct model_spec *spec, const char *name, char *out)
{
	const char *dot = strrchr(name, '.'), *found = NULL;
	char stem[64], part[64];
	int layer;

	if (!dot || dot - name >= (int)sizeof(stem))
		goto none;
	memcpy(stem, name, dot - name);
	stem[dot - name] = '\0';
	if (sscanf(stem, "model.layers.%d.%63s", &layer, part) == 2 ||
	    sscanf(stem, "transformer.h.%d.%63s", &layer, part) == 2) {
		found = in_layer(spec, part);
		if (found)
			snprintf(out, GGUF_NAME_MAX + 1, "blk.%d.%s%s", layer, found, dot);
	} else {
		found = IN(whole, stem);
		if (found)
			snprintf(out, GGUF_NAME_MAX + 1, "%s%s", found, dot);
	}
	if (found)
		return 0;
none:
	return fail(-ENOTSUP, "llama.cpp has no tensor for '%s'", name);
}
