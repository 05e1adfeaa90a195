// SPDX-License-Identifier: MIT
/*
 * Metadata of a GGUF file to a spec.  Keys and defaults: llama.cpp, src/llama-arch.cpp,
 * src/llama-model.cpp and src/models/.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "formats/gguf-internal.h"
#include "nn/family.h"

/* struct reader - what is read, and the first error. */
struct reader {
	const struct gguf *g;
	const struct gguf_arch *arch;
	char key[96];
	int error;
};

static const char *key(struct reader *r, const char *name)
{
	snprintf(r->key, sizeof(r->key), "%s.%s", r->arch->name, name);
	return r->key;
}

static const struct gguf_value *given(struct reader *r, const char *name)
{
	return gguf_has(r->g, key(r, name));
}

/* @otherwise: what a missing key means, below 0: it may not be missing. */
static int number(struct reader *r, const char *name, int max, int otherwise)
{
	int64_t n = otherwise;

	if (r->error || (otherwise >= 0 && !given(r, name)))
		return otherwise < 0 ? 1 : otherwise;
	r->error = gguf_int(r->g, key(r, name), 1, max, &n);
	return r->error ? 1 : (int)n;
}

static double real(struct reader *r, const char *name, double otherwise)
{
	double x = otherwise;

	if (r->error || (otherwise >= 0 && !given(r, name)))
		return otherwise;
	r->error = gguf_float(r->g, key(r, name), &x);
	return x;
}

/* A number of layer @i: one for all, or an array. */
static int layer_number(struct reader *r, const char *name, int i, int max, int otherwise)
{
	const struct gguf_value *v = given(r, name);
	int64_t n;

	if (!v || v->type != GGUF_ARRAY)
		return number(r, name, max, otherwise);
	if (!r->error)
		r->error = gguf_array(r->g, r->key, GGUF_I32, &v);
	if (r->error)
		return 1;
	n = (uint64_t)i < v->nr ? gguf_item_int(v, i) : 0;
	if (n < 1 || n > max)
		r->error = fail(-EINVAL, "%s: key '%s': layer %d has %lld, not in 1..%d",
				gguf_path(r->g), r->key, i, (long long)n, max);
	return r->error ? 1 : (int)n;
}

/* ---- rotary positions -------------------------------------------------------------- */

static bool is(struct gguf_string s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.bytes, text, s.len);
}

/* As llama.cpp has it: a factor without a type is linear, and it has an older name; 0 is none. */
static void read_scaling_type(struct reader *r, struct rope_scaling *s)
{
	struct gguf_string type = { .bytes = "linear", .len = 6 };
	double factor;

	if (!r->error && given(r, "rope.scaling.type"))
		r->error = gguf_string(r->g, key(r, "rope.scaling.type"), &type);
	if (r->error || is(type, "none"))
		return;
	if (!is(type, "linear")) {
		r->error = fail(-ENOTSUP, "%s: knlp has no rotary positions of type \"%.*s\"",
				gguf_path(r->g), (int)(type.len < 40 ? type.len : 40), type.bytes);
		return;
	}
	factor = given(r, "rope.scaling.factor") ? real(r, "rope.scaling.factor", 1)
						 : real(r, "rope.scale_linear", 1);
	factor = factor == 0 ? 1 : factor;
	if (!r->error && !(factor > 0 && factor < 1e9))
		r->error = fail(-EINVAL, "%s: key '%s' is %g", gguf_path(r->g), r->key, factor);
	if (factor != 1)
		*s = (struct rope_scaling){ .kind = ROPE_LINEAR, .factor = (float)factor };
}

static void read_rope_freqs(struct reader *r, struct model_spec *s)
{
	const struct gguf_tensor *t = gguf_tensor_find(r->g, GGUF_ROPE_FREQS);
	int head_dim = s->layer[0].head_dim;

	if (!t || r->error)
		return;
	if (t->dtype != DT_F32 || t->nd != 1 || t->shape[0] != head_dim / 2)
		r->error = fail(-EINVAL, "%s: tensor '" GGUF_ROPE_FREQS "' does not hold %d floats",
				gguf_path(r->g), head_dim / 2);
	else if (rope_from_factors(t->data, s->rope_base, head_dim, &s->rope_scaling))
		r->error = fail(-ENOTSUP, "%s: tensor '" GGUF_ROPE_FREQS "' is no scaling of type "
				"llama3", gguf_path(r->g));
}

