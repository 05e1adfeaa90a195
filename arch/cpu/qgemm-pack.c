// SPDX-License-Identifier: MIT
#include "arch/cpu/qgemm.h"

#include "arch/cpu/block-quant.h"
#include "arch/cpu/block-unpack.h"

int qgemm_offset(enum dtype type)
{
	return type == DT_Q3_K ? 127 : block_offset(type);
}

/* ---- activations ------------------------------------------------------------------------- */

/* @n codes of a block to @to; the sums over @per of them to @sum. */
SIMD_INLINE SIMD_VNNI void pack_codes(const struct quant *q, const float *x, int n, int per,
				      int8_t *to, int *sum)
{
	for (int i = 0; i < n; i += 16) {
		__m512i c = quantize_16(q, x + i);

		_mm_storeu_si128((__m128i *)(to + i), _mm512_cvtepi32_epi8(c));
		sum[i / per] += _mm512_reduce_add_epi32(c);
	}
}

static SIMD_VNNI void pack_x_small(int offset, const float *x, int64_t nk, struct qgemm_x *to)
{
	for (int b = 0; b < nk / 32; b++) {
		struct quant q = quant_small(x + 32 * b);
		int sum = 0;

		pack_codes(&q, x + 32 * b, 32, 32, to->codes + 32 * b, &sum);
		to->scale[b] = q.scale;
		to->base[b] = -offset * sum;
		to->sum[b] = q.scale * (float)sum;
	}
}

static SIMD_VNNI void pack_x_super(enum dtype type, const float *x, int64_t nk,
				   struct qgemm_x *to)
{
	int subs = 256 / super_sub(type), parts = 64 / qgemm_steps(type);

	for (int b = 0; b < nk / 256; b++) {
		struct quant q = quant_super(x + 256 * b);
		int sum[16] = { 0 };

		pack_codes(&q, x + 256 * b, 256, super_sub(type), to->codes + 256 * b, sum);
		to->scale[b] = q.scale;
		for (int i = 0; i < parts; i++)
			to->base[b * parts + i] = 0;
		for (int i = 0; i < subs; i++) {
			to->part[b * subs + i] = (int16_t)sum[i];
			to->base[b * parts + i * parts / subs] -= qgemm_offset(type) * sum[i];
		}
	}
}

void qgemm_pack_x(enum dtype type, const float *x, int64_t nk, struct qgemm_x *to)
{
	if (block_is_super(type))
		pack_x_super(type, x, nk, to);
	else
		pack_x_small(qgemm_offset(type), x, nk, to);
}

/* ---- weights ------------------------------------------------------------------------------ */

/* Rows of codes in the order of k, before they are transposed. */
struct lines {
	_Alignas(64) uint8_t row[QGEMM_COLS][QGEMM_K];
};

/* Four blocks of a small type: column @col, from block @b on. */
SIMD_INLINE SIMD_VNNI void small_columns(enum dtype type, const uint8_t *p, int col, int b,
					 int nr, uint8_t *line, struct qgemm_panel *to)
{
	_Alignas(64) float d[16], m[16];
	_Alignas(64) uint8_t q[2][64];
	struct small_step s;

	small_unpack(type, p, &s);
	_mm512_store_si512(q[0], s.q[0]);
	_mm512_store_si512(q[1], s.q[1]);
	_mm512_store_ps(d, s.d);
	if (block_has_min(type))
		_mm512_store_ps(m, s.m);
	for (int i = 0; i < nr; i++) {
		for (int v = 0; v < 2; v++)
			memcpy(line + small_piece(v, i), q[v] + 16 * i, 16);
		to->scale[b + i][col] = d[4 * i];
		if (block_has_min(type))
			to->min[b + i][col] = m[4 * i];
	}
}

