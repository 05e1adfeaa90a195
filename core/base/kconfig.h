/* SPDX-License-Identifier: MIT */
#ifndef KNLP_BASE_KCONFIG_H
#define KNLP_BASE_KCONFIG_H
/*
 * The CONFIG_ symbols, and a way to test them in C.  The compiler includes this
 * file before every source (-include), so no source needs to name it.
 *
 * Prefer
 *
 *	if (IS_ENABLED(CONFIG_SOMETHING))
 *
 * to #ifdef: the code is compiled, thus checked, in every configuration, and
 * leaves the program where the symbol is off.
 */
#include "autoconf.h"

/*
 * Kconfig defines a symbol as 1 if it is y, defines SYMBOL_MODULE as 1 if it is
 * m, and nothing if it is n.  KCONFIG_ARG_1 turns the 1 into two arguments, so
 * that the second argument of KCONFIG_SECOND() is 1; pasting anything else
 * makes one junk argument, and the second is 0.
 */
#define KCONFIG_ARG_1			0,
#define KCONFIG_SECOND(junk, val, ...)	val
#define KCONFIG_PICK(arg_or_junk)	KCONFIG_SECOND(arg_or_junk 1, 0, 0)
#define KCONFIG_PASTE(val)		KCONFIG_PICK(KCONFIG_ARG_##val)
#define KCONFIG_IS_1(val)		KCONFIG_PASTE(val)

/* 1 if the symbol is y, compiled into the program; a constant expression. */
#define IS_BUILTIN(symbol)	KCONFIG_IS_1(symbol)
/* 1 if the symbol is m, a module of its own. */
#define IS_MODULE(symbol)	KCONFIG_IS_1(symbol##_MODULE)
/* 1 if it is either. */
#define IS_ENABLED(symbol)	(IS_BUILTIN(symbol) || IS_MODULE(symbol))

#endif
