// SPDX-License-Identifier: MIT
/*
 * knlp bench decode, knlp bench prefill - how fast a model reads and writes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/thread.h"
#include "base/usage.h"
#include "infer/decoder.h"
#include "nn/model.h"
#include "tools/bench/op-table.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/infer-options.h"
#include "tools/json-out.h"
#include "train/load.h"

#define MAX_STEPS 100000
#define PEAK_SECONDS 1.0

static struct {
	int tokens, prompt, context, batch, repeat, warmup;
	bool ops;
} opt = { .tokens = 64, .prompt = 512, .context = 128, .batch = 1, .repeat = 5, .warmup = 3 };

/** struct bench - one measurement. */
struct bench {
	struct config *cfg;
	struct device *dev;
	struct loaded l;
	struct decoder *d;
	int32_t *tokens;		/* random */
	float *logits;			/* (batch, V) */
	double *seconds;		/* (nr) of each step, sorted in the end */
	int nr;
	double timed;			/* seconds of a step while each kernel is measured */
	struct op_time *ops;
	int nr_ops;
	struct device_rates rates;
	double rss, load;		/* MiB at most; before the steps */
	double loading, first;		/* seconds to a loaded model, to the first token */
};

static int draw_tokens(struct bench *b, int nr)
{
	const struct model_spec *s = &b->l.model->spec;
	struct rng r = rng_stream(1, "bench", 0);

	b->tokens = malloc(nr * sizeof(*b->tokens));
	b->logits = malloc((size_t)opt.batch * s->vocab * sizeof(*b->logits));
	if (!b->tokens || !b->logits)
		return fail_nomem(nr * sizeof(*b->tokens), "tokens");
	for (int i = 0; i < nr; i++)
		b->tokens[i] = (int32_t)rng_below(&r, i, s->vocab);
	return 0;
}

static int check_context(const struct bench *b, int tokens)
{
	int context = b->l.model->spec.context;

	if (tokens > context)
		return fail(-EINVAL, "%d tokens: the model's context is %d", tokens, context);
	return 0;
}

/* @most: tokens of a sequence; @steps: to be measured */
static int open_parts(struct bench *b, const char *path, int most, int steps)
{
	struct decoder_options o = { .batch = opt.batch, .capacity = most };
	double start = clock_seconds();
	int ret = infer_options_check();

	if (!ret)
		ret = config_from_options(&b->cfg);
	if (!ret)
		ret = device_open(infer_options.device, &b->dev);
	if (!ret)
		ret = model_load(path, b->dev, &b->l);
	if (!ret)
		ret = check_context(b, most);
	if (!ret)
		o.cache = infer_options_apply(b->l.model);
	if (!ret)
		ret = decoder_new(b->l.model, b->dev, &o, &b->d);
	b->loading = clock_seconds() - start;
	if (!ret)
		ret = draw_tokens(b, most);
	b->nr = steps;
	b->seconds = calloc(steps, sizeof(*b->seconds));
	if (!ret && !b->seconds)
		ret = fail_nomem(steps * sizeof(*b->seconds), "times");
	return ret == -ENOMEM ? fail_in(ret, "%s", path) : ret;
}

static void close_parts(struct bench *b)
{
	free(b->ops);
	free(b->seconds);
	free(b->tokens);
	free(b->logits);
	decoder_free(b->d);
	model_unload(&b->l);
	device_close(b->dev);
	config_free(b->cfg);
}

/* The same tokens for all sequences, from @at on. */
static int feed(struct bench *b, int at, int nr)
{
	struct decoder_input *in = calloc(opt.batch, sizeof(*in));
	int ret;

	if (!in)
		return fail_nomem(opt.batch * sizeof(*in), "tokens");
	for (int i = 0; i < opt.batch; i++)
		in[i] = (struct decoder_input){ b->tokens + at, nr };
	ret = decoder_run(b->d, in, b->logits);
	free(in);
	return ret;
}

static void time_kernels(struct bench *b, bool on)
{
	struct plan *plans[DECODER_PLANS];

	decoder_plans(b->d, plans);
	for (int i = 0; i < DECODER_PLANS; i++)
		if (plans[i])
			plan_timing(plans[i], on);
}

/* Of a step that runs the plan of one token, or that of a chunk so often. */
static int collect_ops(struct bench *b, int ones, int chunks)
{
	struct plan *plans[DECODER_PLANS];
	struct op_time_part part[DECODER_PLANS];

	decoder_plans(b->d, plans);
	part[0] = (struct op_time_part){ ones ? plans[0] : NULL, ones };
	part[1] = (struct op_time_part){ chunks ? plans[1] : NULL, chunks };
	part[2] = (struct op_time_part){ plans[2], 1 };
	b->nr_ops = op_times(part, DECODER_PLANS, b->nr, &b->rates, &b->ops);
	return b->nr_ops < 0 ? b->nr_ops : 0;
}