SIMD_INLINE SIMD_VNNI void small_panel(enum dtype type, const char *w, int64_t row, int nr,
				       int64_t nk, struct lines *lines, struct qgemm_panel *to)
{
	const int64_t bytes = (int64_t)dtype_info(type)->size;
	uint8_t last[4 * sizeof(struct q8_0)] = { 0 };

	for (int col = 0; col < nr; col++)
		for (int b = 0; b < nk / 32; b += 4) {
			const uint8_t *p = (const uint8_t *)w + col * row + b * bytes;
			int left = (int)(nk / 32 - b);

			if (left < 4)
				p = memcpy(last, p, left * bytes);
			small_columns(type, p, col, b, left < 4 ? left : 4,
				      lines->row[col] + 32 * b, to);
		}
}

/* Words of a vector of codes times the scales of their sub-blocks, plus the offset. */
SIMD_INLINE SIMD_VNNI __m512i scale_codes(enum dtype type, const struct super_step *s, int v)
{
	int a = super_piece(type, v, 0) / 16, b = super_piece(type, v, 2) / 16;
	__m512i scale, index = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(
		_mm_set1_epi16((short)(a + 1)), _mm_set1_epi16((short)a))),
		_mm256_set_m128i(_mm_set1_epi16((short)(b + 1)), _mm_set1_epi16((short)b)), 1);
	__m512i q = s->q[v], low, high, offset = _mm512_set1_epi16((short)qgemm_offset(type));

	scale = _mm512_permutexvar_epi16(index, _mm512_castsi256_si512(s->scale));
	q = _mm512_sub_epi8(q, _mm512_set1_epi8((char)block_offset(type)));
	low = _mm512_srai_epi16(_mm512_slli_epi16(q, 8), 8);
	high = _mm512_srai_epi16(q, 8);
	low = _mm512_add_epi16(_mm512_mullo_epi16(low, scale), offset);
	high = _mm512_add_epi16(_mm512_mullo_epi16(high, scale), offset);
	return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi16(255)),
			       _mm512_slli_epi16(high, 8));
}

SIMD_INLINE SIMD_VNNI void put_16(uint8_t *to, __m128i x)
{
	_mm_store_si128((__m128i *)to, x);
}

/* Block @b of column @col. */
SIMD_INLINE SIMD_VNNI void super_column(enum dtype type, const uint8_t *p, int col, int b,
					uint8_t *line, struct qgemm_panel *to)
{
	const int subs = 256 / super_sub(type);
	_Alignas(32) int16_t scale[16], min[16];
	struct super_step s;

	super_unpack(type, p, &s);
	SIMD_UNROLL
	for (int v = 0; v < 4; v++) {
		__m512i q = qgemm_steps(type) == 64 ? scale_codes(type, &s, v) : s.q[v];

		put_16(line + super_piece(type, v, 0), _mm512_extracti32x4_epi32(q, 0));
		put_16(line + super_piece(type, v, 1), _mm512_extracti32x4_epi32(q, 1));
		put_16(line + super_piece(type, v, 2), _mm512_extracti32x4_epi32(q, 2));
		put_16(line + super_piece(type, v, 3), _mm512_extracti32x4_epi32(q, 3));
	}
	_mm256_store_si256((__m256i *)scale, s.scale);
	to->d[b][col] = _mm_cvtss_f32(s.d);
	for (int i = 0; i < subs && qgemm_steps(type) < 64; i++)
		to->sub[b * subs + i][col] = scale[i];
	if (!block_has_min(type))
		return;
	_mm256_store_si256((__m256i *)min, s.min);
	to->dmin[b][col] = _mm_cvtss_f32(_mm_movehdup_ps(s.d));
	for (int i = 0; i < subs; i++)
		to->sub_min[(b * subs + i) / 2][col][i % 2] = min[i];
}

SIMD_INLINE SIMD_VNNI void super_panel(enum dtype type, const char *w, int64_t row, int nr,
				       int64_t nk, struct lines *lines, struct qgemm_panel *to)
{
	const int64_t bytes = (int64_t)dtype_info(type)->size;

	for (int col = 0; col < nr; col++)
		for (int b = 0; b < nk / 256; b++)
			super_column(type, (const uint8_t *)w + col * row + b * bytes, col, b,
				     lines->row[col] + 256 * b, to);
}

