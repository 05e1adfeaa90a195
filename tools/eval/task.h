/* SPDX-License-Identifier: MIT */
/* What the commands that ask a set of questions share; each is a file that registers itself. */
#ifndef TOOLS_EVAL_TASK_H
#define TOOLS_EVAL_TASK_H

#include "tools/command.h"

/** task_run() - the run() of all of them: the task is the second word of the command. */
int task_run(int argc, char **argv);

extern const struct option task_options[];

#define TASK_USAGE "--file=FILE [--vs=MODEL2] [--limit=N] [--dump=FILE] [--act=KIND] [--json] MODEL"

/** TASK_COMMAND() - a command with its @task_name, @text of one line and @prose. */
#define TASK_COMMAND(task_name, text, prose)					\
	static const struct command command = {					\
		.name = "eval " task_name,					\
		.group = "Models",						\
		.summary = text,						\
		.usage = (const char *const []){ TASK_USAGE, NULL },		\
		.description = prose,						\
		.options = task_options,					\
		.params = "RUN_",						\
		.args = "MODEL",						\
		.min_args = 1,							\
		.max_args = 1,							\
		.run = task_run,						\
	};									\
	COMMAND_REGISTER(command)

#endif
