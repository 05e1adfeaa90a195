/* SPDX-License-Identifier: MIT */
/*
 * Speed of kernels, from the op table.
 */
#ifndef TESTS_OPS_BENCH_H
#define TESTS_OPS_BENCH_H

#include "tensor/arch.h"
#include "tensor/op.h"
#include "tensor/subject.h"

/** bench_ceilings() - device_measure() of the CPU, with the threads that the pool has. */
void bench_ceilings(struct device_rates *rates);

/** bench_gemm() - a table of matrix products at the shapes of training. */
void bench_gemm(void);

/**
 * bench_memory() - a table of the kernels of ops with timed cases (all or those named), on
 * one thread and on all, as shares of what plain loops over as much memory reach.
 */
int bench_memory(char **names, int nr);

/** bench_prune() - a table of masks of 124M weights; with CONFIG_PRUNE. */
int bench_prune(void);

/**
 * bench_all() - a table of the CPU kernels of the ops that are named, or of all, on their
 * timed cases, where they have none on their last one.
 *
 * "gemm" stands for bench_gemm(), "memory" for bench_memory() with the names behind it,
 * "prune" for bench_prune().
 */
int bench_all(char **names, int nr);

#endif
