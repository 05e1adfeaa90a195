/* SPDX-License-Identifier: MIT */
/*
 * Registration by the linker.
 *
 * An op, kernel, command, test ... is one file that ends with a REGISTER macro.
 * The macro puts a POINTER to the descriptor into a named section; the linker
 * concatenates the sections and defines __start_NAME and __stop_NAME.  Nobody
 * edits a central list.
 *
 * Pointers and not the structs themselves: compilers may over-align structs and
 * ASan adds redzones, either of which breaks an array of structs.  `used` keeps
 * the compiler, `retain` keeps --gc-sections from dropping an entry that nothing
 * refers to.  The bounds are weak so that an empty table links.
 *
 * The order inside a section is the link order and LTO changes it: whoever walks
 * a table sorts it (see registry.h).  The bounds are hidden because a module (module.h)
 * has bounds of its own, which the dynamic linker must not replace by the program's.
 */
#ifndef BASE_SECTION_H
#define BASE_SECTION_H

#define SECTION_ENTRY(section_name, type, var)					\
	static const type *const section_name##_entry_##var			\
	__attribute__((used, retain, section(#section_name))) = &(var)

#define SECTION_BOUND __attribute__((weak, visibility("hidden")))
#define SECTION_DECLARE(section_name, type)					\
	extern const type *const __start_##section_name[] SECTION_BOUND;	\
	extern const type *const __stop_##section_name[] SECTION_BOUND

#endif
