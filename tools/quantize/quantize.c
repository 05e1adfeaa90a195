// SPDX-License-Identifier: MIT
/*
 * knlp quantize - write a GGUF file with its weights in blocks of few bits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "quant/model.h"
#include "quant/quant.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define RULES_MAX (1 << 20)	/* bytes of a file of rules */

static struct {
	const char *mix, *type, *embedding, *output, *imatrix, *rules;
	struct option_list tensor_type;
	bool pure, dry_run, requantize;
	int threads;
} opt;

static int read_type(const char *name, const char *option, enum dtype *dtype)
{
	int type = name ? dtype_from_name(name) : DT_COUNT;

	if (type != DT_COUNT && (type < 0 || !quant_can(type)))
		return usage_error("quantize: --%s: no type '%s': there are f32, f16, bf16, q8_0, "
				   "q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, q4_0, iq4_nl, q3_k, q2_k",
				   option, name);
	*dtype = type;
	return 0;
}

/* --type is the mix of that base type, without what the mix does for some tensors. */
static int read_mix(struct quant_request *q)
{
	static const struct { const char *type, *mix; } base[] = {
		{ "q2_k", "q2_k" }, { "q3_k", "q3_k_m" }, { "q4_k", "q4_k_m" },
		{ "q5_k", "q5_k_m" },
	};
	const char *mix = opt.type ? opt.type : opt.mix ? opt.mix : "q4_k_m";
	enum dtype type;
	int ret;

	if (opt.type && opt.mix)
		return usage_error("quantize: --type is for all tensors alike, --mix is not: say "
				   "one of them");
	ret = read_type(opt.type, "type", &type);
	if (ret)
		return ret;
	for (size_t i = 0; opt.type && i < sizeof(base) / sizeof(base[0]); i++)
		if (!strcmp(base[i].type, dtype_info(type)->name))
			mix = base[i].mix;
	q->pure = opt.pure || opt.type;
	q->mix = quant_mix_find(mix);
	return q->mix ? 0 : usage_error("quantize: --mix: %s", fail_message());
}

/* ---- rules: of the command line, then of the file ---------------------------------- */

static int add_rule(struct quant_request *q, const char *text)
{
	struct quant_rule *more = realloc(q->rules, (q->nr_rules + 1) * sizeof(*more));
	int ret;

	if (!more)
		return fail_nomem((q->nr_rules + 1) * sizeof(*more), "rules");
	q->rules = more;
	ret = quant_rule_parse(text, &more[q->nr_rules]);
	if (!ret)
		q->nr_rules++;
	return ret;
}

static int read_rules(struct quant_request *q)
{
	char *text, *at, *word;
	size_t len;
	int ret = 0;

	for (int i = 0; i < opt.tensor_type.nr && !ret; i++)
		if (add_rule(q, opt.tensor_type.item[i]))
			ret = usage_error("quantize: --tensor-type: %s", fail_message());
	if (ret || !opt.rules)
		return ret;
	ret = file_read_all(opt.rules, RULES_MAX, &text, &len);
	if (ret)
		return ret;
	for (at = text; !ret && (word = strtok(at, " \t\r\n")); at = NULL) {
		ret = add_rule(q, word);
		if (ret)
			fail_in(ret, "%s", opt.rules);
	}
	free(text);
	return ret;
}

/* ---- the report -------------------------------------------------------------------- */

static long long total_bytes(const struct gguf *g, const struct quant_choice *c, long long *before,
			     double *weights)
{
	long long after = 0;

	*before = 0;
	*weights = 0;
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		after += quant_bytes(&c[i]);
		*before += (long long)c[i].tensor->bytes;
		*weights += (double)quant_tensor_rows(c[i].tensor) *
			    (double)quant_tensor_row(c[i].tensor);
	}
	return after;
}

static void print_table(const struct gguf *g, const struct quant_choice *c)
{
	printf("%-36s %-7s %-7s %12s\n", "tensor", "from", "to", "bytes");
	for (size_t i = 0; i < gguf_nr_tensors(g); i++)
		printf("%-36s %-7s %-7s %12lld\n", c[i].tensor->name,
		       dtype_info(c[i].tensor->dtype)->name, dtype_info(c[i].dtype)->name,
		       (long long)quant_bytes(&c[i]));
}

static void say_fallbacks(const struct gguf *g, const struct quant_choice *c)
{
	for (size_t i = 0; i < gguf_nr_tensors(g); i++)
		if (c[i].wanted != c[i].dtype)
			log_info("%s: rows of %lld are no whole blocks of %s: %s",
				 c[i].tensor->name, (long long)quant_tensor_row(c[i].tensor),
				 dtype_info(c[i].wanted)->name, dtype_info(c[i].dtype)->name);
}

/* Tensors that are rounded without importance although there is a matrix. */
static void say_unimportant(const struct gguf *g, const struct quant_choice *c,
			    const struct imatrix *im)
{
	int nr = 0;
	const char *first = NULL;

	for (size_t i = 0; im && i < gguf_nr_tensors(g); i++) {
		const char *name = c[i].tensor->name;

		if (c[i].dtype == c[i].tensor->dtype || imatrix_find(im, name) ||
		    !strcmp(name, "token_embd.weight") || !strcmp(name, "output.weight"))
			continue;
		first = first ? first : name;
		nr++;
	}
	if (nr)
		log_warn("%s says nothing of %d tensors that are quantized, '%s' for one",
			 opt.imatrix, nr, first);
}

