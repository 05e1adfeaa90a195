/* SPDX-License-Identifier: MIT */
/*
 * Blocks of weights to vectors of bytes, with AVX-512, VBMI and VNNI.  x86-64 only.
 *
 * A step is 128 elements of the small types (four blocks), 256 of the others (one).  Codes
 * are made unsigned, as VNNI wants them: what is stored as a signed number, or stands for one,
 * has an offset added, which whoever multiplies takes away again.  The order of the codes is
 * what unpacking gives for free; small_piece() and super_piece() say which elements are where.
 */
#ifndef ARCH_CPU_BLOCK_UNPACK_H
#define ARCH_CPU_BLOCK_UNPACK_H

#include <immintrin.h>
#include <string.h>

#include "arch/cpu/simd.h"
#include "block/layout.h"
#include "tensor/dtype.h"

#define SIMD_VNNI								\
	__attribute__((target("avx2,fma,f16c,avx512f,avx512vl,avx512bw,avx512dq,"	\
			      "avx512vbmi,avx512vnni" SIMD_WIDE)))

#define SMALL_STEP 128
#define SUPER_STEP 256

/* ---- what is where ------------------------------------------------------------------ */

/** block_offset() - what is added to the codes of @type. */
static inline int block_offset(enum dtype type)
{
	switch (type) {
	case DT_Q4_0:
		return 8;
	case DT_Q5_0:
		return 16;
	case DT_Q8_0:
	case DT_IQ4_NL:
		return 128;
	case DT_Q3_K:
		return 4;
	case DT_Q6_K:
		return 32;
	default:
		return 0;
	}
}

static inline bool block_is_super(enum dtype type)
{
	return type >= DT_Q2_K && type <= DT_Q6_K;
}

/* Do blocks of @type have minima? */
static inline bool block_has_min(enum dtype type)
{
	return type == DT_Q4_1 || type == DT_Q5_1 || type == DT_Q2_K || type == DT_Q4_K ||
	       type == DT_Q5_K;
}

/* Elements with a scale in common in a block of 256. */
static inline int super_sub(enum dtype type)
{
	return type == DT_Q4_K || type == DT_Q5_K ? 32 : 16;
}

/*
 * Bytes 16 @b ... of vector @v of a small step hold 16 elements from this one on: the lower
 * halves of four blocks, then their upper halves.
 */
static inline int small_piece(int v, int b)
{
	return 32 * b + 16 * v;
}

/*
 * Bytes 16 @b ... of vector @v of a block of 256 hold 16 elements from this one on.  Where
 * sub-blocks have 32, vectors 0 and 1 hold the same ones, and so do 2 and 3.
 */
static inline int super_piece(enum dtype type, int v, int b)
{
	switch (type) {
	case DT_Q4_K:
	case DT_Q5_K:
		return 64 * b + 32 * (v / 2) + 16 * (v % 2);
	case DT_Q6_K:
		return 128 * (v / 2) + 64 * (v % 2) + 16 * b;
	default:	/* Q2_K, Q3_K */
		return 128 * (b / 2) + 32 * v + 16 * (b % 2);
	}
}

/* ---- small types --------------------------------------------------------------------- */

/** struct small_step - @q: codes; @d, @m: scale and minimum of the block of each 4 codes. */
struct small_step {
	__m512i q[2];
	__m512 d, m;
};

/* 16 bytes from each of three places in a register; the fourth lane stays for an insert. */
#define LANE_INDEX(at)								\
	(at), (at) + 1, (at) + 2, (at) + 3, (at) + 4, (at) + 5, (at) + 6, (at) + 7,	\
	(at) + 8, (at) + 9, (at) + 10, (at) + 11, (at) + 12, (at) + 13, (at) + 14, (at) + 15
#define BYTES64 static const uint8_t __attribute__((aligned(64)))
#define FOUR(x) (x), (x), (x), (x)

SIMD_INLINE SIMD_VNNI __m512i load_64(const void *p)
{
	return _mm512_loadu_si512(p);
}

