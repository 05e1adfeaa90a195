/* SPDX-License-Identifier: MIT */
/*
 * What layernorm and rmsnorm have in common: rows in tiles, the residual sum before the
 * norm, and the sums over rows in the backward pass.  Forward functions take a few rows
 * that lie in the first-level cache: what one row waits for hides behind the others.
 * Backward ones take one: two at once were half as slow again.
 *
 * Inputs and outputs are those of the ops, in their order; what only layernorm has (b,
 * mean, db) is left out for rmsnorm.
 */
#ifndef ARCH_CPU_NORM_H
#define ARCH_CPU_NORM_H

#include "tensor/op.h"

/** NORM_ROWS - at most so many rows are given to a forward function at once. */
#define NORM_ROWS 4

/** struct norm_row - a row of the forward pass. */
struct norm_row {
	const void *x;		/* of x_type */
	void *y;		/* of y_type; may be x if the types are equal */
	const float *w, *b;	/* b may be NULL */
	float *mean, *rstd;	/* mean is NULL for rmsnorm */
	int64_t n;
	float eps;
	enum dtype x_type, y_type;
};

/** struct norm_grad_row - a row of the backward pass. */
struct norm_grad_row {
	const void *dy;		/* of dy_type */
	const void *x;		/* of x_type, as dsum and dx */
	const void *dsum;	/* may be NULL */
	void *dx;		/* may be dsum */
	const float *w;
	float *dw, *db;		/* to add to; db is NULL for rmsnorm */
	int64_t n;
	float mean, rstd;
	enum dtype dy_type, x_type;
};

/* @nr rows, which have all but their addresses, mean and rstd in common. */
typedef void (*norm_fn)(const struct norm_row *r, int nr);
typedef void (*norm_grad_fn)(const struct norm_grad_row *r);

/**
 * norm_run() - all rows of a forward pass.  @with_mean: layernorm; @eps: of its attr
 * Return: 0.
 */
int norm_run(const struct call *c, bool with_mean, float eps, norm_fn fn);

/** norm_sum_run() - the same of x + branch, which goes to the last output. Return: 0. */
int norm_sum_run(const struct call *c, bool with_mean, float eps, norm_fn fn);

/** norm_grad_scratch() - bytes of scratch for norm_grad_run(). */
size_t norm_grad_scratch(const struct call *maximal, bool with_mean);

/**
 * norm_grad_run() - dx of all rows and, in the same pass, the gradients of w and b, added
 * in an order that depends on the shape only.  One output more takes dx in its own type.
 * Return: 0.
 */
int norm_grad_run(const struct call *c, bool with_mean, norm_grad_fn fn);

#endif
