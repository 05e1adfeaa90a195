// SPDX-License-Identifier: MIT
/*
 * knlp fim compare - compare two estimates of Fisher information.
 */
#include "fim/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	int shuffles, seed;
} opt = { .shuffles = 39, .seed = 1 };

/* ---- JSON ---------------------------------------------------------------------------- */

static void agreement_json(struct json_out *o, const char *key, const struct fim_agreement *a)
{
	struct json_out *r;

	o = json_out_object(o, key);
	json_out_number(o, "rho", a->rho);
	json_out_number(o, "low", a->low);
	json_out_number(o, "high", a->high);
	json_out_number(o, "corrected", a->corrected);
	json_out_number(o, "corrected_f", a->corrected_f);
	r = json_out_array(o, "reliability");
	json_out_number(r, NULL, a->reliability[0]);
	json_out_number(r, NULL, a->reliability[1]);
	json_out_number(o, "null_sd", a->null_sd);
	json_out_number(o, "p", a->p);
}

static void pair_json(struct json_out *o, const struct fim_pair *p)
{
	struct json_out *cuts;

	json_out_text(o, "name", p->name);
	json_out_int(o, "elements", p->count);
	agreement_json(o, "spearman", &p->plain);
	agreement_json(o, "inner", &p->inner);
	cuts = json_out_array(o, "jaccard");
	for (int i = 0; i < FIM_CUTS; i++) {
		struct json_out *cut = json_out_object(cuts, NULL);

		json_out_number(cut, "cut", fim_cuts[i]);
		json_out_number(cut, "value", p->jaccard[i]);
		json_out_number(cut, "chance", p->chance[i]);
	}
	json_out_number(o, "ratio", p->ratio);
	json_out_number(o, "off", p->ratio > 0 ? fabs(log(p->ratio)) : NAN);
}

static void file_json(struct json_out *o, const char *key, const struct fim *f)
{
	o = json_out_object(o, key);
	json_out_text(o, "file", f->path);
	json_out_text(o, "unit", f->facts.unit);
	json_out_text(o, "labels", f->facts.labels);
	json_out_int(o, "squares", f->facts.squares);
	json_out_int(o, "context", f->facts.context);
}

static int print_json(const struct fim *f, const struct fim *g, const struct fim_comparison *c)
{
	struct json_out *o = json_out_new(), *list;

	file_json(o, "f", f);
	file_json(o, "g", g);
	json_out_bool(o, "same_model", c->same_model);
	json_out_bool(o, "same_data", c->same_data);
	json_out_bool(o, "common_samples", c->common_samples);
	json_out_int(o, "only_f", c->only[0]);
	json_out_int(o, "only_g", c->only[1]);
	json_out_int(o, "shuffles", opt.shuffles);
	json_out_number(o, "between", c->between);
	pair_json(json_out_object(o, "all"), &c->all);
	pair_json(json_out_object(o, "layers"), &c->layers);
	list = json_out_array(o, "tensors");
	for (int i = 0; i < c->nr; i++)
		pair_json(json_out_object(list, NULL), &c->pair[i]);
	return json_out_print(o);
}

/* ---- for people ------------------------------------------------------------------------ */

static int name_width(const struct fim_comparison *c)
{
	int most = 6;

	for (int i = 0; i < c->nr; i++) {
		int len = (int)strlen(c->pair[i].name);

		most = len > most ? len : most;
	}
	return most < 60 ? most : 60;
}

/* What is not known is a dash. */
static void print_number(double x, int width)
{
	if (isnan(x))
		printf(" %*s", width, "-");
	else
		printf(" %*.3f", width, x);
}

static void print_pair(const struct fim_pair *p, int width)
{
	char count[FORMAT_MAX];

	printf("%-*.*s %8s", width, width, p->name, format_count(count, (double)p->count));
	print_number(p->plain.rho, 8);
	print_number(p->plain.corrected, 9);
	print_number(p->plain.null_sd, 7);
	print_number(p->inner.rho, 8);
	print_number(p->inner.corrected, 9);
	print_number(p->inner.null_sd, 7);
	for (int i = 0; i < FIM_CUTS; i++)
		print_number(p->jaccard[i], 6);
	if (isnan(p->ratio))
		printf(" %9s\n", "-");
	else
		printf(" %9.4g\n", p->ratio);
}

