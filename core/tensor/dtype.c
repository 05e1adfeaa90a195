// SPDX-License-Identifier: MIT
#include "tensor/dtype.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct dtype_info infos[DT_COUNT] = {
	[DT_F32]    = { "f32",    "F32",  4, 0x1p-24, 1 },
	[DT_F64]    = { "f64",    "F64",  8, 0x1p-53, 1 },
	[DT_F16]    = { "f16",    "F16",  2, 0x1p-11, 1 },
	[DT_BF16]   = { "bf16",   "BF16", 2, 0x1p-8,  1 },
	[DT_I64]    = { "i64",    "I64",  8, 0, 1 },
	[DT_I32]    = { "i32",    "I32",  4, 0, 1 },
	[DT_U16]    = { "u16",    "U16",  2, 0, 1 },
	[DT_U8]     = { "u8",     "U8",   1, 0, 1 },
	[DT_Q4_0]   = { "q4_0",   NULL,  18, 0, 32 },
	[DT_Q4_1]   = { "q4_1",   NULL,  20, 0, 32 },
	[DT_Q5_0]   = { "q5_0",   NULL,  22, 0, 32 },
	[DT_Q5_1]   = { "q5_1",   NULL,  24, 0, 32 },
	[DT_Q8_0]   = { "q8_0",   NULL,  34, 0, 32 },
	[DT_Q2_K]   = { "q2_k",   NULL,  84, 0, 256 },
	[DT_Q3_K]   = { "q3_k",   NULL, 110, 0, 256 },
	[DT_Q4_K]   = { "q4_k",   NULL, 144, 0, 256 },
	[DT_Q5_K]   = { "q5_k",   NULL, 176, 0, 256 },
	[DT_Q6_K]   = { "q6_k",   NULL, 210, 0, 256 },
	[DT_IQ4_NL] = { "iq4_nl", NULL,  18, 0, 32 },
};

const struct dtype_info *dtype_info(enum dtype type)
{
	return &infos[type];
}

int dtype_from_safetensors(const char *name)
{
	for (int t = 0; t < DT_COUNT; t++)
		if (infos[t].safetensors && !strcmp(infos[t].safetensors, name))
			return t;
	return -EINVAL;
}

int dtype_from_name(const char *name)
{
	for (int t = 0; t < DT_COUNT; t++)
		if (!strcasecmp(infos[t].name, name))
			return t;
	return -EINVAL;
}

int64_t dtype_bytes(enum dtype type, int64_t count)
{
	return count / infos[type].block * (int64_t)infos[type].size;
}

uint16_t f32_to_bf16(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	bits += 0x7fff + (bits >> 16 & 1);
	return (uint16_t)(bits >> 16);
}

float bf16_to_f32(uint16_t half)
{
	uint32_t bits = (uint32_t)half << 16;
	float value;

	memcpy(&value, &bits, 4);
	return value;
}

float f16_to_f32(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff, bits;
	float value;

	if (!exponent) {	/* zero or subnormal: fraction * 2^-24, exact in f32 */
		value = (float)fraction * 0x1p-24f;
		return sign ? -value : value;
	}
	bits = exponent == 31 ? 0x7f800000 : (exponent + 112) << 23;
	bits |= sign | fraction << 13;
	memcpy(&value, &bits, 4);
	return value;
}

static uint16_t f64_to_f16(double value)
{
	uint64_t bits;
	int exponent;
	uint16_t sign;
	double a = value < 0 ? -value : value;

	memcpy(&bits, &value, 8);
	sign = (uint16_t)(bits >> 48 & 0x8000);
	if (value != value)
		return sign | 0x7e00;
	if (a >= 65520.0)
		return sign | 0x7c00;
	exponent = (int)(bits >> 52 & 0x7ff) - 1023;
	if (exponent < -14)
		exponent = -14;
	/* Adding and taking away 2^(e-10) * 2^52 rounds to a multiple of 2^(e-10). */
	{
		double unit, rounded, fraction;
		uint64_t unit_bits = (uint64_t)(exponent - 10 + 52 + 1023) << 52;

		memcpy(&unit, &unit_bits, 8);
		rounded = a + unit - unit;
		unit_bits = (uint64_t)(exponent - 10 + 1023) << 52;
		memcpy(&unit, &unit_bits, 8);
		fraction = rounded / unit;	/* 0 ... 2048 */
		return sign | (uint16_t)((unsigned int)(exponent + 14) * 1024 +
					 (unsigned int)fraction);
	}
}

uint16_t f32_to_f16(float value)
{
	return f64_to_f16(value);
}

double dtype_get(enum dtype type, const void *data, int64_t i)
{
	switch (type) {
	case DT_F32:  return ((const float *)data)[i];
	case DT_F64:  return ((const double *)data)[i];
	case DT_F16:  return f16_to_f32(((const uint16_t *)data)[i]);
	case DT_BF16: return bf16_to_f32(((const uint16_t *)data)[i]);
	case DT_I64:  return (double)((const int64_t *)data)[i];
	case DT_I32:  return ((const int32_t *)data)[i];
	case DT_U16:  return ((const uint16_t *)data)[i];
	case DT_U8:   return ((const uint8_t *)data)[i];
	default:      return 0;
	}
}

void dtype_put(enum dtype type, void *data, int64_t i, double value)
{
	switch (type) {
	case DT_F32:  ((float *)data)[i] = (float)value; break;
	case DT_F64:  ((double *)data)[i] = value; break;
	case DT_F16:  ((uint16_t *)data)[i] = f64_to_f16(value); break;
	case DT_BF16: ((uint16_t *)data)[i] = f32_to_bf16((float)value); break;
	case DT_I64:  ((int64_t *)data)[i] = (int64_t)value; break;
	case DT_I32:  ((int32_t *)data)[i] = (int32_t)value; break;
	case DT_U16:  ((uint16_t *)data)[i] = (uint16_t)value; break;
	case DT_U8:   ((uint8_t *)data)[i] = (uint8_t)value; break;
	default:      break;
	}
}
