// SPDX-License-Identifier: MIT
/*
 * Loops that the compiler vectorizes.  Scales are multiplied as dtype_decode() does, without
 * contraction (Kbuild), so that q * scale - min has its bits.
 */
#include "arch/cpu/block-codes.h"

#include <immintrin.h>
#include <string.h>

#include "arch/cpu/block-widen.h"
#include "block/layout.h"

#define SIMD_F16C __attribute__((target("avx2,fma,f16c")))
#define FROM(type) const struct type *b = (const struct type *)blocks

SIMD_INLINE SIMD_F16C float half(uint16_t bits)
{
	return _cvtsh_ss(bits);
}

/* ---- small types: block @i of those at @blocks ------------------------------------------- */

SIMD_INLINE SIMD_F16C void set_scale(struct block_codes *to, int i, float d, float min)
{
	to->scale[2 * i] = to->scale[2 * i + 1] = d;
	to->min[2 * i] = to->min[2 * i + 1] = min;
}

/* The codes of 16 bytes. */
SIMD_INLINE SIMD_F16C __m256i nibbles(const uint8_t *qs)
{
	__m128i v = _mm_loadu_si128((const __m128i *)qs);

	return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(v, 4), v), _mm256_set1_epi8(15));
}

/* 16 where the bit of the four bytes @qh that belongs to an element is set. */
SIMD_INLINE SIMD_F16C __m256i fifth_bits(const uint8_t *qh)
{
	const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
						2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201);
	uint32_t bits;
	__m256i v;

	memcpy(&bits, qh, 4);
	v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), spread);
	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return _mm256_and_si256(v, _mm256_set1_epi8(16));
}

/* Codes 32 @j ... less @offset to their place. */
SIMD_INLINE SIMD_F16C void put_less(struct block_codes *to, int j, __m256i q, int offset)
{
	_mm256_store_si256((__m256i *)(to->q + 32 * j),
			   _mm256_sub_epi8(q, _mm256_set1_epi8((char)offset)));
}

SIMD_INLINE SIMD_F16C void q4_0_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q4_0) + i;

	put_less(to, i, nibbles(b->qs), 8);
	set_scale(to, i, half(b->d), 0);
}

SIMD_INLINE SIMD_F16C void q4_1_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q4_1) + i;

	put_less(to, i, nibbles(b->qs), 0);
	set_scale(to, i, half(b->d), -half(b->m));
}

SIMD_INLINE SIMD_F16C void q5_0_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q5_0) + i;

	put_less(to, i, _mm256_or_si256(nibbles(b->qs), fifth_bits(b->qh)), 16);
	set_scale(to, i, half(b->d), 0);
}

SIMD_INLINE SIMD_F16C void q5_1_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q5_1) + i;

	put_less(to, i, _mm256_or_si256(nibbles(b->qs), fifth_bits(b->qh)), 0);
	set_scale(to, i, half(b->d), -half(b->m));
}

SIMD_INLINE SIMD_F16C void q8_0_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q8_0) + i;

	memcpy(to->q + 32 * i, b->qs, 32);
	set_scale(to, i, half(b->d), 0);
}

SIMD_INLINE SIMD_F16C void iq4_nl_codes(const void *blocks, int i, struct block_codes *to)
{
	__m256i values = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)iq4_nl_values));
	FROM(q4_0) + i;

	put_less(to, i, _mm256_shuffle_epi8(values, nibbles(b->qs)), 0);
	set_scale(to, i, half(b->d), 0);
}

/* ---- blocks of 256 ------------------------------------------------------------------------ */

SIMD_INLINE SIMD_F16C __m256i load(const void *p)
{
	return _mm256_loadu_si256(p);
}

/* Bits @shift ... of each byte that are set in @mask. */
SIMD_INLINE SIMD_F16C __m256i bits_at(__m256i v, int shift, int mask)
{
	return _mm256_and_si256(_mm256_srli_epi16(v, shift), _mm256_set1_epi8((char)mask));
}

/* @value where bit @bit of the byte is set. */
SIMD_INLINE SIMD_F16C __m256i bit_as(__m256i v, int bit, int value)
{
	const __m256i one = _mm256_set1_epi8((char)(1 << bit));

	return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, one), one),
				_mm256_set1_epi8((char)value));
}

SIMD_INLINE SIMD_F16C void q2_k_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q2_k) + i;
	float d = half(b->d), dmin = half(b->dmin);

	SIMD_UNROLL
	for (int j = 0; j < 8; j++)
		put_less(to, j, bits_at(load(b->qs + j / 4 * 32), 2 * (j % 4), 3), 0);
	for (int s = 0; s < 16; s++) {
		to->scale[s] = d * (float)(b->scales[s] & 15);
		to->min[s] = dmin * (float)(b->scales[s] >> 4);
	}
}

SIMD_INLINE SIMD_F16C void q3_k_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q3_k) + i;
	float d = half(b->d);
	int8_t scale[16];

	SIMD_UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i low = bits_at(load(b->qs + j / 4 * 32), 2 * (j % 4), 3);
		__m256i q = _mm256_or_si256(low, bit_as(load(b->hmask), j, 4));

		put_less(to, j, q, 4);
	}
	q3_k_scales(b->scales, scale);
	for (int s = 0; s < 16; s++)
		to->scale[s] = d * (float)scale[s];
}

