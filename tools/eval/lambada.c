// SPDX-License-Identifier: MIT
/*
 * knlp eval lambada
 */
#include "tools/eval/task.h"

TASK_COMMAND("lambada", "LAMBADA: the last word of a passage",
	"Each line of FILE is a JSON object with a context and the continuation that ends it, or "
	"with the whole text. Prints acc (each token of the word is the most probable one) and the "
	"perplexity per word, with standard errors.");
