// SPDX-License-Identifier: MIT
#include "nn/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/registry.h"
#include "base/strbuf.h"
#include "nn/family.h"

SECTION_DECLARE(knlp_families, struct family);

const struct family *family_find(const char *name)
{
	static struct registry families;
	const struct family *found;

	if (!families.sorted) {
		families = (struct registry)REGISTRY_INIT("model family", knlp_families);
		BUG_ON(registry_sort(&families, 1));
	}
	found = registry_find(&families, name);
	if (!found)
		fail(-EINVAL, "MODEL_FAMILY '%s' is not compiled in", name);
	return found;
}

bool activation_is_gated(enum activation a)
{
	return a == ACT_SWIGLU || a == ACT_GEGLU;
}

/* Index of the value of a choice among its words after "auto", -1 for auto. */
static int choice(const struct config *cfg, enum param_id id, const char *const *words)
{
	const char *text = config_text(cfg, id);

	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return -1;
}

static int choice_or(const struct config *cfg, enum param_id id, const char *const *words,
		     int otherwise)
{
	int i = choice(cfg, id, words);

	return i < 0 ? otherwise : i;
}

static int int_or(const struct config *cfg, enum param_id id, int otherwise)
{
	return config_is_auto(cfg, id) ? otherwise : (int)config_int(cfg, id);
}

static float float_or(const struct config *cfg, enum param_id id, double otherwise)
{
	return (float)(config_is_auto(cfg, id) ? otherwise : config_float(cfg, id));
}

