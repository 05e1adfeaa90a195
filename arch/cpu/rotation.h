/* SPDX-License-Identifier: MIT */
/*
 * Rotary positions, for the kernels that turn heads: rope, and attention as it loads them.
 *
 * Sines and cosines cost far more than the rotation.  In training and prefill the
 * positions are below T, so a table of the first T positions is made once per call and
 * shared by sequences and heads; other positions (decoding) are computed where they
 * occur, by the same function.  All kernels give the same bits.
 */
#ifndef ARCH_CPU_ROTATION_H
#define ARCH_CPU_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/rope.h"
#include "tensor/dtype.h"

/**
 * struct rotation - angles of a call.
 * @width: elements of a head; @pairs: of them that turn
 * @nr: positions that @table has
 * @frequency, @near: what angles are computed from
 * @table: of each position { cos[@pairs], sin[@pairs] }
 */
struct rotation {
	int64_t width, pairs, nr;
	bool adjacent, inverse;
	double *frequency, *near;
	float *table;
};

/** rotation_bytes() - memory that the angles of @nr positions need for heads of @width. */
size_t rotation_bytes(const struct rope_attr *a, int64_t width, int64_t nr);

/** rotation_make() - compute them, by all threads. @memory: rotation_bytes(), aligned to 8 */
void rotation_make(struct rotation *r, const struct rope_attr *a, int64_t width, int64_t nr,
		   void *memory);

/** rotation_init() - for turning by angles that come from elsewhere. */
void rotation_init(struct rotation *r, const struct rope_attr *a, int64_t width);

/**
 * rotation_angles() - the angles of @nr positions, { cos, sin } of each, and no others.
 * @memory: rotation_bytes() of none, aligned to 8
 */
void rotation_angles(const struct rope_attr *a, int64_t width, const int32_t *positions,
		     int64_t nr, void *memory, float *cs);

/** rotation_at() - cos and sin at position @p. @own: room for 2 pairs, may be used */
const float *rotation_at(const struct rotation *r, int32_t p, float *own);

/**
 * rotation_turn() - turn one head.
 * @x, @y: @width elements of @type, those of @x @stride apart; they may not overlap
 * @cs: from rotation_at()
 * @back: turn the other way, which is the gradient
 */
void rotation_turn(const struct rotation *r, enum dtype type, const void *x, int64_t stride,
		   void *y, const float *cs, bool back);

#endif