static void read_rope(struct reader *r, struct model_spec *s)
{
	int dims = number(r, "rope.dimension_count", SPEC_WIDTH_MAX, s->layer[0].head_dim);

	s->position = r->arch->adjacent ? POS_ROPE_ADJACENT : POS_ROPE;
	s->rope_base = (float)real(r, "rope.freq_base", 10000);
	if (!r->error && dims != s->layer[0].head_dim)
		r->error = fail(-ENOTSUP, "%s: %d of the %d elements of a head rotate, knlp turns "
				"all", gguf_path(r->g), dims, s->layer[0].head_dim);
	read_scaling_type(r, &s->rope_scaling);
	read_rope_freqs(r, s);
}

/* ---- layers ------------------------------------------------------------------------- */

static void read_layer(struct reader *r, struct model_spec *s, int i)
{
	struct layer_spec *l = &s->layer[i];
	int values;

	l->heads = layer_number(r, "attention.head_count", i, SPEC_HEADS_MAX, -1);
	l->kv_heads = layer_number(r, "attention.head_count_kv", i, SPEC_HEADS_MAX, l->heads);
	if (!given(r, "attention.key_length") && !r->error && s->width % l->heads)
		r->error = fail(-EINVAL, "%s: '%s.embedding_length' %d is no multiple of %d heads",
				gguf_path(r->g), r->arch->name, s->width, l->heads);
	l->head_dim = number(r, "attention.key_length", SPEC_WIDTH_MAX, s->width / l->heads);
	values = number(r, "attention.value_length", SPEC_WIDTH_MAX, s->width / l->heads);
	if (values != l->head_dim && !r->error)
		r->error = fail(-ENOTSUP, "%s: keys have %d elements and values %d: knlp has no "
				"such models", gguf_path(r->g), l->head_dim, values);
	l->mlp_width = layer_number(r, "feed_forward_length", i, SPEC_WIDTH_MAX, -1);
	l->activation = s->family->activation;
	l->qk_norm = s->family->qk_norm;
}

static int read_layers(struct reader *r, struct model_spec *s)
{
	static const struct layer_spec none;
	size_t tensors = gguf_nr_tensors(r->g);
	int max = tensors < SPEC_LAYERS_MAX ? (int)tensors : SPEC_LAYERS_MAX;
	int layers = number(r, "block_count", max ? max : 1, -1);
	int ret = r->error ? r->error : spec_layers(s, layers, &none);

	if (ret)
		return ret;
	for (int i = 0; i < layers && !r->error; i++)
		read_layer(r, s, i);
	return r->error;
}

/* ---- families ----------------------------------------------------------------------- */

static bool has(const struct reader *r, const char *tensor)
{
	return gguf_tensor_find(r->g, tensor) != NULL;
}

/* What llama.cpp computes and knlp does not, if the file asks for it. */
static void refuse(struct reader *r)
{
	static const char *const keys[] = {
		"attention.clamp_kqv", "attention.max_alibi_bias", "logit_scale",
		"residual_scale", "embedding_scale", "attention.scale",
	};
	int64_t experts;
	bool causal = true;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !r->error; i++)
		if (given(r, keys[i]) && real(r, keys[i], 0) != 0)
			r->error = fail(-ENOTSUP, "%s: knlp has no models with '%s'",
					gguf_path(r->g), r->key);
	if (!r->error && given(r, "expert_count")) {
		r->error = gguf_int(r->g, r->key, 0, INT32_MAX, &experts);
		if (!r->error && experts)
			r->error = fail(-ENOTSUP, "%s: a mixture of experts, which knlp has not",
					gguf_path(r->g));
	}
	if (!r->error && given(r, "attention.causal"))
		r->error = gguf_bool(r->g, r->key, &causal);
	if (!r->error && !causal)
		r->error = fail(-ENOTSUP, "%s: attention is not causal", gguf_path(r->g));
}

