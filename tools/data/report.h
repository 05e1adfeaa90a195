/* SPDX-License-Identifier: MIT */
/* What a data folder holds, printed. */
#ifndef TOOLS_DATA_REPORT_H
#define TOOLS_DATA_REPORT_H

#include "data/manifest.h"
#include "tools/json-out.h"

/** report_text() - a table for people. */
void report_text(const struct manifest *m, const char *dir);

/** report_object() - the same as an object, to add to and to print. */
struct json_out *report_object(const struct manifest *m, const char *dir, const char *hash);

/** report_json() - one object on stdout. 0 or -errno. */
int report_json(const struct manifest *m, const char *dir, const char *hash);

#endif
