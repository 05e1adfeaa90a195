// SPDX-License-Identifier: MIT
/*
 * sparse_linear with AVX-512: sixteen columns of a mask are one register of values, spread by
 * vexpandps; of 2:4, thirty-two columns of x are permuted to meet sixteen values.
 */
#include <immintrin.h>
#include <string.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/sparse-linear.h"

#define VECS 4	/* sums of a row: as many as cover the latency of an addition */
#define AHEAD 2048	/* bytes of values of a mask that are asked for before they are needed */

/* Bytes of a value. */
SIMD_INLINE int64_t dtype_width(enum dtype type)
{
	return type == DT_F32 ? 4 : 2;
}

/* Sixteen values from number @at on, or those of @some; nothing else is read then. */
SIMD_INLINE SIMD_AVX512 __m512 load_values(enum dtype type, bool whole, const void *values,
					   int64_t at, __mmask16 some)
{
	const uint16_t *halves = (const uint16_t *)values + at;
	__m256i h;

	if (type == DT_F32 && whole)
		return _mm512_loadu_ps((const float *)values + at);
	if (type == DT_F32)
		return _mm512_maskz_loadu_ps(some, (const float *)values + at);
	h = whole ? _mm256_loadu_si256((const __m256i *)halves)
		  : _mm256_maskz_loadu_epi16(some, halves);
	if (type == DT_F16)
		return _mm512_cvtph_ps(h);
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

SIMD_INLINE __mmask16 first(int nr)
{
	return (__mmask16)((1u << nr) - 1);
}

/*
 * Values where the bits of @m are, zeros elsewhere.  Zen 4 waits for what the register held
 * before even if it is to be zeroed, so that one spreading waits for the other: a fresh zero is
 * never waited for.
 */
SIMD_INLINE SIMD_AVX512 __m512 spread(__mmask16 m, __m512 values)
{
	__m512 zero = _mm512_setzero_ps();

	SIMD_KEEP(zero);
	return _mm512_mask_expand_ps(zero, m, values);
}

/* Up to 64 bits of places, from column @k on, as a mask. */
SIMD_INLINE uint64_t mask_bits(const struct sparse_job *q, const uint8_t *places, int64_t k)
{
	int64_t left = sparse_row_bytes(q->k) - k / 8;
	uint64_t bits = 0;

	if (left >= 8)
		memcpy(&bits, places + k / 8, 8);
	else
		memcpy(&bits, places + k / 8, left);
	return bits;
}

/* ---- a mask -------------------------------------------------------------------------------- */

/* 64 columns from @k on, or the @left that there are. */
SIMD_INLINE SIMD_AVX512 int64_t mask_step(enum dtype type, bool whole, int rows, int64_t left,
					  const struct sparse_job *q, const float *x,
					  uint64_t bits, int64_t at, __m512 sum[][VECS])
{
	SIMD_UNROLL
	for (int v = 0; v < VECS; v++) {
		__mmask16 m = (__mmask16)(bits >> 16 * v);
		int nr = __builtin_popcount(m);
		int64_t cols = left - 16 * v;
		__mmask16 some = cols >= 16 ? 0xffff : cols > 0 ? first((int)cols) : 0;
		__m512 w = spread(m, load_values(type, whole, q->w.values, at, first(nr)));

		at += nr;
		SIMD_UNROLL
		for (int r = 0; r < rows; r++) {
			const float *from = x + r * q->k + 16 * v;

			sum[r][v] = _mm512_fmadd_ps(w, left >= 64 ? _mm512_loadu_ps(from) :
						    _mm512_maskz_loadu_ps(some, from), sum[r][v]);
		}
	}
	return at;
}

SIMD_INLINE SIMD_AVX512 void mask_row(enum dtype type, bool whole, int rows,
				      const struct sparse_job *q, const float *x, int64_t j,
				      __m512 sum[][VECS])
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k);
	const char *ahead = (const char *)q->w.values + AHEAD;
	int64_t k = 0, at = q->w.starts[j];
	uint64_t bits;

	for (; k + 64 <= q->k; k += 64) {
		memcpy(&bits, places + k / 8, 8);
		__builtin_prefetch(ahead + dtype_width(type) * at, 0, 3);
		at = mask_step(type, whole, rows, 64, q, x + k, bits, at, sum);
	}
	if (k < q->k)
		mask_step(type, whole, rows, q->k - k, q, x + k, mask_bits(q, places, k), at, sum);
}

/* ---- 2:4 ----------------------------------------------------------------------------------- */

/* 32 columns, @left of which are there, and as many halves of values. */
SIMD_INLINE SIMD_AVX512 void pair_step(enum dtype type, int rows, int64_t left,
				       const struct sparse_job *q, const float *x, uint32_t pairs,
				       int64_t at, int v, __m512 sum[][VECS])
{
	const __m512i shift = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
						28, 30);
	const __m512i group = _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24,
						28, 28);
	__mmask16 values = left >= 32 ? 0xffff : first((int)left / 2);
	__mmask16 low = left >= 16 ? 0xffff : first((int)left);
	__mmask16 high = left >= 32 ? 0xffff : left > 16 ? first((int)left - 16) : 0;
	__m512 w = load_values(type, left >= 32, q->w.values, at, values);
	__m512i place = _mm512_srlv_epi32(_mm512_set1_epi32((int)pairs), shift);

	SIMD_KEEP(w);
	place = _mm512_or_si512(_mm512_and_si512(place, _mm512_set1_epi32(3)), group);
	SIMD_UNROLL
	for (int r = 0; r < rows; r++) {
		const float *from = x + r * q->k;
		__m512 a = left >= 32 ? _mm512_loadu_ps(from) : _mm512_maskz_loadu_ps(low, from);
		__m512 b = left >= 32 ? _mm512_loadu_ps(from + 16)
				      : _mm512_maskz_loadu_ps(high, from + 16);

		/* From registers: a permutation that loads as well takes Zen 4 twice as long. */
		SIMD_KEEP(a);
		SIMD_KEEP(b);
		a = _mm512_permutex2var_ps(a, place, b);
		SIMD_KEEP(a);
		sum[r][v] = _mm512_fmadd_ps(w, a, sum[r][v]);
	}
}

