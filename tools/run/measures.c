// SPDX-License-Identifier: MIT
#include "tools/run/measures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "experiment/commands.h"
#include "tools/command.h"

/* @words without "knlp" */
static int check_words(int argc, char **argv)
{
	const struct command *cmd;
	bool has_json = false;
	int words, ret;

	cmd = command_find(argc, argv, &words);
	if (!cmd)
		return command_unknown(argc, argv);
	ret = command_check(cmd, argc - words, argv + words, "json", &has_json);
	if (!ret && !has_json && option_find(cmd->options, "json"))
		ret = fail(-EINVAL, "%s: --json is missing: a measure answers with a JSON object",
			   cmd->name);
	return ret;
}

static int check_measure(const struct experiment *e, int measure)
{
	struct argv words = { 0 };
	int ret = command_example(e, measure, &words);
	char **moved = ret ? NULL : calloc((size_t)words.nr, sizeof(*moved));

	if (moved) {
		memcpy(moved, words.argv, (size_t)words.nr * sizeof(*moved));
		ret = check_words(words.nr - 1, moved + 1);
		if (ret && ret != -ENOMEM)
			ret = fail_in(-EINVAL, "%s: measure '%s'", e->file,
				      e->measures[measure].name);
	} else if (!ret) {
		ret = fail_nomem(0, "a command line");
	}
	free(moved);
	argv_free(&words);
	return ret;
}

int run_check_measures(const struct experiment *e)
{
	int ret = 0;

	for (int i = 0; i < e->nr_measures && !ret; i++)
		ret = check_measure(e, i);
	return ret;
}
