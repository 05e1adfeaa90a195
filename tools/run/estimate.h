/* SPDX-License-Identifier: MIT */
/* The answer of knlp run --estimate. */
#ifndef TOOLS_RUN_ESTIMATE_H
#define TOOLS_RUN_ESTIMATE_H

#include "experiment/experiment.h"

/** run_estimate() - print what a run of @e would take; @data, @model: NULL for the plan's. */
int run_estimate(const struct experiment *e, const char *data, const char *model, int jobs,
		 int threads, bool share);

#endif
