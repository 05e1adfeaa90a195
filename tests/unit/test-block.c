// SPDX-License-Identifier: MIT
/* Block types against gguf-py, rounding against ggml: scripts/peers/golden_blocks.py. */
#include "block/block.h"

#include <stdlib.h>

#include "arch/cpu/block-widen.h"
#include "arch/cpu/simd.h"

#include "io/safetensors.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

static struct st *open_golden(void)
{
	char *path = tree_path("tests/data/golden/blocks.safetensors");
	struct st *st;

	check_ok(st_open(path, &st));
	free(path);
	return st;
}

static const struct st_view *view(const struct st *st, const char *what, const char *part)
{
	const struct st_view *v;
	char name[32];

	snprintf(name, sizeof(name), "%s.%s", what, part);
	check_ok(st_find(st, name, &v));
	return v;
}

/* Each type, all at once and block by block. */
static void block_decode(void)
{
	struct st *st = open_golden();
	int nr = 0;

	for (int t = DT_Q4_0; t < DT_COUNT; t++, nr++) {
		const struct dtype_info *info = dtype_info(t);
		const struct st_view *blocks = view(st, info->name, "blocks");
		const struct st_view *values = view(st, info->name, "values");
		int64_t count = values->shape[0] * values->shape[1];
		float *got = malloc(count * sizeof(*got));

		CHECK(block_type(t)->act == ACT_Q8_K ? info->block == 256 : info->block == 32);
		CHECK(dtype_bytes(t, count) == (int64_t)blocks->bytes);
		check_ok(dtype_decode(t, blocks->data, 0, count, got));
		ck_assert_msg(!memcmp(got, values->data, values->bytes), "%s: other bits",
			      info->name);
		for (int64_t at = count - info->block; at >= 0; at -= info->block)
			check_ok(dtype_decode(t, blocks->data, at, info->block, got + at));
		ck_assert_msg(!memcmp(got, values->data, values->bytes), "%s: other bits, block "
			      "by block", info->name);
		free(got);
	}
	ck_assert_int_eq(nr, 11);
	st_close(st);
}
TEST_REGISTER(block_decode);

static void block_rounding(void)
{
	struct st *st = open_golden();
	const struct st_view *x = view(st, "act", "x");
	float got[4 * 256];

	CHECK(x->bytes == sizeof(got));
	act_round_row(ACT_Q8_0, x->data, got, 4 * 256);
	CHECK(!memcmp(got, view(st, "act", "q8_0")->data, sizeof(got)));
	act_round_row(ACT_Q8_1, x->data, got, 4 * 256);
	CHECK(!memcmp(got, view(st, "act", "q8_0")->data, sizeof(got)));
	act_round_row(ACT_Q8_K, x->data, got, 4 * 256);
	CHECK(!memcmp(got, view(st, "act", "q8_K")->data, sizeof(got)));
	st_close(st);
}
TEST_REGISTER(block_rounding);

static void block_names(void)
{
	for (int t = 0; t < DT_COUNT; t++) {
		int ggml = dtype_ggml(t);

		CHECK(dtype_from_name(dtype_info(t)->name) == t);
		CHECK(ggml < 0 || dtype_from_ggml(ggml) == t);
		CHECK(ggml >= 0 || t == DT_U16 || t == DT_U8);
		CHECK(!dtype_is_block(t) || !strcmp(block_type(t)->name, dtype_info(t)->name));
	}
	CHECK(dtype_from_ggml(-1) == -EINVAL && dtype_from_ggml(4) == -EINVAL);
	CHECK(dtype_from_name("q4_k") == DT_Q4_K && dtype_from_name("Q4_K") == DT_Q4_K);
}
TEST_REGISTER(block_names);

/* Kernels decode to the same bits at every level of the processor; one block and many. */
static void block_widening(void)
{
	struct st *st = open_golden();

	for (int level = 0; level <= SIMD_LEVEL_AVX512_BF16; level++) {
		simd_limit(level);
		for (int t = DT_Q4_0; t < DT_COUNT; t++) {
			const struct st_view *values = view(st, dtype_info(t)->name, "values");
			const void *blocks = view(st, dtype_info(t)->name, "blocks")->data;
			int64_t count = values->shape[0] * values->shape[1];
			float got[512];

			CHECK(count <= 512);
			for (; count > 0; count -= dtype_info(t)->block) {
				block_widen(t, blocks, got, count);
				ck_assert_msg(!memcmp(got, values->data, 4 * count),
					      "%s: other bits", dtype_info(t)->name);
			}
		}
	}
	st_close(st);
}
TEST_REGISTER(block_widening);

/* Plain types are decoded, too, from any element on. */
static void block_plain(void)
{
	uint16_t half[3] = { f32_to_f16(1), f32_to_f16(-2.5f), f32_to_f16(0x1p-20f) };
	float got[2];

	check_ok(dtype_decode(DT_F16, half, 1, 2, got));
	CHECK(got[0] == -2.5f && got[1] == 0x1p-20f);
}
TEST_REGISTER(block_plain);