SIMD_INLINE SIMD_AVX512 void pair_row(enum dtype type, int rows, const struct sparse_job *q,
				      const float *x, int64_t j, __m512 sum[][VECS])
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k);
	int64_t k = 0, at = j * (q->k / 2);
	uint32_t pairs[VECS];

	for (; k + 32 * VECS <= q->k; k += 32 * VECS) {
		memcpy(pairs, places + k / 8, sizeof(pairs));
		SIMD_UNROLL
		for (int v = 0; v < VECS; v++)
			pair_step(type, rows, 32, q, x + k + 32 * v, pairs[v], at + k / 2 + 16 * v,
				  v, sum);
	}
	for (int v = 0; k < q->k; k += 32, v++)
		pair_step(type, rows, q->k - k, q, x + k, (uint32_t)mask_bits(q, places, k),
			  at + k / 2, v, sum);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Are there sixteen values from the end of row @j on?  Then whole registers can be read. */
SIMD_INLINE bool is_inside(const struct sparse_matrix *w, int64_t j)
{
	return j + 1 < w->rows && w->starts[j + 1] + 16 <= w->nr_values;
}

SIMD_INLINE SIMD_AVX512 void dots(enum sparse_kind kind, enum dtype type, int rows,
				  const struct sparse_job *q, int64_t r, int64_t from, int64_t to)
{
	const float *x = q->x + r * q->k;

	for (int64_t j = from; j < to; j++) {
		__m512 sum[SPARSE_ROWS][VECS];

		for (int i = 0; i < rows * VECS; i++)
			sum[i / VECS][i % VECS] = _mm512_setzero_ps();
		if (kind == SPARSE_2_4)
			pair_row(type, rows, q, x, j, sum);
		else if (is_inside(&q->w, j))
			mask_row(type, true, rows, q, x, j, sum);
		else
			mask_row(type, false, rows, q, x, j, sum);
		for (int i = 0; i < rows; i++)
			q->y[(r + i) * q->n + j] = _mm512_reduce_add_ps(_mm512_add_ps(
				_mm512_add_ps(sum[i][0], sum[i][1]),
				_mm512_add_ps(sum[i][2], sum[i][3])));
	}
}

#define DOTS(name, kind, type)								\
static SIMD_AVX512 void dots_##name(const struct sparse_job *q, int64_t r, int rows,	\
				    int64_t from, int64_t to)				\
{											\
	if (rows == 4)									\
		dots(kind, type, 4, q, r, from, to);					\
	else if (rows == 2)								\
		dots(kind, type, 2, q, r, from, to);					\
	else										\
		dots(kind, type, 1, q, r, from, to);					\
}
DOTS(mask_f16, SPARSE_MASK, DT_F16)
DOTS(mask_bf16, SPARSE_MASK, DT_BF16)
DOTS(mask_f32, SPARSE_MASK, DT_F32)
DOTS(pairs_f16, SPARSE_2_4, DT_F16)
DOTS(pairs_bf16, SPARSE_2_4, DT_BF16)
DOTS(pairs_f32, SPARSE_2_4, DT_F32)

static SIMD_AVX512 void expand(const struct sparse_job *q, int64_t j, float *to)
{
	const uint8_t *places = q->w.places + j * sparse_row_bytes(q->k);
	int64_t at = sparse_start(&q->w, j), bytes = sparse_row_bytes(q->k);

	for (int64_t k = 0; k < q->k; k += 16) {
		int high = k / 8 + 1 < bytes ? places[k / 8 + 1] : 0;
		__mmask16 m = (__mmask16)sparse_mask_byte(q->w.kind, places[k / 8]);
		__mmask16 some = q->k - k >= 16 ? 0xffff : first((int)(q->k - k));

		m |= sparse_mask_byte(q->w.kind, (uint8_t)high) << 8;
		_mm512_mask_storeu_ps(to + k, some, spread(m, load_values(
			q->w.dtype, false, q->w.values, at, first(__builtin_popcount(m)))));
		at += __builtin_popcount(m);
	}
}

static int sparse_linear_avx512(const struct call *c)
{
	static const struct sparse_code mask[DT_COUNT] = {
		[DT_F16] = { dots_mask_f16, expand }, [DT_BF16] = { dots_mask_bf16, expand },
		[DT_F32] = { dots_mask_f32, expand },
	}, pairs[DT_COUNT] = {
		[DT_F16] = { dots_pairs_f16, expand }, [DT_BF16] = { dots_pairs_bf16, expand },
		[DT_F32] = { dots_pairs_f32, expand },
	};
	bool is_mask = c->nr_in > 3 && c->in[3].nd >= 0;

	return sparse_linear_run(c, &(is_mask ? mask : pairs)[c->in[1].dtype]);
}

static bool sparse_linear_avx512_usable(const struct call *maximal, const struct device *dev)
{
	return simd_level() >= SIMD_LEVEL_AVX512;
}
KERNEL_REGISTER_AS(sparse_linear_avx512, sparse_linear, .arch = "cpu", .rank = 20,
		   .run = sparse_linear_avx512, .usable = sparse_linear_avx512_usable,
		   .scratch = sparse_linear_scratch);
