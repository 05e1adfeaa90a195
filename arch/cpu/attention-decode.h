/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of attention with one query, for each instruction set.
 */
#ifndef ARCH_CPU_ATTENTION_DECODE_H
#define ARCH_CPU_ATTENTION_DECODE_H

#include <stdint.h>

#define DECODE_ROWS 16	/* keys or values at a time; whole vectors of any set */

/**
 * struct decode_simd - an instruction set.
 * @score: @to[i] = rows[i] . q of DECODE_ROWS rows; @d a multiple of DECODE_ROWS
 * @widen: @nr rows of f16 as floats, (@nr, @d)
 * @weights: @nr scores, whole vectors, become 2^(s factor - base); returns their sum
 * @mix: @out += sum of weights[j] rows[j] of @nr rows of @d elements
 */
struct decode_simd {
	void (*score)(const float *rows, int64_t stride, const float *q, int64_t d, float *to);
	void (*widen)(const uint16_t *rows, int64_t stride, int64_t nr, int64_t d, float *to);
	float (*weights)(float *scores, int64_t nr, float factor, float base);
	void (*mix)(const float *rows, int64_t stride, const float *weights, int64_t nr,
		    int64_t d, float *out);
};

/** decode_simd() - the best for this processor. */
const struct decode_simd *decode_simd(void);

#endif
