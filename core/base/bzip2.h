/* SPDX-License-Identifier: MIT */
/* Unpacking what bzip2 packed; sets for evaluation are kept so. */
#ifndef BASE_BZIP2_H
#define BASE_BZIP2_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/fail.h"

/** bzip2_is() - do @bytes begin as a bzip2 file does? */
static inline bool bzip2_is(const char *bytes, size_t len)
{
	return len >= 4 && !memcmp(bytes, "BZh", 3) && bytes[3] >= '1' && bytes[3] <= '9';
}

/**
 * bzip2_unpack() - the contents of a bzip2 file, of one stream or several.
 * @name: of the file, for messages
 * @max: most bytes to make: a small file may stand for terabytes
 * @out: with a NUL behind them; the caller frees it
 *
 * Return: 0; -EINVAL if it is damaged or ends too early; -EFBIG; -ENOMEM; -ENOTSUP in a build
 * without CONFIG_BZIP2.
 */
#ifdef CONFIG_BZIP2
int bzip2_unpack(const char *name, const char *bytes, size_t len, size_t max, char **out,
		 size_t *out_len);
#else
static inline int bzip2_unpack(const char *name, const char *bytes, size_t len, size_t max,
			       char **out, size_t *out_len)
{
	return fail(-ENOTSUP, "%s: compressed (bzip2), and this binary was built without "
		    "CONFIG_BZIP2: unpack it first", name);
}
#endif
#endif
