// SPDX-License-Identifier: MIT
/* Conversions of kernels, bit for bit, against those of single elements in core/tensor. */
#include <string.h>

#include "arch/cpu/convert.h"
#include "tests/unit/test.h"

#define N 4099	/* more than a vector, and a rest */

/* A prime step through all bit patterns, and all that lie at a tie or beside it. */
static void cast_narrow(void)
{
	static float x[N];
	static uint16_t y[N];
	uint64_t bits = 0;

	while (bits <= UINT32_MAX) {
		for (int i = 0; i < N; i++, bits += i % 3 ? 1 : 20011) {
			uint32_t b = i % 3 ? (uint32_t)bits | 0x8000 : (uint32_t)bits;

			x[i] = vm_float(b - (i & 1));
		}
		narrow(x, DT_BF16, y, N);
		for (int i = 0; i < N; i++)
			ck_assert_msg(y[i] == f32_to_bf16(x[i]), "%a gives %04x, must be %04x",
				      x[i], y[i], f32_to_bf16(x[i]));
	}
}
TEST_REGISTER(cast_narrow);

static void cast_narrow_f16(void)
{
	static float x[N];
	static uint16_t y[N];
	uint64_t bits = 0;

	while (bits <= UINT32_MAX) {
		for (int i = 0; i < N; i++, bits += i % 3 ? 1 : 20011) {
			uint32_t b = i % 3 ? (uint32_t)bits | 0x1000 : (uint32_t)bits;

			x[i] = vm_float(b - (i & 1));
		}
		narrow(x, DT_F16, y, N);
		for (int i = 0; i < N; i++)
			ck_assert_msg(y[i] == f32_to_f16(x[i]), "%a gives %04x, must be %04x",
				      x[i], y[i], f32_to_f16(x[i]));
	}
}
TEST_REGISTER(cast_narrow_f16);

static void cast_widen(void)
{
	static uint16_t x[0x10000];
	static uint8_t bytes[256];
	static float y[0x10000];

	for (int i = 0; i < 0x10000; i++)
		x[i] = (uint16_t)i;
	widen(x, DT_BF16, y, 0x10000);
	for (int i = 0; i < 0x10000; i++)
		CHECK(vm_bits(y[i]) == (uint32_t)i << 16);
	widen(x, DT_F16, y, 0x10000);
	for (int i = 0; i < 0x10000; i++)
		CHECK(vm_bits(y[i]) == vm_bits(f16_to_f32((uint16_t)i)));
	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	widen(bytes, DT_U8, y, 256);
	for (int i = 0; i < 256; i++)
		CHECK(y[i] == (float)i);
}
TEST_REGISTER(cast_widen);
