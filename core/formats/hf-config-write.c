// SPDX-License-Identifier: MIT
/*
 * A spec to the config.json that transformers reads, versions 4 and 5.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/tokenizer.h"
#include "formats/hf-internal.h"

static const struct {
	const char *type, *class;
} kinds[] = {
	[KIND_GPT2] = { "gpt2", "GPT2LMHeadModel" },
	[KIND_LLAMA] = { "llama", "LlamaForCausalLM" },
	[KIND_MISTRAL] = { "mistral", "MistralForCausalLM" },
	[KIND_QWEN2] = { "qwen2", "Qwen2ForCausalLM" },
	[KIND_QWEN3] = { "qwen3", "Qwen3ForCausalLM" },
	[KIND_GEMMA3] = { "gemma3_text", "Gemma3ForCausalLM" },
};

static const char *activation_name(enum activation a)
{
	switch (a) {
	case ACT_GELU:	     return "gelu_new";
	case ACT_GELU_EXACT: return "gelu";
	case ACT_RELU2:	     return "relu2";
	case ACT_GEGLU:	     return "gelu_pytorch_tanh";
	default:	     return "silu";
	}
}

static void add_key(struct strbuf *sb, const char *key)
{
	strbuf_addf(sb, "%s\n  \"%s\": ", sb->s[sb->len - 1] == '{' ? "" : ",", key);
}

static void put_text(struct strbuf *sb, const char *key, const char *value)
{
	add_key(sb, key);
	json_add_string(sb, value);
}

static void put_int(struct strbuf *sb, const char *key, long long value)
{
	add_key(sb, key);
	strbuf_addf(sb, "%lld", value);
}

static void put_bool(struct strbuf *sb, const char *key, bool value)
{
	add_key(sb, key);
	strbuf_adds(sb, value ? "true" : "false");
}

/* The fewest digits that give the same float: 1e-05, where a double has 9.99999975e-06. */
static void add_float(struct strbuf *sb, float value)
{
	char text[32];

	if (fabsf(value) < 1e9f && value == rintf(value)) {
		strbuf_addf(sb, "%.1f", value);
		return;
	}
	for (int digits = 1; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtof(text, NULL) == value)
			break;
	}
	strbuf_adds(sb, text);
}

static void put_float(struct strbuf *sb, const char *key, float value)
{
	add_key(sb, key);
	add_float(sb, value);
}

/* null where there is none: a missing key would mean a number that GPT-2's tokenizer has. */
static void put_id(struct strbuf *sb, const char *key, uint32_t id)
{
	if (id != TOKEN_NONE) {
		put_int(sb, key, id);
	} else {
		add_key(sb, key);
		strbuf_adds(sb, "null");
	}
}

/* ---- the parts ---------------------------------------------------------------------- */

static void put_gpt2(struct strbuf *sb, const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];

	put_int(sb, "n_layer", s->layers);
	put_int(sb, "n_head", l->heads);
	put_int(sb, "n_embd", s->width);
	put_int(sb, "n_inner", l->mlp_width);
	put_int(sb, "n_positions", s->context);
	put_int(sb, "n_ctx", s->context);
	put_float(sb, "layer_norm_epsilon", s->norm_eps);
	put_text(sb, "activation_function", activation_name(l->activation));
}

static void put_scaling(struct strbuf *sb, const struct rope_scaling *r)
{
	add_key(sb, "rope_scaling");
	if (r->kind == ROPE_PLAIN) {
		strbuf_adds(sb, "null");
		return;
	}
	strbuf_addf(sb, "{\"rope_type\": \"%s\", \"factor\": ",
		    r->kind == ROPE_LINEAR ? "linear" : "llama3");
	add_float(sb, r->factor);
	if (r->kind == ROPE_LLAMA3) {
		strbuf_adds(sb, ", \"low_freq_factor\": ");
		add_float(sb, r->low);
		strbuf_adds(sb, ", \"high_freq_factor\": ");
		add_float(sb, r->high);
		strbuf_addf(sb, ", \"original_max_position_embeddings\": %d", r->original);
	}
	strbuf_addc(sb, '}');
}

static void put_layer_types(struct strbuf *sb, const struct model_spec *s)
{
	add_key(sb, "layer_types");
	for (int i = 0; i < s->layers; i++)
		strbuf_addf(sb, "%s\"%s_attention\"", i ? ", " : "[",
			    s->layer[i].window ? "sliding" : "full");
	strbuf_addc(sb, ']');
}

