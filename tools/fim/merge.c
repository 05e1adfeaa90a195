// SPDX-License-Identifier: MIT
/*
 * knlp fim merge - one estimate of Fisher information from several.
 */
#include "fim/merge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/format.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	const char *out;
} opt;

static int report(void)
{
	char tokens[FORMAT_MAX];
	struct json_out *o;
	struct fim *f;
	int ret = fim_open(opt.out, &f);

	if (ret)
		return ret;
	if (config_options.json) {
		o = json_out_new();
		json_out_text(o, "file", opt.out);
		json_out_text(o, "unit", f->facts.unit);
		json_out_text(o, "labels", f->facts.labels);
		json_out_int(o, "sequences", f->facts.sequences);
		json_out_int(o, "tokens", f->facts.tokens);
		json_out_int(o, "squares", f->facts.squares);
		json_out_text(o, "samples", f->facts.samples);
		ret = json_out_print(o);
	} else {
		printf("%-10s %s\n%-10s %s, labels %s\n%-10s %s tokens of %lld sequences\n",
		       "written", opt.out, "unit", f->facts.unit, f->facts.labels, "sample",
		       format_grouped(tokens, f->facts.tokens), (long long)f->facts.sequences);
	}
	fim_close(f);
	return ret;
}

static int merge(int argc, char **argv)
{
	struct fim **files = calloc(argc, sizeof(*files));
	int ret = files ? 0 : fail_nomem(argc * sizeof(*files), "a list of files");

	for (int i = 0; i < argc && !ret; i++)
		ret = fim_open(argv[i], &files[i]);
	if (!ret)
		ret = fim_merge(files, argc, opt.out);
	for (int i = 0; files && i < argc; i++)
		fim_close(files[i]);
	free(files);
	return ret;
}

static int fim_merge_run(int argc, char **argv)
{
	int ret;

	if (!opt.out)
		return usage_error("fim merge: --out is missing");
	ret = output_from_options();
	if (!ret)
		ret = fim_check_out(opt.out);
	if (!ret)
		ret = merge(argc, argv);
	return ret ? ret : report();
}

static const struct option options[] = {
	OPTION_STRING('o', "out", "FILE", &opt.out, "where to write"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "fim merge",
	.group = "Fisher information",
	.summary = "one estimate of Fisher information from several",
	.usage = (const char *const []){ "--out=FILE [--json] F...", NULL },
	.description =
		"Averages diagonals of the same weights, unit and labels, made from different "
		"samples (knlp fim estimate --first), each with its number of tokens as its "
		"weight. What does not belong together is refused by name.",
	.options = options,
	.args = "F",
	.min_args = 2,
	.max_args = COMMAND_ANY_ARGS,
	.run = fim_merge_run,
};
COMMAND_REGISTER(command);
