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

int registry_sort(struct registry *r, int unique)
{
	if (r->sorted)
		return 0;
	r->nr = r->end - r->begin;
	r->sorted = calloc(r->nr + 1, sizeof(*r->sorted));
	if (!r->sorted)
		return fail_nomem(r->nr * sizeof(*r->sorted), r->what);
	for (size_t i = 0; i < r->nr; i++)
		r->sorted[i] = r->begin[i];
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