static void measure_machine(struct bench *b)
{
	b->rss = usage_peak_rss();		/* before the arrays that measure the machine */
	if (device_measure(b->dev, PEAK_SECONDS, &b->rates))
		fail_clear();			/* then there are no shares */
}

/* ---- decoding ----------------------------------------------------------------------- */

static int decode_steps(struct bench *b, double *seconds, bool bar, int *done)
{
	int ret = 0;

	for (int i = 0; i < opt.batch && !ret; i++)
		ret = decoder_truncate(b->d, i, opt.context);
	for (int i = 0; i < opt.tokens && !ret; i++) {
		double start = clock_seconds();

		ret = feed(b, opt.context + i, 1);
		if (seconds)
			seconds[i] = clock_seconds() - start;
		progress_update(bar, ++*done, "%s", "");
	}
	return ret;
}

static int decode_measure(struct bench *b)
{
	bool bar = progress_begin("bench", opt.tokens * (opt.ops ? 2 : 1));
	double start = clock_seconds();
	int ret, done = 0;

	b->load = usage_begin_timing();
	ret = feed(b, 0, opt.context);
	b->first = b->loading + clock_seconds() - start;
	for (int i = 0; i < opt.warmup && !ret; i++) {
		ret = feed(b, opt.context, 1);
		for (int k = 0; k < opt.batch && !ret; k++)
			ret = decoder_truncate(b->d, k, opt.context);
	}
	if (!ret)
		ret = decode_steps(b, b->seconds, bar, &done);
	measure_machine(b);
	if (!ret && opt.ops) {
		time_kernels(b, true);
		start = clock_seconds();
		ret = decode_steps(b, NULL, bar, &done);
		b->timed = (clock_seconds() - start) / opt.tokens;
		if (!ret)
			ret = collect_ops(b, 1, 0);
	}
	progress_end(bar);
	return ret;
}

/* ---- prefill ------------------------------------------------------------------------ */

static int prefill_measure(struct bench *b)
{
	bool bar = progress_begin("bench", opt.warmup + opt.repeat * (opt.ops ? 2 : 1));
	double start = clock_seconds();
	int ret = 0, done = 0;

	b->load = usage_begin_timing();
	for (int i = -opt.warmup; i < opt.repeat * (opt.ops ? 2 : 1) && !ret; i++) {
		double begin = clock_seconds();

		if (i == opt.repeat) {
			measure_machine(b);
			time_kernels(b, true);
			begin = start = clock_seconds();
		}
		ret = decoder_reset(b->d);
		if (!ret)
			ret = feed(b, 0, opt.tokens);
		if (!b->first)
			b->first = b->loading + clock_seconds() - start;
		if (i >= 0 && i < opt.repeat)
			b->seconds[i] = clock_seconds() - begin;
		progress_update(bar, ++done, "%s", "");
	}
	if (opt.ops)
		b->timed = (clock_seconds() - start) / opt.repeat;
	else
		measure_machine(b);
	if (!ret && opt.ops)
		ret = collect_ops(b, opt.tokens == 1, opt.tokens == 1 ? 0 :
				  (opt.tokens + DECODER_CHUNK - 1) / DECODER_CHUNK);
	progress_end(bar);
	return ret;
}

/* ---- what came of it ---------------------------------------------------------------- */

/* Floating-point operations of reading a prompt, the head once. */
static double prefill_flops(const struct bench *b)
{
	const struct model_spec *s = &b->l.model->spec;
	double n = (double)model_count(b->l.model, true), head = (double)s->vocab * s->width;
	double t = opt.tokens, pairs = 0, matrices = n - head;

	if (!s->tied)
		matrices -= head;	/* the embedding is looked up */
	for (int i = 0; i < s->layers; i++) {
		const struct layer_spec *l = &s->layer[i];
		double w = l->window && l->window < t ? l->window : t;

		pairs += 4.0 * l->heads * l->head_dim * (w * (w + 1) / 2 + (t - w) * w);
	}
	return opt.batch * (2 * matrices * t + 2 * head + pairs);
}

