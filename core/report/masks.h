/* SPDX-License-Identifier: MIT */
/*
 * What a training that prunes says of its masks, in the parts of a report.
 */
#ifndef REPORT_MASKS_H
#define REPORT_MASKS_H

#include "report/report.h"

/** masks_any() - does a run of @r prune? */
bool masks_any(const struct report *r);

/** masks_html() - append curves, and a table of tensors; nothing where no run prunes. */
int masks_html(const struct report *r, struct strbuf *out);

/** masks_markdown() - append a table of tensors. */
void masks_markdown(const struct report *r, struct strbuf *out);

/** masks_json() - append `prune` and `pruned` of a run. */
void masks_json(const struct report_run *run, struct strbuf *out);

#endif