static const char *const norms[] = { "layernorm", "rmsnorm", NULL };
static const char *const positions[] = { "learned", "rope", "rope_adjacent", "none", NULL };
static const char *const gates[] = { "none", "head", "element", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const scalings[] = { "none", "linear", "llama3", NULL };
static const char *const activations[] = {
	[ACT_NONE] = "none",	/* not among the parameter's values */
	"gelu", "gelu_exact", "silu", "relu2", "swiglu", "geglu", NULL
};

static int read_layer(const struct config *cfg, const struct model_spec *s, int index,
		      struct layer_spec *l)
{
	const char *kind = config_list_item(cfg, PARAM_MODEL_ATTENTION, index, s->layers);

	if (!kind)
		return -EINVAL;
	l->heads = (int)config_int(cfg, PARAM_MODEL_HEADS);
	l->kv_heads = int_or(cfg, PARAM_MODEL_KV_HEADS, l->heads);
	l->head_dim = int_or(cfg, PARAM_MODEL_HEAD_DIM, s->width / l->heads);
	l->window = strcmp(kind, "window") ? 0 : (int)config_int(cfg, PARAM_MODEL_WINDOW);
	if (l->window)
		l->rope_base = float_or(cfg, PARAM_MODEL_ROPE_LOCAL_BASE,
					s->family->local_rope_base);
	l->qk_norm = s->family->qk_norm || config_bool(cfg, PARAM_MODEL_QK_NORM);
	l->gate = choice(cfg, PARAM_MODEL_GATE, gates);
	l->activation = choice_or(cfg, PARAM_MODEL_ACTIVATION, activations,
				  s->family->activation);
	l->mlp_width = int_or(cfg, PARAM_MODEL_MLP_WIDTH, s->family->mlp_width(s->width));
	return 0;
}

static int check_layer(const struct config *cfg, const struct model_spec *s,
		       const struct layer_spec *l)
{
	if (config_is_auto(cfg, PARAM_MODEL_HEAD_DIM) && s->width % l->heads)
		return fail(-EINVAL, "MODEL_WIDTH %d is not a multiple of MODEL_HEADS %d: "
			    "change one, or set MODEL_HEAD_DIM", s->width, l->heads);
	if (l->heads % l->kv_heads)
		return fail(-EINVAL, "MODEL_HEADS %d is not a multiple of MODEL_KV_HEADS %d",
			    l->heads, l->kv_heads);
	if ((s->position == POS_ROPE || s->position == POS_ROPE_ADJACENT) && l->head_dim % 2)
		return fail(-EINVAL, "MODEL_HEAD_DIM %d is odd: MODEL_POSITION rope rotates pairs",
			    l->head_dim);
	return 0;
}

static void read_common(const struct config *cfg, struct model_spec *s)
{
	const struct model_spec *d = &s->family->defaults;

	s->layers = (int)config_int(cfg, PARAM_MODEL_LAYERS);
	s->width = (int)config_int(cfg, PARAM_MODEL_WIDTH);
	s->context = (int)config_int(cfg, PARAM_MODEL_CONTEXT);
	s->tied = choice_or(cfg, PARAM_MODEL_TIED, no_yes, d->tied);
	s->bias = choice_or(cfg, PARAM_MODEL_BIAS, no_yes, d->bias);
	s->norm = choice_or(cfg, PARAM_MODEL_NORM, norms, d->norm);
	s->position = choice_or(cfg, PARAM_MODEL_POSITION, positions, d->position);
	s->qkv_bias = choice_or(cfg, PARAM_MODEL_QKV_BIAS, no_yes, d->qkv_bias);
	s->post_norms = choice_or(cfg, PARAM_MODEL_POST_NORMS, no_yes, d->post_norms);
	s->norm_eps = float_or(cfg, PARAM_MODEL_NORM_EPS, d->norm_eps);
	s->embed_scale = float_or(cfg, PARAM_MODEL_EMBED_SCALE,
				  s->family->scales_embedding ? sqrt((double)s->width) : 0);
	s->attn_scale = (float)config_float(cfg, PARAM_MODEL_ATTN_SCALE);
	s->attn_softcap = (float)config_float(cfg, PARAM_MODEL_ATTN_SOFTCAP);
	s->logit_softcap = (float)config_float(cfg, PARAM_MODEL_LOGIT_SOFTCAP);
	s->dropout = (float)config_float(cfg, PARAM_MODEL_DROPOUT);
	s->init_std = (float)config_float(cfg, PARAM_MODEL_INIT_STD);
}

static int read_rope(const struct config *cfg, struct model_spec *s)
{
	struct rope_scaling *r = &s->rope_scaling;

	s->rope_base = float_or(cfg, PARAM_MODEL_ROPE_BASE, s->family->defaults.rope_base);
	r->kind = choice(cfg, PARAM_MODEL_ROPE_SCALING, scalings);
	if (r->kind == ROPE_PLAIN)
		return 0;
	r->factor = (float)config_float(cfg, PARAM_MODEL_ROPE_FACTOR);
	if (r->kind == ROPE_LINEAR)
		return 0;
	r->low = (float)config_float(cfg, PARAM_MODEL_ROPE_LOW);
	r->high = (float)config_float(cfg, PARAM_MODEL_ROPE_HIGH);
	r->original = (int)config_int(cfg, PARAM_MODEL_ROPE_ORIGINAL);
	if (r->high <= r->low)
		return fail(-EINVAL, "MODEL_ROPE_HIGH %g must be above MODEL_ROPE_LOW %g", r->high,
			    r->low);
	return 0;
}

static int check_common(const struct model_spec *s)
{
	if (s->post_norms && !s->family->has_post_norms)
		return fail(-EINVAL, "MODEL_POST_NORMS yes: family %s has no such norms",
			    s->family->name);
	return 0;
}

static int read_vocab(const struct config *cfg, int data_vocab, struct model_spec *s)
{
	s->vocab = int_or(cfg, PARAM_MODEL_VOCAB, data_vocab);
	if (!s->vocab)
		return fail(-EINVAL, "MODEL_VOCAB is auto but there is no data set to take it "
			    "from: set it to a number");
	if (s->vocab < data_vocab)
		return fail(-EINVAL, "MODEL_VOCAB is %d but the data's tokenizer has %d tokens",
			    s->vocab, data_vocab);
	return 0;
}

int spec_from_config(const struct config *cfg, int data_vocab, struct model_spec *s)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->family = family_find(config_text(cfg, PARAM_MODEL_FAMILY));
	if (!s->family)
		return -EINVAL;
	read_common(cfg, s);
	ret = read_vocab(cfg, data_vocab, s);
	if (!ret)
		ret = read_rope(cfg, s);
	if (!ret)
		ret = check_common(s);
	if (ret)
		return ret;
	s->layer = calloc(s->layers, sizeof(*s->layer));
	if (!s->layer)
		return fail_nomem(s->layers * sizeof(*s->layer), "the model's spec");
	for (int i = 0; i < s->layers && !ret; i++) {
		ret = read_layer(cfg, s, i, &s->layer[i]);
		if (!ret)
			ret = check_layer(cfg, s, &s->layer[i]);
	}
	if (ret)
		spec_free(s);
	return ret;
}