SIMD_INLINE SIMD_VNNI __m128i load_16(const void *p)
{
	return _mm_loadu_si128(p);
}

SIMD_INLINE SIMD_VNNI void split_nibbles(__m512i v, __m512i q[2])
{
	const __m512i low = _mm512_set1_epi8(15);

	q[0] = _mm512_and_si512(v, low);
	q[1] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
}

/* f16 words @a, @b, @c, @d of @v, each for four lanes. */
#define HALVES_TO_LANES(v, a, b, c, d)						\
	_mm512_cvtph_ps(_mm512_castsi512_si256(_mm512_permutexvar_epi16(	\
		_mm512_castsi256_si512(_mm256_setr_epi16(FOUR(a), FOUR(b), FOUR(c),	\
							 FOUR(d))), v)))

/* The nibbles of Q4_0 and IQ4_NL: blocks of 18 bytes. */
SIMD_INLINE SIMD_VNNI __m512i q4_0_nibbles(const uint8_t *p, __m512i first)
{
	BYTES64 index[64] = { LANE_INDEX(2), LANE_INDEX(20), LANE_INDEX(38), LANE_INDEX(0) };
	__m512i v = _mm512_permutexvar_epi8(_mm512_load_si512(index), first);

	return _mm512_inserti32x4(v, load_16(p + 56), 3);
}

SIMD_INLINE SIMD_VNNI void q4_0_unpack(const uint8_t *p, struct small_step *s)
{
	__m512i first = load_64(p);

	split_nibbles(q4_0_nibbles(p, first), s->q);
	s->d = HALVES_TO_LANES(first, 0, 9, 18, 27);
}

SIMD_INLINE SIMD_VNNI void iq4_nl_unpack(const uint8_t *p, struct small_step *s)
{
	/* iq4_nl_values + 128 */
	const __m512i values = _mm512_broadcast_i32x4(_mm_setr_epi8(
		1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15));
	__m512i first = load_64(p);

	split_nibbles(q4_0_nibbles(p, first), s->q);
	s->q[0] = _mm512_shuffle_epi8(values, s->q[0]);
	s->q[1] = _mm512_shuffle_epi8(values, s->q[1]);
	s->d = HALVES_TO_LANES(first, 0, 9, 18, 27);
}

SIMD_INLINE SIMD_VNNI void q4_1_unpack(const uint8_t *p, struct small_step *s)
{
	BYTES64 index[64] = { LANE_INDEX(4), LANE_INDEX(24), LANE_INDEX(44), LANE_INDEX(0) };
	__m512i first = load_64(p), v;

	v = _mm512_permutexvar_epi8(_mm512_load_si512(index), first);
	split_nibbles(_mm512_inserti32x4(v, load_16(p + 64), 3), s->q);
	s->d = HALVES_TO_LANES(first, 0, 10, 20, 30);
	s->m = HALVES_TO_LANES(first, 1, 11, 21, 31);
}

/* Add 16 to the codes whose bit in the 32 bits at bytes @at, @at + 4 ... of @head is set. */
SIMD_INLINE SIMD_VNNI void add_fifth_bits(__m512i head, int at, __m512i q[2])
{
	const __m512i bit = _mm512_set1_epi64((int64_t)0x8040201008040201);
	const __m512i byte = _mm512_set_epi8(
		13, 13, 13, 13, 13, 13, 13, 13, 12, 12, 12, 12, 12, 12, 12, 12,
		9, 9, 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8,
		5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4,
		1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);

	for (int v = 0; v < 2; v++) {
		__m512i from = _mm512_add_epi8(byte, _mm512_set1_epi8((char)(at + 2 * v)));
		__mmask64 set = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(from, head), bit);

		q[v] = _mm512_mask_add_epi8(q[v], set, q[v], _mm512_set1_epi8(16));
	}
}

