// SPDX-License-Identifier: MIT
#include "block/block.h"

#include "base/fail.h"
#include "block/layout.h"

/* Kernels refer to them, too, whether the type is compiled in or not. */
const int8_t iq4_nl_values[16] = {
	-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
};

/* A few entries, and no order matters: the section as the linker made it. */
static const struct block_type *find(enum dtype dtype)
{
	for (const struct block_type *const *t = __start_knlp_block_types;
	     t < __stop_knlp_block_types; t++)
		if ((*t)->dtype == dtype)
			return *t;
	return NULL;
}

const struct block_type *block_type(enum dtype dtype)
{
	const struct block_type *t = find(dtype);

	if (!t)
		fail(-EOPNOTSUPP, "this knlp has no block type '%s': it was built without "
		     "CONFIG_BLOCK_TYPES", dtype_info(dtype)->name);
	return t;
}

int dtype_decode(enum dtype dtype, const void *data, int64_t at, int64_t nr, float *out)
{
	const struct block_type *t;

	if (!dtype_is_block(dtype)) {
		for (int64_t i = 0; i < nr; i++)
			out[i] = (float)dtype_get(dtype, data, at + i);
		return 0;
	}
	t = block_type(dtype);
	if (!t)
		return -EOPNOTSUPP;
	t->decode((const char *)data + dtype_bytes(dtype, at), out, nr);
	return 0;
}

/* Numbers of the plain types in GGUF files. */
static const int plain_ggml[][2] = {
	{ DT_F32, 0 }, { DT_F16, 1 }, { DT_BF16, 30 },
	{ DT_I32, 26 }, { DT_I64, 27 }, { DT_F64, 28 },
};
#define NR_PLAIN (sizeof(plain_ggml) / sizeof(plain_ggml[0]))

int dtype_ggml(enum dtype dtype)
{
	const struct block_type *t = find(dtype);

	for (size_t i = 0; i < NR_PLAIN; i++)
		if (plain_ggml[i][0] == (int)dtype)
			return plain_ggml[i][1];
	return t ? t->ggml : -EINVAL;
}

int dtype_from_ggml(int ggml)
{
	for (size_t i = 0; i < NR_PLAIN; i++)
		if (plain_ggml[i][1] == ggml)
			return plain_ggml[i][0];
	for (const struct block_type *const *t = __start_knlp_block_types;
	     t < __stop_knlp_block_types; t++)
		if ((*t)->ggml == ggml)
			return (int)(*t)->dtype;
	return -EINVAL;
}
