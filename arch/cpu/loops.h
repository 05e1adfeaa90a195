/* SPDX-License-Identifier: MIT */
/*
 * Loops of memory-bound kernels: vectorized by the compiler, cut into tiles by shapes.
 *
 * These kernels are compiled with -O3 -ffp-contract=off (Kbuild): scalar and vector code
 * then round alike, so that the bits do not depend on where a vector loop ends, nor on
 * whether the output is one of the inputs, nor on the instruction set.
 */
#ifndef ARCH_CPU_LOOPS_H
#define ARCH_CPU_LOOPS_H

#include <stdint.h>

#include "arch/cpu/simd.h"
#include "tensor/op.h"

/*
 * In front of a loop: no iteration reads what another one writes, also where an output
 * is exactly an input.  Without it the compiler tests for overlap and goes slowly in place.
 */
#if SIMD_SMALL
#define SIMD_LOOP
#elif defined(__clang__)
#define SIMD_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define SIMD_LOOP _Pragma("GCC ivdep")
#endif

/** CHUNK - elements in a tile of a memory-bound kernel: 64 KiB of floats. */
#define CHUNK 16384

/** chunk_count() - tiles of at most @size that cover @n. */
static inline long chunk_count(int64_t n, int64_t size)
{
	return (long)((n + size - 1) / size);
}

/** chunk_end() - end of the chunk that begins at @begin. */
static inline int64_t chunk_end(int64_t n, int64_t size, int64_t begin)
{
	return n - begin < size ? n : begin + size;
}

/** rows_per_tile() - how many rows of @length make about a CHUNK. */
static inline int64_t rows_per_tile(int64_t length)
{
	return length < CHUNK ? CHUNK / length : 1;
}

/** row_at() - place of row @r (all dimensions but the last) in elements. */
static inline int64_t row_at(const struct layout *l, int64_t r)
{
	int64_t at = 0;

	for (int d = l->nd - 2; d >= 0; d--) {
		at += r % l->n[d] * l->stride[d];
		r /= l->n[d];
	}
	return at;
}

/*
 * LANES_SUM(n, i, term) - sum of the double expression @term for i = 0 ... @n - 1.
 *
 * Lane j adds the terms j, j + 16, ... in order, then the lanes are added pairwise, then
 * the rest: an order that depends on @n only and that vectors of any width can follow.
 */
#define LANES 16

/* Pairwise, one halving after the other: written as a loop it would go through memory. */
SIMD_INLINE double lanes_fold_(const double *lane)
{
	double a[8], b[4];

	for (int j = 0; j < 8; j++)
		a[j] = lane[j] + lane[j + 8];
	for (int j = 0; j < 4; j++)
		b[j] = a[j] + a[j + 4];
	return (b[0] + b[2]) + (b[1] + b[3]);
}

#define LANES_SUM(n, i, term) __extension__({					\
	double lane_[LANES] = { 0 }, rest_ = 0;					\
	int64_t at_ = 0;							\
	for (; at_ + LANES <= (n); at_ += LANES)				\
		for (int j_ = 0; j_ < LANES; j_++) {				\
			int64_t i = at_ + j_;					\
			lane_[j_] += (term);					\
		}								\
	for (int64_t i = at_; i < (n); i++)					\
		rest_ += (term);						\
	lanes_fold_(lane_) + rest_; })

/*
 * ROW_SUM(n, i, term) - the same in float, for rows: few enough terms meet in a lane that
 * it stays as exact as a float can say, and in half of the instructions.
 */
#define ROW_LANES 32

SIMD_INLINE float row_fold_(const float *lane)
{
	float a[16], b[8], c[4];

	for (int j = 0; j < 16; j++)
		a[j] = lane[j] + lane[j + 16];
	for (int j = 0; j < 8; j++)
		b[j] = a[j] + a[j + 8];
	for (int j = 0; j < 4; j++)
		c[j] = b[j] + b[j + 4];
	return (c[0] + c[2]) + (c[1] + c[3]);
}

#define ROW_SUM(n, i, term) __extension__({					\
	float lane_[ROW_LANES] = { 0 }, rest_ = 0;				\
	int64_t at_ = 0;							\
	for (; at_ + ROW_LANES <= (n); at_ += ROW_LANES)			\
		for (int j_ = 0; j_ < ROW_LANES; j_++) {			\
			int64_t i = at_ + j_;					\
			lane_[j_] += (term);					\
		}								\
	for (int64_t i = at_; i < (n); i++)					\
		rest_ += (term);						\
	row_fold_(lane_) + rest_; })

#endif