static void put_gemma3(struct strbuf *sb, const struct model_spec *s)
{
	float local = 10000, scalar = s->layer[0].head_dim;

	if (s->attn_scale)
		scalar = 1 / (s->attn_scale * s->attn_scale);
	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].window)
			local = s->layer[i].rope_base;
	put_float(sb, "rope_local_base_freq", local);
	/* transformers 5 wants an integer. */
	if (fabsf(scalar - rintf(scalar)) < 1e-4f * scalar)
		put_int(sb, "query_pre_attn_scalar", lrintf(scalar));
	else
		put_float(sb, "query_pre_attn_scalar", scalar);
	if (s->attn_softcap)
		put_float(sb, "attn_logit_softcapping", s->attn_softcap);
	if (s->logit_softcap)
		put_float(sb, "final_logit_softcapping", s->logit_softcap);
	/* Without windowed layers no number matters, but one has to be there. */
	put_int(sb, "sliding_window", spec_window(s) ? spec_window(s) : s->context);
	put_layer_types(sb, s);
}

static void put_windows(struct strbuf *sb, const struct model_spec *s, enum spec_kind kind)
{
	if (kind == KIND_GEMMA3)
		put_gemma3(sb, s);
	if (kind == KIND_MISTRAL)
		put_int(sb, "sliding_window", spec_window(s));
	if (kind != KIND_QWEN2 && kind != KIND_QWEN3)
		return;
	put_bool(sb, "use_sliding_window", spec_window(s));
	if (spec_window(s)) {
		put_int(sb, "sliding_window", spec_window(s));
		put_layer_types(sb, s);
	}
}

static void put_llama(struct strbuf *sb, const struct model_spec *s, enum spec_kind kind)
{
	const struct layer_spec *l = &s->layer[0];

	put_int(sb, "num_hidden_layers", s->layers);
	put_int(sb, "num_attention_heads", l->heads);
	put_int(sb, "num_key_value_heads", l->kv_heads);
	put_int(sb, "head_dim", l->head_dim);
	put_int(sb, "hidden_size", s->width);
	put_int(sb, "intermediate_size", l->mlp_width);
	put_int(sb, "max_position_embeddings", s->context);
	put_float(sb, "rms_norm_eps", s->norm_eps);
	put_float(sb, "rope_theta", s->rope_base);
	put_scaling(sb, &s->rope_scaling);
	put_text(sb, kind == KIND_GEMMA3 ? "hidden_activation" : "hidden_act",
		 activation_name(l->activation));
	if (kind == KIND_LLAMA) {
		put_bool(sb, "attention_bias", s->bias);
		put_bool(sb, "mlp_bias", s->bias);
	} else if (kind == KIND_QWEN3 || kind == KIND_GEMMA3) {
		put_bool(sb, "attention_bias", false);
	}
	put_windows(sb, s, kind);
}

static void put_tokens(struct strbuf *sb, const struct tokenizer *tok)
{
	uint32_t eos = tokenizer_eos(tok);

	put_id(sb, "bos_token_id", tokenizer_bos(tok));
	put_id(sb, "eos_token_id", eos == TOKEN_NONE ? tokenizer_eot(tok) : eos);
	put_id(sb, "pad_token_id", tokenizer_pad(tok));
}

int hf_config_write(const struct model_source *src, enum dtype dtype, bool sparse,
		    struct strbuf *sb)
{
	const struct model_spec *s = &src->spec;
	int kind = spec_kind(HF_CONFIG, s);
	const char *type = dtype == DT_F16 ? "float16" : dtype == DT_BF16 ? "bfloat16" : "float32";

	if (kind < 0)
		return kind;
	strbuf_addc(sb, '{');
	put_text(sb, "model_type", kinds[kind].type);
	add_key(sb, "architectures");
	strbuf_addf(sb, "[\"%s\"]", kinds[kind].class);
	if (kind == KIND_GPT2)
		put_gpt2(sb, s);
	else
		put_llama(sb, s, kind);
	put_int(sb, "vocab_size", s->vocab);
	put_bool(sb, "tie_word_embeddings", s->tied);
	if (src->tokenizer)
		put_tokens(sb, src->tokenizer);
	put_text(sb, "torch_dtype", type);
	if (sparse) {
		add_key(sb, "quantization_config");
		strbuf_adds(sb, "{\"quant_method\": \"" HF_SPARSE "\"}");
	}
	strbuf_adds(sb, "\n}\n");
	return strbuf_ok(sb);
}
