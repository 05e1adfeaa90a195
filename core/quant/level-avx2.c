// SPDX-License-Identifier: MIT
#define QUANT_ENCODERS quant_avx2
#include "quant/encoders.h"
