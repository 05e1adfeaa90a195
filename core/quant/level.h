/* SPDX-License-Identifier: MIT */
/* The tables of encoders, one for each instruction set. */
#ifndef QUANT_LEVEL_H
#define QUANT_LEVEL_H

#include "quant/quant.h"

typedef void (*quant_encoder)(const struct quant_rows *r, void *out);

extern const quant_encoder quant_plain[DT_COUNT];
extern const quant_encoder quant_avx2[DT_COUNT];
extern const quant_encoder quant_avx512[DT_COUNT];

#endif
