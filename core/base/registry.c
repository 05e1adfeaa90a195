// SPDX-License-Identifier: MIT
#include "base/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"

static const char *name_of(const void *entry)
{
	return *(const char *const *)entry;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(name_of(*(const void *const *)a), name_of(*(const void *const *)b));
}

/* Tables of modules, in the order of loading. */
static const struct table_bounds **extensions;
static size_t nr_extensions;

int registry_extend(const struct table_bounds *tables)
{
	const struct table_bounds **more;

	more = realloc(extensions, (nr_extensions + 1) * sizeof(*more));
	if (!more)
		return fail_nomem(sizeof(*more), "a module");
	extensions = more;
	extensions[nr_extensions++] = tables;
	return 0;
}

static size_t append(const struct table_bounds *from, const void **to)
{
	size_t nr = from->end - from->begin;

	for (size_t i = 0; to && i < nr; i++)
		to[i] = from->begin[i];
	return nr;
}

/* Count the entries of all parts of a table, or gather them if @to is given. */
static size_t gather(const struct registry *r, const void **to)
{
	size_t nr = append(&r->own, to);

	for (size_t i = 0; i < nr_extensions; i++)
		for (const struct table_bounds *t = extensions[i]; t->section; t++)
			if (!strcmp(t->section, r->own.section))
				nr += append(t, to ? to + nr : NULL);
	return nr;
}

int registry_sort(struct registry *r, int unique)
{
	if (r->sorted)
		return 0;
	r->nr = gather(r, NULL);
	r->sorted = calloc(r->nr + 1, sizeof(*r->sorted));
	if (!r->sorted)
		return fail_nomem(r->nr * sizeof(*r->sorted), r->what);
	gather(r, r->sorted);
	qsort(r->sorted, r->nr, sizeof(*r->sorted), by_name);
	for (size_t i = 1; unique && i < r->nr; i++)
		if (!strcmp(name_of(r->sorted[i - 1]), name_of(r->sorted[i])))
			return fail(-EEXIST, "two %ss are called '%s': rename one of them",
				    r->what, name_of(r->sorted[i]));
	return 0;
}

const void *registry_find(const struct registry *r, const char *name)
{
	size_t lo = 0, hi = r->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, name_of(r->sorted[mid]));

		if (!c)
			return r->sorted[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *registry_nearest(const struct registry *r, const char *name)
{
	const char *best = NULL;
	int best_distance = 1 + (int)strlen(name) / 2;

	for (size_t i = 0; i < r->nr; i++) {
		int d = str_distance(name, name_of(r->sorted[i]));

		if (d < best_distance) {
			best_distance = d;
			best = name_of(r->sorted[i]);
		}
	}
	return best;
}
