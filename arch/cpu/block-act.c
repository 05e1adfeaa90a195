// SPDX-License-Identifier: MIT
#include "arch/cpu/block-act.h"

#include "arch/cpu/block-unpack.h"
#include "arch/cpu/block-quant.h"

int64_t act_bytes(enum dtype type, int64_t k)
{
	if (block_is_super(type))
		return k / SUPER_STEP * (int64_t)sizeof(struct super_act);
	return (k + SMALL_STEP - 1) / SMALL_STEP * (int64_t)sizeof(struct small_act);
}

/* The digits of 16 numbers, @digits of them, @apart bytes from each other. */
SIMD_INLINE SIMD_VNNI void put_digits(int digits, __m512i x, int8_t *to, int64_t apart)
{
	for (int i = digits - 1; i >= 0; i--) {
		__m512i low = _mm512_srai_epi32(_mm512_slli_epi32(x, 24), 24);

		_mm_storeu_si128((__m128i *)(to + i * apart), _mm512_cvtepi32_epi8(x));
		x = _mm512_srai_epi32(_mm512_sub_epi32(x, low), 8);
	}
}

/* Sums of the four digits in each lane, the last one's weight 1, of @digits digits. */
SIMD_INLINE SIMD_VNNI __m512i lane_sums(int digits, const int8_t *from, int64_t apart)
{
	__m512i sum = _mm512_setzero_si512();

	for (int i = 0; i < digits; i++)
		sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), _mm512_set1_epi8(1),
					  load_64(from + i * apart));
	return sum;
}

/* ---- steps of the small types ---------------------------------------------------------- */

SIMD_INLINE SIMD_VNNI void pack_block(int digits, const float *x, int b, struct small_act *to)
{
	struct quant q = digits == 1 ? quant_small(x) : quant_fixed(x, 32);

	for (int v = 0; v < 2; v++)
		put_digits(digits, quantize_16(&q, x + 16 * v), to->digit[0][v] + 16 * b, 128);
	for (int i = 0; i < 4; i++)
		to->scale[4 * b + i] = q.scale;
}

SIMD_INLINE SIMD_VNNI void small_sums(enum dtype type, int digits, struct small_act *to)
{
	const __m512i offset = _mm512_set1_epi32(-block_offset(type));
	__m512i sum = _mm512_add_epi32(lane_sums(digits, to->digit[0][0], 128),
				       lane_sums(digits, to->digit[0][1], 128));

	_mm512_storeu_ps(to->sum, _mm512_mul_ps(_mm512_cvtepi32_ps(sum),
						_mm512_loadu_ps(to->scale)));
	if (digits > 1 && block_offset(type) == 128) {
		__m512i last = _mm512_add_epi32(lane_sums(1, to->digit[2][0], 128),
						lane_sums(1, to->digit[2][1], 128));

		sum = _mm512_srai_epi32(_mm512_sub_epi32(sum, last), 8);
		_mm512_storeu_si512(to->base[1], _mm512_mullo_epi32(last, offset));
	}
	_mm512_storeu_si512(to->base[0], _mm512_mullo_epi32(sum, offset));
}

SIMD_INLINE SIMD_VNNI void pack_small(enum dtype type, int digits, const float *x, int64_t k,
				      struct small_act *to)
{
	for (; k > 0; k -= SMALL_STEP, x += SMALL_STEP, to++) {
		if (k < SMALL_STEP)
			memset(to, 0, sizeof(*to));
		for (int b = 0; b < 4 && 32 * b < k; b++)
			pack_block(digits, x + 32 * b, b, to);
		small_sums(type, digits, to);
	}
}

/* ---- blocks of 256 ----------------------------------------------------------------------- */

SIMD_INLINE SIMD_VNNI void pack_super(enum dtype type, int digits, const float *x,
				      struct super_act *to)
{
	struct quant q = digits == 1 ? quant_super(x) : quant_fixed(x, 256);
	int per = super_sub(type);
	int32_t sum[16] = { 0 };

	for (int p = 0; p < 16; p++) {
		int at = super_piece(type, p / 4, p % 4);
		__m512i c = quantize_16(&q, x + at);

		put_digits(digits, c, to->digit[0][p / 4] + 16 * (p % 4), 256);
		sum[at / per] += _mm512_reduce_add_epi32(c);
	}
	for (int i = 0; i < 16; i++) {
		to->part[i] = (int16_t)sum[i];
		to->sum[i] = (float)sum[i] * q.scale;
	}
	for (int v = 0; v < 4 && digits > 1; v++)
		_mm512_storeu_si512(to->base[v], _mm512_mullo_epi32(
			lane_sums(digits, to->digit[0][v], 256),
			_mm512_set1_epi32(-block_offset(type))));
	to->scale = q.scale;
}

static SIMD_VNNI void pack(enum dtype type, int digits, const float *x, int64_t k, void *to)
{
	struct super_act *super = to;

	if (!block_is_super(type)) {
		if (digits == 1)
			pack_small(type, 1, x, k, to);
		else
			pack_small(type, ACT_DIGITS, x, k, to);
		return;
	}
	for (; k > 0; k -= SUPER_STEP, x += SUPER_STEP, super++)
		if (digits == 1)
			pack_super(type, 1, x, super);
		else
			pack_super(type, ACT_DIGITS, x, super);
}

void act_pack(enum dtype type, enum act_round round, const float *x, int64_t k, void *to)
{
	pack(type, round == ACT_ROUND_Q8 ? 1 : ACT_DIGITS, x, k, to);
}
