// SPDX-License-Identifier: MIT
#include "quant/mix.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "quant/quant.h"

static const struct quant_mix mixes[] = {
	{ "f32", MIX_F32, DT_F32 }, { "f16", MIX_F16, DT_F16 }, { "bf16", MIX_BF16, DT_BF16 },
	{ "q8_0", MIX_Q8_0, DT_Q8_0 }, { "q6_k", MIX_Q6_K, DT_Q6_K },
	{ "q5_k_m", MIX_Q5_K_M, DT_Q5_K }, { "q5_k_s", MIX_Q5_K_S, DT_Q5_K },
	{ "q5_1", MIX_Q5_1, DT_Q5_1 }, { "q5_0", MIX_Q5_0, DT_Q5_0 },
	{ "q4_k_m", MIX_Q4_K_M, DT_Q4_K }, { "q4_k_s", MIX_Q4_K_S, DT_Q4_K },
	{ "q4_1", MIX_Q4_1, DT_Q4_1 }, { "q4_0", MIX_Q4_0, DT_Q4_0 },
	{ "iq4_nl", MIX_IQ4_NL, DT_IQ4_NL }, { "q3_k_l", MIX_Q3_K_L, DT_Q3_K },
	{ "q3_k_m", MIX_Q3_K_M, DT_Q3_K }, { "q3_k_s", MIX_Q3_K_S, DT_Q3_K },
	{ "q2_k", MIX_Q2_K, DT_Q2_K }, { "q2_k_s", MIX_Q2_K_S, DT_Q2_K },
};
#define NR_MIXES (sizeof(mixes) / sizeof(mixes[0]))

/* Architectures that knlp reads, for which the rules below are llama.cpp's. */
static const char *const architectures[] = { "gemma3", "gpt2", "llama", "qwen2", "qwen3" };

const struct quant_mix *quant_mix_find(const char *name)
{
	struct strbuf sb;

	for (size_t i = 0; i < NR_MIXES; i++)
		if (!strcasecmp(mixes[i].name, name))
			return &mixes[i];
	strbuf_init(&sb);
	for (size_t i = 0; i < NR_MIXES; i++)
		strbuf_addf(&sb, "%s%s", i ? ", " : "", mixes[i].name);
	fail(-EINVAL, "no mix '%s': there are %s", name, sb.s);
	strbuf_free(&sb);
	return NULL;
}

/* ---- rules ------------------------------------------------------------------------- */

/* As llama.cpp's: in lower case, and \d is a digit, which POSIX does not know. */
static void translate(const char *text, size_t len, struct strbuf *sb)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && tolower((unsigned char)text[i + 1]) == 'd') {
			strbuf_adds(sb, "[0-9]");
			i++;
		} else {
			strbuf_addc(sb, (char)tolower((unsigned char)text[i]));
		}
	}
}

static int compile(const char *text, size_t len, struct quant_rule *rule)
{
	struct strbuf sb;
	char why[80];
	int ret;

	strbuf_init(&sb);
	translate(text, len, &sb);
	ret = strbuf_ok(&sb);
	if (!ret) {
		ret = regcomp(&rule->regex, sb.s, REG_EXTENDED | REG_NOSUB);
		if (ret) {
			regerror(ret, &rule->regex, why, sizeof(why));
			ret = fail(-EINVAL, "'%s' is no regular expression: %s", sb.s, why);
		}
	}
	strbuf_free(&sb);
	return ret;
}

int quant_rule_parse(const char *text, struct quant_rule *rule)
{
	const char *equals = strchr(text, '=');
	int type = equals ? dtype_from_name(equals + 1) : -EINVAL, ret;

	memset(rule, 0, sizeof(*rule));
	if (!equals || equals == text)
		return fail(-EINVAL, "'%s' is no REGEX=TYPE", text);
	if (type < 0 || !quant_can(type))
		return fail(-EINVAL, "'%s': no type '%s' of tensors", text, equals + 1);
	ret = compile(text, equals - text, rule);
	if (ret)
		return ret;
	rule->dtype = type;
	rule->pattern = strndup(text, equals - text);
	if (rule->pattern)
		return 0;
	regfree(&rule->regex);
	return fail_nomem(strlen(text), "a rule");
}