SIMD_INLINE SIMD_VNNI void q5_0_unpack(const uint8_t *p, struct small_step *s)
{
	BYTES64 index[64] = { LANE_INDEX(0), LANE_INDEX(4), LANE_INDEX(26), LANE_INDEX(48) };
	/* d and qh of four blocks of 22 bytes, from bytes 0 ... 63 and, 64 + x, 24 ... 87 */
	BYTES64 header[64] = { 0, 1, 22, 23, 44, 45, 64 + 42, 64 + 43, 2, 3, 4, 5, 24, 25, 26, 27,
			       46, 47, 48, 49, 64 + 44, 64 + 45, 64 + 46, 64 + 47 };
	__m512i first = load_64(p), last = load_64(p + 24), v, head;

	v = _mm512_permutexvar_epi8(_mm512_load_si512(index), last);
	split_nibbles(_mm512_inserti32x4(v, load_16(p + 6), 0), s->q);
	head = _mm512_permutex2var_epi8(first, _mm512_load_si512(header), last);
	add_fifth_bits(head, 8, s->q);
	s->d = HALVES_TO_LANES(head, 0, 1, 2, 3);
}

SIMD_INLINE SIMD_VNNI void q5_1_unpack(const uint8_t *p, struct small_step *s)
{
	BYTES64 index[64] = { LANE_INDEX(0), LANE_INDEX(0), LANE_INDEX(24), LANE_INDEX(48) };
	/* d, m and qh of four blocks of 24 bytes, from bytes 0 ... 63 and, 64 + x, 32 ... 95 */
	BYTES64 header[64] = { 0, 1, 24, 25, 48, 49, 64 + 40, 64 + 41,
			       2, 3, 26, 27, 50, 51, 64 + 42, 64 + 43,
			       4, 5, 6, 7, 28, 29, 30, 31, 52, 53, 54, 55,
			       64 + 44, 64 + 45, 64 + 46, 64 + 47 };
	__m512i first = load_64(p), last = load_64(p + 32), v, head;

	v = _mm512_permutexvar_epi8(_mm512_load_si512(index), last);
	split_nibbles(_mm512_inserti32x4(v, load_16(p + 8), 0), s->q);
	head = _mm512_permutex2var_epi8(first, _mm512_load_si512(header), last);
	add_fifth_bits(head, 16, s->q);
	s->d = HALVES_TO_LANES(head, 0, 1, 2, 3);
	s->m = HALVES_TO_LANES(head, 4, 5, 6, 7);
}

SIMD_INLINE SIMD_VNNI __m512i q8_0_half(const uint8_t *p)
{
	__m512i v = _mm512_castsi128_si512(load_16(p));

	v = _mm512_inserti32x4(v, load_16(p + 34), 1);
	v = _mm512_inserti32x4(v, load_16(p + 68), 2);
	v = _mm512_inserti32x4(v, load_16(p + 102), 3);
	return _mm512_xor_si512(v, _mm512_set1_epi8(-128));
}

SIMD_INLINE SIMD_VNNI void q8_0_unpack(const uint8_t *p, struct small_step *s)
{
	uint16_t d[4];

	for (int b = 0; b < 4; b++)
		memcpy(&d[b], p + 34 * b, 2);
	s->q[0] = q8_0_half(p + 2);
	s->q[1] = q8_0_half(p + 18);
	s->d = HALVES_TO_LANES(_mm512_castsi128_si512(_mm_setr_epi16(
			(short)d[0], (short)d[1], (short)d[2], (short)d[3], 0, 0, 0, 0)),
			       0, 1, 2, 3);
}

SIMD_INLINE SIMD_VNNI void small_unpack(enum dtype type, const uint8_t *p, struct small_step *s)
{
	switch (type) {
	case DT_Q4_0:
		q4_0_unpack(p, s);
		break;
	case DT_Q4_1:
		q4_1_unpack(p, s);
		break;
	case DT_Q5_0:
		q5_0_unpack(p, s);
		break;
	case DT_Q5_1:
		q5_1_unpack(p, s);
		break;
	case DT_Q8_0:
		q8_0_unpack(p, s);
		break;
	default:
		iq4_nl_unpack(p, s);
	}
}

