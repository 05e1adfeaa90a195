// SPDX-License-Identifier: MIT
#include "base/build-info.h"

#include <gnu/libc-version.h>
#include <stdio.h>

#include "base/registry.h"
#include "version.h"	/* generated; nothing else includes it, so a commit rebuilds this */

const char *knlp_version(void)
{
	return KNLP_VERSION;
}

const char *knlp_commit(void)
{
	return KNLP_COMMIT;
}

const char *build_version(char text[BUILD_VERSION_MAX])
{
	snprintf(text, BUILD_VERSION_MAX, *knlp_commit() ? "%s commit %s" : "%s%s", knlp_version(),
		 knlp_commit());
	return text;
}

const char *knlp_compiler(void)
{
	return COMPILER_NAME;
}

static const struct library libc = { "glibc", gnu_get_libc_version, .numeric = true };
LIBRARY_REGISTER(libc);

#define NUMERICS_MAX 16
#define NUMERICS_TEXT 96

const char *const *build_numerics(void)
{
	static char text[NUMERICS_MAX][NUMERICS_TEXT];
	static const char *list[NUMERICS_MAX + 1];
	static struct registry libraries = REGISTRY_INIT("library", knlp_libraries);
	const struct library *lib;
	int nr = 0;

	if (list[0] || registry_sort(&libraries, 0))
		return list;
	snprintf(text[nr], NUMERICS_TEXT, "compiler %s", knlp_compiler());
	nr++;
	registry_for_each(&libraries, lib) {
		if (!lib->numeric || nr == NUMERICS_MAX)
			continue;
		snprintf(text[nr], NUMERICS_TEXT, "%s %s", lib->name, lib->version());
		nr++;
	}
	for (int i = 0; i < nr; i++)
		list[i] = text[i];
	return list;
}
