// SPDX-License-Identifier: MIT
/*
 * knlp data check - is a data folder what its manifest says?
 */
#include "data/dataset.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/data/report.h"
#include "tools/json-out.h"

static int check_run(int argc, char **argv)
{
	struct dataset *ds;
	int ret;

	ret = output_from_options();
	if (ret)
		return ret;
	ret = dataset_open(argv[0], &ds);
	if (ret)
		return ret;
	ret = dataset_verify(ds);
	if (!ret && config_options.json)
		ret = report_json(dataset_manifest(ds), argv[0], dataset_hash(ds));
	else if (!ret)
		report_text(dataset_manifest(ds), argv[0]);
	dataset_close(ds);
	return ret;
}

static const struct option options[] = {
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command check = {
	.name = "data check",
	.group = "Data",
	.summary = "check that a data folder is undamaged",
	.usage = (const char *const []){ "DIR [--json]", NULL },
	.description =
		"Compares every shard of a folder that `knlp data prepare` made with its "
		"checksum in the manifest, every token with the vocabulary, the number of "
		"documents, and the tokenizer. Prints what the folder holds.",
	.options = options,
	.args = "DIR",
	.min_args = 1,
	.max_args = 1,
	.run = check_run,
};
COMMAND_REGISTER(check);
