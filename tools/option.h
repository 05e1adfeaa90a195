/* SPDX-License-Identifier: MIT */
/*
 * Command line options.
 *
 * A command declares its options in one table, from which parsing and the text of
 * -h follow:
 *
 *	static struct { bool dry_run; int steps; const char *out; } opt = { .steps = 10 };
 *
 *	static const struct option options[] = {
 *		OPTION_BOOL('n', "dry-run", &opt.dry_run, "plan, but do not train"),
 *		OPTION_INT(0, "steps", "N", &opt.steps, 1, 1000, "steps to run (default 10)"),
 *		OPTION_STRING('o', "out", "DIR", &opt.out, "where to write"),
 *		OPTION_TABLE(option_table_config),
 *		OPTION_END
 *	};
 *
 * A value follows as --steps=5, --steps 5, -s5 or -s 5.  "--" ends the options; they
 * may stand before, between and behind the other arguments.  Long names may not be
 * abbreviated: what a script says today must not become ambiguous tomorrow.
 */
#ifndef TOOLS_OPTION_H
#define TOOLS_OPTION_H

#include <stdbool.h>

#include "base/strbuf.h"

enum option_type {
	OPTION_TYPE_END,
	OPTION_TYPE_BOOL,	/* bool *: present or not */
	OPTION_TYPE_INT,	/* int *, in [min, max] */
	OPTION_TYPE_COUNT,	/* the same; 64k, 1.5M and 2e6 will do as well */
	OPTION_TYPE_FLOAT,	/* double *, in [min, max] */
	OPTION_TYPE_STRING,	/* const char **: points into argv, not empty */
	OPTION_TYPE_TEXT,	/* the same, may be empty */
	OPTION_TYPE_LIST,	/* struct option_list *: may be repeated, none is empty */
	OPTION_TYPE_TABLE,	/* const struct option *: the options of another table */
};

/** struct option_list - the values of an option that may be repeated, in order. */
struct option_list {
	const char **item;	/* points into argv */
	int nr;
};

/** struct option - one entry of a command's table; see the macros below. */
struct option {
	enum option_type type;
	char short_name;	/* 0: none */
	const char *name;
	const char *arg;	/* what -h calls the value: "FILE" */
	const void *value;	/* where it goes; not const there */
	const char *help;
	double min, max;
	/*
	 * Appends the words that may stand for the value, with blanks or commas between, for
	 * shells to complete; NULL: @arg says what may.
	 */
	void (*words)(struct strbuf *sb);
};

#define OPTION_BOOL(c, long_name, ptr, text)					\
	{ .type = OPTION_TYPE_BOOL, .short_name = (c), .name = (long_name),	\
	  .value = 1 ? (ptr) : (bool *)0, .help = (text) }
#define OPTION_INT(c, long_name, arg_name, ptr, low, high, text)		\
	{ .type = OPTION_TYPE_INT, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (int *)0, .min = (low),	\
	  .max = (high), .help = (text) }
#define OPTION_COUNT(c, long_name, arg_name, ptr, low, high, text)		\
	{ .type = OPTION_TYPE_COUNT, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (int *)0, .min = (low),	\
	  .max = (high), .help = (text) }
#define OPTION_FLOAT(c, long_name, arg_name, ptr, low, high, text)		\
	{ .type = OPTION_TYPE_FLOAT, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (double *)0, .min = (low),	\
	  .max = (high), .help = (text) }
#define OPTION_STRING(c, long_name, arg_name, ptr, text)			\
	{ .type = OPTION_TYPE_STRING, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (const char **)0, .help = (text) }
#define OPTION_WORD(c, long_name, arg_name, ptr, words_fn, text)		\
	{ .type = OPTION_TYPE_STRING, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (const char **)0,		\
	  .words = (words_fn), .help = (text) }
#define OPTION_TEXT(c, long_name, arg_name, ptr, text)				\
	{ .type = OPTION_TYPE_TEXT, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (const char **)0, .help = (text) }
#define OPTION_LIST(c, long_name, arg_name, ptr, text)				\
	{ .type = OPTION_TYPE_LIST, .short_name = (c), .name = (long_name),	\
	  .arg = (arg_name), .value = 1 ? (ptr) : (struct option_list *)0,	\
	  .help = (text) }
#define OPTION_TABLE(table)							\
	{ .type = OPTION_TYPE_TABLE, .value = 1 ? (table) : (const struct option *)0 }
#define OPTION_END { .type = OPTION_TYPE_END }

/**
 * option_parse() - take the options out of @argv.
 * @table: may be NULL
 * @argc: number of arguments, without names of program and command; on return, of
 * those that are left
 * @argv: the others are moved to its front
 *
 * -h and --help are not handled here: main() looks for them with option_has_help().
 * Return: 0; -EINVAL with a message that names the option, and the nearest one if it
 * is unknown; -ENOMEM.
 */
int option_parse(const struct option *table, int *argc, char **argv);

/**
 * option_check() - look at options without taking them: those of a command that will be run
 * later, by another process.
 * @argc, @argv: as for option_parse()
 * @wanted: may be NULL; the long name of an option
 * @has: is @wanted among them?
 *
 * Return: as option_parse().
 */
int option_check(const struct option *table, int *argc, char **argv, const char *wanted,
		 bool *has);

/** option_find() - the option of @table with this long name, or NULL. */
const struct option *option_find(const struct option *table, const char *name);

/**
 * option_has_help() - is -h or --help among the options, before any "--"?
 *
 * The value of an option does not count.  Return: 'h', 'H' for --help, or 0.
 */
char option_has_help(const struct option *table, int argc, char **argv);

/** option_each() - call fn(option, @ctx) for each of @table, in order, and for --help. */
void option_each(const struct option *table, void (*fn)(const struct option *o, void *ctx),
		 void *ctx);

/** option_help() - append the lines that describe @table, aligned. */
void option_help(const struct option *table, struct strbuf *sb);

/** option_list_free() - forget the values. */
void option_list_free(struct option_list *list);

/**
 * strbuf_wrap() - append @text with its words wrapped at @width columns.
 * @indent: blanks in front of each line but the first, which begins at column @indent
 *
 * Line ends in @text are kept.
 */
void strbuf_wrap(struct strbuf *sb, const char *text, int indent, int width);

#endif