static int put_text(struct config *cfg, enum param_id id, const char *text)
{
	return config_is_auto(cfg, id) ? config_put(cfg, id, text) : 0;
}

static int put_int(struct config *cfg, enum param_id id, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	return put_text(cfg, id, text);
}

/* With the fewest digits that stand for it, as people write it: 1e-05 is 0.00001. */
static int put_float(struct config *cfg, enum param_id id, float value)
{
	char text[32];
	int digits = 1;

	do
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
	while (strtof(text, NULL) != value && digits++ < 9);
	return put_text(cfg, id, text);
}

/* Of the windowed layers; of a model without them: what its family would give them. */
static float local_base(const struct model_spec *s)
{
	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].window)
			return s->layer[i].rope_base;
	return s->family->local_rope_base;
}

/* No list per layer may be auto, so the first layer speaks for all. */
int spec_resolve(const struct model_spec *s, struct config *cfg)
{
	const struct layer_spec *l = &s->layer[0];
	int ret = 0;

	ret = ret ? ret : put_int(cfg, PARAM_MODEL_KV_HEADS, l->kv_heads);
	ret = ret ? ret : put_int(cfg, PARAM_MODEL_HEAD_DIM, l->head_dim);
	ret = ret ? ret : put_int(cfg, PARAM_MODEL_MLP_WIDTH, l->mlp_width);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_ACTIVATION, activations[l->activation]);
	ret = ret ? ret : put_int(cfg, PARAM_MODEL_VOCAB, s->vocab);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_TIED, no_yes[s->tied]);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_BIAS, no_yes[s->bias]);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_QKV_BIAS, no_yes[s->qkv_bias]);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_POST_NORMS, no_yes[s->post_norms]);
	ret = ret ? ret : put_float(cfg, PARAM_MODEL_EMBED_SCALE, s->embed_scale);
	ret = ret ? ret : put_float(cfg, PARAM_MODEL_ROPE_BASE, s->rope_base);
	ret = ret ? ret : put_float(cfg, PARAM_MODEL_ROPE_LOCAL_BASE, local_base(s));
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_NORM, norms[s->norm]);
	ret = ret ? ret : put_text(cfg, PARAM_MODEL_POSITION, positions[s->position]);
	return ret ? ret : put_float(cfg, PARAM_MODEL_NORM_EPS, s->norm_eps);
}

/* ---- a spec that came from elsewhere ------------------------------------------------ */

static int force_int(struct config *cfg, enum param_id id, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	return config_put(cfg, id, text);
}

static int force_float(struct config *cfg, enum param_id id, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9g", value);
	return config_put(cfg, id, text);
}

/* "window*5,full": runs of layers that are alike. */
static int force_attention(struct config *cfg, const struct model_spec *s)
{
	struct strbuf sb;
	int ret, next;

	strbuf_init(&sb);
	for (int i = 0; i < s->layers; i = next) {
		bool window = s->layer[i].window;

		for (next = i + 1; next < s->layers && !s->layer[next].window == !window;)
			next++;
		strbuf_addf(&sb, "%s%s*%d", i ? "," : "", window ? "window" : "full", next - i);
	}
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = config_put(cfg, PARAM_MODEL_ATTENTION, sb.s);
	strbuf_free(&sb);
	return ret;
}

static int force_rope(struct config *cfg, const struct rope_scaling *r)
{
	int ret = config_put(cfg, PARAM_MODEL_ROPE_SCALING, scalings[r->kind]);

	if (r->kind != ROPE_PLAIN)
		ret = ret ? ret : force_float(cfg, PARAM_MODEL_ROPE_FACTOR, r->factor);
	if (r->kind != ROPE_LLAMA3)
		return ret;
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_ROPE_LOW, r->low);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_ROPE_HIGH, r->high);
	return ret ? ret : force_int(cfg, PARAM_MODEL_ROPE_ORIGINAL, r->original);
}

