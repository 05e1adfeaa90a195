// SPDX-License-Identifier: MIT
/*
 * knlp info - what a model file or folder holds.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "data/tokenizer.h"
#include "data/utf8.h"
#include "formats/source.h"
#include "nn/family.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define VALUE_COLUMNS 100

static struct {
	bool tensors;
} opt;

/* struct totals - parameters, how many of them are stored, and bytes. */
struct totals {
	int64_t count, stored, bytes;
	int tensors;
};

/* struct sums - of each type, dense and sparse; of sparse matrices; of all. */
struct sums {
	struct totals type[SPARSE_KINDS][DT_COUNT], sparse, all;
};

static int64_t elements(const struct source_tensor *t)
{
	return t->shape[0] * (t->nd == 2 ? t->shape[1] : 1);
}

static void add_to(struct totals *to, const struct source_tensor *t)
{
	to->tensors++;
	to->count += elements(t);
	to->stored += t->sparse ? t->sparse->nr_values : elements(t);
	to->bytes += (int64_t)t->bytes;
}

static void sum(const struct model_source *src, struct sums *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];

		add_to(&s->type[t->sparse ? t->sparse->kind : SPARSE_NONE][t->dtype], t);
		add_to(&s->all, t);
		if (t->sparse)
			add_to(&s->sparse, t);
	}
}

/* "f16", "f16 mask" */
static const char *type_name(enum sparse_kind kind, enum dtype dtype, char text[24])
{
	snprintf(text, 24, "%s%s%s", dtype_info(dtype)->name, kind ? " " : "",
		 kind ? sparse_kind_names[kind] : "");
	return text;
}

static const char *type_of(const struct source_tensor *t, char text[24])
{
	return type_name(t->sparse ? t->sparse->kind : SPARSE_NONE, t->dtype, text);
}

static double sparsity(const struct totals *t)
{
	return t->count ? 1 - (double)t->stored / (double)t->count : 0;
}

static double bits(const struct totals *t)
{
	return t->count ? 8.0 * (double)t->bytes / (double)t->count : 0;
}

/* How many layers have a window, and the number of entries that differ from the first. */
static int windowed(const struct model_spec *s)
{
	int nr = 0;

	for (int i = 0; i < s->layers; i++)
		nr += s->layer[i].window > 0;
	return nr;
}

static int window_of(const struct model_spec *s)
{
	for (int i = 0; i < s->layers; i++)
		if (s->layer[i].window)
			return s->layer[i].window;
	return 0;
}

/* ---- for people ------------------------------------------------------------------- */

static void print_totals(const char *name, const struct totals *t)
{
	char count[FORMAT_MAX], bytes[FORMAT_MAX];

	printf("%-9s %7d %16s %16s %8.4g\n", name, t->tensors, format_grouped(count, t->count),
	       format_grouped(bytes, t->bytes), bits(t));
}

static void print_types(const struct model_source *src)
{
	char name[24], count[FORMAT_MAX];
	struct sums s;

	sum(src, &s);
	printf("%-9s %7s %16s %16s %8s\n", "type", "tensors", "parameters", "bytes", "bits");
	for (int k = 0; k < SPARSE_KINDS; k++)
		for (int d = 0; d < DT_COUNT; d++)
			if (s.type[k][d].tensors)
				print_totals(type_name(k, d, name), &s.type[k][d]);
	print_totals("all", &s.all);
	if (s.sparse.tensors)
		printf("sparsity %.2f %% of the %s parameters in %d sparse matrices\n",
		       100 * sparsity(&s.sparse), format_grouped(count, s.sparse.count),
		       s.sparse.tensors);
}

static void print_spec(const struct model_source *src)
{
	const struct model_spec *s = &src->spec;
	const struct layer_spec *l = &s->layer[0];

	printf("%s: format %s, architecture %s, family %s\n", src->path, src->format->name,
	       src->arch, s->family->name);
	printf("%d layers, width %d, %d heads of %d, %d key-value heads, MLP %d, context %d\n",
	       s->layers, s->width, l->heads, l->head_dim, l->kv_heads, l->mlp_width, s->context);
	printf("vocabulary %d, %s head", s->vocab, s->tied ? "tied" : "own");
	if (windowed(s))
		printf(", %d layers see %d tokens", windowed(s), window_of(s));
	printf("\n");
}

