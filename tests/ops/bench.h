/* SPDX-License-Identifier: MIT */
/*
 * Speed of kernels, from the op table.
 */
#ifndef TESTS_OPS_BENCH_H
#define TESTS_OPS_BENCH_H

#include "tensor/op.h"
#include "tensor/subject.h"

/** struct ceilings - what one thread of this machine can do, measured. */
struct ceilings {
	double flops;	/* vector multiply-adds, per second */
	double bytes;	/* read and written by a copy, per second */
};

/** bench_ceilings() - device_measure() of the CPU, with the threads that the pool has. */
void bench_ceilings(struct ceilings *c);

/** bench_kernel() - print a line about @k on the last case of @op. */
int bench_kernel(const struct op *op, const struct kernel *k, struct device *dev,
		 const struct ceilings *top);

/** bench_gemm() - a table of matrix products at the shapes of training. */
void bench_gemm(void);

/**
 * bench_memory() - a table of the kernels of ops with timed cases (all or those named), on
 * one thread and on all, as shares of what plain loops over as much memory reach.
 */
int bench_memory(char **names, int nr);

/** bench_all() - a table of all CPU kernels on the last of their cases, or of those of the
 * ops that are named on their timed cases;
 * "gemm" stands for bench_gemm(), "memory" for bench_memory() with the names behind it. */
int bench_all(char **names, int nr);

#endif
