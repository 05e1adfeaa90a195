// SPDX-License-Identifier: MIT
/*
 * knlp eval kld - how far a model's predictions are from another one's.
 */
#include "eval/kld.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "eval/dump.h"
#include "stats/quantile.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/eval/options.h"
#include "tools/json-out.h"

static struct {
	const char *base;
	int context;
	bool parity;
} opt;

/**
 * struct line - a line of the answer.
 * @chunks: its error with chunks as units
 * @scale: 100 where it is printed in per cent
 */
struct line {
	const char *key, *label;
	struct stats_estimate tokens;
	double chunks;
	double scale;
};

/** struct quantile - a line of the distribution. */
struct quantile {
	const char *key, *label;
	double q;
};

static const struct quantile quantiles[] = {
	{ "max", "maximum", 1 }, { "q999", "99.9 %", 0.999 }, { "q99", "99 %", 0.99 },
	{ "q95", "95 %", 0.95 }, { "q90", "90 %", 0.9 }, { "q75", "75 %", 0.75 },
	{ "median", "median", 0.5 }, { "q25", "25 %", 0.25 }, { "q10", "10 %", 0.1 },
	{ "q5", "5 %", 0.05 }, { "q1", "1 %", 0.01 }, { "q01", "0.1 %", 0.001 },
	{ "min", "minimum", 0 },
};

#define NR_QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static double chunk_error(const struct eval_table *t, const char *metric)
{
	int m = table_find_metric(t, metric);

	return m < 0 ? NAN : table_estimate(t, m).error;
}

/* Error of the mean difference of the two losses, chunks as units. */
static double ratio_chunk_error(const struct eval_table *t)
{
	const double *a = t->column[table_find_column(t, "nll")].x;
	const double *b = t->column[table_find_column(t, "nll_base")].x;
	double per_chunk = table_sum(t, "tokens") / (double)t->rows;

	return stats_mean_difference(a, b, t->rows).error / per_chunk;
}

static struct stats_estimate exp_of(struct stats_estimate e)
{
	return (struct stats_estimate){ exp(e.value), exp(e.value) * e.error };
}

enum { PPL, PPL_BASE, LN_RATIO, RATIO, KLD, DELTA_P, DELTA_P_RMS, SAME_TOP, LINES };

static void summarize(const struct kld_result *r, struct line line[LINES])
{
	struct stats_estimate loss = stats_mean(r->nll, r->nr);
	struct stats_estimate base = stats_mean(r->nll_base, r->nr);
	struct stats_estimate ratio = stats_mean_difference(r->nll, r->nll_base, r->nr);
	const struct eval_table *t = r->table;

	line[PPL] = (struct line){ "ppl", "PPL", exp_of(loss),
				   exp(loss.value) * chunk_error(t, "loss"), 1 };
	line[PPL_BASE] = (struct line){ "ppl_base", "PPL of the base", exp_of(base),
					exp(base.value) * chunk_error(t, "loss_base"), 1 };
	line[LN_RATIO] = (struct line){ "ln_ratio", "ln PPL / PPL base", ratio,
					ratio_chunk_error(t), 1 };
	line[RATIO] = (struct line){ "ratio", "PPL / PPL base", exp_of(ratio),
				     exp(ratio.value) * ratio_chunk_error(t), 1 };
	line[KLD] = (struct line){ "kld", "mean KLD", stats_mean(r->kld, r->nr),
				   chunk_error(t, "kld"), 1 };
	line[DELTA_P] = (struct line){ "delta_p", "mean delta p, %",
				       stats_mean(r->delta_p, r->nr),
				       chunk_error(t, "delta_p"), 100 };
	line[DELTA_P_RMS] = (struct line){ "delta_p_rms", "RMS delta p, %",
					   stats_rms(r->delta_p, r->nr), NAN, 100 };
	line[SAME_TOP] = (struct line){ "same_top", "same top token, %",
					stats_mean(r->same_top, r->nr),
					chunk_error(t, "same_top"), 100 };
}

static void print_line(const struct line *l)
{
	printf("%-20s %12.6f", l->label, l->scale * l->tokens.value);
	if (isfinite(l->chunks))
		printf(" +/- %.6f", l->scale * l->chunks);
	printf("  (+/- %.6f)\n", l->scale * l->tokens.error);
}

static void print_text(const struct kld_result *r, const struct line *line,
		       const double *kld, const double *delta_p)
{
	printf("%-20s %zu", "chunks", r->table->rows);
	if (r->table->rows < r->table->rows_all)
		printf(" of %zu (partial)", r->table->rows_all);
	printf("\n%-20s %zu\n", "positions", r->nr);
	for (int i = 0; i < LINES; i++)
		print_line(&line[i]);
	printf("%-20s %12.6f\n", "correlation of ln p",
	       stats_correlation(r->nll, r->nll_base, r->nr));
	printf("\n%-20s %12s %12s\n", "", "KLD", "delta p, %");
	for (size_t i = 0; i < NR_QUANTILES; i++)
		printf("%-20s %12.6f %12.4f\n", quantiles[i].label,
		       stats_quantile(kld, r->nr, quantiles[i].q),
		       100 * stats_quantile(delta_p, r->nr, quantiles[i].q));
	puts("\n+/-: standard errors with chunks as units; in parentheses as llama.cpp has "
	     "them,\nas if tokens were independent");
}

