// SPDX-License-Identifier: MIT
#include <string.h>

#include "eval/items.h"

const struct eval_task eval_tasks[] = {
	{ "arc", FORM_QUERY, true, TASK_ACC | TASK_ACC_NORM, 3, 5, 1 },
	{ "hellaswag", FORM_SIX_LINES, false, TASK_ACC | TASK_ACC_NORM | TASK_ACC_TOKEN },
	{ "lambada", FORM_CLOZE, false, TASK_GREEDY },
	{ "openbookqa", FORM_QUERY, false, TASK_ACC | TASK_ACC_NORM, 4, 4, -1 },
	{ "piqa", FORM_QUERY, true, TASK_ACC | TASK_ACC_NORM, 2, 2, 0 },
	{ "winogrande", FORM_OPTIONS, false, TASK_ACC },
	{ NULL }
};

const struct eval_task *eval_task_find(const char *name)
{
	for (const struct eval_task *t = eval_tasks; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}
