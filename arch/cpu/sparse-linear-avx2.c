// SPDX-License-Identifier: MIT
/*
 * sparse_linear with AVX2: eight columns are one register of values, spread by a permutation
 * that is computed from their bits.
 */
#include <immintrin.h>
#include <string.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/sparse-linear.h"

#define SUMS 2	/* of a row */

/* Eight values from number @at on; behind the last one of all nothing is read. */
SIMD_INLINE SIMD_AVX2 __m256 load_values(enum dtype type, const struct sparse_matrix *w,
					 int64_t at)
{
	const char *from = (const char *)w->values + at * (type == DT_F32 ? 4 : 2);
	char rest[32] = { 0 };
	__m256 v = _mm256_setzero_ps();

	if (at + 8 > w->nr_values) {
		memcpy(rest, from, (w->nr_values - at) * (type == DT_F32 ? 4 : 2));
		from = rest;
	}
	if (type == DT_F32)
		return _mm256_loadu_ps((const float *)from);
	if (type == DT_F16) {
		simd_load_f16(v, from);
		return v;
	}
	return _mm256_castsi256_ps(_mm256_slli_epi32(
		_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)), 16));
}

/*
 * Byte l of @bytes becomes bit l of @mask.  Their running sums, by a multiplication, say which
 * value belongs to a column: as many as there are bits before it.
 */
SIMD_INLINE uint64_t spread_bits(uint8_t mask)
{
	uint64_t bit = mask * 0x0101010101010101ull & 0x8040201008040201ull;

	return (bit + 0x7f7f7f7f7f7f7f7full) >> 7 & 0x0101010101010101ull;
}

SIMD_INLINE SIMD_AVX2 __m256 spread(__m256 values, uint8_t mask)
{
	uint64_t bytes = spread_bits(mask), before = bytes * 0x0101010101010101ull << 8;
	__m256i from = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)before));
	__m256i none = _mm256_cmpeq_epi32(_mm256_cvtepu8_epi32(
		_mm_cvtsi64_si128((long long)bytes)), _mm256_setzero_si256());

	return _mm256_andnot_ps(_mm256_castsi256_ps(none), _mm256_permutevar8x32_ps(values, from));
}

/* Eight numbers from @x on, or @nr. */
SIMD_INLINE SIMD_AVX2 __m256 load_x(const float *x, int64_t nr)
{
	float rest[8] = { 0 };

	if (nr >= 8)
		return _mm256_loadu_ps(x);
	memcpy(rest, x, nr * sizeof(*x));
	return _mm256_loadu_ps(rest);
}

SIMD_INLINE SIMD_AVX2 float total(__m256 x)
{
	__m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	y = _mm_add_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

SIMD_INLINE SIMD_AVX2 void dots(enum dtype type, int rows, const struct sparse_job *q, int64_t r,
				int64_t j)
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k);
	int64_t at = sparse_start(&q->w, j);
	const float *x = q->x + r * q->k;
	__m256 sum[SPARSE_ROWS][SUMS];

	for (int i = 0; i < rows * SUMS; i++)
		sum[i / SUMS][i % SUMS] = _mm256_setzero_ps();
	for (int64_t k = 0; k < q->k; k += 8) {
		uint8_t mask = sparse_mask_byte(q->w.kind, places[k / 8]);
		__m256 w = spread(load_values(type, &q->w, at), mask);
		int odd = k / 8 % SUMS;

		at += __builtin_popcount(mask);
		SIMD_UNROLL
		for (int i = 0; i < rows; i++)
			sum[i][odd] = _mm256_fmadd_ps(w, load_x(x + i * q->k + k, q->k - k),
						      sum[i][odd]);
	}
	for (int i = 0; i < rows; i++)
		q->y[(r + i) * q->n + j] = total(_mm256_add_ps(sum[i][0], sum[i][1]));
}

#define DOTS(name, type)								\
static SIMD_AVX2 void dots_##name(const struct sparse_job *q, int64_t r, int rows,	\
				  int64_t from, int64_t to)				\
{											\
	for (int64_t j = from; j < to; j++) {						\
		if (rows == 4)								\
			dots(type, 4, q, r, j);						\
		else if (rows == 2)							\
			dots(type, 2, q, r, j);						\
		else									\
			dots(type, 1, q, r, j);						\
	}										\
}
DOTS(f16, DT_F16)
DOTS(bf16, DT_BF16)
DOTS(f32, DT_F32)

static SIMD_AVX2 void expand(const struct sparse_job *q, int64_t j, float *to)
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k);
	int64_t at = sparse_start(&q->w, j);
	float eight[8];

	for (int64_t k = 0; k < q->k; k += 8) {
		uint8_t mask = sparse_mask_byte(q->w.kind, places[k / 8]);

		_mm256_storeu_ps(eight, spread(load_values(q->w.dtype, &q->w, at), mask));
		memcpy(to + k, eight, (q->k - k < 8 ? q->k - k : 8) * sizeof(*to));
		at += __builtin_popcount(mask);
	}
}

static int sparse_linear_avx2(const struct call *c)
{
	static const struct sparse_code codes[DT_COUNT] = {
		[DT_F16] = { dots_f16, expand }, [DT_BF16] = { dots_bf16, expand },
		[DT_F32] = { dots_f32, expand },
	};

	return sparse_linear_run(c, &codes[c->in[1].dtype]);
}

static bool sparse_linear_avx2_usable(const struct call *maximal, const struct device *dev)
{
	return simd_level() >= SIMD_LEVEL_AVX2;
}
KERNEL_REGISTER_AS(sparse_linear_avx2, sparse_linear, .arch = "cpu", .rank = 10,
		   .run = sparse_linear_avx2, .usable = sparse_linear_avx2_usable,
		   .scratch = sparse_linear_scratch);