/* ---- blocks of 256 ------------------------------------------------------------------- */

/**
 * struct super_step - a block.
 * @q: codes
 * @scale, @min: of the sub-blocks, 16-bit; 8 or 16 of them (super_sub()), the rest is 0
 * @d: d and dmin in the first two lanes
 */
struct super_step {
	__m512i q[4];
	__m256i scale, min;
	__m128 d;
};

SIMD_INLINE SIMD_VNNI uint32_t load_u32(const void *p)
{
	uint32_t x;

	memcpy(&x, p, 4);
	return x;
}

SIMD_INLINE SIMD_VNNI __m128 load_d(const void *p)
{
	return _mm_cvtph_ps(_mm_cvtsi32_si128((int)load_u32(p)));
}

SIMD_INLINE SIMD_VNNI __m128 load_one_d(const void *p)
{
	uint16_t x;

	memcpy(&x, p, 2);
	return _mm_cvtph_ps(_mm_cvtsi32_si128(x));
}

SIMD_INLINE SIMD_VNNI __m256i widen_bytes(uint32_t low, uint32_t high)
{
	__m128i x = _mm_cvtsi64_si128((int64_t)(low | (uint64_t)high << 32));

	return _mm256_zextsi128_si256(_mm_cvtepu8_epi16(x));
}

/* q4_k_scales(), four at a time */
SIMD_INLINE SIMD_VNNI void q4_k_header(const uint8_t *p, struct super_step *s)
{
	uint32_t a = load_u32(p + 4), b = load_u32(p + 8), c = load_u32(p + 12);

	s->scale = widen_bytes(a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | (a >> 2 & 0x30303030));
	s->min = widen_bytes(b & 0x3f3f3f3f, (c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030));
	s->d = load_d(p);
}

/* The 128 bytes of nibbles of Q4_K and Q5_K: the first 16 of every 32, and the others. */
SIMD_INLINE SIMD_VNNI void split_halves(const uint8_t *p, __m512i q[4])
{
	const __m512i low = _mm512_set1_epi8(15);
	__m512i a = load_64(p), b = load_64(p + 64);

	q[0] = _mm512_shuffle_i64x2(a, b, 0x88);
	q[1] = _mm512_shuffle_i64x2(a, b, 0xdd);
	q[2] = _mm512_and_si512(_mm512_srli_epi16(q[0], 4), low);
	q[3] = _mm512_and_si512(_mm512_srli_epi16(q[1], 4), low);
	q[0] = _mm512_and_si512(q[0], low);
	q[1] = _mm512_and_si512(q[1], low);
}

SIMD_INLINE SIMD_VNNI void q4_k_unpack(const uint8_t *p, struct super_step *s)
{
	q4_k_header(p, s);
	split_halves(p + 16, s->q);
}

SIMD_INLINE SIMD_VNNI __m512i load_twice(const void *p)
{
	return _mm512_broadcast_i64x4(_mm256_loadu_si256(p));
}

