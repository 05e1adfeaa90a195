// SPDX-License-Identifier: MIT
/*
 * knlp eval arc
 */
#include "tools/eval/task.h"

TASK_COMMAND("arc", "ARC: questions of school science",
	"Each line of FILE is a JSON object with query, choices and gold, the number of the right "
	"choice. Prints acc (largest ln p) and acc_norm (per character), with standard errors.");
