/* SPDX-License-Identifier: MIT */
/* Arithmetic of grids of tiles. */
#ifndef ARCH_CPU_GEMM_GRID_H
#define ARCH_CPU_GEMM_GRID_H

#include <stdint.h>

static inline int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t div_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

#endif
