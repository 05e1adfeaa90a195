/* SPDX-License-Identifier: MIT */
/* What the commands that run experiments share: how they are stopped, how many threads. */
#ifndef TOOLS_RUN_STOP_H
#define TOOLS_RUN_STOP_H

#include <signal.h>

/** run_stop - 0; the signal that asked to stop; -1 if it was asked for twice. */
extern volatile sig_atomic_t run_stop;

/** run_catch_signals() - SIGINT, SIGTERM and SIGHUP set run_stop from now on. */
void run_catch_signals(void);

/** run_threads() - of all cells: what --threads said, 0 if nothing; else RUN_THREADS. */
int run_threads(int option);

#endif