/* 16 x 16 groups of four bytes: from rows @from to columns @to. */
SIMD_INLINE SIMD_VNNI void transpose(const uint8_t *from, uint8_t *to)
{
	__m512i x[16], y[16];

	SIMD_UNROLL
	for (int i = 0; i < 16; i++)
		x[i] = load_64(from + i * QGEMM_K);
	SIMD_UNROLL
	for (int i = 0; i < 16; i += 2) {
		y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
	}
	SIMD_UNROLL
	for (int i = 0; i < 16; i += 4) {
		x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
		x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
		x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
		x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
	}
	/* x[4 g + j], 128 bits h: column 4 h + j of rows 4 g ... 4 g + 3 */
	SIMD_UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i a = _mm512_shuffle_i32x4(x[j], x[4 + j], 0x88);
		__m512i b = _mm512_shuffle_i32x4(x[j], x[4 + j], 0xdd);
		__m512i c = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0x88);
		__m512i d = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0xdd);

		_mm512_store_si512(to + (j + 0) * 4 * QGEMM_COLS,
				   _mm512_shuffle_i32x4(a, c, 0x88));
		_mm512_store_si512(to + (j + 8) * 4 * QGEMM_COLS,
				   _mm512_shuffle_i32x4(a, c, 0xdd));
		_mm512_store_si512(to + (j + 4) * 4 * QGEMM_COLS,
				   _mm512_shuffle_i32x4(b, d, 0x88));
		_mm512_store_si512(to + (j + 12) * 4 * QGEMM_COLS,
				   _mm512_shuffle_i32x4(b, d, 0xdd));
	}
}

static SIMD_VNNI void transpose_all(const struct lines *lines, int64_t nk, struct qgemm_panel *to)
{
	for (int64_t k = 0; k < nk; k += 64)
		for (int c = 0; c < QGEMM_COLS; c += 16)
			transpose(lines->row[c] + k, to->codes[k / 4][c]);
}

#define PACK(name, type, family)							\
static SIMD_VNNI void pack_##name(const char *w, int64_t row, int nr, int64_t nk,	\
				  struct lines *lines, struct qgemm_panel *to)		\
{											\
	family##_panel(type, w, row, nr, nk, lines, to);				\
}
PACK(q4_0, DT_Q4_0, small)
PACK(q4_1, DT_Q4_1, small)
PACK(q5_0, DT_Q5_0, small)
PACK(q5_1, DT_Q5_1, small)
PACK(q8_0, DT_Q8_0, small)
PACK(iq4_nl, DT_IQ4_NL, small)
PACK(q2_k, DT_Q2_K, super)
PACK(q3_k, DT_Q3_K, super)
PACK(q4_k, DT_Q4_K, super)
PACK(q5_k, DT_Q5_K, super)
PACK(q6_k, DT_Q6_K, super)

typedef void (*pack_fn)(const char *w, int64_t row, int nr, int64_t nk, struct lines *lines,
			struct qgemm_panel *to);

static const pack_fn functions[DT_COUNT] = {
	[DT_Q4_0] = pack_q4_0, [DT_Q4_1] = pack_q4_1, [DT_Q5_0] = pack_q5_0,
	[DT_Q5_1] = pack_q5_1, [DT_Q8_0] = pack_q8_0, [DT_IQ4_NL] = pack_iq4_nl,
	[DT_Q2_K] = pack_q2_k, [DT_Q3_K] = pack_q3_k, [DT_Q4_K] = pack_q4_k,
	[DT_Q5_K] = pack_q5_k, [DT_Q6_K] = pack_q6_k,
};

static _Thread_local struct lines lines_of_thread;

void qgemm_pack_w(enum dtype type, const char *w, int64_t row, int nr, int64_t nk,
		  struct qgemm_panel *to)
{
	/* Columns beyond the edge hold what they held: nobody stores what comes of them. */
	functions[type](w, row, nr, nk, &lines_of_thread, to);
	transpose_all(&lines_of_thread, nk, to);
}
