/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_RUN_MEASURES_H
#define TOOLS_RUN_MEASURES_H

#include "experiment/experiment.h"

/**
 * run_check_measures() - look at the command lines of the plan's measures before anything is
 * trained for them: unknown commands and options, values out of range, no --json.
 * Return: 0; -EINVAL naming plan and measure.
 */
int run_check_measures(const struct experiment *e);

#endif
