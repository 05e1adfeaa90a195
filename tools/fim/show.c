// SPDX-License-Identifier: MIT
/*
 * knlp fim show - show an estimate of Fisher information.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "fim/summary.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	const char *html;
	bool layers;
} opt;

/* ---- JSON -------------------------------------------------------------------------------- */

static void facts_json(struct json_out *o, const struct fim *f)
{
	const struct fim_facts *x = &f->facts;

	json_out_text(o, "file", f->path);
	json_out_text(o, "unit", x->unit);
	json_out_text(o, "labels", x->labels);
	if (!fim_is_attention(f))
		json_out_text(o, "scale", FIM_SCALE);
	json_out_text(o, "model", x->model);
	json_out_text(o, "data", x->data);
	json_out_text(o, "samples", x->samples);
	json_out_int(o, "sequences", x->sequences);
	json_out_int(o, "positions", x->positions);
	json_out_int(o, "draws", x->draws);
	json_out_int(o, "batch", x->batch);
	json_out_int(o, "context", x->context);
	json_out_int(o, "squares", x->squares);
	json_out_int(o, "tokens", x->tokens);
	json_out_int(o, "step", x->step);
	json_out_int(o, "seed", x->seed);
}

static void figure_json(struct json_out *o, const struct fim_figure *t)
{
	json_out_int(o, "elements", t->count);
	json_out_number(o, "sum", t->sum);
	json_out_number(o, "mean", t->mean);
	json_out_number(o, "share", t->share);
	json_out_number(o, "peak", t->peak);
	json_out_number(o, "zeros", t->zeros);
}

static void tensors_json(struct json_out *o, const struct fim_summary *s)
{
	struct json_out *list, *one;

	json_out_number(o, "sum", s->sum);
	list = json_out_array(o, "layers");
	for (int i = 0; i < s->nr_layers; i++) {
		one = json_out_object(list, NULL);
		json_out_int(one, "layer", s->layer[i].layer);
		figure_json(one, &s->layer[i]);
	}
	list = json_out_array(o, "tensors");
	for (int i = 0; i < s->nr; i++) {
		one = json_out_object(list, NULL);
		json_out_text(one, "name", s->tensor[i].name);
		figure_json(one, &s->tensor[i]);
		if (!isnan(s->tensor[i].a)) {
			json_out_number(one, "a", s->tensor[i].a);
			json_out_number(one, "g", s->tensor[i].g);
		}
	}
}

static void heads_json(struct json_out *o, const struct fim *f)
{
	struct json_out *list = json_out_array(o, "heads"), *one;

	for (int i = 0; i < f->nr; i++)
		for (int h = 0; h < f->item[i].n[0]; h++) {
			one = json_out_object(list, NULL);
			json_out_text(one, "layer", f->item[i].name);
			json_out_int(one, "head", h);
			for (int p = FIM_TRACE; p <= FIM_ENTROPY; p++)
				json_out_number(one, fim_suffix(p) + 1,
						fim_value(&f->item[i], p, h));
		}
}

