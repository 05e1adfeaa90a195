// SPDX-License-Identifier: MIT
/*
 * config.json of Hugging Face to a spec.  Keys and their defaults are those of transformers'
 * configuration_*.py, versions 4 and 5.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "formats/hf-internal.h"
#include "nn/family.h"

/* struct reader - what is read, and the first error. */
struct reader {
	const char *file;
	const cJSON *config;
	int max_layers;
	int error;
};

static const cJSON *given(const struct reader *r, const char *key)
{
	const cJSON *item = json_get(r->config, key);

	return item && !cJSON_IsNull(item) ? item : NULL;
}

/* @otherwise: what a missing key means, below 0: it may not be missing. */
static int number(struct reader *r, const char *key, int max, int otherwise)
{
	long long n = otherwise;

	if (r->error || (otherwise >= 0 && !given(r, key)))
		return otherwise < 0 ? 1 : otherwise;
	r->error = json_int(r->file, r->config, key, 1, max, &n);
	return r->error ? 1 : (int)n;
}

static double real(struct reader *r, const char *key, double otherwise)
{
	double x = otherwise;

	if (!r->error && given(r, key))
		r->error = json_double(r->file, r->config, key, &x);
	return x;
}

static bool flag(struct reader *r, const char *key, bool otherwise)
{
	bool yes = otherwise;

	if (!r->error && given(r, key))
		r->error = json_bool(r->file, r->config, key, &yes);
	return yes;
}

static const char *text(struct reader *r, const char *key, const char *otherwise)
{
	const char *s = otherwise;

	if (!r->error && given(r, key))
		r->error = json_string(r->file, r->config, key, &s);
	return r->error ? otherwise : s;
}

/* What knlp's models do not do: the key may be there only with this value. */
static void refuse_flag(struct reader *r, const char *key, bool only)
{
	if (flag(r, key, only) != only && !r->error)
		r->error = fail(-ENOTSUP, "%s: knlp has no models with '%s' %s", r->file, key,
				only ? "false" : "true");
}

static void refuse_key(struct reader *r, const char *key)
{
	if (!r->error && given(r, key))
		r->error = fail(-ENOTSUP, "%s: knlp has no models with '%s'", r->file, key);
}

/* Of ways to store weights otherwise, knlp knows its own (hf-sparse.c). */
static void check_quantization(struct reader *r)
{
	const char *method = cJSON_GetStringValue(json_get(json_get(r->config,
								    "quantization_config"),
							   "quant_method"));

	if (!method || strcmp(method, HF_SPARSE))
		refuse_key(r, "quantization_config");
}

static int layers_of(struct reader *r, const char *key, int otherwise)
{
	return number(r, key, r->max_layers < SPEC_LAYERS_MAX ? r->max_layers : SPEC_LAYERS_MAX,
		      otherwise);
}

/* ---- GPT-2 ------------------------------------------------------------------------ */

/* ACT_NONE: knlp has it not. Of several names of one thing the first is written. */
static const struct {
	const char *name;
	enum activation plain, gated;
} activations[] = {
	{ "gelu_new", ACT_GELU, ACT_GEGLU },
	{ "gelu_pytorch_tanh", ACT_GELU, ACT_GEGLU },
	{ "gelu_fast", ACT_GELU, ACT_GEGLU },
	{ "gelu", ACT_GELU_EXACT, ACT_NONE },
	{ "silu", ACT_SILU, ACT_SWIGLU },
	{ "swish", ACT_SILU, ACT_SWIGLU },
	{ "relu2", ACT_RELU2, ACT_NONE },
};

static enum activation activation(struct reader *r, const char *key, const char *otherwise,
				  bool gated)
{
	const char *name = text(r, key, otherwise);

	for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++)
		if (!strcmp(name, activations[i].name)) {
			enum activation a = gated ? activations[i].gated : activations[i].plain;

			if (a != ACT_NONE)
				return a;
		}
	if (!r->error)
		r->error = fail(-ENOTSUP, "%s: knlp has no models of this kind with '%s' \"%s\"",
				r->file, key, name);
	return ACT_NONE;
}

