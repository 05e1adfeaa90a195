/* SPDX-License-Identifier: MIT */
/*
 * Speed of kernels, from the op table.
 */
#ifndef TESTS_OPS_BENCH_H
#define TESTS_OPS_BENCH_H

#include "tensor/op.h"

/** struct ceilings - what one thread of this machine can do, measured. */
struct ceilings {
	double flops;	/* vector multiply-adds, per second */
	double bytes;	/* read and written by a copy, per second */
};

/** bench_now() - seconds of a clock that only goes forward. */
double bench_now(void);

/** bench_median() - sorts @values. */
double bench_median(double *values, int nr);

void bench_ceilings(struct ceilings *c);

/** bench_kernel() - print a line about @k on the last case of @op. */
int bench_kernel(const struct op *op, const struct kernel *k, struct device *dev,
		 const struct ceilings *top);

/** bench_gemm() - a table of matrix products at the shapes of training. */
void bench_gemm(void);

/** bench_all() - a table of all CPU kernels, or of those of the ops that are named;
 * "gemm" stands for bench_gemm(). */
int bench_all(char **names, int nr);

#endif
