// SPDX-License-Identifier: MIT
/*
 * knlp completion - what a shell can complete.
 *
 * A script has two parts: functions that both shells read, made from the tables of this
 * program; and the shell's own one (bash.h, zsh.h), which finds out what is wanted.
 */
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "tensor/op.h"
#include "tools/command.h"
#include "tools/completion/bash.h"
#include "tools/completion/zsh.h"

/* Inside single quotes of the shell, on one line. */
static void put_text(const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s == '\n' || *s == '\t' ? ' ' : *s);
	}
}

/* _knlp_commands: a line for each, with a tab before what it does. */
static void put_commands(void)
{
	const struct command *cmd;

	printf("_knlp_commands()\n{\n\tprintf '%%s\\n' '");
	registry_for_each(command_table(), cmd) {
		printf("%s\t", cmd->name);
		put_text(cmd->summary);
		putchar('\n');
	}
	printf("help\texplain a command'\n}\n\n");
}

static void put_option(const struct option *o, void *ctx)
{
	(void)ctx;
	printf("--%s%s\t", o->name, o->arg ? "=" : "");
	put_text(o->help);
	putchar('\n');
}

/* _knlp_options COMMAND: likewise; a name that takes a value ends with "=". */
static void put_options(void)
{
	const struct command *cmd;

	printf("_knlp_options()\n{\n\tcase $1 in\n");
	registry_for_each(command_table(), cmd) {
		printf("\t'%s') printf '%%s\\n' '", cmd->name);
		option_each(cmd->options, put_option, NULL);
		printf("' ;;\n");
	}
	printf("\tesac\n}\n\n");
}

/* What may stand for a value, by the name that -h gives it. */
static void put_kind(const char *name)
{
	const struct op *op;

	if (!strcmp(name, "OP")) {
		registry_for_each(op_table(), op)
			printf("%s ", op->name);
	} else if (!strcmp(name, "SHELL")) {
		printf("bash zsh");
	} else if (!strcmp(name, "KEY=VALUE")) {
		printf("@parameter");
	} else if (strstr(name, "FILE") || !strcmp(name, "KIND")) {
		printf("@file");
	} else if (strstr(name, "DIR") || strstr(name, "RUN") || strstr(name, "MODEL")) {
		printf("@directory");
	}
}

static void put_words(const struct option *o)
{
	struct strbuf words;

	strbuf_init(&words);
	o->words(&words);
	for (const char *s = words.s; *s; s++)
		if (*s != ',')
			putchar(*s);
	strbuf_free(&words);
}

static void put_value(const struct option *o, void *command)
{
	if (!o->arg)
		return;
	printf("\t'%s --%s'", (const char *)command, o->name);
	if (o->short_name)
		printf(" | '%s -%c'", (const char *)command, o->short_name);
	printf(") echo '");
	if (o->words)
		put_words(o);
	else
		put_kind(o->arg);
	printf("' ;;\n");
}

/*
 * _knlp_kind "COMMAND OPTION": words, @file, @directory, @parameter or nothing; fails if it
 * takes no value.  With no option, of the command's argument.
 */
static void put_kinds(void)
{
	const struct command *cmd;

	printf("_knlp_kind()\n{\n\tcase $1 in\n");
	registry_for_each(command_table(), cmd) {
		option_each(cmd->options, put_value, (void *)cmd->name);
		if (!cmd->args)
			continue;
		printf("\t'%s ') echo '", cmd->name);
		put_kind(cmd->args);
		printf("' ;;\n");
	}
	printf("\t*) return 1 ;;\n\tesac\n}\n\n");
}

/* _knlp_parameters COMMAND: those that it reads. */
static void put_parameters(void)
{
	const struct command *cmd;

	printf("_knlp_parameters()\n{\n\tlocal prefixes=''\n\tcase $1 in\n");
	registry_for_each(command_table(), cmd)
		if (cmd->params)
			printf("\t'%s') prefixes='%s' ;;\n", cmd->name, cmd->params);
	printf("\tesac\n\tprintf '%%s\\n' '");
	for (int i = 0; i < PARAM_COUNT; i++) {
		printf("%s=\t", params[i].name);
		put_text(param_words(&params[i])->prompt);
		putchar('\n');
	}
	printf("' | grep -E \"^(${prefixes// /|})\"\n}\n\n");
}

/* _knlp_values PARAMETER: where there are few. */
static void put_values(void)
{
	printf("_knlp_values()\n{\n\tcase $1 in\n");
	for (int i = 0; i < PARAM_COUNT; i++) {
		const struct param *p = &params[i];

		if (!p->choices && p->type != PARAM_BOOL && !p->may_be_auto)
			continue;
		printf("\t%s) echo '%s%s", p->name, p->may_be_auto ? "auto " : "",
		       p->type == PARAM_BOOL ? "y n" : "");
		for (const char *const *c = p->choices; c && *c; c++)
			printf("%s ", *c);
		printf("' ;;\n");
	}
	printf("\tesac\n}\n\n");
}

static int completion_run(int argc, char **argv)
{
	bool zsh = !strcmp(argv[0], "zsh");

	(void)argc;
	if (!zsh && strcmp(argv[0], "bash") != 0)
		return usage_error("completion: there is none for '%s', only for bash and zsh",
				   argv[0]);
	printf("%s# Made by `knlp completion %s`.\n\n", zsh ? "#compdef knlp\n" : "", argv[0]);
	put_commands();
	put_options();
	put_kinds();
	put_parameters();
	put_values();
	fputs(zsh ? completion_zsh : completion_bash, stdout);
	return 0;
}

static const struct command command = {
	.name = "completion",
	.group = "About knlp",
	.summary = "print what bash or zsh needs to complete commands",
	.usage = (const char *const []){ "bash|zsh", NULL },
	.description =
		"Prints a script with which the shell completes commands, options, files and "
		"folders, values where there are few, and behind --set the parameters and theirs. "
		"`make install` puts both in place.",
	.min_args = 1,
	.max_args = 1,
	.args = "SHELL",
	.run = completion_run,
};
COMMAND_REGISTER(command);
