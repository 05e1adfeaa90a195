// SPDX-License-Identifier: MIT
/*
 * knlp bench ops - how fast each kernel is.
 */
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "base/usage.h"
#include "tensor/subject.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define PEAK_SECONDS 1.0

/** struct bench - one measurement of many kernels. */
struct bench {
	struct device *dev;
	struct device_rates rates;
	double load;		/* before the work */
	char **ops;		/* (nr) names; none: all */
	int nr;
	struct json_out *list;	/* NULL: text */
	bool bar;
	int done;
};

/** struct speed - of a kernel on a case. */
struct speed {
	double seconds, flops, bytes;	/* the latter two per second */
	double peak;			/* flops that the machine does per second */
	double share;			/* of what it could do, by flops or by bytes */
};

static bool wanted(const struct bench *b, const struct kernel *k)
{
	bool named = !b->nr;

	for (int i = 0; i < b->nr; i++)
		named |= !strcmp(b->ops[i], k->op);
	return named && !strcmp(k->arch, b->dev->arch->kernels);
}

static void measure(const struct bench *b, struct subject *s, struct speed *v)
{
	struct cost cost = { 0, 0 };
	double best, memory;

	v->seconds = subject_time(s);
	if (s->call.op->cost)
		s->call.op->cost(s->call.attr, s->call.in, s->call.out, &cost);
	v->peak = rates_peak(&b->rates, s->call.nr_in ? &s->call.in[0] : NULL);
	best = cost.flops / v->peak;
	memory = cost.bytes / b->rates.triad;
	v->flops = cost.flops / v->seconds;
	v->bytes = cost.bytes / v->seconds;
	v->share = (best > memory ? best : memory) / v->seconds;
}

static void report(const struct bench *b, const struct kernel *k, const struct op_case *c,
		   const struct speed *v)
{
	struct json_out *row;

	if (!b->list) {
		printf("%-30s %-26s %10.3f %9.1f %8.1f %7.1f\n", k->name, c->name,
		       1e3 * v->seconds, 1e-9 * v->flops, 1e-9 * v->bytes, 100 * v->share);
		return;
	}
	row = json_out_object(b->list, NULL);
	json_out_text(row, "op", k->op);
	json_out_text(row, "kernel", k->name);
	json_out_text(row, "case", c->name);
	json_out_number(row, "ms", 1e3 * v->seconds);
	json_out_number(row, "gflops", 1e-9 * v->flops);
	json_out_number(row, "peak_gflops", 1e-9 * v->peak);
	json_out_number(row, "share_of_peak", v->flops / v->peak);
	json_out_number(row, "gb_s", 1e-9 * v->bytes);
	json_out_number(row, "share_of_best", v->share);
}

static int bench_case(struct bench *b, const struct kernel *k, const struct op_case *c)
{
	const struct op *op = op_find(k->op);
	struct subject s;
	struct speed v;
	int ret;

	if (!case_usable(op, c, k, b->dev))
		return 0;
	ret = subject_make(&s, op, c, k, b->dev);
	if (!ret) {
		measure(b, &s, &v);
		report(b, k, c, &v);
	}
	subject_free(&s);
	return ret ? fail_in(ret, "%s, case %s", k->name, c->name) : 0;
}

/*
 * The cases at the sizes of training, in f32 and in bf16; where there are none, the last and
 * largest one.
 */
static int bench_kernel(struct bench *b, const struct kernel *k)
{
	const struct op *op = op_find(k->op);
	const struct op_case *c = op->timed ? op->timed : op->cases;
	char name[CASE_NAME];
	struct op_case bf16;
	int ret = 0;

	while (!op->timed && c[1].name)
		c++;
	for (; c->name && !ret; c++) {
		ret = bench_case(b, k, c);
		if (!ret && case_bf16(op, c, &bf16, name))
			ret = bench_case(b, k, &bf16);
	}
	progress_update(b->bar, ++b->done, "%s", k->op);
	return ret;
}

static int bench_kernels(struct bench *b)
{
	const struct kernel *k;
	int total = 0, ret;

	registry_for_each(kernel_table(), k)
		total += wanted(b, k);
	b->load = usage_begin_timing();
	ret = device_measure(b->dev, PEAK_SECONDS, &b->rates);
	if (ret)
		return ret;
	if (!b->list)
		printf("%d thread%s, load %.2f; at most %.1f GFLOP/s in f32, %.1f in bf16, %.1f "
		       "GB/s\n\n%-30s %-26s %10s %9s %8s %7s\n", threads_count(),
		       threads_count() > 1 ? "s" : "", b->load, 1e-9 * b->rates.f32,
		       1e-9 * b->rates.bf16, 1e-9 * b->rates.triad, "KERNEL", "CASE", "MS",
		       "GFLOP/s", "GB/s", "% BEST");
	setvbuf(stdout, NULL, _IOLBF, 0);	/* lines stay whole beside those of progress */
	b->bar = progress_begin("bench", total);
	registry_for_each(kernel_table(), k) {
		if (wanted(b, k) && !ret)
			ret = bench_kernel(b, k);
	}
	progress_end(b->bar);
	return ret;
}

static int bench_json(struct bench *b)
{
	struct json_out *o = json_out_new();
	int ret;

	b->list = json_out_array(o, "kernels");
	ret = bench_kernels(b);
	json_out_text(o, "device", b->dev->arch->name);
	json_out_text(o, "numerics", device_numerics(b->dev));
	json_out_int(o, "threads", threads_count());
	json_out_number(o, "rss_mib", usage_peak_rss());
	json_out_number(o, "load", b->load);
	json_out_number(o, "f32_gflops", 1e-9 * b->rates.f32);
	json_out_number(o, "bf16_gflops", 1e-9 * b->rates.bf16);
	json_out_number(o, "triad_gb_s", 1e-9 * b->rates.triad);
	if (!ret)
		return json_out_print(o);
	json_out_free(o);
	return ret;
}

static int check_names(char **names, int nr)
{
	for (int i = 0; i < nr; i++) {
		const char *near = registry_nearest(op_table(), names[i]);

		if (!op_find(names[i]))
			return fail(-ENOENT, "no op is called '%s'%s%s%s", names[i],
				    near ? "; did you mean '" : "", near ? near : "",
				    near ? "'?" : "");
	}
	return 0;
}

static int ops_run(int argc, char **argv)
{
	struct bench b = { .ops = argv, .nr = argc };
	struct config *cfg;
	int ret = check_names(argv, argc);

	if (!ret)
		ret = config_from_options(&cfg);
	if (ret)
		return ret;
	ret = device_open(config_text(cfg, PARAM_TRAIN_DEVICE), &b.dev);
	if (!ret) {
		ret = config_options.json ? bench_json(&b) : bench_kernels(&b);
		device_close(b.dev);
	}
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "bench ops",
	.group = "Speed",
	.summary = "measure how fast each kernel is",
	.usage = (const char *const []){ "[--threads=N] [--json] [OP]...", NULL },
	.description =
		"Runs the kernels of the ops named, or of all, on their cases at the sizes "
		"of training, or on the largest of their tests where there are none. Prints "
		"milliseconds, GFLOP/s and GB/s by the op's cost rule, and the share of what the "
		"machine could do, which is measured just before.",
	.options = options,
	.params = "TRAIN_DEVICE RUN_",
	.max_args = COMMAND_ANY_ARGS,
	.args = "OP",
	.run = ops_run,
};
COMMAND_REGISTER(command);
