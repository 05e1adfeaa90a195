// SPDX-License-Identifier: MIT
/*
 * qlinear with AVX2: few rows times blocks of weights.  Part by part of CODES, a row of w
 * becomes bytes and scales in the L1, which all rows of x are multiplied with.
 */
#include <immintrin.h>
#include <string.h>

#include "arch/cpu/block-codes.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define TILE_ROWS 16	/* of w */
#define COLS 4		/* rows of w, columns of y, at once */

/**
 * struct part_x - CODES activations.
 * @codes, @scale: rounded, and the scale of 16 each
 * @x: not rounded
 * @sum: of 16 each
 */
struct part_x {
	_Alignas(32) int8_t codes[CODES];
	float x[CODES];
	float scale[CODES / 16], sum[CODES / 16];
};

/* ---- activations --------------------------------------------------------------------------- */

static void round_part(enum act_block act, int64_t n, struct part_x *to)
{
	int block = act == ACT_Q8_K ? 256 : 32;

	for (int64_t i = 0; i < n; i += block) {
		float scale = act_codes(act, to->x + i, to->codes + i);

		for (int64_t s = i / 16; s < (i + block) / 16; s++) {
			int sum = 0;

			for (int j = 0; j < 16; j++)
				sum += to->codes[16 * s + j];
			to->scale[s] = scale;
			to->sum[s] = scale * (float)sum;
		}
	}
}

static void pack_part(const struct qlinear *q, const float *x, int64_t n, struct part_x *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->x, x, n * sizeof(*x));
	if (q->round == ACT_ROUND_Q8) {
		round_part(block_type(q->type)->act, n, to);
		return;
	}
	for (int s = 0; s < CODES / 16; s++)
		for (int i = 0; i < 16; i++)
			to->sum[s] += to->x[16 * s + i];
}

/* ---- products ------------------------------------------------------------------------------ */

/* Lanes 0 ... 3 @p[0], lanes 4 ... 7 @p[1]. */
SIMD_INLINE SIMD_AVX2 __m256 two_scales(const float *p)
{
	return _mm256_set_m128(_mm_broadcast_ss(p + 1), _mm_broadcast_ss(p));
}

SIMD_INLINE SIMD_AVX2 __m256 rounded_part(const struct block_codes *w, const struct part_x *x,
					  __m256 sum)
{
	_Alignas(32) float scale[CODES / 16];

	for (int s = 0; s < CODES / 16; s += 8)
		_mm256_store_ps(scale + s, _mm256_mul_ps(_mm256_loadu_ps(w->scale + s),
							 _mm256_loadu_ps(x->scale + s)));
	for (int i = 0; i < CODES / 32; i++) {
		__m256i a = _mm256_load_si256((const __m256i *)(w->q + 32 * i));
		__m256i b = _mm256_load_si256((const __m256i *)(x->codes + 32 * i));
		__m256i p = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));

		p = _mm256_madd_epi16(p, _mm256_set1_epi16(1));
		sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(p), two_scales(scale + 2 * i), sum);
	}
	return sum;
}

SIMD_INLINE SIMD_AVX2 __m256 codes_8(const int8_t *q)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)q)));
}

SIMD_INLINE SIMD_AVX2 __m256 float_part(const struct block_codes *w, const struct part_x *x,
					__m256 sum)
{
	for (int s = 0; s < CODES / 16; s++) {
		const int8_t *q = w->q + 16 * s;
		const float *a = x->x + 16 * s;
		__m256 p = _mm256_mul_ps(codes_8(q), _mm256_loadu_ps(a));

		p = _mm256_fmadd_ps(codes_8(q + 8), _mm256_loadu_ps(a + 8), p);
		sum = _mm256_fmadd_ps(p, _mm256_broadcast_ss(w->scale + s), sum);
	}
	return sum;
}

