// SPDX-License-Identifier: MIT
/*
 * Few rows of x times weights in f16 or bf16, which become floats on the way.  x that is rounded
 * to the type of the weights is kept in it, which halves what is loaded beside the weights.
 */
#include "arch/cpu/block-unpack.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define LEAST_ROWS 16	/* of w in a tile: where one begins, the processor follows w anew */
#define MOST_ROWS 4
#define VECS 4	/* sums of a row: as many as cover the latency of an addition */
#define STEP (16 * VECS)
#define AHEAD 256	/* bytes of w */

/*
 * x as floats fills much of the L1, and what passes through there pushes it out.  Weights that
 * are asked for as needed once take the place of each other.
 */
SIMD_INLINE void pass_through(const uint16_t *w)
{
	__builtin_prefetch((const char *)w + AHEAD, 0, 0);
	__builtin_prefetch((const char *)w + AHEAD + 64, 0, 0);
}

/* The elements of @mask from @p on. */
SIMD_INLINE SIMD_VNNI __m512 load_halves(enum dtype type, const uint16_t *p, __mmask16 mask)
{
	__m256i h = _mm256_maskz_loadu_epi16(mask, p);

	if (type == DT_F16)
		return _mm512_cvtph_ps(h);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

/* The same of x, of floats or of halves as the weights are. */
SIMD_INLINE SIMD_VNNI __m512 load_x(enum dtype type, bool halves, const char *x, int64_t at,
				    __mmask16 mask)
{
	if (halves)
		return load_halves(type, (const uint16_t *)x + at, mask);
	return _mm512_maskz_loadu_ps(mask, (const float *)x + at);
}

/* STEP elements from @k on, or those of @mask; rows of x are @nk apart. */
SIMD_INLINE SIMD_VNNI void half_step(enum dtype type, bool halves, int rows, int64_t nk,
				     const char *x, const uint16_t *w, int64_t k, uint64_t mask,
				     __m512 sum[][VECS])
{
	SIMD_UNROLL
	for (int v = 0; v < VECS; v++) {
		__mmask16 some = (__mmask16)(mask >> 16 * v);
		__m512 a = load_halves(type, w + k + 16 * v, some);

		SIMD_UNROLL
		for (int r = 0; r < rows; r++)
			sum[r][v] = _mm512_fmadd_ps(a, load_x(type, halves, x, r * nk + k + 16 * v,
							      some), sum[r][v]);
	}
}

SIMD_INLINE SIMD_VNNI void half_row(enum dtype type, bool halves, int rows,
				    const struct qlinear *q, const char *x, const uint16_t *w,
				    float *y)
{
	__m512 sum[MOST_ROWS][VECS];
	int64_t k = 0;

	for (int i = 0; i < rows * VECS; i++)
		sum[i / VECS][i % VECS] = _mm512_setzero_ps();
	for (; k + STEP <= q->k; k += STEP) {
		if (!halves)
			pass_through(w + k);
		half_step(type, halves, rows, q->k, x, w, k, UINT64_MAX, sum);
	}
	if (k < q->k)
		half_step(type, halves, rows, q->k, x, w, k, ((uint64_t)1 << (q->k - k)) - 1, sum);
	for (int r = 0; r < rows; r++)
		y[r * q->n] = _mm512_reduce_add_ps(_mm512_add_ps(
			_mm512_add_ps(sum[r][0], sum[r][1]), _mm512_add_ps(sum[r][2], sum[r][3])));
}

SIMD_INLINE SIMD_VNNI void half_rows(enum dtype type, bool halves, int rows,
				     const struct qlinear *q, int64_t r, int64_t from, int64_t to)
{
	const char *x = (const char *)q->x + r * q->k * (halves ? sizeof(uint16_t)
								: sizeof(float));

	for (int64_t j = from; j < to; j++)
		half_row(type, halves, rows, q, x, (const uint16_t *)qlinear_row(q, j),
			 q->y + r * q->n + j);
}

SIMD_INLINE SIMD_VNNI void half_columns(enum dtype type, bool halves, const struct qlinear *q,
					int64_t from, int64_t to)
{
	int64_t r = 0;

	for (; r + 4 <= q->rows; r += 4)
		half_rows(type, halves, 4, q, r, from, to);
	for (; r + 2 <= q->rows; r += 2)
		half_rows(type, halves, 2, q, r, from, to);
	if (r < q->rows)
		half_rows(type, halves, 1, q, r, from, to);
}

static SIMD_VNNI void half_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t per = qlinear_tile_rows(q, LEAST_ROWS), from = tile * per;
	int64_t to = chunk_end(q->n, per, from);

	if (q->type == DT_F16 && q->round == ACT_ROUND_Q8)
		half_columns(DT_F16, true, q, from, to);
	else if (q->type == DT_F16)
		half_columns(DT_F16, false, q, from, to);
	else if (q->round == ACT_ROUND_Q8)
		half_columns(DT_BF16, true, q, from, to);
	else
		half_columns(DT_BF16, false, q, from, to);
	for (int64_t r = 0; r < q->rows && q->bias; r++)
		for (int64_t j = from; j < to; j++)
			q->y[r * q->n + j] += q->bias[j];
}

static SIMD_VNNI void pack_x(const struct qlinear *q, uint16_t *to)
{
	int64_t count = q->rows * q->k, i = 0;

	for (; q->type == DT_F16 && i + 16 <= count; i += 16)
		_mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtps_ph(
			_mm512_loadu_ps(q->x + i), _MM_FROUND_TO_NEAREST_INT));
	for (; i < count; i++)
		to[i] = q->type == DT_F16 ? f32_to_f16(q->x[i]) : bf16_store(q->x[i]);
}

void qlinear_half_dots(const struct qlinear *given)
{
	struct qlinear q = *given;

	if (q.round == ACT_ROUND_Q8) {
		pack_x(given, (uint16_t *)q.scratch);
		q.x = (const float *)q.scratch;	/* but halves */
	}
	threads_run_shares(chunk_count(q.n, qlinear_tile_rows(&q, LEAST_ROWS)), half_tile, &q);
}
