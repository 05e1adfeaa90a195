/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of knlp.
 *
 * One file is one command; it ends with COMMAND_REGISTER and nobody lists it
 * elsewhere.  main() (knlp.c) finds the command, parses its options, prints its help
 * and its error, and checks that its output was written.
 *
 *	static const struct command version = {
 *		.name    = "version",
 *		.group   = "About knlp",
 *		.summary = "print the version and what is compiled in",
 *		.usage   = (const char *const []){ "[--json]", NULL },
 *		.description = "Prints ...",
 *		.options = options,
 *		.run     = version_run,
 *	};
 *	COMMAND_REGISTER(version);
 *
 * Documentation/knlp-NAME.md is the manual page, with '-' for the blanks of NAME; a
 * test compares its synopsis and options with what -h prints.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>

#include "base/registry.h"
#include "base/section.h"
#include "tools/option.h"

/** COMMAND_USAGE - what run() returns after usage_error(): exit code 2. */
#define COMMAND_USAGE (-100000)

/** COMMAND_ANY_ARGS - no limit on the number of arguments. */
#define COMMAND_ANY_ARGS (-1)

struct command {
	const char *name;	/* may have two words: "data prepare" */
	const char *group;	/* heading under which `knlp` lists it */
	const char *summary;	/* one line, no full stop */
	const char *const *usage;	/* synopsis lines behind the name, NULL-terminated */
	const char *description;	/* paragraphs for -h, wrapped when printed */
	const struct option *options;	/* ends with OPTION_END; NULL: just -h */
	const char *params;	/* prefixes of the parameters it reads: "MODEL_ TRAIN_" */
	int min_args, max_args;	/* of those that are no options; or COMMAND_ANY_ARGS */
	const char *args;	/* what they are called: "RUN|MODEL", "IN OUT" */
	bool may_be_empty;	/* an argument may be "" */
	const char *extra_arg;	/* what to say of one too many: ": text goes into --prompt" */
	/*
	 * argv holds the arguments that are no options.  Return: 0; -errno after fail(),
	 * which main() prints as "knlp: error: ..." and exits 1; COMMAND_USAGE.
	 */
	int (*run)(int argc, char **argv);
};

SECTION_DECLARE(knlp_commands, struct command);
#define COMMAND_REGISTER(var) SECTION_ENTRY(knlp_commands, struct command, var)

/**
 * usage_error() - record what is wrong with the command line.
 * Return: COMMAND_USAGE, so that it can be used in a return statement.
 */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/** command_table() - all commands, sorted; NULL with a message if something is wrong. */
const struct registry *command_table(void);

/** command_reads() - does @cmd read parameter @name? Yes if it says nothing of parameters. */
bool command_reads(const struct command *cmd, const char *name);

/** command_running() - the command whose run() was called; NULL before. */
const struct command *command_running(void);

/** command_start() - check the arguments that are left of the options, and run @cmd. */
int command_start(const struct command *cmd, int argc, char **argv);

/**
 * command_find() - the command that the first words of @argv name: "data prepare" before "data".
 * @words: how many of them the name takes
 * Return: NULL if there is none (no message).
 */
const struct command *command_find(int argc, char **argv, int *words);

/**
 * command_unknown() - say why command_find() found nothing, and what may have been meant.
 * Return: COMMAND_USAGE.
 */
int command_unknown(int argc, char **argv);

/**
 * command_check() - would @cmd understand these words behind its name?
 * @argv: its words are moved
 * @wanted, @has: as for option_check()
 *
 * Commands find some mistakes only when they are run.  Return: 0; COMMAND_USAGE.
 */
int command_check(const struct command *cmd, int argc, char **argv, const char *wanted, bool *has);

/** command_in_group() - is @name "data prepare", say, and @group "data"? */
bool command_in_group(const char *name, const char *group);

/** command_help() - append the help of @cmd. @full: with the parameters it reads (--help). */
void command_help(const struct command *cmd, bool full, struct strbuf *sb);

/** command_group_help() - append the commands "@group ...". Return: how many there are. */
int command_group_help(const char *group, struct strbuf *sb);

/** command_overview() - append the list of all commands by group. */
void command_overview(struct strbuf *sb);

#endif
