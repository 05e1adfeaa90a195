/* SPDX-License-Identifier: MIT */
#ifndef OPS_ROPE_H
#define OPS_ROPE_H

#include <stdbool.h>

#include "tensor/graph.h"

enum rope_scaling_kind { ROPE_PLAIN, ROPE_LINEAR, ROPE_LLAMA3 };

/**
 * struct rope_scaling - how angles were stretched for a longer context.
 * ROPE_LINEAR divides all of them by @factor.  ROPE_LLAMA3 divides those whose wave is longer
 * than original / low by @factor, keeps those shorter than original / high, and goes linearly
 * between (transformers, modeling_rope_utils.py, _compute_llama3_parameters).
 */
struct rope_scaling {
	enum rope_scaling_kind kind;
	float factor, low, high;
	int original;
};

/**
 * struct rope_attr - which pairs are rotated by which angles.
 * @base: 10000 in the paper, more for longer contexts
 * @rotary_dims: how many leading elements of a head rotate, even; 0: all D
 * @adjacent: pairs are (2i, 2i+1), as in the paper; else (i, i + rotary_dims/2), as in
 *	Hugging Face's Llama
 * @inverse: rotate back
 * @scaling: of the angles; zero: none
 */
struct rope_attr {
	float base;
	int rotary_dims;
	bool adjacent;
	bool inverse;
	struct rope_scaling scaling;
};

/**
 * op_rope() - rotary position embedding.
 * @x: (B, T, H, D), f32 or bf16, may be a strided view
 * @positions: i32 (B, T)
 *
 * Pair i of a head at position p turns by the angle p base^(-2i / rotary_dims), stretched
 * as attr->scaling says, whose sine and cosine are taken in double precision at any position.
 *
 * Source: Su et al., "RoFormer", 2021, equations 14, 15 and 34.
 * Return: shape and type of @x, contiguous.
 */
struct tensor *op_rope(struct graph *g, struct tensor *x, struct tensor *positions,
		       const struct rope_attr *attr);

/**
 * op_rope_angles() - cosines, then sines, of the angles by which op_rope() turns: what many
 * layers have in common is computed once.  Not differentiable.
 * @width: of a head
 * Return: f32 (B, T, 2, rotary_dims / 2), of @attr without inverse.
 */
struct tensor *op_rope_angles(struct graph *g, struct tensor *positions,
			      const struct rope_attr *attr, int64_t width);

/** op_rope_by() - op_rope() to the last bit, with @angles of op_rope_angles() as it is. */
struct tensor *op_rope_by(struct graph *g, struct tensor *x, struct tensor *positions,
			  struct tensor *angles, const struct rope_attr *attr);

/** struct rope_angles_attr - @width: of a head. */
struct rope_angles_attr {
	struct rope_attr rope;
	int64_t width;
};

/** rope_check() - -EINVAL if op @op cannot so turn heads of @width elements. */
int rope_check(const char *op, const struct rope_attr *a, int64_t width);

/** rope_oracle_turn() - for oracles: turn one head of @width elements; @y may be @x. */
void rope_oracle_turn(const struct rope_attr *a, double position, int64_t width, const double *x,
		      double *y);

#endif