void quant_rule_free(struct quant_rule *rule)
{
	if (rule->pattern)
		regfree(&rule->regex);
	free(rule->pattern);
}

static struct quant_rule *rule_for(struct quant_request *q, const char *name)
{
	struct quant_rule *found = NULL;

	for (int i = 0; i < q->nr_rules; i++)
		if (!regexec(&q->rules[i].regex, name, 0, NULL, 0)) {
			q->rules[i].hits++;
			found = found ? found : &q->rules[i];
		}
	return found;
}

/* ---- what a mix says --------------------------------------------------------------- */

enum kind { KIND_OTHER, KIND_EMBEDDING, KIND_OUTPUT, KIND_VALUE, KIND_ATTENTION_OUT, KIND_DOWN };

/**
 * struct shape - what the rules depend on.
 * @layers: of the model; @values: tensors of KIND_VALUE
 * @value, @down: of the kind so far, but for those that a rule names
 * @grouped: query heads per key-value head; @tied: no output.weight; @large: Llama 2 70B
 */
struct shape {
	int layers, values, value, down, grouped;
	bool tied, large;
};

static enum kind kind_of(const char *name)
{
	if (!strcmp(name, "output.weight"))
		return KIND_OUTPUT;
	if (!strcmp(name, "token_embd.weight"))
		return KIND_EMBEDDING;
	if (strstr(name, "attn_v.weight") || strstr(name, "attn_qkv.weight"))
		return KIND_VALUE;
	if (strstr(name, "attn_output.weight"))
		return KIND_ATTENTION_OUT;
	return strstr(name, "ffn_down") ? KIND_DOWN : KIND_OTHER;
}

