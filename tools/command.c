// SPDX-License-Identifier: MIT
#include "tools/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"

#define WIDTH 80

int usage_error(const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(COMMAND_USAGE, "%s", text);
}

const struct registry *command_table(void)
{
	static struct registry table = REGISTRY_INIT("command", knlp_commands);

	if (registry_sort(&table, 1))
		return NULL;
	if (!table.nr) {
		fail(-EINVAL, "the table of commands is empty: the linker dropped it");
		return NULL;
	}
	return &table;
}

/* ---- running one ---- */

static const struct command *running;

const struct command *command_running(void)
{
	return running;
}

/* "%s is missing" or empty: argument @i, by its word in cmd->args, or the last one. */
static int bad_arg(const struct command *cmd, int i, const char *what)
{
	const char *name = cmd->args ? cmd->args : "an argument";

	while (cmd->args && i-- && strchr(name, ' '))
		name = strchr(name, ' ') + 1;
	return usage_error("%.*s is %s", (int)(cmd->args ? strcspn(name, " ") : strlen(name)), name,
			   what);
}

static int check_args(const struct command *cmd, int argc, char **argv)
{
	if (argc < cmd->min_args)
		return bad_arg(cmd, argc, "missing");
	if (cmd->max_args != COMMAND_ANY_ARGS && argc > cmd->max_args)
		return usage_error("unexpected argument '%s'%s", argv[cmd->max_args],
				   !cmd->max_args ? ": it takes none"
				   : cmd->extra_arg ? cmd->extra_arg : "");
	for (int i = 0; i < argc; i++)
		if (!*argv[i] && !cmd->may_be_empty)
			return bad_arg(cmd, i, "empty");
	return 0;
}

int command_start(const struct command *cmd, int argc, char **argv)
{
	int ret = check_args(cmd, argc, argv);

	if (ret)
		return fail_in(ret, "%s", cmd->name);
	running = cmd;
	return cmd->run(argc, argv);
}

int command_check(const struct command *cmd, int argc, char **argv, const char *wanted, bool *has)
{
	int ret = option_check(cmd->options, &argc, argv, wanted, has);

	if (!ret)
		ret = check_args(cmd, argc, argv);
	return ret == -EINVAL || ret == COMMAND_USAGE ? fail_in(COMMAND_USAGE, "%s", cmd->name)
						      : ret;
}

bool command_reads(const struct command *cmd, const char *name)
{
	const char *s = cmd->params;

	if (!s)
		return true;
	while (*s) {
		size_t len = strcspn(s, " ");

		if (!strncmp(name, s, len))
			return true;
		s += len + strspn(s + len, " ");
	}
	return false;
}

/* ---- help of one command ---- */

static void help_params(const struct command *cmd, struct strbuf *sb)
{
	strbuf_adds(sb, "\nparameters (--set=KEY=VALUE; "
			"`knlp config --help-for=NAME` explains):\n");
	for (int i = 0; i < PARAM_COUNT; i++) {
		const struct param *p = &params[i];

		if (!command_reads(cmd, p->name))
			continue;
		strbuf_addf(sb, "  %-24s %s [%s]\n%27s%s%s%s\n", p->name, param_words(p)->prompt,
			    config_embedded[i], "", param_words(p)->type,
			    p->from ? ", takes effect from " : "", p->from ? p->from : "");
	}
}

void command_help(const struct command *cmd, bool full, struct strbuf *sb)
{
	strbuf_adds(sb, "usage:\n");
	for (const char *const *u = cmd->usage; *u; u++)
		strbuf_addf(sb, "  knlp %s%s%s\n", cmd->name, **u ? " " : "", *u);
	strbuf_addc(sb, '\n');
	strbuf_wrap(sb, cmd->description, 0, WIDTH);
	strbuf_adds(sb, "\n\noptions:\n");
	option_help(cmd->options, sb);
	if (full && cmd->params)
		help_params(cmd, sb);
}

/* ---- the list of commands ---- */

static void overview_line(const struct command *cmd, struct strbuf *sb)
{
	strbuf_addf(sb, "  %-18s", cmd->name);
	strbuf_wrap(sb, cmd->summary, 20, WIDTH);
	strbuf_addc(sb, '\n');
}

bool command_in_group(const char *name, const char *group)
{
	size_t len = strlen(group);

	return len && !strncmp(name, group, len) && name[len] == ' ';
}

int command_group_help(const char *group, struct strbuf *sb)
{
	const struct registry *table = command_table();
	const struct command *cmd;
	int nr = 0;

	registry_for_each(table, cmd) {
		if (!command_in_group(cmd->name, group))
			continue;
		if (!nr++)
			strbuf_addf(sb, "usage:\n  knlp %s COMMAND [ARGUMENT]...\n"
				    "  knlp %s COMMAND --help\n\n", group, group);
		overview_line(cmd, sb);
	}
	return nr;
}

/* The group that follows @after in the alphabet; NULL at the end. */
static const char *next_group(const struct registry *table, const char *after)
{
	const struct command *cmd;
	const char *next = NULL;

	registry_for_each(table, cmd) {
		if (after && strcmp(cmd->group, after) <= 0)
			continue;
		if (!next || strcmp(cmd->group, next) < 0)
			next = cmd->group;
	}
	return next;
}

void command_overview(struct strbuf *sb)
{
	const struct registry *table = command_table();
	const struct command *cmd;
	const char *group = NULL;

	strbuf_adds(sb, "usage:\n  knlp COMMAND [ARGUMENT]...\n  knlp COMMAND --help\n"
			"  knlp help [COMMAND]\n  knlp --version\n");
	while (table && (group = next_group(table, group))) {
		strbuf_addf(sb, "\n%s:\n", group);
		registry_for_each(table, cmd) {
			if (!strcmp(cmd->group, group))
				overview_line(cmd, sb);
		}
	}
}
