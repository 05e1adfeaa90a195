// SPDX-License-Identifier: MIT
/*
 * knlp eval piqa
 */
#include "tools/eval/task.h"

TASK_COMMAND("piqa", "PIQA: which way of doing it works?",
	"Each line of FILE is a JSON object with query, choices and gold, the number of the right "
	"choice. Prints acc (largest ln p) and acc_norm (per character), with standard errors.");