/* Tokens that a text or a model's answer begins and ends with; they may be one and the same. */
static const struct {
	const char *name, *key;
	uint32_t (*id)(const struct tokenizer *tok);
} marks[] = {
	{ "beginning of text (BOS)", "bos", tokenizer_bos },
	{ "end of text (EOS)", "eos", tokenizer_eos },
	{ "between documents", "eot", tokenizer_eot },
};

#define NR_MARKS (sizeof(marks) / sizeof(marks[0]))

static void print_mark(const struct tokenizer *tok, const char *name, uint32_t id)
{
	struct strbuf sb, clean;

	strbuf_init(&sb);
	strbuf_init(&clean);
	tokenizer_spelling(tok, id, &sb);
	utf8_clean(&clean, sb.s, sb.len);
	printf("  %-26s %8u  %s\n", name, id, clean.s);
	strbuf_free(&clean);
	strbuf_free(&sb);
}

static void print_tokenizer(const struct model_source *src)
{
	const struct tokenizer *tok = src->tokenizer;

	if (!tok) {
		printf("no tokenizer\n");
		return;
	}
	printf("tokenizer %s: %u tokens, %s chat template\n", tokenizer_name(tok),
	       tokenizer_vocab(tok), src->chat_template ? "with a" : "no");
	for (size_t i = 0; i < NR_MARKS; i++)
		if (marks[i].id(tok) != TOKEN_NONE)
			print_mark(tok, marks[i].name, marks[i].id(tok));
	for (uint32_t id = 0; id < tokenizer_vocab(tok); id++)
		if (tokenizer_ends(tok, id) && id != tokenizer_eos(tok) && id != tokenizer_eot(tok))
			print_mark(tok, "end of a turn", id);
}

/* On one line, cut where a terminal ends. */
static void print_fact(const struct source_fact *f)
{
	struct strbuf clean;
	int columns = 0;

	strbuf_init(&clean);
	utf8_clean(&clean, f->value, strlen(f->value));
	printf("  %-44s ", f->key);
	for (const char *s = clean.s; *s; s++) {
		columns += (*s & 0xc0) != 0x80;
		if (columns > VALUE_COLUMNS) {
			printf("...");
			break;
		}
		putchar((unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
	}
	putchar('\n');
	strbuf_free(&clean);
}

static void print_tensors(const struct model_source *src)
{
	char shape[48], type[24];

	printf("%-52s %-9s %19s %14s\n", "tensor", "type", "shape", "bytes");
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];

		if (t->nd == 2)
			snprintf(shape, sizeof(shape), "(%lld, %lld)", (long long)t->shape[0],
				 (long long)t->shape[1]);
		else
			snprintf(shape, sizeof(shape), "(%lld)", (long long)t->shape[0]);
		printf("%-52s %-9s %19s %14zu\n", t->name, type_of(t, type), shape, t->bytes);
	}
}

static void print_text(const struct model_source *src)
{
	print_spec(src);
	print_tokenizer(src);
	print_types(src);
	if (src->nr_facts)
		printf("metadata\n");
	for (int i = 0; i < src->nr_facts; i++)
		print_fact(&src->facts[i]);
	if (opt.tensors)
		print_tensors(src);
}

/* ---- JSON ------------------------------------------------------------------------- */

/* With a sparsity where some elements are not stored. */
static void totals_json(struct json_out *o, const struct totals *t)
{
	json_out_int(o, "tensors", t->tensors);
	json_out_int(o, "parameters", t->count);
	json_out_int(o, "bytes", t->bytes);
	json_out_number(o, "bits_per_weight", bits(t));
	if (t->stored != t->count)
		json_out_number(o, "sparsity", sparsity(t));
}