static void read_gpt2(struct reader *r, struct model_spec *s)
{
	s->bias = true;
	s->norm = NORM_LAYERNORM;
	s->norm_eps = (float)real(r, "attention.layer_norm_epsilon", -1);
	s->position = POS_LEARNED;
	s->rope_base = s->family->defaults.rope_base;	/* not used, but in range */
}

/* One layer in @every sees all, the last of each group; or an array says which. */
static void read_windows(struct reader *r, struct model_spec *s, int every)
{
	int window = number(r, "attention.sliding_window", SPEC_CONTEXT_MAX, 0);
	const struct gguf_value *v = given(r, "attention.sliding_window_pattern");
	float base = (float)real(r, "rope.freq_base_swa", 10000);

	if (r->error || !window)
		return;
	if (v && v->type != GGUF_ARRAY)
		every = number(r, "attention.sliding_window_pattern", SPEC_LAYERS_MAX, every);
	else if (v && (v->item != GGUF_BOOL || v->nr < (uint64_t)s->layers))
		r->error = fail(-EINVAL, "%s: key '%s' does not hold a bool for each layer",
				gguf_path(r->g), key(r, "attention.sliding_window_pattern"));
	for (int i = 0; i < s->layers && !r->error; i++) {
		bool local = v && v->type == GGUF_ARRAY ? v->data[i] : (i + 1) % every != 0;

		s->layer[i].window = local ? window : 0;
		s->layer[i].rope_base = local ? base : 0;
	}
}

static void read_gemma3(struct reader *r, struct model_spec *s)
{
	s->post_norms = true;
	s->embed_scale = sqrtf((float)s->width);
	s->logit_softcap = (float)real(r, "final_logit_softcapping", 0);
	if (s->layers == GEMMA_27B_LAYERS)
		s->attn_scale = 1 / sqrtf((float)(s->width / s->layer[0].heads));
	read_windows(r, s, 6);
}

static void read_llama(struct reader *r, struct model_spec *s)
{
	s->norm = NORM_RMSNORM;
	s->norm_eps = (float)real(r, "attention.layer_norm_rms_epsilon", -1);
	s->bias = has(r, "blk.0.attn_output.bias");
	s->qkv_bias = !s->bias && has(r, "blk.0.attn_q.bias");
	read_rope(r, s);
	if (!strcmp(r->arch->name, "gemma3"))
		read_gemma3(r, s);
}

/* The number of rows; that they are as wide as the model is checked with all shapes. */
static void read_vocab(struct reader *r, struct model_spec *s)
{
	const struct gguf_tensor *t = gguf_tensor_find(r->g, "token_embd.weight");

	if (r->error)
		return;
	if (!t || t->nd != 2 || t->shape[0] < 1 || t->shape[0] > SPEC_VOCAB_MAX)
		r->error = fail(-EINVAL, "%s: %s", gguf_path(r->g),
				t ? "tensor 'token_embd.weight' is no table of tokens"
				  : "tensor 'token_embd.weight' is missing");
	else
		s->vocab = (int)t->shape[0];
}

int gguf_spec_read(const struct gguf *g, const struct gguf_arch *arch, struct model_spec *s)
{
	struct reader r = { .g = g, .arch = arch };
	int ret;

	s->family = family_find(arch->family);
	if (!s->family)
		return fail_in(-ENOTSUP, "%s", gguf_path(g));
	s->width = number(&r, "embedding_length", SPEC_WIDTH_MAX, -1);
	s->context = number(&r, "context_length", SPEC_CONTEXT_MAX, -1);
	s->init_std = 0.02f;
	ret = read_layers(&r, s);
	if (ret)
		return ret;
	read_vocab(&r, s);
	refuse(&r);
	s->tied = !has(&r, "output.weight");
	if (!strcmp(arch->name, "gpt2"))
		read_gpt2(&r, s);
	else
		read_llama(&r, s);
	return r.error;
}
