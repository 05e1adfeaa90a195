// SPDX-License-Identifier: MIT
/*
 * main(): find the command, parse its options, run it, report how it ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/module.h"
#include "base/progress.h"
#include "base/selfcheck.h"
#include "base/temporary.h"
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

static int print_text(struct strbuf *sb)
{
	int ret = strbuf_ok(sb);

	if (!ret)
		fputs(sb->s, stdout);	/* finish() notices if that failed */
	strbuf_free(sb);
	return ret;
}

/* ---- running it ---- */

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
	if (ret == -EINVAL)
		return fail_in(COMMAND_USAGE, "%s", cmd->name);
	return ret ? ret : command_start(cmd, argc, argv);
}

static bool is_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help");
}

/* What `knlp help WORD...` prints, and `knlp WORD... --help`. */
static int print_help(int argc, char **argv)
{
	const struct command *cmd = NULL;
	struct strbuf sb;
	int words = 0;

	strbuf_init(&sb);
	if (argc)
		cmd = command_find(argc, argv, &words);
	if (cmd) {
		command_help(cmd, true, &sb);
	} else if (!argc) {
		command_overview(&sb);
	} else if (argc > 1 || !command_group_help(argv[0], &sb)) {
		strbuf_free(&sb);
		return command_unknown(argc, argv);
	}
	return print_text(&sb);
}

static int dispatch(int argc, char **argv)
{
	const struct command *cmd;
	static char version[] = "version";
	int words;

	if (argc && (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")))
		argv[0] = version;
	if (!argc || is_help(argv[0]))
		return print_help(0, NULL);
	if (!strcmp(argv[0], "help"))
		return print_help(argc - 1, argv + 1);
	if (*argv[0] == '-')
		return usage_error("unknown option '%s': the command comes first", argv[0]);
	cmd = command_find(argc, argv, &words);
	if (cmd)
		return run_command(cmd, argc - words, argv + words);
	return argc > 1 && is_help(argv[1]) ? print_help(1, argv) : command_unknown(argc, argv);
}

/* ---- main ---- */

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

/* The shell's prompt must not stand behind half a progress line, nor half a file stay. */
static void on_signal(int signal_number)
{
	progress_on_signal();
	temporary_on_signal();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Commands that end in good order put their own handlers in place of these. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction erase = { .sa_handler = on_signal }, before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler == SIG_DFL)	/* nohup stays nohup */
			sigaction(signals[i], &erase, NULL);
	}
	/* A file beyond the limit is an error of write() like others, not the end. */
	signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv)
{
	int ret = modules_load();

	catch_signals();
	if (!ret)
		ret = run_selfchecks();
	if (!ret)
		ret = dispatch(argc - 1, argv + 1);
	progress_stop();
	ret = finish(ret);
	threads_stop();
	if (!ret)
		return EXIT_DONE;
	if (ret != -EPIPE || *fail_message())
		log_error("%s", *fail_message() ? fail_message() : strerror(-ret));
	return ret == COMMAND_USAGE ? EXIT_WRONG_USAGE : EXIT_FAILED;
}
