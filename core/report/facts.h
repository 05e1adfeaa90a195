/* SPDX-License-Identifier: MIT */
/*
 * What runs were told, and what they ran on: rows of names and texts.
 */
#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H

#include "report/report.h"

struct yml;

/** facts_is_changed() - has the run another value of parameter @id than by default? */
bool facts_is_changed(const struct report_run *run, int id);

/** facts_differ() - have the runs different values of parameter @id? */
bool facts_differ(const struct report *r, int id);

/**
 * facts_walk() - all of a run's manifest, and where it was resumed: "host cpu", "kernels".
 * What people look for comes first: version, data, host.
 * @fact: called for each; @is_list: @value has one entry per line
 * Return: 0 or -ENOMEM.
 */
int facts_walk(const struct report_run *run,
	       void (*fact)(void *ctx, const char *key, const char *value, bool is_list),
	       void *ctx);

/** facts_manifest() - all of a manifest, the same way, in the manifest's order. */
int facts_manifest(const struct yml *manifest,
		   void (*fact)(void *ctx, const char *key, const char *value, bool is_list),
		   void *ctx);

#endif
