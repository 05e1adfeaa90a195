// SPDX-License-Identifier: MIT
/*
 * knlp eval hellaswag
 */
#include "tools/eval/task.h"

TASK_COMMAND("hellaswag", "HellaSwag: which ending is common sense?",
	"Each item of FILE has six lines: a context, the number of the right ending, and four "
	"endings. Prints acc (largest ln p), acc_norm (per character, as lm-eval) and "
	"acc_norm_token (per token, as llama.cpp), with standard errors.");
