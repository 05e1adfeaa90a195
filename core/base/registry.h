/* SPDX-License-Identifier: MIT */
/*
 * Sorted views of the linker's tables (section.h).
 *
 * Every descriptor that is registered begins with its name:
 *
 *	struct command { const char *name; ... };
 *
 * so that one piece of code sorts, searches and checks every table.
 */
#ifndef BASE_REGISTRY_H
#define BASE_REGISTRY_H

#include <stddef.h>

/** struct table_bounds - a section of one linked object: the program, or a module. */
struct table_bounds {
	const char *section;
	const void *const *begin;	/* as the linker made them */
	const void *const *end;
};

/** struct registry - one table: its name for messages and its entries sorted by name. */
struct registry {
	const char *what;		/* "op", "command": for messages */
	struct table_bounds own;	/* the program's part */
	const void **sorted;
	size_t nr;
};

#define TABLE_BOUNDS(section_name)						\
	{ .section = #section_name,						\
	  .begin = (const void *const *)__start_##section_name,			\
	  .end = (const void *const *)__stop_##section_name }
#define REGISTRY_INIT(noun, section_name)					\
	{ .what = (noun), .own = TABLE_BOUNDS(section_name) }

/**
 * registry_extend() - entries of a module that belong to the registries of its sections.
 * @tables: ends with section = NULL; must stay
 *
 * Before the first registry_sort() of a table that it concerns.  Return: 0 or -ENOMEM.
 */
int registry_extend(const struct table_bounds *tables);

/**
 * registry_sort() - build the sorted view; called once at start (idempotent).
 *
 * Return: 0; -EEXIST if two entries have one name (the message says which);
 * -ENOMEM.  Tables whose entries may share a name (kernels) pass @unique = 0.
 */
int registry_sort(struct registry *r, int unique);

/** registry_find() - entry called @name, or NULL. */
const void *registry_find(const struct registry *r, const char *name);

/** registry_nearest() - the name most like @name, for "did you mean"; NULL if none is near. */
const char *registry_nearest(const struct registry *r, const char *name);

#define registry_for_each(r, pos)						\
	for (size_t pos##_i = 0;						\
	     pos##_i < (r)->nr && ((pos) = (r)->sorted[pos##_i], 1); pos##_i++)

#endif
