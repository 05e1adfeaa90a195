/* SPDX-License-Identifier: MIT */
/*
 * Modules: shared objects whose tables join those of the program.
 *
 * A module is compiled from sources that register themselves as any others do, and one
 * file that says which sections they use:
 *
 *	MODULE_DEFINE("softsign", TABLE_BOUNDS(knlp_ops), TABLE_BOUNDS(knlp_kernels));
 *
 * Its bounds are its own: the linker defines __start_ and __stop_ once per object.
 */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

#include "base/registry.h"

/** struct knlp_module - what a module exports under the name `knlp_module`. */
struct knlp_module {
	const char *name;
	const char *abi;	/* KNLP_ABI of the headers that it was compiled with */
	const struct table_bounds *tables;
};

/* Include "abi.h" (generated) before using it. */
#define MODULE_DEFINE(module_name, ...)						\
	static const struct table_bounds knlp_module_tables[] = {		\
		__VA_ARGS__, { .section = NULL }				\
	};									\
	__attribute__((visibility("default")))					\
	const struct knlp_module knlp_module = {				\
		.name = module_name, .abi = KNLP_ABI, .tables = knlp_module_tables, \
	}

#ifdef CONFIG_MODULES

/**
 * modules_load() - load every knlp-*.so of the folder of the program and of
 * ../lib/knlp beside it, in the order of their names.
 *
 * Called once, before any table is used.  Return: 0 also if there are none; -EINVAL
 * naming the file if it is not a module or was built from other headers or another
 * configuration.
 */
int modules_load(void);

/** module_load() - load one. */
int module_load(const char *path);

#else

static inline int modules_load(void)
{
	return 0;
}

#endif
#endif
