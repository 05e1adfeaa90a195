// SPDX-License-Identifier: MIT
/*
 * knlp bench train - how fast a training runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/progress.h"
#include "base/thread.h"
#include "base/usage.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "tools/bench/op-table.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "train/profile.h"
#include "train/trainer.h"

#define MAX_STEPS 10000
#define RANDOM_TOKENS ((uint64_t)1 << 24)	/* drawn when read, so they cost nothing */
#define PEAK_SECONDS 1.0

static struct {
	const char *data;
	int vocab, steps, warmup;
	bool ops;
} opt = { .vocab = 257, .steps = 10, .warmup = 3 };

/** struct bench - one measurement. */
struct bench {
	struct config *cfg;
	struct dataset *data;
	struct device *dev;
	struct trainer *t;
	struct op_time *ops;		/* (nr_ops) */
	int nr_ops;
	double step[MAX_STEPS];		/* seconds, sorted */
	double median;			/* of them */
	double timed;			/* seconds of a step while each kernel is measured */
	struct device_rates rates;
	double rss, load;		/* MiB at most; before the steps */
};

static int open_parts(struct bench *b)
{
	int ret = config_from_options(&b->cfg);

	if (!ret)
		ret = opt.data ? dataset_open(opt.data, &b->data)
			       : dataset_random(opt.vocab, RANDOM_TOKENS, &b->data);
	if (!ret)
		ret = trainer_resolve(b->cfg, (int)dataset_vocab(b->data));
	if (!ret)
		ret = device_open(config_text(b->cfg, PARAM_TRAIN_DEVICE), &b->dev);
	if (!ret)
		ret = trainer_new(b->cfg, b->data, b->dev, false, &b->t);
	return ret ? ret : trainer_start(b->t, NULL);
}

static void close_parts(struct bench *b)
{
	free(b->ops);
	trainer_free(b->t);
	device_close(b->dev);
	dataset_close(b->data);
	config_free(b->cfg);
}

static int run_steps(struct bench *b, int nr, double *seconds, bool bar, int *done)
{
	struct step_result r;
	int ret = 0;

	for (int i = 0; i < nr && !ret; i++) {
		double start = clock_seconds();

		ret = trainer_step(b->t, &r);
		if (seconds)
			seconds[i] = clock_seconds() - start;
		progress_update(bar, ++*done, "%s", "");
	}
	return ret;
}

/* Each kernel is measured in steps of their own, since that takes time itself. */
static int time_ops(struct bench *b, bool bar, int *done)
{
	double start;
	int ret;

	trainer_timing(b->t, true);
	start = clock_seconds();
	ret = run_steps(b, opt.steps, NULL, bar, done);
	b->timed = (clock_seconds() - start) / opt.steps;
	return ret;
}

static int measure(struct bench *b)
{
	bool bar = progress_begin("bench", opt.warmup + opt.steps * (opt.ops ? 2 : 1));
	int ret, done = 0;

	b->load = usage_begin_timing();
	ret = run_steps(b, opt.warmup, NULL, bar, &done);
	if (!ret)
		ret = run_steps(b, opt.steps, b->step, bar, &done);
	b->median = clock_median(b->step, opt.steps);
	b->rss = usage_peak_rss();		/* before the arrays that measure the machine */
	if (!ret && opt.ops)
		ret = time_ops(b, bar, &done);
	progress_end(bar);
	if (ret)
		return ret;
	if (device_measure(b->dev, PEAK_SECONDS, &b->rates))
		fail_clear();		/* then there are no shares */
	if (opt.ops)
		b->nr_ops = trainer_op_times(b->t, opt.steps, &b->rates, &b->ops);
	return b->nr_ops < 0 ? b->nr_ops : 0;
}

/* ---- what came of it ------------------------------------------------------------- */

static const char *dtype_of(const struct bench *b)
{
	return config_text(b->cfg, PARAM_TRAIN_DTYPE);
}

static double peak_of(const struct bench *b)
{
	return strcmp(dtype_of(b), "bf16") ? b->rates.f32 : b->rates.bf16;
}

