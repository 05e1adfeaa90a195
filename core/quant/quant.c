// SPDX-License-Identifier: MIT
#include "quant/quant.h"

#include <string.h>

#include "base/fail.h"
#include "base/kconfig.h"
#include "block/block.h"
#include "quant/level.h"

#if defined(__x86_64__)
#define HAS(feature) __builtin_cpu_supports(feature)
#else
#define HAS(feature) 0
#endif

static enum quant_level limit = QUANT_AVX512;

enum quant_level quant_level(void)
{
	enum quant_level level = QUANT_PLAIN;

	if (IS_ENABLED(CONFIG_CPU_SIMD) && HAS("avx2"))
		level = QUANT_AVX2;
	if (level && IS_ENABLED(CONFIG_CPU_AVX512) && HAS("avx512f") && HAS("avx512vl") &&
	    HAS("avx512bw") && HAS("avx512dq"))
		level = QUANT_AVX512;
	return level < limit ? level : limit;
}

void quant_limit(enum quant_level level)
{
	limit = level;
}

bool quant_can(enum dtype dtype)
{
	return quant_plain[dtype] || dtype == DT_F32 || dtype == DT_F16 || dtype == DT_BF16;
}

static quant_encoder encoder(enum dtype dtype)
{
	switch (quant_level()) {
	case QUANT_AVX512:
		return quant_avx512[dtype];
	case QUANT_AVX2:
		return quant_avx2[dtype];
	default:
		return quant_plain[dtype];
	}
}

/* A scale that f16 cannot hold is infinite. */
static int check_halves(enum dtype dtype, const void *blocks, int64_t nr)
{
	const struct block_type *t = block_type(dtype);
	size_t size = dtype_info(dtype)->size;
	const char *at = blocks;

	if (!t)
		return -EOPNOTSUPP;
	for (; nr > 0; nr--, at += size)
		for (int h = 0; h < t->nr_halves; h++)
			if ((*(const uint16_t *)(at + t->halves[h]) & 0x7c00) == 0x7c00)
				return fail(-ERANGE, "weights too large for %s, whose scales are "
					    "f16: keep this tensor in bf16 or f32",
					    dtype_info(dtype)->name);
	return 0;
}

static void round_plain(enum dtype dtype, const float *x, int64_t nr, void *out)
{
	if (dtype == DT_F32)
		memcpy(out, x, nr * sizeof(*x));
	else
		for (int64_t i = 0; i < nr; i++)
			((uint16_t *)out)[i] = dtype == DT_F16 ? f32_to_f16(x[i])
							       : f32_to_bf16(x[i]);
}

int quant_encode(enum dtype dtype, const struct quant_rows *r, void *out)
{
	int64_t nr = r->nr * r->row;

	BUG_ON(!quant_can(dtype));
	if (!dtype_is_block(dtype)) {
		round_plain(dtype, r->x, nr, out);
		return 0;
	}
	BUG_ON(r->row % dtype_info(dtype)->block);
	encoder(dtype)(r, out);
	return check_halves(dtype, out, nr / dtype_info(dtype)->block);
}
