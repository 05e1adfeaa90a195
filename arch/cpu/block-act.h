/* SPDX-License-Identifier: MIT */
/*
 * Activations as VNNI multiplies them with codes of blocks (block-unpack.h), for few rows.
 *
 * Rounded to 8 bits as ggml does, they are one digit each.  Kept in f32, they are three: x
 * becomes X / 2^e with an integer |X| < 2^23 and an e for each block of 32 or 256, and X three
 * digits of 8 bits.  Sums of digits times codes are exact, so the result is about as exact
 * as one of 24-bit products summed in f32, and faster, since codes need not become floats.
 */
#ifndef ARCH_CPU_BLOCK_ACT_H
#define ARCH_CPU_BLOCK_ACT_H

#include <stdint.h>

#include "block/block.h"

#define ACT_DIGITS 3
#define ACT_MOST 8323072	/* 127 * 2^16: the first digit is at most 127 */

/**
 * struct small_act - 128 activations, in the order of small_piece(); a lane is 4 + 4 of them.
 * @base: one digit: -offset * their sum.  Three: the same; where codes have 8 bits, @base[0] of
 *	the upper two digits and @base[1] of the last
 * @sum: their sum times the scale
 */
struct small_act {
	int8_t digit[ACT_DIGITS][2][64];
	float scale[16];
	int32_t base[2][16];
	float sum[16];
};

/**
 * struct super_act - 256 activations, in the order of super_piece().
 * @base: three digits: -offset * the sum of the four of a lane
 * @part: one digit: sums over the sub-blocks
 * @sum: three digits: the same times the scale
 */
struct super_act {
	int8_t digit[ACT_DIGITS][4][64];
	int32_t base[4][16];
	float sum[16];
	int16_t part[16];
	float scale;
	float unused[7];
};

/** act_bytes() - of a row of @k activations for weights of @type. */
int64_t act_bytes(enum dtype type, int64_t k);

/** act_pack() - a row @x of @k; what is missing in the last step is 0. */
void act_pack(enum dtype type, enum act_round round, const float *x, int64_t k, void *to);

#endif
