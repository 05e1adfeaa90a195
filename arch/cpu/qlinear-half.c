// SPDX-License-Identifier: MIT
/*
 * Few rows of x times weights in f16 or bf16, which become floats on the way.
 */
#include "arch/cpu/block-unpack.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define TILE_ROWS 64	/* of w, at most; where a tile begins, the processor follows w anew */
#define LEAST_ROWS 16
#define LEAST_TILES 32
#define MOST_ROWS 4
#define VECS 4	/* sums of a row: as many as cover the latency of an addition */
#define STEP (16 * VECS)

/* The elements of @mask from @p on. */
SIMD_INLINE SIMD_VNNI __m512 load_halves(enum dtype type, const uint16_t *p, __mmask16 mask)
{
	__m256i h = _mm256_maskz_loadu_epi16(mask, p);

	if (type == DT_F16)
		return _mm512_cvtph_ps(h);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

/* STEP elements from @k on, or those of @mask. */
SIMD_INLINE SIMD_VNNI void half_step(enum dtype type, int rows, const struct qlinear *q,
				     const float *x, const uint16_t *w, int64_t k, uint64_t mask,
				     __m512 sum[][VECS])
{
	SIMD_UNROLL
	for (int v = 0; v < VECS; v++) {
		__mmask16 some = (__mmask16)(mask >> 16 * v);
		__m512 a = load_halves(type, w + k + 16 * v, some);

		SIMD_UNROLL
		for (int r = 0; r < rows; r++)
			sum[r][v] = _mm512_fmadd_ps(a, _mm512_maskz_loadu_ps(some,
				x + r * q->k + k + 16 * v), sum[r][v]);
	}
}

SIMD_INLINE SIMD_VNNI void half_row(enum dtype type, int rows, const struct qlinear *q,
				    const float *x, const uint16_t *w, float *y)
{
	__m512 sum[MOST_ROWS][VECS];
	int64_t k = 0;

	for (int i = 0; i < rows * VECS; i++)
		sum[i / VECS][i % VECS] = _mm512_setzero_ps();
	for (; k + STEP <= q->k; k += STEP)
		half_step(type, rows, q, x, w, k, UINT64_MAX, sum);
	if (k < q->k)
		half_step(type, rows, q, x, w, k, ((uint64_t)1 << (q->k - k)) - 1, sum);
	for (int r = 0; r < rows; r++)
		y[r * q->n] = _mm512_reduce_add_ps(_mm512_add_ps(
			_mm512_add_ps(sum[r][0], sum[r][1]), _mm512_add_ps(sum[r][2], sum[r][3])));
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

static int64_t tile_rows(const struct qlinear *q)
{
	int64_t rows = q->n / LEAST_TILES;

	return rows > TILE_ROWS ? TILE_ROWS : rows < LEAST_ROWS ? LEAST_ROWS : rows;
}

static SIMD_VNNI void half_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t per = tile_rows(q), from = tile * per, to = chunk_end(q->n, per, from);

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
	threads_run(chunk_count(q->n, tile_rows(q)), half_tile, (void *)q);
}
