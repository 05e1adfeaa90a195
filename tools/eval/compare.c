// SPDX-License-Identifier: MIT
/*
 * knlp eval compare - compare two dumps of an evaluation.
 */
#include "eval/compare.h"

#include "base/fail.h"
#include "eval/dump.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/eval/report.h"
#include "tools/json-out.h"

static struct {
	int seed, draws;
	double level;
} opt = { .seed = 1, .draws = 10000, .level = 0.95 };

static int report(char **files, const struct eval_table *a, const struct eval_table *b,
		  const struct bootstrap *boot)
{
	struct comparison c;
	struct json_out *o;
	int ret = compare_tables(a, b, boot, &c);

	if (ret)
		return fail_in(ret, "%s and %s", files[0], files[1]);
	if (!config_options.json) {
		report_comparison(&c, a->model, b->model, boot);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "task", a->task);
	json_out_text(o, "a", a->model);
	json_out_text(o, "b", b->model);
	json_out_int(o, "seed", (long long)boot->seed);
	json_out_int(o, "draws", boot->draws);
	json_out_number(o, "level", boot->level);
	report_comparison_json(o, &c);
	return json_out_print(o);
}

static int eval_compare_run(int argc, char **argv)
{
	struct bootstrap boot = { opt.seed, opt.draws, opt.level };
	struct eval_table *a = NULL, *b = NULL;
	struct config *cfg = NULL;
	int ret = config_from_options(&cfg);

	(void)argc;
	if (!ret)
		ret = dump_read(argv[0], &a);
	if (!ret)
		ret = dump_read(argv[1], &b);
	if (!ret)
		ret = report(argv, a, b, &boot);
	table_free(a);
	table_free(b);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647, "of the bootstrap (default 1)"),
	OPTION_COUNT(0, "draws", "N", &opt.draws, 100, 10000000, "of the bootstrap (default "
		     "10000)"),
	OPTION_FLOAT(0, "level", "P", &opt.level, 0.5, 0.9999, "of the interval (default 0.95)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "eval compare",
	.group = "Models",
	.summary = "compare two models item by item",
	.usage = (const char *const []){
		"[--seed=S] [--draws=N] [--level=P] [--json] A B", NULL
	},
	.description =
		"A and B are files that `knlp eval ... --dump` wrote for two models on the same "
		"data. Prints the difference of each metric with its paired standard error, an "
		"interval from the paired bootstrap over items, and McNemar's exact test for what "
		"is right or wrong. Needs no model.",
	.options = options,
	.params = "RUN_",
	.args = "A B",
	.min_args = 2,
	.max_args = 2,
	.run = eval_compare_run,
};
COMMAND_REGISTER(command);
