/* SPDX-License-Identifier: MIT */
/*
 * The loops of attention-decode.h for one instruction set.  No include guard: see
 * attention-kernel.h for what must be defined.
 */
#include "arch/cpu/vec-kernel.h"

/*
 * @to[i] = rows[i] . q for LANES rows.  Adding the interleaved halves of the sums of rows i
 * and i + LANES / 2 halves their number: after log2(LANES) times lane i holds row i.
 */
SIMD_INLINE KERNEL_TARGET
void KERNEL(dots)(const float *rows, int64_t stride, const float *q, int64_t d, float *to)
{
	KERNEL(vec) sum[LANES];

	SIMD_UNROLL
	for (int i = 0; i < LANES; i++)
		sum[i] = (KERNEL(vec)){ 0 };
	for (int64_t e = 0; e < d; e += LANES) {
		KERNEL(vec) x = KERNEL(load)(q + e);

		SIMD_UNROLL
		for (int i = 0; i < LANES; i++)
			sum[i] += KERNEL(load)(rows + i * stride + e) * x;
	}
	SIMD_UNROLL
	for (int half = LANES / 2; half; half /= 2) {
		SIMD_UNROLL
		for (int i = 0; i < half; i++)
			sum[i] = FIRST_HALVES(sum[i], sum[i + half]) +
				 SECOND_HALVES(sum[i], sum[i + half]);
	}
	KERNEL(store)(to, sum[0]);
}

static KERNEL_TARGET void KERNEL(score)(const float *rows, int64_t stride, const float *q,
					int64_t d, float *to)
{
	for (int i = 0; i < DECODE_ROWS; i += LANES)
		KERNEL(dots)(rows + i * stride, stride, q, d, to + i);
}

/* Rows of f16 as floats, side by side. */
static KERNEL_TARGET void KERNEL(widen)(const uint16_t *rows, int64_t stride, int64_t nr,
					int64_t d, float *to)
{
	for (int64_t r = 0; r < nr; r++, to += d)
		for (int64_t e = 0; e < d; e += LANES) {
			KERNEL(vec) v = { 0 };

			LOAD_F16(v, rows + r * stride + e);
			KERNEL(store)(to + e, v);
		}
}

/* Scores become weights 2^(s factor - base); their sum. */
static KERNEL_TARGET float KERNEL(weights)(float *scores, int64_t nr, float factor, float base)
{
	KERNEL(vec) sum = { 0 };
	float total = 0;

	for (int64_t j = 0; j < nr; j += LANES) {
		KERNEL(vec) w = KERNEL(exp2)(KERNEL(load)(scores + j) * factor - base);

		KERNEL(store)(scores + j, w);
		sum += w;
	}
	for (int i = 0; i < LANES; i++)
		total += sum[i];
	return total;
}

/* out += sum of weights[j] rows[j] */
static KERNEL_TARGET void KERNEL(mix)(const float *rows, int64_t stride, const float *weights,
				      int64_t nr, int64_t d, float *out)
{
	for (int64_t e = 0; e < d; e += LANES) {
		KERNEL(vec) one = KERNEL(load)(out + e), two = { 0 };
		int64_t j = 0;

		for (; j + 2 <= nr; j += 2) {
			one += KERNEL(load)(rows + j * stride + e) * weights[j];
			two += KERNEL(load)(rows + (j + 1) * stride + e) * weights[j + 1];
		}
		if (j < nr)
			one += KERNEL(load)(rows + j * stride + e) * weights[j];
		KERNEL(store)(out + e, one + two);
	}
}

#undef KERNEL
#undef KERNEL_TARGET
#undef LANES
#undef VEC_MAX
#undef LOAD_F16
#undef FIRST_HALVES
#undef SECOND_HALVES
