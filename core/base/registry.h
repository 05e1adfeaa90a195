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

/** struct registry - one table: its name for messages and its entries sorted by name. */
struct registry {
	const char *what;		/* "op", "command": for messages */
	const void *const *begin;	/* bounds as the linker made them */
	const void *const *end;
	const void **sorted;
	size_t nr;
};

#define REGISTRY_INIT(noun, section_name)					\
	{ .what = (noun), .begin = (const void *const *)__start_##section_name,	\
	  .end = (const void *const *)__stop_##section_name }

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