/* @a in the lower half of a vector, @b in the upper. */
#define IN_HALVES(set1, a, b)							\
	_mm512_inserti64x4(_mm512_##set1(a), _mm256_##set1(b), 1)

SIMD_INLINE SIMD_VNNI void q5_k_unpack(const uint8_t *p, struct super_step *s)
{
	const __m512i bit = _mm512_set_epi64(0x4040404040404040, 0x4040404040404040,
					     0x1010101010101010, 0x1010101010101010,
					     0x0404040404040404, 0x0404040404040404,
					     0x0101010101010101, 0x0101010101010101);
	const __m512i next = _mm512_add_epi8(bit, bit);

	q4_k_header(p, s);
	split_halves(p + 48, s->q);
	SIMD_UNROLL
	for (int v = 0; v < 4; v++) {
		__m512i high = _mm512_broadcast_i32x4(load_16(p + 16 + 16 * (v % 2)));
		__mmask64 set = _mm512_test_epi8_mask(high, v / 2 ? next : bit);

		s->q[v] = _mm512_mask_add_epi8(s->q[v], set, s->q[v], _mm512_set1_epi8(16));
	}
}

SIMD_INLINE SIMD_VNNI void q6_k_unpack(const uint8_t *p, struct super_step *s)
{
	const __m512i mask = _mm512_set1_epi8(0x30);

	SIMD_UNROLL
	for (int h = 0; h < 2; h++) {
		__m512i high = load_twice(p + 128 + 32 * h), up, down;

		up = _mm512_sllv_epi16(high, IN_HALVES(set1_epi16, 4, 2));
		down = _mm512_srlv_epi16(high, IN_HALVES(set1_epi16, 0, 2));
		split_nibbles(load_64(p + 64 * h), s->q + 2 * h);
		s->q[2 * h] = _mm512_or_si512(s->q[2 * h], _mm512_and_si512(up, mask));
		s->q[2 * h + 1] = _mm512_or_si512(s->q[2 * h + 1], _mm512_and_si512(down, mask));
	}
	s->scale = _mm256_cvtepi8_epi16(load_16(p + 192));
	s->d = load_one_d(p + 208);
}

/* The 2-bit codes of Q2_K and Q3_K. */
SIMD_INLINE SIMD_VNNI void split_pairs(__m512i v, __m512i q[4])
{
	const __m512i low = _mm512_set1_epi8(3);

	q[0] = _mm512_and_si512(v, low);
	q[1] = _mm512_and_si512(_mm512_srli_epi16(v, 2), low);
	q[2] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
	q[3] = _mm512_and_si512(_mm512_srli_epi16(v, 6), low);
}

SIMD_INLINE SIMD_VNNI void q2_k_unpack(const uint8_t *p, struct super_step *s)
{
	__m128i both = load_16(p), low = _mm_set1_epi8(15);

	split_pairs(load_64(p + 16), s->q);
	s->scale = _mm256_cvtepu8_epi16(_mm_and_si128(both, low));
	s->min = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(both, 4), low));
	s->d = load_d(p + 80);
}

/* q3_k_scales(), four at a time */
SIMD_INLINE SIMD_VNNI __m256i q3_k_header(const uint8_t *p)
{
	uint32_t a = load_u32(p + 96), b = load_u32(p + 100), c = load_u32(p + 104);
	const uint32_t low = 0x0f0f0f0f, high = 0x30303030;
	__m128i x = _mm_setr_epi32((int)((a & low) | (c << 4 & high)),
				   (int)((b & low) | (c << 2 & high)),
				   (int)((a >> 4 & low) | (c & high)),
				   (int)((b >> 4 & low) | (c >> 2 & high)));

	return _mm256_cvtepi8_epi16(_mm_sub_epi8(x, _mm_set1_epi8(32)));
}

SIMD_INLINE SIMD_VNNI void q3_k_unpack(const uint8_t *p, struct super_step *s)
{
	__m512i high = load_twice(p);

	split_pairs(load_64(p + 32), s->q);
	SIMD_UNROLL
	for (int v = 0; v < 4; v++) {
		__m512i bit = IN_HALVES(set1_epi8, (char)(1 << v), (char)(16 << v));

		s->q[v] = _mm512_mask_add_epi8(s->q[v], _mm512_test_epi8_mask(high, bit), s->q[v],
					       _mm512_set1_epi8(4));
	}
	s->scale = q3_k_header(p);
	s->d = load_one_d(p + 108);
}

SIMD_INLINE SIMD_VNNI void super_unpack(enum dtype type, const uint8_t *p, struct super_step *s)
{
	switch (type) {
	case DT_Q2_K:
		q2_k_unpack(p, s);
		break;
	case DT_Q3_K:
		q3_k_unpack(p, s);
		break;
	case DT_Q4_K:
		q4_k_unpack(p, s);
		break;
	case DT_Q5_K:
		q5_k_unpack(p, s);
		break;
	default:
		q6_k_unpack(p, s);
	}
}

#endif