static void spec_json(struct json_out *o, const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];

	json_out_int(o, "layers", s->layers);
	json_out_int(o, "width", s->width);
	json_out_int(o, "heads", l->heads);
	json_out_int(o, "kv_heads", l->kv_heads);
	json_out_int(o, "head_dim", l->head_dim);
	json_out_int(o, "mlp_width", l->mlp_width);
	json_out_int(o, "context", s->context);
	json_out_int(o, "vocab", s->vocab);
	json_out_bool(o, "tied", s->tied);
	json_out_int(o, "windowed_layers", windowed(s));
}

static void tokenizer_json_out(struct json_out *o, const struct tokenizer *tok)
{
	struct json_out *list;

	json_out_text(o, "name", tokenizer_name(tok));
	json_out_text(o, "hash", tokenizer_hash(tok));
	json_out_int(o, "vocab", tokenizer_vocab(tok));
	for (size_t i = 0; i < NR_MARKS; i++)
		if (marks[i].id(tok) != TOKEN_NONE)
			json_out_int(o, marks[i].key, marks[i].id(tok));
	list = json_out_array(o, "ends");
	for (uint32_t id = 0; id < tokenizer_vocab(tok); id++)
		if (tokenizer_ends(tok, id))
			json_out_int(list, NULL, id);
}

static void tensors_json(struct json_out *list, const struct model_source *src)
{
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];
		struct json_out *o = json_out_object(list, NULL), *shape;
		char type[24];

		json_out_text(o, "name", t->name);
		json_out_text(o, "type", type_of(t, type));
		shape = json_out_array(o, "shape");
		for (int d = 0; d < t->nd; d++)
			json_out_int(shape, NULL, t->shape[d]);
		json_out_int(o, "bytes", (long long)t->bytes);
		if (t->sparse)
			json_out_number(o, "sparsity", 1 - (double)t->sparse->nr_values /
							       (double)elements(t));
	}
}

static void types_json(struct json_out *part, const struct sums *s)
{
	char name[24];

	for (int k = 0; k < SPARSE_KINDS; k++)
		for (int d = 0; d < DT_COUNT; d++)
			if (s->type[k][d].tensors)
				totals_json(json_out_object(part, type_name(k, d, name)),
					    &s->type[k][d]);
}

static int print_json(const struct model_source *src)
{
	struct json_out *o = json_out_new(), *part;
	struct sums s;

	sum(src, &s);

	json_out_text(o, "path", src->path);
	json_out_text(o, "format", src->format->name);
	json_out_text(o, "architecture", src->arch);
	json_out_text(o, "family", src->spec.family->name);
	totals_json(o, &s.all);
	if (s.sparse.tensors)
		totals_json(json_out_object(o, "sparse"), &s.sparse);
	spec_json(json_out_object(o, "model"), &src->spec);
	types_json(json_out_object(o, "types"), &s);
	if (src->tokenizer)
		tokenizer_json_out(json_out_object(o, "tokenizer"), src->tokenizer);
	json_out_bool(o, "chat_template", src->chat_template);
	part = json_out_object(o, "metadata");
	for (int i = 0; i < src->nr_facts; i++)
		json_out_text(part, src->facts[i].key, src->facts[i].value);
	if (opt.tensors)
		tensors_json(json_out_array(o, "tensor_list"), src);
	return json_out_print(o);
}

static int info_run(int argc, char **argv)
{
	struct model_source *src;
	int ret = output_from_options();

	(void)argc;
	if (!ret)
		ret = source_describe(argv[0], &src);
	if (ret)
		return ret;
	if (config_options.json)
		ret = print_json(src);
	else
		print_text(src);
	source_close(src);
	return ret;
}

static const struct option options[] = {
	OPTION_BOOL('t', "tensors", &opt.tensors, "list all tensors"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "info",
	.group = "Models",
	.summary = "show what a model file or folder holds",
	.usage = (const char *const []){ "MODEL [--tensors] [--json]", NULL },
	.description =
		"Of a run, a model folder of knlp or of Hugging Face, a GGUF file or a .bin of "
		"llama2.c: architecture, sizes, parameters and bytes of each type, the tokenizer "
		"and the metadata. The whole header is checked, as before any use.",
	.options = options,
	.args = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = info_run,
};
COMMAND_REGISTER(command);
