/* SPDX-License-Identifier: MIT */
/* How the commands `knlp eval ...` print what they found. */
#ifndef TOOLS_EVAL_REPORT_H
#define TOOLS_EVAL_REPORT_H

#include "eval/compare.h"
#include "eval/table.h"

struct json_out;

/**
 * report_table() - results of one model.
 * @units: what an item is called: "chunks"
 */
void report_table(const struct eval_table *t, const char *units);

/** report_table_json() - the same as members of @o. */
void report_table_json(struct json_out *o, const struct eval_table *t);

/** report_comparison() - of two models, called by their names. */
void report_comparison(const struct comparison *c, const char *a, const char *b,
		       const struct bootstrap *boot);
void report_comparison_json(struct json_out *o, const struct comparison *c);

#endif
