// SPDX-License-Identifier: MIT
#include "prune/criterion.h"

#include "base/fail.h"
#include "base/strbuf.h"

SECTION_DECLARE(knlp_criteria, struct criterion);

const struct registry *criterion_table(void)
{
	static struct registry r;

	if (!r.sorted) {
		r = (struct registry)REGISTRY_INIT("criterion", knlp_criteria);
		BUG_ON(registry_sort(&r, 1));
	}
	return &r;
}

const struct criterion *criterion_find(const char *name)
{
	const struct criterion *c = registry_find(criterion_table(), name);
	const char *near = registry_nearest(criterion_table(), name);
	const struct criterion *each;
	struct strbuf names;

	if (c)
		return c;
	strbuf_init(&names);
	registry_for_each(criterion_table(), each)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", each->name);
	fail(-EINVAL, "there is no criterion '%s'%s%s%s; there are %s", name,
	     near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", names.s);
	strbuf_free(&names);
	return NULL;
}