static int read_gpt2(struct reader *r, struct model_spec *s)
{
	struct layer_spec l = { 0 };
	int layers = layers_of(r, "n_layer", -1);

	s->width = number(r, "n_embd", SPEC_WIDTH_MAX, -1);
	s->context = number(r, "n_positions", SPEC_CONTEXT_MAX, 1024);
	s->tied = flag(r, "tie_word_embeddings", true);
	s->bias = true;
	s->norm = NORM_LAYERNORM;
	s->norm_eps = (float)real(r, "layer_norm_epsilon", 1e-5);
	s->position = POS_LEARNED;
	s->rope_base = s->family->defaults.rope_base;	/* not used, but in range */
	l.heads = number(r, "n_head", SPEC_HEADS_MAX, -1);
	l.kv_heads = l.heads;
	if (!r->error && s->width % l.heads)
		r->error = fail(-EINVAL, "%s: 'n_embd' %d is no multiple of 'n_head' %d", r->file,
				s->width, l.heads);
	l.head_dim = s->width / l.heads;
	l.mlp_width = number(r, "n_inner", SPEC_WIDTH_MAX, 4 * s->width);
	l.activation = activation(r, "activation_function", "gelu_new", false);
	refuse_flag(r, "scale_attn_weights", true);
	refuse_flag(r, "scale_attn_by_inverse_layer_idx", false);
	refuse_flag(r, "add_cross_attention", false);
	return r->error ? r->error : spec_layers(s, layers, &l);
}

/* ---- rotary positions ------------------------------------------------------------- */

/* Numbers of an object inside the config, which must be there. */
static float part_real(struct reader *r, const cJSON *part, const char *key)
{
	double x = 1;

	if (!r->error)
		r->error = json_double(r->file, part, key, &x);
	if (!r->error && !(x > 0 && x < 1e9))
		r->error = fail(-EINVAL, "%s: '%s' is %g", r->file, key, x);
	return r->error ? 1 : (float)x;
}

static void read_llama3(struct reader *r, const cJSON *part, struct rope_scaling *s)
{
	long long original = 0;

	s->kind = ROPE_LLAMA3;
	s->factor = part_real(r, part, "factor");
	s->low = part_real(r, part, "low_freq_factor");
	s->high = part_real(r, part, "high_freq_factor");
	if (!r->error)
		r->error = json_int(r->file, part, "original_max_position_embeddings", 1,
				    SPEC_CONTEXT_MAX, &original);
	s->original = (int)original;
	if (!r->error && s->high <= s->low)
		r->error = fail(-EINVAL, "%s: 'high_freq_factor' is not above 'low_freq_factor'",
				r->file);
}

/* What a @part without a type may hold: an angle's base alone is not scaled. */
static bool is_unscaled(const cJSON *part)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, part)
		if (strcmp(item->string, "rope_theta") &&
		    strcmp(item->string, "partial_rotary_factor"))
			return false;
	return true;
}

/* The type of @part, called @what; NULL: no scaling. */
static const char *scaling_type(struct reader *r, const cJSON *part, const char *what)
{
	const cJSON *type = json_get(part, "rope_type");

	if (r->error || !part)
		return NULL;
	if (!type)
		type = json_get(part, "type");
	if (!cJSON_IsObject(part))
		r->error = fail(-EINVAL, "%s: '%s' is no object", r->file, what);
	else if (!cJSON_IsString(type) && (type || !is_unscaled(part)))
		r->error = fail(-EINVAL, "%s: '%s' has no 'rope_type' that is a text", r->file,
				what);
	return cJSON_GetStringValue(type);
}

/* @part: rope_scaling of version 4, or rope_parameters of version 5; @what: which. */
static void read_scaling(struct reader *r, const cJSON *part, const char *what,
			 struct rope_scaling *s)
{
	const char *kind = scaling_type(r, part, what);

	if (r->error || !kind || !strcmp(kind, "default"))
		return;
	if (!strcmp(kind, "linear")) {
		s->kind = ROPE_LINEAR;
		s->factor = part_real(r, part, "factor");
	} else if (!strcmp(kind, "llama3")) {
		read_llama3(r, part, s);
	} else if (!r->error) {
		r->error = fail(-ENOTSUP, "%s: knlp has no rotary positions of type \"%s\"",
				r->file, kind);
	}
}

static void check_partial(struct reader *r, const cJSON *part)
{
	const cJSON *share = json_get(part, "partial_rotary_factor");

	if (share && !(cJSON_IsNumber(share) && share->valuedouble == 1) && !r->error)
		r->error = fail(-ENOTSUP, "%s: knlp has no models with 'partial_rotary_factor'",
				r->file);
}

static void read_rope(struct reader *r, struct model_spec *s, double base)
{
	const cJSON *part = given(r, "rope_parameters"), *full = json_get(part, "full_attention");

	if (full)
		part = full;
	s->rope_base = (float)real(r, "rope_theta", base);
	if (json_get(part, "rope_theta"))
		s->rope_base = part_real(r, part, "rope_theta");
	if (part)
		read_scaling(r, part, full ? "full_attention" : "rope_parameters",
			     &s->rope_scaling);
	else
		read_scaling(r, given(r, "rope_scaling"), "rope_scaling", &s->rope_scaling);
	check_partial(r, r->config);
	check_partial(r, part);
}

/* ---- Llama and its descendants ---------------------------------------------------- */

