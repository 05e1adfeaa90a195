// SPDX-License-Identifier: MIT
#define QUANT_ENCODERS quant_plain
#include "quant/encoders.h"
