/* SPDX-License-Identifier: MIT */
/*
 * Reductions to one number in an order that depends on the number of elements only.
 */
#ifndef ARCH_CPU_REDUCE_H
#define ARCH_CPU_REDUCE_H

#include "tensor/op.h"

/** REDUCE_CHUNK - elements that are added by one call of the kernel's function. */
#define REDUCE_CHUNK 4096

/** reduce_scratch() - bytes of scratch for reduce_run() on a kernel's first input. */
size_t reduce_scratch(const struct call *maximal);

/**
 * reduce_run() - sum of @part over chunks of the first input, in order.
 * @part: the value of @n elements of 4 bytes from @x on; bf16 arrives as f32
 */
double reduce_run(const struct call *c, double (*part)(const void *x, int64_t n));

#endif
