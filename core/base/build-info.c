// SPDX-License-Identifier: MIT
#include "base/build-info.h"

#include <gnu/libc-version.h>

#include "version.h"	/* generated; nothing else includes it, so a commit rebuilds this */

const char *knlp_version(void)
{
	return KNLP_VERSION;
}

const char *knlp_commit(void)
{
	return KNLP_COMMIT;
}

const char *knlp_compiler(void)
{
	return COMPILER_NAME;
}

static const struct library libc = { "glibc", gnu_get_libc_version };
LIBRARY_REGISTER(libc);
