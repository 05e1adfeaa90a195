// SPDX-License-Identifier: MIT
/*
 * Qwen3 (Qwen team 2025): Llama with norms of each head's queries and keys.  Names are those
 * of Qwen3ForCausalLM.
 */
#include "nn/family.h"
#include "nn/llama.h"

static const struct family qwen3 = {
	.name = "qwen3",
	.summary = "Qwen3: Llama with norms of q and k",
	.defaults = {
		.norm = NORM_RMSNORM,
		.norm_eps = 1e-6f,
		.position = POS_ROPE,
		.rope_base = 1000000,
	},
	.activation = ACT_SWIGLU,
	.qk_norm = true,
	.has_post_norms = true,
	.mlp_width = llama_mlp_width,
	.build = llama_build,
	.embedding = "model.embed_tokens",
	.head = "lm_head",
};
FAMILY_REGISTER(qwen3);
