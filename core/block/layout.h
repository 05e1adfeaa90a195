/* SPDX-License-Identifier: MIT */
/*
 * The bytes of blocks, as ggml lays them out: little-endian, scales are f16.  Every field is
 * at a multiple of its size, so that the structs have no gaps; blocks lie at even addresses.
 */
#ifndef BLOCK_LAYOUT_H
#define BLOCK_LAYOUT_H

#include <stdint.h>

#define BLOCK_SMALL 32	/* elements of a block of Q4_0 ... Q8_0, IQ4_NL */
#define BLOCK_SUPER 256	/* of Q2_K ... Q6_K */

struct q4_0 {
	uint16_t d;
	uint8_t qs[16];		/* low nibbles: elements 0 ... 15, high: 16 ... 31 */
};

struct q4_1 {
	uint16_t d, m;
	uint8_t qs[16];
};

struct q5_0 {
	uint16_t d;
	uint8_t qh[4];		/* bit i of 32: the fifth bit of element i */
	uint8_t qs[16];
};

struct q5_1 {
	uint16_t d, m;
	uint8_t qh[4];
	uint8_t qs[16];
};

struct q8_0 {
	uint16_t d;
	int8_t qs[32];
};

struct q2_k {
	uint8_t scales[16];	/* of 16 elements: low nibble scale, high nibble minimum */
	uint8_t qs[64];		/* element 128 h + 32 j + l: bits 2 j of qs[32 h + l] */
	uint16_t d, dmin;
};

struct q3_k {
	uint8_t hmask[32];	/* bit i / 32 of hmask[i % 32]: the third bit of element i */
	uint8_t qs[64];		/* the lower two, as in q2_k */
	uint8_t scales[12];	/* q3_k_scales() */
	uint16_t d;
};

struct q4_k {
	uint16_t d, dmin;
	uint8_t scales[12];	/* q4_k_scales() */
	uint8_t qs[128];	/* 64 c + l: low nibble of qs[32 c + l]; 64 c + 32 + l: high */
};

struct q5_k {
	uint16_t d, dmin;
	uint8_t scales[12];
	uint8_t qh[32];		/* bit i / 32 of qh[i % 32]: the fifth bit of element i */
	uint8_t qs[128];
};

struct q6_k {
	uint8_t ql[128];	/* 128 h + 32 k + l: nibble k / 2 of ql[64 h + 32 (k % 2) + l] */
	uint8_t qh[64];		/* ... and bits 2 k of qh[32 h + l] above it */
	int8_t scales[16];
	uint16_t d;
};

/** iq4_nl_values - what the codes of IQ4_NL stand for; its blocks are laid out as q4_0. */
extern const int8_t iq4_nl_values[16];

/* The 6-bit scales and minima of the 8 sub-blocks of Q4_K and Q5_K. */
static inline void q4_k_scales(const uint8_t s[12], uint8_t scale[8], uint8_t min[8])
{
	for (int i = 0; i < 4; i++) {
		scale[i] = s[i] & 63;
		min[i] = s[i + 4] & 63;
		scale[i + 4] = (uint8_t)((s[i + 8] & 15) | s[i] >> 6 << 4);
		min[i + 4] = (uint8_t)(s[i + 8] >> 4 | s[i + 4] >> 6 << 4);
	}
}

/* The 6-bit scales of the 16 sub-blocks of Q3_K, -32 ... 31. */
static inline void q3_k_scales(const uint8_t s[12], int8_t scale[16])
{
	for (int i = 0; i < 16; i++) {
		int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
		int high = s[8 + i % 4] >> 2 * (i / 4) & 3;

		scale[i] = (int8_t)((low | high << 4) - 32);
	}
}

#endif
