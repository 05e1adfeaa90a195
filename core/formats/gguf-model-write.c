// SPDX-License-Identifier: MIT
/*
 * Models into GGUF files, with the keys that convert_hf_to_gguf.py writes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/tokenizer.h"
#include "formats/gguf-internal.h"
#include "nn/family.h"

#define QUANTIZATION_VERSION 2	/* ggml.h, GGML_QNT_VERSION */

/* struct out - what is being written. */
struct out {
	const struct model_source *src;
	const struct gguf_arch *arch;
	const struct gguf *from;	/* the source, if it is a GGUF file as well */
	struct gguf_writer *w;
	struct outgoing tensors;
	float *factors;			/* of rotary positions */
	bool typed;			/* another type was asked for */
};

/* ---- what llama.cpp lacks ------------------------------------------------------------ */

static const char *lacks(const struct model_spec *s, enum spec_kind kind)
{
	const struct layer_spec *l = &s->layer[0];
	enum activation only = kind == KIND_GPT2 ? ACT_GELU
			     : kind == KIND_GEMMA3 ? ACT_GEGLU : ACT_SWIGLU;

	if (l->activation != only)
		return "another activation";
	if (s->attn_softcap)
		return "a softcap in attention";
	if (kind != KIND_GEMMA3 && spec_window(s) && spec_window(s) < s->context)
		return "windows";
	if (kind == KIND_QWEN2 && l->heads * l->head_dim != s->width)
		return "heads that do not make up its width";
	if (s->rope_scaling.kind == ROPE_LLAMA3 && kind != KIND_LLAMA && kind != KIND_MISTRAL)
		return "stretched rotary positions of type llama3";
	return NULL;
}

/* llama.cpp takes the scale of attention from the number of layers. */
static bool scale_fits(const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];
	float scale = s->attn_scale ? s->attn_scale : 1 / sqrtf((float)l->head_dim);
	int of = s->layers == GEMMA_27B_LAYERS ? s->width / l->heads : l->head_dim;

	return fabsf(scale * sqrtf((float)of) - 1) < 1e-6f;
}

static int check(const char *path, const struct model_spec *s)
{
	int kind = spec_kind(path, s);
	const char *what;

	if (kind < 0)
		return kind;
	what = lacks(s, kind);
	if (!what && kind == KIND_GEMMA3 && !scale_fits(s))
		what = "another scale of attention";
	if (what)
		return fail(-ENOTSUP, "%s: the model has %s, which llama.cpp's %s cannot have",
			    path, what, gguf_arch_for(s)->name);
	return 0;
}

/* ---- keys ---------------------------------------------------------------------------- */

static void put_number(struct out *o, const char *name, int value)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", o->arch->name, name);
	gguf_put_u32(o->w, key, (uint32_t)value);
}

static void put_real(struct out *o, const char *name, float value)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", o->arch->name, name);
	gguf_put_f32(o->w, key, value);
}

static void put_text(struct out *o, const char *key, const char *text)
{
	gguf_put_string(o->w, key, text, strlen(text));
}

static bool begins(const struct gguf_value *v, const char *with)
{
	return v->key.len >= strlen(with) && !memcmp(v->key.bytes, with, strlen(with));
}

static bool is_key(const struct gguf_value *v, const char *key)
{
	return v->key.len == strlen(key) && begins(v, key);
}

/* Keys of the source that say something of the model and nothing of this file. */
static void copy_values(struct out *o, const char *prefix)
{
	for (size_t i = 0; i < gguf_nr_values(o->from); i++) {
		const struct gguf_value *v = gguf_value_at(o->from, i);

		if (begins(v, prefix) && !is_key(v, "general.architecture") &&
		    !is_key(v, "general.quantization_version") &&
		    !(is_key(v, "general.file_type") && o->typed))
			gguf_put_value(o->w, v);
	}
}

/* llama.h, enum llama_ftype, by the type of the last matrix; -1: none for this type alone. */
static int file_type(enum dtype matrices)
{
	switch (matrices) {
	case DT_F32:  return 0;
	case DT_F16:  return 1;
	case DT_BF16: return 32;
	default:      return -1;
	}
}

static void put_file_type(struct out *o)
{
	int type = -1;

	for (int i = 0; i < o->tensors.nr; i++) {
		const struct turned *t = &o->tensors.turned[i];

		if (t->from->nd == 2 && !str_has_suffix(t->from->name, "wpe.weight"))
			type = file_type(t->to);
	}
	if (type >= 0)
		gguf_put_u32(o->w, "general.file_type", (uint32_t)type);
}

static void put_general(struct out *o)
{
	put_text(o, "general.architecture", o->arch->name);
	if (o->from)
		copy_values(o, "general.");
	else
		put_text(o, "general.type", "model");
	if (!o->from || o->typed)
		put_file_type(o);
	gguf_put_u32(o->w, "general.quantization_version", QUANTIZATION_VERSION);
}

/* Every sixth layer sees all: what llama.cpp takes a Gemma 3 to be. */
#define GEMMA_EVERY 6

static void put_windows(struct out *o)
{
	const struct model_spec *s = &o->src->spec;
	bool local[SPEC_LAYERS_MAX], usual = true;
	float base = 0;

	for (int i = 0; i < s->layers; i++) {
		local[i] = s->layer[i].window > 0;
		usual = usual && local[i] == ((i + 1) % GEMMA_EVERY != 0);
		base = local[i] ? s->layer[i].rope_base : base;
	}
	put_number(o, "attention.sliding_window", spec_window(s));
	put_real(o, "rope.freq_base_swa", base);
	if (!usual)
		gguf_put_bools(o->w, "gemma3.attention.sliding_window_pattern", local, s->layers);
}

