// SPDX-License-Identifier: MIT
#include "prune/allocation.h"

#include "base/fail.h"

SECTION_DECLARE(knlp_allocations, struct allocation);

const struct registry *allocation_table(void)
{
	static struct registry r;

	if (!r.sorted) {
		r = (struct registry)REGISTRY_INIT("allocation", knlp_allocations);
		BUG_ON(registry_sort(&r, 1));
	}
	return &r;
}

const struct allocation *allocation_find(const char *name)
{
	const struct allocation *a = registry_find(allocation_table(), name);

	if (!a)
		fail(-EINVAL, "there is no allocation '%s'", name);
	return a;
}
