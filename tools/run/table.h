/* SPDX-License-Identifier: MIT */
/* What a run of an experiment has come to, as a table or as JSON. */
#ifndef TOOLS_RUN_TABLE_H
#define TOOLS_RUN_TABLE_H

#include "experiment/experiment.h"

/** run_print() - the metric of all cells, one line per arm, and verdicts; with --json as JSON. */
int run_print(const struct experiment_run *run);

#endif
