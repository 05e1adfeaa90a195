// SPDX-License-Identifier: MIT
#include "arch/cpu/convert.h"

#include <string.h>

#include "arch/cpu/block-widen.h"
#include "block/block.h"

SIMD_CLONES static void widen_bf16(const uint16_t *from, float *to, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		to[i] = bf16_load(from[i]);
}

/*
 * The fraction and the exponent as those of a float, 2^112 too small; infinities and NaNs
 * keep the fraction and get the largest exponent.
 */
SIMD_CLONES static void widen_f16(const uint16_t *from, float *to, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		uint32_t h = from[i], bits = (h & 0x7fff) << 13, sign = (h & 0x8000) << 16;
		uint32_t finite = vm_bits(vm_float(bits) * 0x1p112f);

		to[i] = vm_float(((h & 0x7c00) == 0x7c00 ? bits | 0x7f800000 : finite) | sign);
	}
}

SIMD_CLONES static void widen_u8(const uint8_t *from, float *to, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		to[i] = (float)from[i];
}

SIMD_CLONES static void narrow_bf16(const float *from, uint16_t *to, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		to[i] = bf16_store(from[i]);
}

/*
 * Rounded to nearest even.  What is below the normal numbers of f16 is added to 1/2, whose
 * last place is the first one that a denormal has.
 */
SIMD_CLONES static void narrow_f16(const float *from, uint16_t *to, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		uint32_t bits = vm_bits(from[i]), sign = bits >> 16 & 0x8000;
		uint32_t x = bits & 0x7fffffff, even = x >> 13 & 1;
		uint32_t normal = (x - 0x38000000 + 0xfff + even) >> 13;
		uint32_t small = vm_bits(vm_float(x) + 0.5f) - 0x3f000000;
		uint32_t huge = x > 0x7f800000 ? 0x7e00 : 0x7c00;
		uint32_t h = x < 0x38800000 ? small : normal;

		to[i] = (uint16_t)(sign | (x >= 0x477ff000 ? huge : h));
	}
}

void block_widen(enum dtype type, const void *blocks, float *to, int64_t n)
{
	if (simd_vnni())
		block_widen_vnni(type, blocks, to, n);
	else if (simd_level() >= SIMD_LEVEL_AVX2)
		block_widen_avx2(type, blocks, to, n);
	else
		block_type(type)->decode(blocks, to, n);
}

void widen(const void *from, enum dtype type, float *to, int64_t n)
{
	switch (type) {
	case DT_F32:
		memcpy(to, from, n * sizeof(*to));
		break;
	case DT_BF16:
		widen_bf16(from, to, n);
		break;
	case DT_F16:
		widen_f16(from, to, n);
		break;
	case DT_U8:
		widen_u8(from, to, n);
		break;
	default:
		if (dtype_is_block(type)) {
			block_widen(type, from, to, n);
			break;
		}
		for (int64_t i = 0; i < n; i++)
			to[i] = (float)dtype_get(type, from, i);
	}
}

void narrow(const float *from, enum dtype type, void *to, int64_t n)
{
	switch (type) {
	case DT_F32:
		memcpy(to, from, n * sizeof(*from));
		break;
	case DT_BF16:
		narrow_bf16(from, to, n);
		break;
	case DT_F16:
		narrow_f16(from, to, n);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			dtype_put(type, to, i, from[i]);
	}
}