static int force_layer(struct config *cfg, const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];
	int window = 0, ret;

	for (int i = 0; i < s->layers; i++)
		window = s->layer[i].window ? s->layer[i].window : window;
	ret = force_int(cfg, PARAM_MODEL_HEADS, l->heads);
	ret = ret ? ret : config_put(cfg, PARAM_MODEL_QK_NORM, l->qk_norm ? "y" : "n");
	ret = ret ? ret : config_put(cfg, PARAM_MODEL_GATE, gates[l->gate]);
	ret = ret ? ret : force_int(cfg, PARAM_MODEL_WINDOW, window);
	return ret ? ret : force_attention(cfg, s);
}

static int force_all(struct config *cfg, const struct model_spec *s)
{
	static const enum param_id autos[] = {
		PARAM_MODEL_KV_HEADS, PARAM_MODEL_HEAD_DIM, PARAM_MODEL_MLP_WIDTH,
		PARAM_MODEL_ACTIVATION, PARAM_MODEL_VOCAB, PARAM_MODEL_TIED, PARAM_MODEL_BIAS,
		PARAM_MODEL_QKV_BIAS, PARAM_MODEL_POST_NORMS, PARAM_MODEL_EMBED_SCALE,
		PARAM_MODEL_ROPE_BASE, PARAM_MODEL_ROPE_LOCAL_BASE, PARAM_MODEL_NORM,
		PARAM_MODEL_POSITION, PARAM_MODEL_NORM_EPS,
	};
	int ret = config_put(cfg, PARAM_MODEL_FAMILY, s->family->name);

	for (size_t i = 0; i < sizeof(autos) / sizeof(autos[0]) && !ret; i++)
		ret = config_put(cfg, autos[i], "auto");
	ret = ret ? ret : force_int(cfg, PARAM_MODEL_LAYERS, s->layers);
	ret = ret ? ret : force_int(cfg, PARAM_MODEL_WIDTH, s->width);
	ret = ret ? ret : force_int(cfg, PARAM_MODEL_CONTEXT, s->context);
	ret = ret ? ret : force_rope(cfg, &s->rope_scaling);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_ATTN_SCALE, s->attn_scale);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_ATTN_SOFTCAP, s->attn_softcap);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_LOGIT_SOFTCAP, s->logit_softcap);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_DROPOUT, s->dropout);
	ret = ret ? ret : force_float(cfg, PARAM_MODEL_INIT_STD, s->init_std);
	ret = ret ? ret : force_layer(cfg, s);
	return ret ? ret : spec_resolve(s, cfg);
}

static bool same_layer(const struct layer_spec *a, const struct layer_spec *b)
{
	return a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim &&
	       a->window == b->window && a->rope_base == b->rope_base &&
	       a->mlp_width == b->mlp_width && a->qk_norm == b->qk_norm && a->gate == b->gate &&
	       a->activation == b->activation;
}

/* What parameters made of @s, read back: do all layers say the same? */
static int check_layers(const struct model_spec *s, const struct model_spec *back)
{
	for (int i = 0; i < s->layers; i++)
		if (!same_layer(&s->layer[i], &back->layer[i]))
			return fail(-ENOTSUP, "MODEL_ parameters cannot say how layer %d differs "
				    "from others", i);
	return 0;
}

int spec_to_config(const struct model_spec *s, struct config *cfg)
{
	struct model_spec back;
	int ret = force_all(cfg, s);

	if (!ret)
		ret = spec_from_config(cfg, 0, &back);
	if (ret)
		return ret;
	ret = check_layers(s, &back);
	spec_free(&back);
	return ret;
}

int spec_copy(const struct model_spec *from, struct model_spec *to)
{
	size_t bytes = from->layers * sizeof(*from->layer);

	*to = *from;
	to->layer = malloc(bytes);
	if (!to->layer)
		return fail_nomem(bytes, "the model's spec");
	memcpy(to->layer, from->layer, bytes);
	return 0;
}

void spec_free(struct model_spec *s)
{
	free(s->layer);
	s->layer = NULL;
}