/* Which layers see only a window: layer_types, or the rule of the family. */
static void read_windows(struct reader *r, struct model_spec *s, int window,
			 bool (*is_local)(const struct reader *r, int layer))
{
	const cJSON *types = given(r, "layer_types"), *item;
	int i = 0;

	for (int k = 0; k < s->layers && !types; k++)
		s->layer[k].window = window && is_local(r, k) ? window : 0;
	if (types && cJSON_GetArraySize(types) != s->layers && !r->error)
		r->error = fail(-EINVAL, "%s: 'layer_types' has %d entries, the model %d layers",
				r->file, cJSON_GetArraySize(types), s->layers);
	cJSON_ArrayForEach(item, types) {
		const char *kind = cJSON_GetStringValue(item);
		bool local = kind && !strcmp(kind, "sliding_attention");

		if (r->error)
			return;
		if (!local && (!kind || strcmp(kind, "full_attention")))
			r->error = fail(-ENOTSUP, "%s: knlp has no layers of type \"%s\"", r->file,
					kind ? kind : "?");
		else if (local && !window)
			r->error = fail(-EINVAL, "%s: layer %d has a window, but there is no "
					"'sliding_window'", r->file, i);
		else
			s->layer[i++].window = local ? window : 0;
	}
}

static void read_llama_biases(struct reader *r, struct model_spec *s)
{
	bool attention = flag(r, "attention_bias", false), mlp = flag(r, "mlp_bias", false);

	s->bias = attention && mlp;
	if (attention != mlp && !r->error)
		r->error = fail(-ENOTSUP, "%s: knlp has no models with biases in the %s alone",
				r->file, mlp ? "MLP" : "attention");
}

/* struct sizes - what missing keys mean; -1: they may not be missing. */
struct sizes {
	int layers, width, mlp_width, heads;
	int kv_heads;	/* 0: as many as heads */
	int head_dim;	/* 0: width / heads */
};

static const struct sizes no_sizes = { -1, -1, -1, -1, 0, 0 };
static const struct sizes qwen3_sizes = { -1, -1, -1, -1, 0, 128 };
static const struct sizes gemma3_sizes = { 26, 2304, 9216, 8, 4, 256 };

static int read_common(struct reader *r, struct model_spec *s, const char *act_key,
		       const char *act, const struct sizes *sizes)
{
	struct layer_spec l = { 0 };
	int layers = layers_of(r, "num_hidden_layers", sizes->layers), head_dim = sizes->head_dim;

	s->width = number(r, "hidden_size", SPEC_WIDTH_MAX, sizes->width);
	s->norm = NORM_RMSNORM;
	s->norm_eps = (float)real(r, "rms_norm_eps", 1e-6);
	s->position = POS_ROPE;
	l.heads = number(r, "num_attention_heads", SPEC_HEADS_MAX, sizes->heads);
	l.kv_heads = number(r, "num_key_value_heads", SPEC_HEADS_MAX,
			    sizes->kv_heads ? sizes->kv_heads : l.heads);
	if (!head_dim && !given(r, "head_dim") && !r->error && s->width % l.heads)
		r->error = fail(-EINVAL, "%s: 'hidden_size' %d is no multiple of "
				"'num_attention_heads' %d", r->file, s->width, l.heads);
	l.head_dim = number(r, "head_dim", SPEC_WIDTH_MAX,
			    head_dim ? head_dim : s->width / l.heads);
	l.mlp_width = number(r, "intermediate_size", SPEC_WIDTH_MAX, sizes->mlp_width);
	l.activation = activation(r, act_key, act, true);
	l.qk_norm = s->family->qk_norm;
	check_quantization(r);
	return r->error ? r->error : spec_layers(s, layers, &l);
}

static bool all_local(const struct reader *r, int layer)
{
	return true;
}

static int read_llama(struct reader *r, struct model_spec *s)
{
	const char *type = text(r, "model_type", "");
	bool mistral = !strcmp(type, "mistral");
	int window = mistral ? number(r, "sliding_window", SPEC_CONTEXT_MAX, 0) : 0;
	int ret = read_common(r, s, "hidden_act", "silu", &no_sizes);

	if (ret)
		return ret;
	s->context = number(r, "max_position_embeddings", SPEC_CONTEXT_MAX,
			    mistral ? 131072 : 2048);
	s->tied = flag(r, "tie_word_embeddings", false);
	if (!mistral)
		read_llama_biases(r, s);
	read_rope(r, s, 10000);
	read_windows(r, s, window, all_local);
	return r->error;
}

static bool qwen_local(const struct reader *r, int layer)
{
	const cJSON *from = given(r, "max_window_layers");

	return layer >= (cJSON_IsNumber(from) ? from->valuedouble : 28);
}