static void json_common(const struct bench *b, struct json_out *o, double median, double tokens)
{
	json_out_int(o, "parameters", model_count(b->l.model, false));
	json_out_text(o, "act", infer_options.act);
	json_out_text(o, "kv", infer_options.kv);
	json_out_text(o, "device", b->dev->arch->name);
	json_out_text(o, "numerics", device_numerics(b->dev));
	json_out_int(o, "threads", threads_count());
	json_out_int(o, "batch", opt.batch);
	json_out_int(o, "tokens", opt.tokens);
	json_out_number(o, "tokens_per_s", tokens / median);
	json_out_number(o, "ms", 1e3 * median);
	json_out_number(o, "ms_min", 1e3 * b->seconds[0]);
	json_out_number(o, "ms_max", 1e3 * b->seconds[b->nr - 1]);
	json_out_number(o, "load_ms", 1e3 * b->loading);
	json_out_number(o, "first_token_ms", 1e3 * b->first);
	json_out_number(o, "rss_mib", b->rss);
	json_out_number(o, "load", b->load);
}

static void text_common(const struct bench *b, double median, double tokens, const char *what)
{
	char text[FORMAT_MAX];

	printf("%-14s %s parameters, activations %s, keys and values %s\n", "model",
	       format_grouped(text, model_count(b->l.model, false)), infer_options.act,
	       infer_options.kv);
	printf("%-14s %s %s, %d thread%s, load %.2f\n", "device", b->dev->arch->name,
	       device_numerics(b->dev), threads_count(), threads_count() > 1 ? "s" : "", b->load);
	printf("%-14s %s tok/s\n", "speed", format_count(text, tokens / median));
	printf("%-14s %.3f ms (%.3f to %.3f), median of %d\n", what, 1e3 * median,
	       1e3 * b->seconds[0], 1e3 * b->seconds[b->nr - 1], b->nr);
	printf("%-14s %.0f ms to a loaded model, %.0f ms to the first token\n", "start",
	       1e3 * b->loading, 1e3 * b->first);
	printf("%-14s %s at most\n", "memory", format_bytes(text, (uint64_t)(b->rss * (1 << 20))));
}

#define CACHE_LEAST (1 << 20)	/* no processor of today has less */

/*
 * Do steps read caches?  What is larger shows it by its speed: the size that a guest is told
 * is that of the whole processor, of which it may have two cores.
 */
static bool in_caches(const struct bench *b, double bytes, double rate)
{
	return bytes <= CACHE_LEAST || (b->rates.read > 0 && rate > b->rates.read);
}

static int decode_report(struct bench *b)
{
	double median = clock_median(b->seconds, b->nr);
	double weights = model_step_bytes(b->l.model);
	double cache = opt.batch * decoder_read_bytes(b->d, opt.context + (opt.tokens + 1) / 2);
	double rate = (weights + cache) / median;
	bool cached = in_caches(b, weights + cache, rate);
	struct json_out *o;

	if (config_options.json) {
		o = json_out_new();
		json_common(b, o, median, opt.batch);
		json_out_int(o, "context", opt.context);
		json_out_number(o, "weight_bytes", weights);
		json_out_number(o, "cache_bytes", cache);
		json_out_number(o, "gb_s", 1e-9 * rate);
		json_out_number(o, "read_gb_s", b->rates.read > 0 ? 1e-9 * b->rates.read : NAN);
		json_out_number(o, "share_of_bandwidth",
				cached ? NAN : rate / b->rates.read);
		json_out_bool(o, "in_caches", cached);
		if (opt.ops)
			op_table_json(o, b->ops, b->nr_ops, b->timed);
		return json_out_print(o);
	}
	text_common(b, median, opt.batch, "step");
	printf("%-14s %.2f GB/s: %.1f MB of weights and %.1f MB of keys and values a step",
	       "traffic", 1e-9 * rate, 1e-6 * weights, 1e-6 * cache);
	if (cached)
		printf(", which the processor's caches hold: no share of the bandwidth of memory");
	else if (b->rates.read > 0)
		printf(", %.1f %% of the %.2f GB/s that were measured", 100 * rate / b->rates.read,
		       1e-9 * b->rates.read);
	putchar('\n');
	if (opt.ops)
		op_table_print(b->ops, b->nr_ops, b->timed);
	return 0;
}