static void add_quantiles(struct json_out *o, const double *sorted, size_t nr)
{
	for (size_t i = 0; i < NR_QUANTILES; i++)
		json_out_number(o, quantiles[i].key, stats_quantile(sorted, nr, quantiles[i].q));
}

static int print_json(const struct kld_result *r, const struct line *line,
		      const double *kld, const double *delta_p)
{
	struct json_out *o = json_out_new();

	json_out_text(o, "model", r->table->model);
	json_out_text(o, "base", opt.base);
	json_out_text(o, "data_hash", r->table->data_hash);
	json_out_text(o, "act", r->table->act);
	json_out_bool(o, "parity", opt.parity);
	json_out_int(o, "chunks", (long long)r->table->rows);
	json_out_int(o, "chunks_all", (long long)r->table->rows_all);
	json_out_bool(o, "partial", r->table->rows < r->table->rows_all);
	json_out_int(o, "positions", (long long)r->nr);
	for (int i = 0; i < LINES; i++) {
		char key[48];

		json_out_number(o, line[i].key, line[i].tokens.value);
		snprintf(key, sizeof(key), "%s_error", line[i].key);
		json_out_number(o, key, line[i].chunks);
		snprintf(key, sizeof(key), "%s_error_tokens", line[i].key);
		json_out_number(o, key, line[i].tokens.error);
	}
	json_out_number(o, "correlation", stats_correlation(r->nll, r->nll_base, r->nr));
	add_quantiles(json_out_object(o, "kld_quantiles"), kld, r->nr);
	add_quantiles(json_out_object(o, "delta_p_quantiles"), delta_p, r->nr);
	return json_out_print(o);
}

/* Sorts what is not needed in its order any more. */
static int report(struct kld_result *r)
{
	struct line line[LINES];

	summarize(r, line);
	stats_sort(r->kld, r->nr);
	stats_sort(r->delta_p, r->nr);
	if (config_options.json)
		return print_json(r, line, r->kld, r->delta_p);
	print_text(r, line, r->kld, r->delta_p);
	return 0;
}

static int compare(const struct eval_setup *s, const char *model)
{
	struct kld_options o = { opt.context, eval_options.limit, opt.parity };
	struct eval_model em = { 0 }, base = { 0 };
	struct kld_result r = { 0 };
	int ret = eval_model_open(model, eval_options.act, s->dev, &em);

	if (!ret)
		ret = eval_model_open(opt.base, eval_options.act, s->dev, &base);
	if (!ret)
		ret = kld_run(&em, &base, &s->text, &o, &r);
	if (!ret && eval_options.dump)
		ret = dump_write(r.table, eval_options.dump);
	if (!ret)
		ret = report(&r);
	kld_result_free(&r);
	eval_model_close(&em);
	eval_model_close(&base);
	return ret;
}

static int eval_kld_run(int argc, char **argv)
{
	struct eval_setup s;
	int ret;

	(void)argc;
	if (!opt.base)
		return usage_error("eval kld: --base is missing");
	ret = eval_setup("eval kld", &s);
	if (!ret)
		ret = compare(&s, argv[0]);
	eval_setup_free(&s);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('b', "base", "MODEL2", &opt.base, "the model to be like"),
	OPTION_INT(0, "context", "N", &opt.context, 4, 1048576, "tokens of a chunk (default 512)"),
	OPTION_BOOL(0, "parity", &opt.parity, "round as llama-perplexity's file of base logits "
		    "does: 16 bits, cut off 16 below the largest"),
	OPTION_TABLE(option_table_eval),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "eval kld",
	.group = "Models",
	.summary = "how far a model's predictions are from another one's",
	.usage = (const char *const []){
		"--base=MODEL2 --file=FILE [--context=N] [--parity] [--limit=N] [--dump=FILE] "
		"[--act=KIND] [--json] MODEL",
		NULL
	},
	.description =
		"Computes the Kullback-Leibler divergence of MODEL's predictions from those of "
		"MODEL2, such as the same model before it was quantized, at the positions that "
		"llama-perplexity counts. Both models are in memory at the same time. Prints "
		"means, percentiles, the ratio of perplexities, and how the probability of the "
		"right token changes.",
	.options = options,
	.params = "RUN_",
	.args = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = eval_kld_run,
};
COMMAND_REGISTER(command);