/* The first and last eighth of @n, and every third between. */
static bool more_bits(int i, int n)
{
	return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

static enum dtype value_type(const struct quant_mix *mix, const struct shape *s)
{
	bool grouped = s->grouped >= 4;

	switch (mix->id) {
	case MIX_Q2_K:
		return grouped ? DT_Q4_K : DT_Q3_K;
	case MIX_Q2_K_S:
		return grouped ? DT_Q4_K : mix->base;
	case MIX_Q3_K_M:
		return s->value < 2 ? DT_Q5_K : DT_Q4_K;
	case MIX_Q3_K_L:
		return DT_Q5_K;
	case MIX_Q4_K_M:
	case MIX_Q5_K_M:
		return more_bits(s->value, s->values) ? DT_Q6_K : mix->base;
	case MIX_Q4_K_S:
		return s->value < 4 ? DT_Q5_K : mix->base;
	case MIX_IQ4_NL:
		return grouped ? DT_Q5_K : mix->base;
	default:
		return mix->base;
	}
}

static enum dtype down_type(const struct quant_mix *mix, const struct shape *s, bool importance)
{
	int i = s->down, n = s->layers;

	switch (mix->id) {
	case MIX_Q2_K:
		return DT_Q3_K;
	case MIX_Q2_K_S:
		return i < n / 8 ? DT_Q4_K : mix->base;
	case MIX_Q3_K_M:
		return i < n / 16 ? DT_Q5_K : DT_Q4_K;
	case MIX_Q3_K_L:
		return DT_Q5_K;
	case MIX_Q4_K_M:
	case MIX_Q5_K_M:
		return more_bits(i, n) ? DT_Q6_K : mix->base;
	case MIX_Q4_K_S:
		return i < n / 8 ? DT_Q5_K : mix->base;
	case MIX_IQ4_NL:
		return i < n / 8 && !importance ? DT_Q5_K : mix->base;
	case MIX_Q4_0:
		return i < n / 8 && importance ? DT_Q4_1 : mix->base;
	case MIX_Q5_0:
		return i < n / 8 && importance ? DT_Q5_1 : mix->base;
	default:
		return mix->base;
	}
}

static enum dtype attention_out_type(const struct quant_mix *mix)
{
	switch (mix->id) {
	case MIX_Q2_K:
		return DT_Q3_K;
	case MIX_Q3_K_M:
		return DT_Q4_K;
	case MIX_Q3_K_L:
		return DT_Q5_K;
	default:
		return mix->base;
	}
}

static enum dtype output_type(const struct quant_request *q, int64_t row)
{
	enum dtype base = q->mix->base;

	if (q->output != DT_COUNT)
		return q->output;
	return base == DT_Q8_0 || row % dtype_info(base)->block ? DT_Q8_0 : DT_Q6_K;
}

static enum dtype mix_type(const struct quant_request *q, struct shape *s, enum kind kind,
			   int64_t row)
{
	enum dtype type = q->mix->base;

	switch (kind) {
	case KIND_OUTPUT:
		return output_type(q, row);
	case KIND_EMBEDDING:
		return s->tied ? output_type(q, row) : type;
	case KIND_VALUE:
		type = value_type(q->mix, s);
		s->value++;
		return s->large && (type == DT_Q3_K || type == DT_Q4_K) ? DT_Q5_K : type;
	case KIND_DOWN:
		type = down_type(q->mix, s, q->importance);
		s->down++;
		return type;
	case KIND_ATTENTION_OUT:
		return attention_out_type(q->mix);
	default:
		return type;
	}
}

/* ---- tensors ----------------------------------------------------------------------- */

int64_t quant_tensor_row(const struct gguf_tensor *t)
{
	return t->nd ? t->shape[t->nd - 1] : 1;
}

int64_t quant_tensor_rows(const struct gguf_tensor *t)
{
	int64_t rows = 1;

	for (int d = 0; d < t->nd - 1; d++)
		rows *= t->shape[d];
	return rows;
}

/* Vectors, norms, routers and tables of positions stay as they are. */
static bool is_matrix(const struct gguf_tensor *t)
{
	size_t len = strlen(t->name);

	return quant_tensor_rows(t) > 1 && len >= 6 && !strcmp(t->name + len - 6, "weight") &&
	       !strstr(t->name, "_norm.weight") && !strstr(t->name, "ffn_gate_inp.weight") &&
	       strcmp(t->name, "position_embd.weight") && strcmp(t->name, "token_types.weight");
}

/* What rows that are no whole blocks of @wanted get. */
static enum dtype fitting(enum dtype wanted, int64_t row)
{
	enum dtype type = wanted;

	if (row % dtype_info(type)->block == 0)
		return type;
	switch (type) {
	case DT_Q2_K:
	case DT_Q3_K:
		type = DT_Q4_0;
		break;
	case DT_Q4_K:
		type = DT_Q5_0;
		break;
	case DT_Q5_K:
		type = DT_Q5_1;
		break;
	case DT_Q6_K:
		type = DT_Q8_0;
		break;
	default:
		break;
	}
	return row % dtype_info(type)->block ? DT_F16 : type;
}

static void choose(struct quant_request *q, struct shape *s, struct quant_choice *c)
{
	const struct gguf_tensor *t = c->tensor;
	enum kind kind = kind_of(t->name);
	struct quant_rule *rule;

	c->wanted = t->dtype;
	if (is_matrix(t)) {
		rule = rule_for(q, t->name);
		if (kind == KIND_EMBEDDING && q->embedding != DT_COUNT)
			c->wanted = q->embedding;
		else if (kind == KIND_OUTPUT && q->output != DT_COUNT)
			c->wanted = q->output;
		else if (!dtype_is_block(q->mix->base))
			c->wanted = q->mix->base;
		else if (rule)
			c->wanted = rule->dtype;
		else if (q->pure)
			c->wanted = q->mix->base;
		else
			c->wanted = mix_type(q, s, kind, quant_tensor_row(t));
	}
	c->dtype = fitting(c->wanted, quant_tensor_row(t));
}

/* Layer by layer, then by name, as llama.cpp counts. */
static int by_layer(const void *a, const void *b)
{
	const struct quant_choice *x = *(struct quant_choice *const *)a;
	const struct quant_choice *y = *(struct quant_choice *const *)b;
	int i = -1, j = -1;

	if (sscanf(x->tensor->name, "blk.%d.", &i) != 1)
		i = -1;
	if (sscanf(y->tensor->name, "blk.%d.", &j) != 1)
		j = -1;
	return i != j ? (i > j) - (i < j) : strcmp(x->tensor->name, y->tensor->name);
}

static int number(const struct gguf *g, const char *arch, const char *what, int64_t *value)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", arch, what);
	if (!gguf_has(g, key)) {
		*value = 0;
		return 0;
	}
	return gguf_int(g, key, 0, 1 << 20, value);
}

