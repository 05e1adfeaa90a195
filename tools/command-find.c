// SPDX-License-Identifier: MIT
/* The command that the words of a command line name. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/registry.h"
#include "base/strbuf.h"
#include "tools/command.h"

const struct command *command_find(int argc, char **argv, int *words)
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

/* COMMAND_SYMBOLS: the names of all symbols in tools' Kconfig files, between blanks. */
static bool is_left_out(const char *word, char symbol[64])
{
	char spaced[80];

	snprintf(symbol, 64, "CMD_%s", word);
	for (char *s = symbol; *s; s++)
		*s = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
	snprintf(spaced, sizeof(spaced), " %s ", symbol);
	return strstr(" " COMMAND_SYMBOLS " ", spaced) && !config_has_feature(symbol);
}

/* The words that may follow @group; empty if it is no group. */
static void list_group(const char *group, struct strbuf *sb)
{
	const struct command *cmd;

	registry_for_each(command_table(), cmd)
		if (command_in_group(cmd->name, group))
			strbuf_addf(sb, "%s%s", sb->len ? ", " : "",
				    cmd->name + strlen(group) + 1);
}

static int wrong_in_group(const char *group, const char *word, const char *list)
{
	const char *near;
	char name[128];

	if (!word)
		return usage_error("'%s' must be followed by one of: %s", group, list);
	snprintf(name, sizeof(name), "%s %s", group, word);
	near = registry_nearest(command_table(), name);
	if (near && command_in_group(near, group))
		return usage_error("unknown command '%s': did you mean '%s'?", name, near);
	return usage_error("unknown command '%s': '%s' must be followed by one of: %s", name,
			   group, list);
}

int command_unknown(int argc, char **argv)
{
	const struct registry *table = command_table();
	const char *near;
	struct strbuf sb;
	char name[128];
	int ret = 0;

	strbuf_init(&sb);
	list_group(argv[0], &sb);
	if (sb.len)
		ret = wrong_in_group(argv[0], argc > 1 ? argv[1] : NULL, sb.s);
	strbuf_free(&sb);
	if (ret)
		return ret;
	if (is_left_out(argv[0], name))
		return usage_error("'%s': this binary was built without CONFIG_%s", argv[0], name);
	snprintf(name, sizeof(name), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	near = registry_nearest(table, argv[0]);
	if (!near && argc > 1)
		near = registry_nearest(table, name);
	if (near)
		return usage_error("unknown command '%s': did you mean '%s'?", argv[0], near);
	return usage_error("unknown command '%s' (`knlp` lists all)", argv[0]);
}
