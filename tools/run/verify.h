/* SPDX-License-Identifier: MIT */
/* knlp run --verify. */
#ifndef TOOLS_RUN_VERIFY_H
#define TOOLS_RUN_VERIFY_H

#include <stdbool.h>

/** run_verify() - verify a cell of a run. @argv: RUN, and ARM SEED or nothing */
int run_verify(int argc, char **argv, const char *data, int threads, bool force);

#endif
