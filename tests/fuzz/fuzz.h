/* SPDX-License-Identifier: MIT */
/*
 * Fuzz targets: parsers that are given any bytes at all.
 *
 *	static void one(const uint8_t *data, size_t len)
 *	{
 *		const char *path = fuzz_file("x.gguf", data, len);
 *		...
 *	}
 *	FUZZ_REGISTER(gguf, one);
 *
 * A target is one file, one Kbuild line, and a folder of small inputs to begin with,
 * tests/fuzz/corpus/NAME.  `make fuzz` lets libFuzzer change them for a while, each target
 * in turn.  knlp-test runs every target over its inputs (fuzz_corpus), so an input that broke
 * something is put there and stays tested.
 *
 * A target has to free all it opened: leaks are findings.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/section.h"

/** struct fuzz_target - @one takes an input. */
struct fuzz_target {
	const char *name;
	void (*one)(const uint8_t *data, size_t len);
};

SECTION_DECLARE(knlp_fuzz_targets, struct fuzz_target);
#define FUZZ_REGISTER(target, fn)						\
	static const struct fuzz_target fuzz_target_##target = { #target, fn };	\
	SECTION_ENTRY(knlp_fuzz_targets, struct fuzz_target, fuzz_target_##target)

/** fuzz_find() - the target called @name, or NULL. */
const struct fuzz_target *fuzz_find(const char *name);

/**
 * fuzz_file() - a file that holds @data, in a folder of this process, which goes at its end.
 * Return: its path, until the next call.
 */
const char *fuzz_file(const char *name, const uint8_t *data, size_t len);

/** fuzz_look() - read @len bytes, so that a sanitizer sees whether they are there. */
void fuzz_look(const void *data, size_t len);

#endif
