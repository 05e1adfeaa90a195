// SPDX-License-Identifier: MIT
/*
 * knlp bench machine - what the device can do at most.
 */
#include <stdio.h>

#include "base/config.h"
#include "base/thread.h"
#include "base/usage.h"
#include "tensor/arch.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	double seconds;
} opt = { .seconds = 1 };

/** struct rate - a row of the table. */
struct rate {
	const char *what, *unit, *key;
	double one, all;	/* threads */
};

static int measure(struct device *dev, int threads, struct device_rates *rates)
{
	int ret = threads_start(threads);

	return ret ? ret : device_measure(dev, opt.seconds, rates);
}

static int print_json(const struct device *dev, const struct rate *row, int nr, int threads)
{
	struct json_out *o = json_out_new(), *part;

	json_out_text(o, "device", dev->arch->name);
	json_out_text(o, "numerics", device_numerics(dev));
	json_out_int(o, "threads", threads);
	json_out_number(o, "load", usage_load());
	part = json_out_object(o, "one_thread");
	for (int i = 0; i < nr; i++)
		json_out_number(part, row[i].key, 1e-9 * row[i].one);
	part = json_out_object(o, "all_threads");
	for (int i = 0; i < nr; i++)
		json_out_number(part, row[i].key, 1e-9 * row[i].all);
	return json_out_print(o);
}

static int print_text(const struct device *dev, const struct rate *row, int nr, int threads)
{
	printf("%s %s, %d thread%s, load %.2f\n\n", dev->arch->name, device_numerics(dev),
	       threads, threads > 1 ? "s" : "", usage_load());
	printf("%-24s %10s %5d threads\n", "", "1 thread", threads);
	for (int i = 0; i < nr; i++)
		printf("%-24s %10.1f %13.1f  %s\n", row[i].what, 1e-9 * row[i].one,
		       1e-9 * row[i].all, row[i].unit);
	return 0;
}

static int report(struct device *dev)
{
	int threads = threads_count(), ret;
	struct device_rates one, all;

	ret = measure(dev, 1, &one);
	if (!ret)
		ret = measure(dev, threads, &all);
	if (ret)
		return ret;
	struct rate rows[] = {
		{ "multiply-add, f32", "GFLOP/s", "f32_gflops", one.f32, all.f32 },
		{ "multiply-add, bf16", "GFLOP/s", "bf16_gflops", one.bf16, all.bf16 },
		{ "memory, read", "GB/s", "read_gb_s", one.read, all.read },
		{ "memory, copy", "GB/s", "copy_gb_s", one.copy, all.copy },
		{ "memory, triad", "GB/s", "triad_gb_s", one.triad, all.triad },
	};
	int nr = sizeof(rows) / sizeof(rows[0]);

	return config_options.json ? print_json(dev, rows, nr, threads)
				   : print_text(dev, rows, nr, threads);
}

static int machine_run(int argc, char **argv)
{
	struct config *cfg;
	struct device *dev;
	int ret = config_from_options(&cfg);

	(void)argc;
	(void)argv;
	if (ret)
		return ret;
	ret = device_open(config_text(cfg, PARAM_TRAIN_DEVICE), &dev);
	if (!ret) {
		ret = report(dev);
		device_close(dev);
	}
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_FLOAT(0, "seconds", "S", &opt.seconds, 0.1, 60,
		     "how long to measure, for each number of threads (default 1)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "bench machine",
	.group = "Speed",
	.summary = "measure what the processors and the memory can do",
	.usage = (const char *const []){ "[--seconds=S] [--threads=N] [--json]", NULL },
	.description =
		"Measures multiply-adds in fp32 and bf16 (with sums in fp32) and the bandwidth of "
		"memory, with one thread and with all: the ceiling for every other figure. Medians "
		"of many short runs. Bandwidth counts the bytes that a program names, in arrays of "
		"64 MiB, with stores that go around the caches.",
	.options = options,
	.params = "TRAIN_DEVICE RUN_",
	.run = machine_run,
};
COMMAND_REGISTER(command);
