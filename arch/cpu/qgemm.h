/* SPDX-License-Identifier: MIT */
/*
 * Many rows of rounded activations times weights in blocks: what qgemm-pack.c makes and
 * qlinear-gemm.c multiplies.  x86-64 only.
 *
 * k is done QGEMM_K at a time.  A panel is QGEMM_COLS rows of w, which are columns of y, as
 * bytes that lie four by four along k next to each other, with the scales beside them; it
 * stays in the L1 while the rows of x pass.
 *
 * Codes are unsigned as block-unpack.h makes them.  Those of Q2_K and Q3_K are multiplied with
 * the scales of their sub-blocks: the products still fit 8 bits, and a whole block is summed
 * in integers.
 */
#ifndef ARCH_CPU_QGEMM_H
#define ARCH_CPU_QGEMM_H

#include <stdint.h>

#include "arch/cpu/qlinear.h"

#define QGEMM_K 512
#define QGEMM_COLS 32
#define QGEMM_SMALL (QGEMM_K / 32)
#define QGEMM_SUPER (QGEMM_K / 256)
#define QGEMM_SUB (QGEMM_K / 16)

/** struct qgemm_x - QGEMM_K activations of a row.
 * @codes: rounded to 8 bits
 * @base: for each part that is summed in integers: -offset * the sum of its codes
 * @scale: of each block
 * @sum: scale * the sum of the codes of each block (small types with minima)
 * @part: sums of the codes of sub-blocks (others with minima)
 */
struct qgemm_x {
	int8_t codes[QGEMM_K];
	int32_t base[QGEMM_SUB];
	float scale[QGEMM_SMALL];
	float sum[QGEMM_SMALL];
	int16_t part[QGEMM_SUB];
};

/**
 * struct qgemm_panel - QGEMM_K of k of QGEMM_COLS rows of w.
 * @scale, @min: of each block of a small type
 * @sub: scales of sub-blocks
 * @d, @dmin: of each block of 256
 * @sub_min: minima of two sub-blocks each
 */
struct qgemm_panel {
	uint8_t codes[QGEMM_K / 4][QGEMM_COLS][4];
	union {
		struct {
			float scale[QGEMM_SMALL][QGEMM_COLS], min[QGEMM_SMALL][QGEMM_COLS];
		};
		struct {
			float sub[QGEMM_SUB][QGEMM_COLS];
			float d[QGEMM_SUPER][QGEMM_COLS], dmin[QGEMM_SUPER][QGEMM_COLS];
			int16_t sub_min[QGEMM_SUB / 2][QGEMM_COLS][2];
		};
	};
};

/** qgemm_steps() - groups of four codes that are summed in integers. */
static inline int qgemm_steps(enum dtype type)
{
	switch (type) {
	case DT_Q2_K:
	case DT_Q3_K:
		return 64;
	case DT_Q6_K:
		return 4;
	default:
		return 8;
	}
}

/** qgemm_offset() - what the codes of a panel are too large by. */
int qgemm_offset(enum dtype type);

/** qgemm_pack_x() - @nk <= QGEMM_K numbers @x for weights of @type. */
void qgemm_pack_x(enum dtype type, const float *x, int64_t nk, struct qgemm_x *to);

/** qgemm_pack_w() - @nr <= QGEMM_COLS rows @w, @row bytes apart, of which @nk of k. */
void qgemm_pack_w(enum dtype type, const char *w, int64_t row, int nr, int64_t nk,
		  struct qgemm_panel *to);

#endif
