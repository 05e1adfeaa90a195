// SPDX-License-Identifier: MIT
/*
 * knlp eval winogrande
 */
#include "tools/eval/task.h"

TASK_COMMAND("winogrande", "Winogrande: who or what is meant?",
	"Each line of FILE is a JSON object with context_options, continuation and gold. The same "
	"continuation is scored behind each of the contexts (partial evaluation). Prints acc with "
	"its standard error.");