static int known_arch(const struct gguf *g, char arch[64])
{
	struct gguf_string s;
	int ret = gguf_string(g, "general.architecture", &s);

	if (ret)
		return ret;
	snprintf(arch, 64, "%.*s", (int)s.len, s.bytes);
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
		if (!strcmp(arch, architectures[i]))
			return 0;
	return fail(-EINVAL, "%s: architecture '%s': mixes are known for gemma3, gpt2, llama, "
		    "qwen2 and qwen3", gguf_path(g), arch);
}

static int read_shape(const struct gguf *g, struct shape *s)
{
	int64_t layers, heads, kv_heads, experts;
	char arch[64];
	int ret = known_arch(g, arch);

	if (!ret)
		ret = number(g, arch, "block_count", &layers);
	if (!ret)
		ret = number(g, arch, "attention.head_count", &heads);
	if (!ret)
		ret = number(g, arch, "attention.head_count_kv", &kv_heads);
	if (!ret)
		ret = number(g, arch, "expert_count", &experts);
	if (ret)
		return ret;
	if (experts)
		return fail(-EINVAL, "%s: a mixture of experts: no mixes are known for these",
			    gguf_path(g));
	*s = (struct shape){ .layers = (int)layers, .tied = true };
	s->grouped = kv_heads ? (int)(heads / kv_heads) : 1;
	s->large = !strcmp(arch, "llama") && layers == 80 && s->grouped > 1;
	return 0;
}

static int check_readable(const struct gguf *g)
{
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);

		if (t->dtype == DT_COUNT)
			return fail(-EINVAL, "%s: tensor '%s' is %s, which knlp does not read",
				    gguf_path(g), t->name, gguf_ggml_name(t->ggml));
	}
	return 0;
}

static int check_rules(const struct gguf *g, const struct quant_request *q)
{
	for (int i = 0; i < q->nr_rules; i++)
		if (!q->rules[i].hits)
			return fail(-EINVAL, "no tensor of %s that is quantized matches '%s'",
				    gguf_path(g), q->rules[i].pattern);
	return 0;
}

int quant_choose(const struct gguf *g, struct quant_request *q, struct quant_choice **choices)
{
	size_t nr = gguf_nr_tensors(g);
	struct quant_choice *c, **sorted;
	struct shape s = { 0 };
	int ret = read_shape(g, &s);

	if (!ret)
		ret = check_readable(g);
	if (ret)
		return ret;
	c = calloc(nr + 1, sizeof(*c));
	sorted = calloc(nr + 1, sizeof(*sorted));
	if (!c || !sorted) {
		free(c);
		free(sorted);
		return fail_nomem(nr * sizeof(*c), "choices");
	}
	for (size_t i = 0; i < nr; i++) {
		c[i].tensor = gguf_tensor_at(g, i);
		sorted[i] = &c[i];
		s.values += kind_of(c[i].tensor->name) == KIND_VALUE;
		s.tied &= kind_of(c[i].tensor->name) != KIND_OUTPUT;
	}
	qsort(sorted, nr, sizeof(*sorted), by_layer);
	for (size_t i = 0; i < nr; i++)
		choose(q, &s, sorted[i]);
	free(sorted);
	ret = check_rules(g, q);
	if (ret)
		free(c);
	else
		*choices = c;
	return ret;
}