SIMD_INLINE SIMD_AVX2 __m256 minima(const struct block_codes *w, const struct part_x *x,
				    __m256 sum)
{
	for (int s = 0; s < CODES / 16; s += 8)
		sum = _mm256_fnmadd_ps(_mm256_loadu_ps(w->min + s), _mm256_loadu_ps(x->sum + s),
				       sum);
	return sum;
}

SIMD_INLINE SIMD_AVX2 float total(__m256 x)
{
	__m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	y = _mm_add_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

/*
 * @n of k of some rows of w, @row bytes apart: all are bytes before any is multiplied.  The
 * rows of x are @parts apart.
 */
SIMD_INLINE SIMD_AVX2 void part_of_rows(const struct qlinear *q, const char *w_at, int64_t row,
					int cols, int64_t n, const struct part_x *x,
					int64_t parts, __m256 sum[][COLS])
{
	struct block_codes w[COLS];

	for (int c = 0; c < cols; c++)
		block_codes(q->type, w_at + c * row, n, &w[c]);
	for (int64_t r = 0; r < q->rows; r++, x += parts)
		for (int c = 0; c < cols; c++) {
			__m256 s = sum[r][c];

			s = q->round == ACT_ROUND_Q8 ? rounded_part(&w[c], x, s)
						     : float_part(&w[c], x, s);
			sum[r][c] = codes_have_min(q->type) ? minima(&w[c], x, s) : s;
		}
}

static SIMD_AVX2 void rows_of_w(const struct qlinear *q, int64_t j, int cols)
{
	int64_t parts = chunk_count(q->k, CODES), part = dtype_bytes(q->type, CODES);
	int64_t row = dtype_bytes(q->type, q->k), left = q->k;
	__m256 sum[QLINEAR_FEW][COLS];

	for (int64_t r = 0; r < q->rows; r++)
		for (int c = 0; c < cols; c++)
			sum[r][c] = _mm256_setzero_ps();
	for (int64_t p = 0; p < parts; p++, left -= CODES)
		part_of_rows(q, q->w + j * row + p * part, row, cols, left < CODES ? left : CODES,
			     (const struct part_x *)q->scratch + p, parts, sum);
	for (int64_t r = 0; r < q->rows; r++)
		for (int c = 0; c < cols; c++)
			q->y[r * q->n + j + c] = total(sum[r][c]) + (q->bias ? q->bias[j + c] : 0);
}

static void dots_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t from = tile * TILE_ROWS, to = chunk_end(q->n, TILE_ROWS, from);

	for (int64_t j = from; j < to; j += COLS)
		rows_of_w(q, j, (int)(to - j < COLS ? to - j : COLS));
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static int qlinear_avx2(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);
	int64_t parts = chunk_count(q.k, CODES);

	if (q.rows > QLINEAR_FEW || !dtype_is_block(q.type))
		return qlinear_floats(&q);
	q.scratch += -(uintptr_t)q.scratch & 31;
	for (int64_t i = 0; i < q.rows * parts; i++) {
		int64_t k = i % parts * CODES;

		pack_part(&q, q.x + i / parts * q.k + k, chunk_end(q.k, CODES, k) - k,
			  (struct part_x *)q.scratch + i);
	}
	threads_run_shares(chunk_count(q.n, TILE_ROWS), dots_tile, &q);
	return 0;
}

static size_t qlinear_avx2_scratch(const struct call *c)
{
	struct qlinear q = qlinear_arguments(c);
	int64_t rows = q.rows < QLINEAR_FEW ? q.rows : QLINEAR_FEW;
	size_t dots = 32 + rows * chunk_count(q.k, CODES) * sizeof(struct part_x);
	size_t floats = qlinear_floats_scratch(&q);

	return dots > floats ? dots : floats;
}

static bool qlinear_avx2_usable(const struct call *maximal, const struct device *dev)
{
	return simd_level() >= SIMD_LEVEL_AVX2;
}
KERNEL_REGISTER_AS(qlinear_avx2, qlinear, .arch = "cpu", .rank = 10, .run = qlinear_avx2,
		   .usable = qlinear_avx2_usable, .scratch = qlinear_avx2_scratch);
