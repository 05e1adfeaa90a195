/* SPDX-License-Identifier: MIT */
/*
 * What a level-*.c file is: the quantizers, compiled for one instruction set.  It defines
 * QUANT_ENCODERS, the name of its table, and includes this.
 */
#include "quant/level.h"

#include "quant/iq4-nl.h"
#include "quant/q2-k.h"
#include "quant/q3-k.h"
#include "quant/q4-0.h"
#include "quant/q4-1.h"
#include "quant/q4-k.h"
#include "quant/q5-0.h"
#include "quant/q5-1.h"
#include "quant/q5-k.h"
#include "quant/q6-k.h"
#include "quant/q8-0.h"

const quant_encoder QUANT_ENCODERS[DT_COUNT] = {
	[DT_Q4_0] = q4_0_encode,
	[DT_Q4_1] = q4_1_encode,
	[DT_Q5_0] = q5_0_encode,
	[DT_Q5_1] = q5_1_encode,
	[DT_Q8_0] = q8_0_encode,
	[DT_Q2_K] = q2_k_encode,
	[DT_Q3_K] = q3_k_encode,
	[DT_Q4_K] = q4_k_encode,
	[DT_Q5_K] = q5_k_encode,
	[DT_Q6_K] = q6_k_encode,
	[DT_IQ4_NL] = iq4_nl_encode,
};
