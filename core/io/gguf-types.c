// SPDX-License-Identifier: MIT
#include "io/gguf-internal.h"

/* ggml.h, enum ggml_type; ggml.c, type_traits[]. */
static const struct ggml_type types[] = {
	{ 0,  "F32",       1,   4 },
	{ 1,  "F16",       1,   2 },
	{ 2,  "Q4_0",     32,  18 },
	{ 3,  "Q4_1",     32,  20 },
	{ 6,  "Q5_0",     32,  22 },
	{ 7,  "Q5_1",     32,  24 },
	{ 8,  "Q8_0",     32,  34 },
	{ 9,  "Q8_1",     32,  36 },
	{ 10, "Q2_K",    256,  84 },
	{ 11, "Q3_K",    256, 110 },
	{ 12, "Q4_K",    256, 144 },
	{ 13, "Q5_K",    256, 176 },
	{ 14, "Q6_K",    256, 210 },
	{ 15, "Q8_K",    256, 292 },
	{ 16, "IQ2_XXS", 256,  66 },
	{ 17, "IQ2_XS",  256,  74 },
	{ 18, "IQ3_XXS", 256,  98 },
	{ 19, "IQ1_S",   256,  50 },
	{ 20, "IQ4_NL",   32,  18 },
	{ 21, "IQ3_S",   256, 110 },
	{ 22, "IQ2_S",   256,  82 },
	{ 23, "IQ4_XS",  256, 136 },
	{ 24, "I8",        1,   1 },
	{ 25, "I16",       1,   2 },
	{ 26, "I32",       1,   4 },
	{ 27, "I64",       1,   8 },
	{ 28, "F64",       1,   8 },
	{ 29, "IQ1_M",   256,  56 },
	{ 30, "BF16",      1,   2 },
	{ 34, "TQ1_0",   256,  54 },
	{ 35, "TQ2_0",   256,  66 },
	{ 39, "MXFP4",    32,  17 },
	{ 40, "NVFP4",    64,  36 },
	{ 41, "Q1_0",    128,  18 },
};

#define NR_TYPES (sizeof(types) / sizeof(types[0]))

const struct ggml_type *ggml_type(int nr)
{
	for (size_t i = 0; i < NR_TYPES; i++)
		if (types[i].nr == nr)
			return &types[i];
	return NULL;
}

const char *gguf_ggml_name(int ggml)
{
	const struct ggml_type *type = ggml_type(ggml);

	return type ? type->name : "?";
}

const char *gguf_type_name(enum gguf_type type)
{
	static const char *const names[GGUF_TYPES] = {
		"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array",
		"u64", "i64", "f64"
	};

	return names[type];
}

size_t gguf_item_bytes(enum gguf_type type)
{
	static const unsigned char bytes[GGUF_TYPES] = {
		1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8
	};

	return bytes[type];
}
