// SPDX-License-Identifier: MIT
#include "tools/eval/task.h"

#include <string.h>

#include "base/fail.h"
#include "eval/choice.h"
#include "tools/config-options.h"
#include "tools/eval/options.h"

static int measure(struct eval_model *em, const struct eval_text *text, void *ctx,
		   struct eval_table **t)
{
	struct eval_items items;
	int ret = items_read(ctx, text, eval_options.limit, &items);

	if (ret)
		return ret;
	ret = choice_run(em, ctx, text, &items, t);
	items_free(&items);
	return ret;
}

int task_run(int argc, char **argv)
{
	const char *name = command_running()->name;
	const struct eval_task *task = eval_task_find(strchr(name, ' ') + 1);

	(void)argc;
	BUG_ON(!task);
	return eval_answer(name, argv[0], "items", measure, (void *)task);
}

const struct option task_options[] = {
	OPTION_TABLE(option_table_eval),
	OPTION_TABLE(option_table_vs),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};