static void print_file(const char *which, const struct fim *f)
{
	printf("%s  %s: %s, labels %s, %lld squares\n", which, f->path, f->facts.unit,
	       f->facts.labels, (long long)f->facts.squares);
}

/* What makes two files differ, or agree, for another reason than what they say of weights. */
static void print_doubts(const struct fim *f, const struct fim *g, const struct fim_comparison *c)
{
	if (!c->same_model)
		puts("   of different weights");
	if (!c->same_data && *f->facts.data && *g->facts.data)
		puts("   of different data");
	if (c->common_samples)
		puts("   of texts in common: they share noise, and `corrected` is too high");
	if (f->facts.context != g->facts.context)
		printf("   of sequences of %lld and %lld tokens\n", (long long)f->facts.context,
		       (long long)g->facts.context);
}

static void print_table(const struct fim *f, const struct fim *g,
			const struct fim_comparison *c)
{
	int width = name_width(c);

	print_file("F", f);
	print_file("G", g);
	print_doubts(f, g, c);
	if (c->only[0] || c->only[1])
		printf("   %d tensors are in F alone, %d in G alone\n", c->only[0], c->only[1]);
	printf("\n%-*s %8s %8s %9s %7s %8s %9s %7s %6s %6s %6s %9s\n", width, "tensor", "elements",
	       "spearman", "corrected", "null", "inner", "corrected", "null", "1%", "10%", "50%",
	       "G/F");
	for (int i = 0; i < c->nr; i++)
		print_pair(&c->pair[i], width);
	if (c->layers.count)
		print_pair(&c->layers, width);
	print_pair(&c->all, width);
	print_pair(&(struct fim_pair){
		.name = "by chance", .count = c->all.count, .ratio = NAN,
		.plain = { .corrected = NAN, .null_sd = NAN },
		.inner = { .corrected = NAN, .null_sd = NAN },
		.jaccard = { c->all.chance[0], c->all.chance[1], c->all.chance[2] },
	}, width);
	printf("\nbetween tensors: spearman of their means");
	print_number(c->between, 0);
	putchar('\n');
}

static int fim_compare_run(int argc, char **argv)
{
	struct fim_compare_options o = { opt.shuffles, opt.seed };
	struct fim_comparison c = { 0 };
	struct fim *f = NULL, *g = NULL;
	struct config *cfg = NULL;
	int ret = config_from_options(&cfg);

	(void)argc;
	if (!ret)
		ret = fim_open(argv[0], &f);
	if (!ret)
		ret = fim_open(argv[1], &g);
	if (!ret)
		ret = fim_compare(f, g, &o, &c);
	if (!ret && config_options.json)
		ret = print_json(f, g, &c);
	else if (!ret)
		print_table(f, g, &c);
	fim_comparison_free(&c);
	fim_close(f);
	fim_close(g);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_INT(0, "shuffles", "N", &opt.shuffles, 0, 100000, "of rows and columns, for the "
		   "null (default 39; 0: none)"),
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647, "of the shuffles (default 1)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "fim compare",
	.group = "Fisher information",
	.summary = "compare two estimates of Fisher information",
	.usage = (const char *const []){ "[--shuffles=N] [--seed=S] [--json] F G", NULL },
	.description =
		"Says for each tensor how far two diagonals put its elements in the same order: "
		"the rank correlation, what is left of it without rows and columns, the overlap of "
		"the largest elements, and the ratio of the sums. Where a file has halves of its "
		"sample (knlp fim estimate --halves), correlations are corrected for its noise.",
	.options = options,
	.params = "RUN_",
	.args = "F G",
	.min_args = 2,
	.max_args = 2,
	.run = fim_compare_run,
};
COMMAND_REGISTER(command);
