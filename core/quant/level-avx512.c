// SPDX-License-Identifier: MIT
#define QUANT_ENCODERS quant_avx512
#include "quant/encoders.h"