static int read_qwen(struct reader *r, struct model_spec *s)
{
	bool windows = flag(r, "use_sliding_window", false);
	int window = windows ? number(r, "sliding_window", SPEC_CONTEXT_MAX, 4096) : 0;
	bool qwen3 = !strcmp(s->family->name, "qwen3");
	int ret = read_common(r, s, "hidden_act", "silu", qwen3 ? &qwen3_sizes : &no_sizes);

	if (ret)
		return ret;
	s->context = number(r, "max_position_embeddings", SPEC_CONTEXT_MAX, 32768);
	s->tied = flag(r, "tie_word_embeddings", false);
	s->qkv_bias = !qwen3;
	if (qwen3)
		refuse_flag(r, "attention_bias", false);
	read_rope(r, s, 10000);
	read_windows(r, s, window, qwen_local);
	return r->error;
}

static bool gemma_local(const struct reader *r, int layer)
{
	const cJSON *pattern = given(r, "sliding_window_pattern");
	double every = cJSON_IsNumber(pattern) ? pattern->valuedouble : 6;

	return every >= 1 && every < 1e6 ? (layer + 1) % (int)every : true;
}

/* The base of windowed layers, which no scaling applies to. */
static float local_base(struct reader *r)
{
	const cJSON *local = json_get(given(r, "rope_parameters"), "sliding_attention");
	struct rope_scaling scaling = { 0 };

	read_scaling(r, local, "sliding_attention", &scaling);
	if (scaling.kind != ROPE_PLAIN && !r->error)
		r->error = fail(-ENOTSUP, "%s: knlp has no models that scale the positions of "
				"'sliding_attention'", r->file);
	return local ? part_real(r, local, "rope_theta")
		     : (float)real(r, "rope_local_base_freq", 10000);
}

static int read_gemma3(struct reader *r, struct model_spec *s)
{
	int window = number(r, "sliding_window", SPEC_CONTEXT_MAX, 4096);
	double scalar = real(r, "query_pre_attn_scalar", 256);
	int ret = read_common(r, s, "hidden_activation", "gelu_pytorch_tanh", &gemma3_sizes);
	float base = local_base(r);

	if (ret)
		return ret;
	if (!r->error && !(scalar > 0))
		r->error = fail(-EINVAL, "%s: 'query_pre_attn_scalar' is %g", r->file, scalar);
	s->context = number(r, "max_position_embeddings", SPEC_CONTEXT_MAX, 131072);
	s->tied = flag(r, "tie_word_embeddings", true);
	s->post_norms = true;
	s->embed_scale = sqrtf((float)s->width);
	s->attn_scale = scalar == s->layer[0].head_dim ? 0 : (float)(1 / sqrt(scalar));
	s->attn_softcap = (float)real(r, "attn_logit_softcapping", 0);
	s->logit_softcap = (float)real(r, "final_logit_softcapping", 0);
	refuse_flag(r, "attention_bias", false);
	refuse_flag(r, "use_bidirectional_attention", false);
	read_rope(r, s, 1000000);
	read_windows(r, s, window, gemma_local);
	for (int i = 0; i < s->layers; i++)
		s->layer[i].rope_base = s->layer[i].window ? base : 0;
	return r->error;
}

/* ---- all --------------------------------------------------------------------------- */

/*
 * @vocab: what a missing vocab_size means, or -1
 * @part: where a model of text and images has what is its text's, or NULL
 */
static const struct {
	const char *type, *family;
	int vocab;
	int (*read)(struct reader *r, struct model_spec *s);
	const char *part;
} types[] = {
	{ "gpt2", "gpt2", -1, read_gpt2, NULL },
	{ "llama", "llama", -1, read_llama, NULL },
	{ "mistral", "llama", -1, read_llama, NULL },
	{ "qwen2", "qwen2", -1, read_qwen, NULL },
	{ "qwen3", "qwen3", -1, read_qwen, NULL },
	{ "gemma3_text", "gemma3", 262208, read_gemma3, NULL },
	{ HF_GEMMA3_IMAGES, "gemma3", 262208, read_gemma3, "text_config" },
};

static int read_type(struct reader *r, size_t i, struct model_spec *s)
{
	s->family = family_find(types[i].family);
	if (!s->family)
		return fail_in(-ENOTSUP, "%s", r->file);
	if (types[i].part)
		r->error = json_object(r->file, r->config, types[i].part, &r->config);
	if (r->error)
		return r->error;
	s->vocab = number(r, "vocab_size", SPEC_VOCAB_MAX, types[i].vocab);
	s->init_std = (float)real(r, "initializer_range", 0.02);
	return types[i].read(r, s);
}

int hf_config_read(const char *file, const cJSON *config, int max_layers,
		   struct model_spec *spec)
{
	struct reader r = { file, config, max_layers, 0 };
	const char *type;
	int ret = json_string(file, config, "model_type", &type);

	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i].type))
			return read_type(&r, i, spec);
	return fail(-ENOTSUP, "%s: knlp has no models of type \"%s\"", file, type);
}
