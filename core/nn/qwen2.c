// SPDX-License-Identifier: MIT
/*
 * Qwen2 and 2.5 (Qwen team 2024): Llama with biases of queries, keys and values.  Names are
 * those of Qwen2ForCausalLM.
 */
#include "nn/family.h"
#include "nn/llama.h"

static const struct family qwen2 = {
	.name = "qwen2",
	.summary = "Qwen2: Llama with biases of q, k and v",
	.defaults = {
		.qkv_bias = true,
		.norm = NORM_RMSNORM,
		.norm_eps = 1e-6f,
		.position = POS_ROPE,
		.rope_base = 1000000,
	},
	.activation = ACT_SWIGLU,
	.has_post_norms = true,
	.mlp_width = llama_mlp_width,
	.build = llama_build,
	.embedding = "model.embed_tokens",
	.head = "lm_head",
};
FAMILY_REGISTER(qwen2);
