/* SPDX-License-Identifier: MIT */
/* What the subcommands of knlp bench share. */
#ifndef TOOLS_BENCH_MACHINE_H
#define TOOLS_BENCH_MACHINE_H

/** bench_load() - processes that wanted to run, on average over the last minute; or NaN. */
double bench_load(void);

#endif