/* Codes 32 @j ... of Q4_K, and of Q5_K without their fifth bit. */
SIMD_INLINE SIMD_F16C __m256i nibble(const uint8_t *qs, int j)
{
	return bits_at(load(qs + 32 * (j / 2)), 4 * (j % 2), 15);
}

SIMD_INLINE SIMD_F16C void set_scales(struct block_codes *to, const uint8_t *scales, float d,
				      float dmin)
{
	uint8_t scale[8], min[8];

	q4_k_scales(scales, scale, min);
	for (int s = 0; s < 16; s++) {
		to->scale[s] = d * (float)scale[s / 2];
		to->min[s] = dmin * (float)min[s / 2];
	}
}

SIMD_INLINE SIMD_F16C void q4_k_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q4_k) + i;

	SIMD_UNROLL
	for (int j = 0; j < 8; j++)
		put_less(to, j, nibble(b->qs, j), 0);
	set_scales(to, b->scales, half(b->d), half(b->dmin));
}

SIMD_INLINE SIMD_F16C void q5_k_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q5_k) + i;

	SIMD_UNROLL
	for (int j = 0; j < 8; j++)
		put_less(to, j, _mm256_or_si256(nibble(b->qs, j), bit_as(load(b->qh), j, 16)), 0);
	set_scales(to, b->scales, half(b->d), half(b->dmin));
}

SIMD_INLINE SIMD_F16C void q6_k_codes(const void *blocks, int i, struct block_codes *to)
{
	FROM(q6_k) + i;
	float d = half(b->d);

	SIMD_UNROLL
	for (int j = 0; j < 8; j++) {
		int h = j / 4, k = j % 4;
		__m256i low = bits_at(load(b->ql + 64 * h + 32 * (k % 2)), k / 2 * 4, 15);
		__m256i high = bits_at(load(b->qh + 32 * h), 2 * k, 3);

		low = _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
		put_less(to, j, low, 32);
	}
	for (int s = 0; s < 16; s++)
		to->scale[s] = d * (float)b->scales[s];
}

/* ---- all ----------------------------------------------------------------------------------- */

typedef void (*codes_fn)(const void *blocks, int nr, struct block_codes *to);

#define ALL_CODES(name)								\
static SIMD_F16C void name##_all(const void *blocks, int nr, struct block_codes *to)	\
{										\
	for (int i = 0; i < nr; i++)						\
		name##_codes(blocks, i, to);					\
}
ALL_CODES(q4_0)
ALL_CODES(q4_1)
ALL_CODES(q5_0)
ALL_CODES(q5_1)
ALL_CODES(q8_0)
ALL_CODES(iq4_nl)
ALL_CODES(q2_k)
ALL_CODES(q3_k)
ALL_CODES(q4_k)
ALL_CODES(q5_k)
ALL_CODES(q6_k)

static const codes_fn functions[DT_COUNT] = {
	[DT_Q4_0] = q4_0_all, [DT_Q4_1] = q4_1_all, [DT_Q5_0] = q5_0_all,
	[DT_Q5_1] = q5_1_all, [DT_Q8_0] = q8_0_all, [DT_IQ4_NL] = iq4_nl_all,
	[DT_Q2_K] = q2_k_all, [DT_Q3_K] = q3_k_all, [DT_Q4_K] = q4_k_all,
	[DT_Q5_K] = q5_k_all, [DT_Q6_K] = q6_k_all,
};

void block_codes(enum dtype type, const void *blocks, int64_t n, struct block_codes *to)
{
	int block = type >= DT_Q2_K && type <= DT_Q6_K ? BLOCK_SUPER : BLOCK_SMALL;

	functions[type](blocks, (int)((uint32_t)n / (uint32_t)block), to);
	if (n == CODES)
		return;
	memset(to->q + n, 0, CODES - n);
	for (int64_t s = n / 16; s < CODES / 16; s++)
		to->scale[s] = to->min[s] = 0;
}

/* 16 at a time; the types with minima subtract them. */
static SIMD_F16C void widen_codes(bool min, const struct block_codes *c, float *to, int64_t n)
{
	for (int64_t s = 0; s < n / 16; s++)
		for (int i = 0; i < 16; i++) {
			float x = (float)c->q[16 * s + i] * c->scale[s];

			to[16 * s + i] = min ? x - c->min[s] : x;
		}
}

void block_widen_avx2(enum dtype type, const void *blocks, float *to, int64_t n)
{
	struct block_codes c;

	for (int64_t i = 0; i < n; i += CODES) {
		int64_t some = n - i < CODES ? n - i : CODES;

		block_codes(type, (const char *)blocks + dtype_bytes(type, i), some, &c);
		if (codes_have_min(type))
			widen_codes(true, &c, to + i, some);
		else
			widen_codes(false, &c, to + i, some);
	}
}