static int print_json(const struct bench *b, double median, double flops)
{
	const struct train_shape *s = trainer_shape(b->t);
	struct json_out *o = json_out_new();
	double peak = peak_of(b);

	json_out_int(o, "parameters", model_count(trainer_model(b->t), false));
	json_out_int(o, "tokens_per_step", s->tokens_per_step);
	json_out_text(o, "dtype", dtype_of(b));
	json_out_text(o, "device", b->dev->arch->name);
	json_out_text(o, "numerics", device_numerics(b->dev));
	json_out_int(o, "threads", threads_count());
	json_out_int(o, "steps", opt.steps);
	json_out_number(o, "tokens_per_s", (double)s->tokens_per_step / median);
	json_out_number(o, "ms", 1e3 * median);
	json_out_number(o, "ms_min", 1e3 * b->step[0]);
	json_out_number(o, "ms_max", 1e3 * b->step[opt.steps - 1]);
	json_out_number(o, "gflops", 1e-9 * flops / median);
	json_out_number(o, "peak_gflops", peak > 0 ? 1e-9 * peak : NAN);
	json_out_number(o, "share_of_peak", flops / median / peak);
	json_out_number(o, "rss_mib", b->rss);
	json_out_number(o, "load", b->load);
	if (opt.ops)
		op_table_json(o, b->ops, b->nr_ops, b->timed);
	return json_out_print(o);
}

static int print_text(const struct bench *b, double median, double flops)
{
	const struct train_shape *s = trainer_shape(b->t);
	char parameters[FORMAT_MAX], tokens[FORMAT_MAX], rate[FORMAT_MAX], rss[FORMAT_MAX];

	printf("%-14s %s parameters, %s tokens per step, %s\n", "model",
	       format_grouped(parameters, model_count(trainer_model(b->t), false)),
	       format_grouped(tokens, s->tokens_per_step), dtype_of(b));
	printf("%-14s %s %s, %d thread%s, load %.2f\n", "device", b->dev->arch->name,
	       device_numerics(b->dev), threads_count(), threads_count() > 1 ? "s" : "", b->load);
	printf("%-14s %s tok/s\n", "speed",
	       format_count(rate, (double)s->tokens_per_step / median));
	printf("%-14s %.1f ms (%.1f to %.1f), median of %d\n", "step", 1e3 * median,
	       1e3 * b->step[0], 1e3 * b->step[opt.steps - 1], opt.steps);
	printf("%-14s %.1f GFLOP/s", "work", 1e-9 * flops / median);
	if (peak_of(b) > 0)
		printf(", %.1f %% of the peak of %.1f", 100 * flops / median / peak_of(b),
		       1e-9 * peak_of(b));
	printf("\n%-14s %s at most\n", "memory", format_bytes(rss, (uint64_t)(b->rss * (1 << 20))));
	if (opt.ops)
		op_table_print(b->ops, b->nr_ops, b->timed);
	return 0;
}

static int report(const struct bench *b)
{
	const struct train_shape *s = trainer_shape(b->t);
	double median = b->median;
	double flops = model_flops(trainer_model(b->t), s->context) * (double)s->tokens_per_step;

	return config_options.json ? print_json(b, median, flops) : print_text(b, median, flops);
}

static int train_bench(int argc, char **argv)
{
	static struct bench b;		/* zero; large */
	int ret;

	(void)argc;
	(void)argv;
	ret = open_parts(&b);
	if (!ret)
		ret = measure(&b);
	if (!ret)
		ret = report(&b);
	close_parts(&b);
	return ret;
}

static const struct option options[] = {
	OPTION_INT('n', "steps", "N", &opt.steps, 1, MAX_STEPS,
		   "steps to measure (default 10)"),
	OPTION_INT(0, "warmup", "N", &opt.warmup, 0, MAX_STEPS,
		   "steps before them (default 3)"),
	OPTION_BOOL(0, "ops", &opt.ops, "a table of the kernels: where the time of a step goes"),
	OPTION_STRING('d', "data", "DIR", &opt.data,
		      "token shards made by knlp data prepare (default: random tokens)"),
	OPTION_COUNT(0, "vocab", "N", &opt.vocab, 2, 10000000,
		     "vocabulary of random tokens (default 257)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "bench train",
	.group = "Speed",
	.summary = "measure how fast a training runs",
	.usage = (const char *const []){
		"[--steps=N] [--warmup=N] [--ops] [--data=DIR|--vocab=N] [--config=FILE] "
		"[--set=KEY=VALUE]... [--threads=N] [--json]",
		NULL
	},
	.description =
		"Runs some steps of the training that the parameters describe, without evaluations "
		"and checkpoints, and prints the median of their times; tokens per second; "
		"GFLOP/s, counted as 6 N + 6 L C T per token whatever is computed beyond that; the "
		"most that the machine can do in multiply-adds, measured in the same run, and the "
		"share of it; and the memory that the process took.",
	.options = options,
	.params = "MODEL_ OPTIM_ TRAIN_ DATA_ RUN_",
	.run = train_bench,
};
COMMAND_REGISTER(command);