static int prefill_report(struct bench *b)
{
	double median = clock_median(b->seconds, b->nr), flops = prefill_flops(b);
	struct json_out *o;

	if (config_options.json) {
		o = json_out_new();
		json_common(b, o, median, (double)opt.batch * opt.tokens);
		json_out_number(o, "gflops", 1e-9 * flops / median);
		json_out_number(o, "peak_gflops", b->rates.f32 > 0 ? 1e-9 * b->rates.f32 : NAN);
		json_out_number(o, "share_of_peak", flops / median / b->rates.f32);
		if (opt.ops)
			op_table_json(o, b->ops, b->nr_ops, b->timed);
		return json_out_print(o);
	}
	text_common(b, median, (double)opt.batch * opt.tokens, "prompt");
	printf("%-14s %.1f GFLOP/s", "work", 1e-9 * flops / median);
	if (b->rates.f32 > 0)
		printf(", %.1f %% of the peak of %.1f in f32", 100 * flops / median / b->rates.f32,
		       1e-9 * b->rates.f32);
	putchar('\n');
	if (opt.ops)
		op_table_print(b->ops, b->nr_ops, b->timed);
	return 0;
}

static int decode_run(int argc, char **argv)
{
	struct bench b = { 0 };
	int ret;

	(void)argc;
	ret = open_parts(&b, argv[0], opt.context + opt.tokens, opt.tokens);
	if (!ret)
		ret = decode_measure(&b);
	if (!ret)
		ret = decode_report(&b);
	close_parts(&b);
	return ret;
}

static int prefill_run(int argc, char **argv)
{
	struct bench b = { 0 };
	int ret;

	(void)argc;
	opt.tokens = opt.prompt;
	ret = open_parts(&b, argv[0], opt.tokens, opt.repeat);
	if (!ret)
		ret = prefill_measure(&b);
	if (!ret)
		ret = prefill_report(&b);
	close_parts(&b);
	return ret;
}

static const struct option decode_options[] = {
	OPTION_INT('n', "tokens", "N", &opt.tokens, 1, MAX_STEPS,
		   "tokens to measure (default 64)"),
	OPTION_INT(0, "context", "N", &opt.context, 1, MAX_STEPS,
		   "tokens in front of them (default 128)"),
	OPTION_INT('b', "batch", "N", &opt.batch, 1, 4096, "sequences at once (default 1)"),
	OPTION_INT(0, "warmup", "N", &opt.warmup, 0, MAX_STEPS, "tokens before, which are not "
		   "counted (default 3)"),
	OPTION_BOOL(0, "ops", &opt.ops, "a table of the kernels: where the time of a step goes"),
	OPTION_TABLE(option_table_infer),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct option prefill_options[] = {
	OPTION_INT('n', "tokens", "N", &opt.prompt, 1, MAX_STEPS,
		   "tokens of the prompt (default 512)"),
	OPTION_INT('b', "batch", "N", &opt.batch, 1, 4096, "sequences at once (default 1)"),
	OPTION_INT(0, "repeat", "N", &opt.repeat, 1, MAX_STEPS, "prompts to measure (default 5)"),
	OPTION_INT(0, "warmup", "N", &opt.warmup, 0, MAX_STEPS, "prompts before, which are not "
		   "counted (default 3)"),
	OPTION_BOOL(0, "ops", &opt.ops, "a table of the kernels: where the time of a prompt goes"),
	OPTION_TABLE(option_table_infer),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command decode_command = {
	.name = "bench decode",
	.group = "Speed",
	.summary = "measure how fast a model writes",
	.usage = (const char *const []){
		"[--tokens=N] [--context=N] [--batch=N] [--act=f32|q8] [--kv=f32|f16|bf16] [--ops] "
		"[--threads=N] [--json] RUN|MODEL",
		NULL
	},
	.description =
		"Reads random tokens, then appends token by token, and prints the median of the "
		"times; tokens per second; GB/s of weights, keys and values that a step reads, and "
		"the share of the bandwidth that was measured in the same run; the time from the "
		"start to a loaded model and to the first token; and the memory that the process "
		"took.",
	.options = decode_options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = decode_run,
};
COMMAND_REGISTER(decode_command);

static const struct command prefill_command = {
	.name = "bench prefill",
	.group = "Speed",
	.summary = "measure how fast a model reads",
	.usage = (const char *const []){
		"[--tokens=N] [--repeat=N] [--batch=N] [--act=f32|q8] [--kv=f32|f16|bf16] [--ops] "
		"[--threads=N] [--json] RUN|MODEL",
		NULL
	},
	.description =
		"Reads a prompt of random tokens several times, up to the logits behind its last "
		"one, and prints the median of the times; tokens per second; GFLOP/s and the share "
		"of the most that the machine can do in f32, measured in the same run; the time "
		"from the start to a loaded model and to the first token; and the memory that the "
		"process took.",
	.options = prefill_options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = prefill_run,
};
COMMAND_REGISTER(prefill_command);
