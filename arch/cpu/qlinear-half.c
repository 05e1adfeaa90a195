// SPDX-License-Identifier: MIT
/*
 * Few rows of x times weights in f16 or bf16, which become floats on the way.
 */
#include "arch/cpu/block-unpack.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define TILE_ROWS 16
#define MOST_ROWS 4

/* The elements of @mask from @p on. */
SIMD_INLINE SIMD_VNNI __m512 load_halves(enum dtype type, const uint16_t *p, __mmask16 mask)
{
	__m256i h = _mm256_maskz_loadu_epi16(mask, p);

	if (type == DT_F16)
		return _mm512_cvtph_ps(h);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

/* 32 elements from @k on, or those of the masks. */
SIMD_INLINE SIMD_VNNI void half_step(enum dtype type, int rows, const struct qlinear *q,
				     const float *x, const uint16_t *w, int64_t k, __m512 sum[][2],
				     __mmask16 first, __mmask16 second)
{
	__m512 a = load_halves(type, w + k, first), b = load_halves(type, w + k + 16, second);

	SIMD_UNROLL
	for (int r = 0; r < rows; r++) {
		const float *y = x + r * q->k + k;

		sum[r][0] = _mm512_fmadd_ps(a, _mm512_maskz_loadu_ps(first, y), sum[r][0]);
		sum[r][1] = _mm512_fmadd_ps(b, _mm512_maskz_loadu_ps(second, y + 16), sum[r][1]);
	}
}

SIMD_INLINE SIMD_VNNI void half_row(enum dtype type, int rows, const struct qlinear *q,
				    const float *x, const uint16_t *w, float *y)
{
	__m512 sum[MOST_ROWS][2];
	int64_t k = 0;

	for (int r = 0; r < rows; r++)
		sum[r][0] = sum[r][1] = _mm512_setzero_ps();
	for (; k + 32 <= q->k; k += 32)
		half_step(type, rows, q, x, w, k, sum, 0xffff, 0xffff);
	if (k < q->k) {
		uint32_t mask = (1u << (q->k - k)) - 1;

		half_step(type, rows, q, x, w, k, sum, (__mmask16)mask, (__mmask16)(mask >> 16));
	}
	for (int r = 0; r < rows; r++)
		y[r * q->n] = _mm512_reduce_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]));
}

SIMD_INLINE SIMD_VNNI void half_rows(enum dtype type, int rows, const struct qlinear *q, int64_t r,
				     int64_t from, int64_t to)
{
	for (int64_t j = from; j < to; j++)
		half_row(type, rows, q, q->x + r * q->k, (const uint16_t *)qlinear_row(q, j),
			 q->y + r * q->n + j);
}

SIMD_INLINE SIMD_VNNI void half_columns(enum dtype type, const struct qlinear *q, int64_t from,
					int64_t to)
{
	int64_t r = 0;

	for (; r + 4 <= q->rows; r += 4)
		half_rows(type, 4, q, r, from, to);
	for (; r + 2 <= q->rows; r += 2)
		half_rows(type, 2, q, r, from, to);
	if (r < q->rows)
		half_rows(type, 1, q, r, from, to);
}

static SIMD_VNNI void half_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t from = tile * TILE_ROWS, to = chunk_end(q->n, TILE_ROWS, from);

	if (q->type == DT_F16)
		half_columns(DT_F16, q, from, to);
	else
		half_columns(DT_BF16, q, from, to);
	for (int64_t r = 0; r < q->rows && q->bias; r++)
		for (int64_t j = from; j < to; j++)
			q->y[r * q->n + j] += q->bias[j];
}

void qlinear_half_dots(const struct qlinear *q)
{
	threads_run(chunk_count(q->n, TILE_ROWS), half_tile, (void *)q);
}
