/* SPDX-License-Identifier: MIT */
/*
 * Which program this is, for results and `knlp version`.
 */
#ifndef BASE_BUILD_INFO_H
#define BASE_BUILD_INFO_H

#include <stdbool.h>

#include "base/section.h"

/** knlp_version() - "0.1.0". */
const char *knlp_version(void);

/** knlp_commit() - the commit it was built from, "+" behind it if changed; "" if unknown. */
const char *knlp_commit(void);

#define BUILD_VERSION_MAX 128

/** build_version() - "0.1.0 commit 0123abc", written into @text. */
const char *build_version(char text[BUILD_VERSION_MAX]);

/** knlp_compiler() - "gcc 12.2.0". */
const char *knlp_compiler(void);

/**
 * struct library - a library that the program uses, for `knlp version` and manifests.
 *
 * The file that wraps a library registers it.
 */
struct library {
	const char *name;
	const char *(*version)(void);	/* of the library in use, not of its header */
	bool numeric;	/* another version may give results other bits (libm, BLAS) */
};

SECTION_DECLARE(knlp_libraries, struct library);
#define LIBRARY_REGISTER(var) SECTION_ENTRY(knlp_libraries, struct library, var)

/**
 * build_numerics() - what decides about the bits of results besides the kernels: compiler
 * and numeric libraries, "glibc 2.36", sorted; NULL at the end.
 */
const char *const *build_numerics(void);

#ifdef __clang__
#define COMPILER_NAME "clang " __clang_version__
#else
#define COMPILER_NAME "gcc " __VERSION__
#endif

#endif