static void put_rope(struct out *o)
{
	const struct model_spec *s = &o->src->spec;
	char key[96];

	put_number(o, "attention.key_length", s->layer[0].head_dim);
	put_number(o, "attention.value_length", s->layer[0].head_dim);
	put_number(o, "rope.dimension_count", s->layer[0].head_dim);
	put_real(o, "rope.freq_base", s->rope_base);
	if (s->rope_scaling.kind != ROPE_LINEAR)
		return;
	snprintf(key, sizeof(key), "%s.rope.scaling.type", o->arch->name);
	put_text(o, key, "linear");
	put_real(o, "rope.scaling.factor", s->rope_scaling.factor);
}

static void put_spec(struct out *o)
{
	const struct model_spec *s = &o->src->spec;
	const struct layer_spec *l = &s->layer[0];
	bool gpt2 = s->position == POS_LEARNED;

	put_number(o, "block_count", s->layers);
	put_number(o, "context_length", s->context);
	put_number(o, "embedding_length", s->width);
	put_number(o, "feed_forward_length", l->mlp_width);
	put_number(o, "attention.head_count", l->heads);
	if (!gpt2)
		put_number(o, "attention.head_count_kv", l->kv_heads);
	put_real(o, gpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
		 s->norm_eps);
	put_number(o, "vocab_size", s->vocab);
	if (!gpt2)
		put_rope(o);
	if (s->post_norms && spec_window(s))
		put_windows(o);
	if (s->logit_softcap)
		put_real(o, "final_logit_softcapping", s->logit_softcap);
}

static int put_tokenizer(struct out *o)
{
	const struct model_source *src = o->src;
	int ret = 0;

	if (o->from) {
		copy_values(o, "tokenizer.");
		return 0;
	}
	if (src->tokenizer)
		ret = tokenizer_to_gguf(src->tokenizer, (uint32_t)src->spec.vocab, o->w);
	if (!ret && src->chat_template)
		put_text(o, "tokenizer.chat_template", src->chat_template);
	return ret;
}

/* ---- tensors ------------------------------------------------------------------------- */

/* As convert_hf_to_gguf.py: vectors and positions are always f32. */
static enum dtype type_of(const struct model_source *src, const struct source_tensor *t, float add,
			  const struct write_options *o)
{
	(void)src;
	(void)add;
	if (t->nd == 1 || str_has_suffix(t->name, "wpe.weight"))
		return DT_F32;
	return o->dtype == DT_COUNT ? t->dtype : o->dtype;
}

static int put_factors(void *ctx, FILE *f)
{
	const struct out *o = ctx;
	size_t nr = o->src->spec.layer[0].head_dim / 2;

	return fwrite(o->factors, sizeof(float), nr, f) == nr ? 0 : fail_errno("write");
}

static int put_rope_freqs(struct out *o)
{
	const struct model_spec *s = &o->src->spec;
	int head_dim = s->layer[0].head_dim;
	int64_t shape[] = { head_dim / 2 };

	if (s->rope_scaling.kind != ROPE_LLAMA3)
		return 0;
	o->factors = malloc(shape[0] * sizeof(*o->factors));
	if (!o->factors)
		return fail_nomem(shape[0] * sizeof(*o->factors), "factors of positions");
	rope_factors(&s->rope_scaling, s->rope_base, head_dim, o->factors);
	gguf_put_tensor(o->w, GGUF_ROPE_FREQS, DT_F32, 1, shape, put_factors, o);
	return 0;
}

static int put_tensors(struct out *o)
{
	char name[GGUF_NAME_MAX + 1];
	int ret = put_rope_freqs(o);

	for (int i = 0; i < o->tensors.nr && !ret; i++) {
		struct turned *t = &o->tensors.turned[i];

		ret = gguf_tensor_name(&o->src->spec, t->from->name, name);
		if (!ret)
			gguf_put_tensor(o->w, name, t->to, t->from->nd, t->from->shape,
					turned_write, t);
	}
	return ret;
}

/* ---- the file ------------------------------------------------------------------------ */

static int write_file(struct out *o, const char *path)
{
	int ret;

	put_general(o);
	put_spec(o);
	ret = put_tokenizer(o);
	if (!ret)
		ret = put_tensors(o);
	if (ret)
		return fail_in(ret, "%s", path);
	outgoing_begin(&o->tensors);
	ret = gguf_write(o->w, path);
	outgoing_end(&o->tensors);
	return ret;
}

int gguf_model_write(const struct model_source *src, const char *path,
		     const struct write_options *options)
{
	struct outgoing_rules rules = { .type = type_of };
	struct out o = { .src = src, .from = gguf_of(src), .typed = options->dtype != DT_COUNT };
	int ret = check(path, &src->spec);

	if (ret)
		return ret;
	o.arch = gguf_arch_for(&src->spec);
	rules.position = o.arch->adjacent ? POS_ROPE_ADJACENT : POS_ROPE;
	ret = outgoing_make(src, &rules, options, &o.tensors);
	if (ret)
		return ret;
	o.w = gguf_writer_new();
	ret = o.w ? write_file(&o, path) : -ENOMEM;
	gguf_writer_free(o.w);
	outgoing_free(&o.tensors);
	free(o.factors);
	return ret;
}
