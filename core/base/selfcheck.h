/* SPDX-License-Identifier: MIT */
/*
 * What must hold before the program does anything: tables that the linker did not
 * drop, names that are unique, descriptors that are complete.
 *
 *	SELFCHECK_REGISTER(ops_check);
 *
 * Each check returns 0, or -errno with a message; main() refuses to go on.  They run
 * at every start: keep them below a millisecond.
 */
#ifndef BASE_SELFCHECK_H
#define BASE_SELFCHECK_H

#include "base/section.h"

struct selfcheck {
	const char *name;
	int (*run)(void);
};

SECTION_DECLARE(knlp_selfchecks, struct selfcheck);
#define SELFCHECK_REGISTER(fn)							\
	static const struct selfcheck selfcheck_##fn = { #fn, fn };		\
	SECTION_ENTRY(knlp_selfchecks, struct selfcheck, selfcheck_##fn)

#endif
