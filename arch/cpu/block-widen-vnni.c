// SPDX-License-Identifier: MIT
/* Products are rounded before they are added to (Kbuild): the bits are ggml's. */
#include "arch/cpu/block-widen.h"

#include "arch/cpu/block-unpack.h"

SIMD_INLINE SIMD_VNNI __m512 codes_16(const uint8_t *q, int offset)
{
	__m512i x = _mm512_cvtepu8_epi32(load_16(q));

	return _mm512_cvtepi32_ps(_mm512_sub_epi32(x, _mm512_set1_epi32(offset)));
}

/* @nr blocks, at most four. */
SIMD_INLINE SIMD_VNNI void widen_small(enum dtype type, const uint8_t *p, int nr, float *to)
{
	_Alignas(64) float d[16], m[16] = { 0 };
	_Alignas(64) uint8_t q[2][64];
	struct small_step s;

	small_unpack(type, p, &s);
	_mm512_store_si512(q[0], s.q[0]);
	_mm512_store_si512(q[1], s.q[1]);
	_mm512_store_ps(d, s.d);
	if (block_has_min(type))
		_mm512_store_ps(m, s.m);
	for (int i = 0; i < 2 * nr; i++) {
		int b = i / 2, v = i % 2;
		__m512 x = codes_16(q[v] + 16 * b, block_offset(type));

		x = _mm512_mul_ps(x, _mm512_set1_ps(d[4 * b]));
		if (block_has_min(type))
			x = _mm512_add_ps(x, _mm512_set1_ps(m[4 * b]));
		_mm512_storeu_ps(to + small_piece(v, b), x);
	}
}

SIMD_INLINE SIMD_VNNI void widen_super(enum dtype type, const uint8_t *p, float *to)
{
	_Alignas(64) float scale[16], min[16];
	_Alignas(64) uint8_t q[4][64];
	struct super_step s;

	super_unpack(type, p, &s);
	SIMD_UNROLL
	for (int v = 0; v < 4; v++)
		_mm512_store_si512(q[v], s.q[v]);
	_mm512_store_ps(scale, _mm512_mul_ps(_mm512_set1_ps(_mm_cvtss_f32(s.d)),
					     _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(s.scale))));
	if (block_has_min(type))
		_mm512_store_ps(min, _mm512_mul_ps(
			_mm512_set1_ps(_mm_cvtss_f32(_mm_movehdup_ps(s.d))),
			_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(s.min))));
	SIMD_UNROLL
	for (int i = 0; i < 16; i++) {
		int at = super_piece(type, i / 4, i % 4);
		__m512 x = codes_16(q[i / 4] + 16 * (i % 4), block_offset(type));

		x = _mm512_mul_ps(_mm512_set1_ps(scale[at / super_sub(type)]), x);
		if (block_has_min(type))
			x = _mm512_sub_ps(x, _mm512_set1_ps(min[at / super_sub(type)]));
		_mm512_storeu_ps(to + at, x);
	}
}

SIMD_INLINE SIMD_VNNI void widen_blocks(enum dtype type, const uint8_t *p, float *to, int64_t n)
{
	const int64_t bytes = (int64_t)dtype_info(type)->size;
	uint8_t last[4 * sizeof(struct q8_0)] = { 0 };

	if (block_is_super(type)) {
		for (; n > 0; n -= SUPER_STEP, p += bytes, to += SUPER_STEP)
			widen_super(type, p, to);
		return;
	}
	for (; n >= SMALL_STEP; n -= SMALL_STEP, p += 4 * bytes, to += SMALL_STEP)
		widen_small(type, p, 4, to);
	if (n)
		widen_small(type, memcpy(last, p, n / 32 * bytes), (int)(n / 32), to);
}

#define WIDEN(name, type)							\
static SIMD_VNNI void widen_##name(const uint8_t *p, float *to, int64_t n)	\
{										\
	widen_blocks(type, p, to, n);						\
}
WIDEN(q4_0, DT_Q4_0)
WIDEN(q4_1, DT_Q4_1)
WIDEN(q5_0, DT_Q5_0)
WIDEN(q5_1, DT_Q5_1)
WIDEN(q8_0, DT_Q8_0)
WIDEN(iq4_nl, DT_IQ4_NL)
WIDEN(q2_k, DT_Q2_K)
WIDEN(q3_k, DT_Q3_K)
WIDEN(q4_k, DT_Q4_K)
WIDEN(q5_k, DT_Q5_K)
WIDEN(q6_k, DT_Q6_K)

static void (*const functions[DT_COUNT])(const uint8_t *p, float *to, int64_t n) = {
	[DT_Q4_0] = widen_q4_0, [DT_Q4_1] = widen_q4_1, [DT_Q5_0] = widen_q5_0,
	[DT_Q5_1] = widen_q5_1, [DT_Q8_0] = widen_q8_0, [DT_IQ4_NL] = widen_iq4_nl,
	[DT_Q2_K] = widen_q2_k, [DT_Q3_K] = widen_q3_k, [DT_Q4_K] = widen_q4_k,
	[DT_Q5_K] = widen_q5_k, [DT_Q6_K] = widen_q6_k,
};

void block_widen_vnni(enum dtype type, const void *blocks, float *to, int64_t n)
{
	functions[type](blocks, to, n);
}
