// SPDX-License-Identifier: MIT
/*
 * knlp bench fim - what an estimate of Fisher information costs.
 */
#include "fim/measure.h"

#include <stdio.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/thread.h"
#include "base/usage.h"
#include "data/dataset.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define RANDOM_TOKENS ((uint64_t)1 << 24)	/* drawn when read, so they cost nothing */

static struct {
	int vocab, batch, turns;
} opt = { .vocab = 257, .batch = 8, .turns = 5 };

static const char *const labels[FIM_SIDES] = {
	"forward and backward", "the same, one by one", "unit sequence", "unit position",
};

static int print_json(const struct fim_costs *c, double load)
{
	struct json_out *o = json_out_new(), *list, *side;

	json_out_int(o, "parameters", c->parameters);
	json_out_int(o, "tokens", c->tokens);
	json_out_int(o, "batch", opt.batch);
	json_out_int(o, "turns", opt.turns);
	json_out_int(o, "threads", threads_count());
	json_out_number(o, "load", load);
	list = json_out_array(o, "sides");
	for (int i = 0; i < FIM_SIDES; i++) {
		side = json_out_object(list, NULL);
		json_out_text(side, "name", fim_side_name[i]);
		json_out_number(side, "seconds", c->seconds[i]);
		json_out_number(side, "tokens_per_s", (double)c->tokens / c->seconds[i]);
		json_out_number(side, "ratio", c->ratio[i]);
		json_out_number(side, "cpu_ratio", c->cpu_ratio[i]);
	}
	return json_out_print(o);
}

static int report(const struct fim_costs *c, const struct device *dev, double load)
{
	char parameters[FORMAT_MAX], tokens[FORMAT_MAX], rate[FORMAT_MAX];

	if (config_options.json)
		return print_json(c, load);
	printf("%-14s %s parameters, %s tokens in %d sequences\n", "model",
	       format_grouped(parameters, c->parameters), format_grouped(tokens, c->tokens),
	       opt.batch);
	printf("%-14s %s %s, %d thread%s, load %.2f\n\n", "device", dev->arch->name,
	       device_numerics(dev), threads_count(), threads_count() > 1 ? "s" : "", load);
	printf("%-22s %10s %10s %7s %10s\n", "", "ms", "tok/s", "ratio", "cpu ratio");
	for (int i = 0; i < FIM_SIDES; i++)
		printf("%-22s %10.1f %10s %7.3f %10.3f\n", labels[i], 1e3 * c->seconds[i],
		       format_count(rate, (double)c->tokens / c->seconds[i]), c->ratio[i],
		       c->cpu_ratio[i]);
	printf("\nMedians of %d turns; ratios of times in the same turn.\n", opt.turns);
	return 0;
}

static int fim_bench(int argc, char **argv)
{
	struct fim_job j = { .out.shrink = FIM_SHRINK_NONE };
	struct config *cfg = NULL;
	struct fim_costs c;
	double load = 0;
	int ret = config_from_options(&cfg);

	(void)argc;
	(void)argv;
	if (!ret)
		ret = dataset_random(opt.vocab, RANDOM_TOKENS, &j.data);
	if (!ret)
		ret = device_open(config_text(cfg, PARAM_TRAIN_DEVICE), &j.dev);
	if (!ret) {
		load = usage_begin_timing();
		ret = fim_measure(&j, cfg, opt.batch, opt.turns, &c);
	}
	if (!ret)
		ret = report(&c, j.dev, load);
	fim_job_free(&j);
	device_close(j.dev);
	dataset_close(j.data);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_INT('b', "batch", "N", &opt.batch, 1, 4096, "sequences in a turn (default 8)"),
	OPTION_INT('n', "turns", "N", &opt.turns, 1, 10000, "that count (default 5)"),
	OPTION_COUNT(0, "vocab", "N", &opt.vocab, 2, 10000000, "vocabulary of random tokens "
		     "(default 257)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "bench fim",
	.group = "Speed",
	.summary = "measure what an estimate of Fisher information costs",
	.usage = (const char *const []){
		"[--batch=N] [--turns=N] [--vocab=N] [--config=FILE] [--set=KEY=VALUE]... "
		"[--threads=N] [--json]", NULL
	},
	.description =
		"Times, by turns, the gradients of a batch as training takes them, without an "
		"optimizer; the gradients of the same sequences one by one; and the units sequence "
		"and position of `knlp fim estimate` on them. Prints medians, and ratios to the "
		"batch. Weights and tokens are random; the model is that of the parameters.",
	.options = options,
	.params = "MODEL_ TRAIN_DEVICE RUN_",
	.run = fim_bench,
};
COMMAND_REGISTER(command);
