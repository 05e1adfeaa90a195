// SPDX-License-Identifier: MIT
/*
 * Gemma 3 (Gemma team 2025): norms in front of each branch and behind it, norms of queries and
 * keys, GeGLU, scaled token embeddings that are the head as well, and windowed layers with a
 * rotary base of their own: MODEL_ATTENTION says which.  Names are those of Gemma3ForCausalLM;
 * norms hold what is multiplied with, Hugging Face's files that minus 1.
 */
#include "nn/family.h"
#include "nn/llama.h"

static const struct family gemma3 = {
	.name = "gemma3",
	.summary = "Gemma 3: norms before and after, QK-norm, GeGLU, tied scaled embedding",
	.defaults = {
		.tied = true,
		.post_norms = true,
		.norm = NORM_RMSNORM,
		.norm_eps = 1e-6f,
		.position = POS_ROPE,
		.rope_base = 1000000,
	},
	.activation = ACT_GEGLU,
	.local_rope_base = 10000,
	.qk_norm = true,
	.scales_embedding = true,
	.has_post_norms = true,
	.mlp_width = llama_mlp_width,
	.build = llama_build,
	.embedding = "model.embed_tokens",
	.head = "lm_head",
};
FAMILY_REGISTER(gemma3);