static int report(const struct gguf *g, const struct quant_request *q, const struct quant_choice *c,
		  const char *path)
{
	struct json_out *o, *list;
	long long before, after;
	double weights;

	after = total_bytes(g, c, &before, &weights);
	if (!config_options.json) {
		if (opt.dry_run)
			print_table(g, c);
		log_info("%s: %s, %lld bytes of tensors (%.2f bits per weight), before %lld (%.2f)",
			 opt.dry_run ? "would be" : path, q->mix->name, after,
			 8 * (double)after / weights, before, 8 * (double)before / weights);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "mix", q->mix->name);
	json_out_int(o, "bytes_before", before);
	json_out_int(o, "bytes", after);
	json_out_number(o, "bits_per_weight", 8 * (double)after / weights);
	list = json_out_array(o, "tensors");
	for (size_t i = 0; i < gguf_nr_tensors(g); i++) {
		struct json_out *t = json_out_object(list, NULL);

		json_out_text(t, "name", c[i].tensor->name);
		json_out_text(t, "from", dtype_info(c[i].tensor->dtype)->name);
		json_out_text(t, "wanted", dtype_info(c[i].wanted)->name);
		json_out_text(t, "type", dtype_info(c[i].dtype)->name);
		json_out_int(t, "bytes", quant_bytes(&c[i]));
	}
	return json_out_print(o);
}

static int quantize(const struct gguf *g, struct quant_request *q, const char *path)
{
	struct quant_choice *c = NULL;
	struct imatrix *im = NULL;
	int ret = opt.imatrix ? imatrix_open(opt.imatrix, g, &im) : 0;

	if (!ret)
		ret = quant_choose(g, q, &c);
	if (!ret)
		ret = quant_check(g, c, opt.requantize);
	if (!ret) {
		say_fallbacks(g, c);
		say_unimportant(g, c, im);
	}
	if (!ret && !opt.dry_run)
		ret = quant_model_write(g, q, c, im, opt.imatrix, path);
	if (!ret)
		ret = report(g, q, c, path);
	free(c);
	imatrix_close(im);
	return ret;
}

static int read_options(struct quant_request *q)
{
	int ret = output_from_options();

	if (!ret)
		ret = threads_start(opt.threads ? opt.threads : threads_default());
	if (!ret)
		ret = read_mix(q);
	if (!ret)
		ret = read_type(opt.embedding, "embedding-type", &q->embedding);
	if (!ret)
		ret = read_type(opt.output, "output-type", &q->output);
	q->importance = opt.imatrix != NULL;
	return ret ? ret : read_rules(q);
}

static int quantize_run(int argc, char **argv)
{
	struct quant_request q = { 0 };
	struct gguf *g;
	int ret = read_options(&q);

	if (!ret && argc < 2 && !opt.dry_run)
		ret = usage_error("quantize: OUT is missing");
	if (!ret && argc > 1 && !strcmp(argv[1], "-"))
		ret = usage_error("quantize: OUT is a file, not standard output");
	if (!ret && argc > 1 && !opt.dry_run && file_exists(argv[1]))
		ret = fail(-EEXIST, "%s: exists already", argv[1]);
	if (!ret)
		ret = gguf_open(argv[0], &g);
	if (!ret) {
		ret = quantize(g, &q, argv[1]);
		gguf_close(g);
	}
	for (int i = 0; i < q.nr_rules; i++)
		quant_rule_free(&q.rules[i]);
	free(q.rules);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('m', "mix", "NAME", &opt.mix, "llama.cpp's mix: q2_k, q3_k_s ... q5_k_m, "
		      "q6_k, q8_0, q4_0 ... (default q4_k_m)"),
	OPTION_STRING(0, "type", "TYPE", &opt.type, "all matrices in this type"),
	OPTION_BOOL(0, "pure", &opt.pure, "all matrices in the base type of the mix"),
	OPTION_LIST(0, "tensor-type", "REGEX=TYPE", &opt.tensor_type, "type of the tensors whose "
		    "name matches; may be repeated, the first that matches counts"),
	OPTION_STRING(0, "tensor-type-file", "FILE", &opt.rules, "such rules from a file, with "
		      "blanks or newlines between"),
	OPTION_STRING(0, "embedding-type", "TYPE", &opt.embedding, "type of token_embd"),
	OPTION_STRING(0, "output-type", "TYPE", &opt.output, "type of output, or of token_embd if "
		      "they are one"),
	OPTION_STRING(0, "imatrix", "FILE", &opt.imatrix, "importance of the columns: a GGUF file "
		      "of llama-imatrix"),
	OPTION_BOOL(0, "allow-requantize", &opt.requantize, "quantize what is quantized already"),
	OPTION_BOOL('n', "dry-run", &opt.dry_run, "print types and sizes, write nothing"),
	OPTION_INT('t', "threads", "N", &opt.threads, 1, 4096, "threads that compute; results do "
		   "not depend on it"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "quantize",
	.group = "Models",
	.summary = "write a GGUF file with its weights in blocks of few bits",
	.usage = (const char *const []){ "IN OUT.gguf [--mix=NAME] [options]",
					 "IN --dry-run [options]", NULL },
	.description =
		"IN is a GGUF file (knlp convert makes one of other formats); OUT must not exist "
		"yet. Blocks are byte for byte those of llama.cpp's quantizers, and a mix gives "
		"each tensor the type that it has there.",
	.options = options,
	.args = "IN [OUT]",
	.min_args = 1,
	.max_args = 2,
	.run = quantize_run,
};
COMMAND_REGISTER(command);
