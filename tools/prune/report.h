/* SPDX-License-Identifier: MIT */
/* What `knlp prune` says. */
#ifndef TOOLS_PRUNE_REPORT_H
#define TOOLS_PRUNE_REPORT_H

#include "prune/model.h"

/** prune_report() - a table of each result, or JSON. */
int prune_report(const char *model, const struct prune_settings *s,
		 const struct prune_result *results);

/** prune_list() - a table of all criteria and allocations, or JSON. */
int prune_list(void);

#endif