static int print_json(const struct fim *f, const struct fim_summary *s)
{
	struct json_out *o = json_out_new();

	facts_json(o, f);
	if (s->nr)
		tensors_json(o, s);
	else
		heads_json(o, f);
	return json_out_print(o);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print_facts(const struct fim *f)
{
	const struct fim_facts *x = &f->facts;
	char tokens[FORMAT_MAX], squares[FORMAT_MAX];

	printf("%-8s %s, labels %s\n", "unit", x->unit, x->labels);
	format_grouped(tokens, x->tokens);
	format_grouped(squares, x->squares);
	if (x->step)
		printf("%-8s as much as %s steps, by how the decay weighs %lld of them: %s tokens",
		       "sample", squares, (long long)x->step, tokens);
	else
		printf("%-8s %s tokens of %lld sequences of %lld", "sample", tokens,
		       (long long)x->sequences, (long long)x->context);
	if (x->draws > 1)
		printf(", %lld draws", (long long)x->draws);
	if (x->batch > 1)
		printf(", in batches of %lld", (long long)x->batch);
	if (fim_is_attention(f))
		printf("\n%-8s %s of each head, entropy in nats, the rest without a unit\n\n",
		       "rows", squares);
	else
		printf("\n%-8s %s squares, " FIM_SCALE "\n\n", "scale", squares);
}

static void print_number(const char *format, double x, int width)
{
	char text[32];

	snprintf(text, sizeof(text), format, x);
	printf(" %*s", width, isnan(x) ? "-" : text);
}

static void print_figure(const struct fim_figure *t, const char *name, int width)
{
	char count[FORMAT_MAX];

	printf("%-*.*s %8s", width, width, name, format_count(count, (double)t->count));
	print_number("%.4g", t->sum, 10);
	print_number("%.3g", t->mean, 10);
	print_number("%.2f%%", 100 * t->share, 8);
	print_number("%.3g", t->peak, 9);
	print_number("%.1f%%", 100 * t->zeros, 7);
	putchar('\n');
}

static void print_heading(const char *what, int width)
{
	printf("%-*s %8s %10s %10s %8s %9s %7s\n", width, what, "elements", "sum", "mean", "share",
	       "peak/mean", "zeros");
}

static int name_width(const struct fim_summary *s)
{
	int most = 7;

	for (int i = 0; i < s->nr; i++) {
		int len = (int)strlen(s->tensor[i].name);

		most = len > most ? len : most;
	}
	return most < 60 ? most : 60;
}

static void print_tensors(const struct fim_summary *s)
{
	int width = name_width(s);
	struct fim_figure all = { .count = s->count, .sum = s->sum, .share = 1, .peak = NAN,
				  .zeros = NAN, .mean = s->sum / (double)s->count };
	char name[32];

	if (!opt.layers) {
		print_heading("tensor", width);
		for (int i = 0; i < s->nr; i++)
			print_figure(&s->tensor[i], s->tensor[i].name, width);
		putchar('\n');
	}
	print_heading("layer", width);
	for (int i = 0; i < s->nr_layers; i++) {
		snprintf(name, sizeof(name), "%d", s->layer[i].layer);
		print_figure(&s->layer[i], s->layer[i].layer < 0 ? "outside" : name, width);
	}
	print_figure(&all, "all", width);
}

static void print_heads(const struct fim *f)
{
	printf("%-24s %4s %10s %10s %10s %10s\n", "layer", "head", "trace", "largest", "rank",
	       "entropy");
	for (int i = 0; i < f->nr; i++)
		for (int h = 0; h < f->item[i].n[0]; h++) {
			printf("%-24s %4d", f->item[i].name, h);
			for (int p = FIM_TRACE; p <= FIM_ENTROPY; p++)
				print_number("%.4g", fim_value(&f->item[i], p, h), 10);
			putchar('\n');
		}
}

/* What its heads have on the average. */
static void print_head_layers(const struct fim *f)
{
	printf("%-24s %4s %10s %10s %10s %10s\n", "layer", "mean", "trace", "largest", "rank",
	       "entropy");
	for (int i = 0; i < f->nr; i++) {
		printf("%-24s %4lld", f->item[i].name, (long long)f->item[i].n[0]);
		for (int p = FIM_TRACE; p <= FIM_ENTROPY; p++)
			print_number("%.4g", fim_head_mean(&f->item[i], p), 10);
		putchar('\n');
	}
}

/* A page may be written anew; anything else that is there was named by mistake. */
static int check_page(void)
{
	static const char begin[] = "<!DOCTYPE html>";
	char head[sizeof(begin)] = "";
	FILE *f = file_is_stream(opt.html) ? NULL : fopen(opt.html, "re");
	size_t n = f ? fread(head, 1, sizeof(begin) - 1, f) : 0;

	if (f)
		fclose(f);
	if (!n || !strcasecmp(head, begin))
		return 0;
	return fail(-EEXIST, "--html %s is there, and no page: remove it, or choose another name",
		    opt.html);
}

static int write_page(const struct fim *f)
{
	struct strbuf page;
	int ret = check_page();

	strbuf_init(&page);
	if (!ret)
		ret = fim_html(f, &page);
	if (!ret)
		ret = file_write_atomic(opt.html, page.s, page.len);
	strbuf_free(&page);
	if (!ret && !config_options.json)
		printf("%s\n", opt.html);
	return ret;
}

static int show(const struct fim *f)
{
	struct fim_summary s;
	int ret = fim_summarize(f, &s);

	if (!ret && config_options.json) {
		ret = print_json(f, &s);
	} else if (!ret) {
		print_facts(f);
		if (s.nr) {
			print_tensors(&s);
		} else {
			if (!opt.layers) {
				print_heads(f);
				putchar('\n');
			}
			print_head_layers(f);
		}
	}
	fim_summary_free(&s);
	return ret;
}

static int fim_show_run(int argc, char **argv)
{
	struct fim *f = NULL;
	int ret = output_from_options();

	(void)argc;
	if (!ret)
		ret = fim_open(argv[0], &f);
	if (!ret && opt.html)
		ret = write_page(f);
	if (!ret && (!opt.html || config_options.json))
		ret = show(f);
	fim_close(f);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING(0, "html", "FILE", &opt.html, "write a page with tables and heatmaps "
		      "instead"),
	OPTION_BOOL(0, "layers", &opt.layers, "print layers only, no tensors and no heads"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "fim show",
	.group = "Fisher information",
	.summary = "show an estimate of Fisher information",
	.usage = (const char *const []){ "[--html=FILE] [--layers] [--json] F", NULL },
	.description =
		"Prints how the Fisher information of file F is made, and of each tensor and each "
		"layer the sum, the mean, the share of the model's, how far the largest element is "
		"above the mean, and how many are 0; of attention, the figures of each head.",
	.options = options,
	.args = "F",
	.min_args = 1,
	.max_args = 1,
	.run = fim_show_run,
};
COMMAND_REGISTER(command);
