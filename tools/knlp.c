// SPDX-License-Identifier: MIT
/*
 * main(): find the command, parse its options, run it, report how it ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/module.h"
#include "base/selfcheck.h"
#include "base/thread.h"
#include "tools/command.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_USAGE = 2 };

static int run_selfchecks(void)
{
	const struct selfcheck *const *c;

	if (!command_table())
		return -EINVAL;
	for (c = __start_knlp_selfchecks; c < __stop_knlp_selfchecks; c++) {
		int ret = (*c)->run();

		if (ret)
			return fail_in(ret, "self-check %s", (*c)->name);
	}
	return 0;
}

/* "data prepare" before "data". @words: how many arguments the name takes. */
static const struct command *find_command(int argc, char **argv, int *words)
{
	const struct registry *table = command_table();
	char name[128];

	if (argc > 1) {
		snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
		*words = 2;
		if (registry_find(table, name))
			return registry_find(table, name);
	}
	*words = 1;
	return registry_find(table, argv[0]);
}

static int unknown_command(int argc, char **argv)
{
	const struct registry *table = command_table();
	const struct command *cmd;
	struct strbuf sb;
	const char *near;
	size_t len = strlen(argv[0]);
	char name[128];
	int ret;

	/* `knlp data` alone: name what can follow. */
	strbuf_init(&sb);
	registry_for_each(table, cmd)
		if (!strncmp(cmd->name, argv[0], len) && cmd->name[len] == ' ')
			strbuf_addf(&sb, "%s%s", sb.len ? ", " : "", cmd->name + len + 1);
	if (sb.len) {
		ret = usage_error("'%s' must be followed by one of: %s", argv[0], sb.s);
		strbuf_free(&sb);
		return ret;
	}
	snprintf(name, sizeof(name), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	near = registry_nearest(table, argv[0]);
	if (!near && argc > 1)
		near = registry_nearest(table, name);
	if (near)
		return usage_error("unknown command '%s': did you mean '%s'?", argv[0], near);
	return usage_error("unknown command '%s' (`knlp` lists all)", argv[0]);
}

static int check_args(const struct command *cmd, int argc)
{
	if (argc < cmd->min_args)
		return usage_error("an argument is missing");
	if (cmd->max_args != COMMAND_ANY_ARGS && argc > cmd->max_args)
		return cmd->max_args ? usage_error("too many arguments") :
				       usage_error("takes no arguments");
	return 0;
}

static int print_text(struct strbuf *sb)
{
	int ret = strbuf_ok(sb);

	if (!ret)
		fputs(sb->s, stdout);	/* finish() notices if that failed */
	strbuf_free(sb);
	return ret;
}

static int run_command(const struct command *cmd, int argc, char **argv)
{
	char help = option_has_help(cmd->options, argc, argv);
	struct strbuf sb;
	int ret;

	if (help) {
		strbuf_init(&sb);
		command_help(cmd, help == 'H', &sb);
		return print_text(&sb);
	}
	ret = option_parse(cmd->options, &argc, argv);
	if (ret)
		ret = ret == -EINVAL ? COMMAND_USAGE : ret;
	else
		ret = check_args(cmd, argc);
	if (ret == COMMAND_USAGE)
		return fail_in(ret, "%s", cmd->name);
	return ret ? ret : cmd->run(argc, argv);
}

static int dispatch(int argc, char **argv)
{
	const struct command *cmd;
	static char version[] = "version";
	struct strbuf sb;
	int words;

	if (argc && !strcmp(argv[0], "--version"))
		argv[0] = version;
	if (!argc || !strcmp(argv[0], "-h") || !strcmp(argv[0], "--help")) {
		strbuf_init(&sb);
		command_overview(&sb);
		return print_text(&sb);
	}
	if (*argv[0] == '-')
		return usage_error("unknown option '%s': the command comes first", argv[0]);
	cmd = find_command(argc, argv, &words);
	if (!cmd)
		return unknown_command(argc, argv);
	return run_command(cmd, argc - words, argv + words);
}

/* A full disk shows when the buffer is flushed: output that is lost is a failure. */
static int finish(int ret)
{
	bool lost = ferror(stdout);

	errno = 0;
	if (fflush(stdout) || fclose(stdout))
		lost = true;
	if (errno == EPIPE)
		return ret ? ret : -EPIPE;	/* the reader went away: say nothing */
	if (lost && !ret)
		return fail_errno("cannot write to standard output");
	return ret;
}

int main(int argc, char **argv)
{
	int ret = modules_load();

	/* A file beyond the limit is an error of write() like others, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	if (!ret)
		ret = run_selfchecks();
	if (!ret)
		ret = dispatch(argc - 1, argv + 1);
	ret = finish(ret);
	threads_stop();
	if (!ret)
		return EXIT_DONE;
	if (ret != -EPIPE || *fail_message())
		log_error("%s", *fail_message() ? fail_message() : strerror(-ret));
	return ret == COMMAND_USAGE ? EXIT_WRONG_USAGE : EXIT_FAILED;
}
