// SPDX-License-Identifier: MIT
/*
 * A tall matrix is orthogonalized from the right, X = X (a I + b G + c G^2) with
 * G = X^T X, a wide one from the left: the same numbers as on its transpose, without
 * moving anything.
 */
#include "ops/muon.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "base/thread.h"

struct work {
	float clip, momentum, rest, keep, scale;
	bool nesterov;
	int64_t rows, columns, small, n;
	const float *grad;
	const void *mask;	/* NULL: none */
	enum dtype mask_type;
	float *w, *buf;
	uint16_t *shadow;	/* NULL: none */
	/* In scratch: */
	double *squares;	/* per tile */
	float *x, *next;	/* (rows, columns) */
	float *gram, *poly;	/* (small, small) */
	void *products;		/* scratch of gemm_run() */
};

static int64_t shorter(const struct layout *w)
{
	return w->n[0] < w->n[1] ? w->n[0] : w->n[1];
}

/* ---- the momentum ------------------------------------------------------------------- */

SIMD_INLINE void momentum_as(const struct work *k, const float *grad, const float *mask,
			     bool nesterov, float *buf, float *x, int64_t n)
{
	float clip = k->clip, momentum = k->momentum, rest = k->rest;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float g = grad[i] * clip, b = buf[i] + rest * (g - buf[i]);
		float u = nesterov ? g + momentum * (b - g) : b;

		buf[i] = mask && mask[i] == 0 ? 0 : b;
		x[i] = mask && mask[i] == 0 ? 0 : u;
	}
}

SIMD_CLONES static double momentum(const struct work *k, const float *grad, const float *mask,
				   float *buf, float *x, int64_t n)
{
	if (mask)
		momentum_as(k, grad, mask, k->nesterov, buf, x, n);
	else if (k->nesterov)
		momentum_as(k, grad, NULL, true, buf, x, n);
	else
		momentum_as(k, grad, NULL, false, buf, x, n);
	return LANES_SUM(n, i, (double)x[i] * x[i]);
}

static const float *mask_at(const struct work *k, int64_t at, float *part, int64_t n)
{
	return k->mask ? floats_at(k->mask, k->mask_type, at, part, n) : NULL;
}

static void momentum_tile(void *ctx, long tile)
{
	struct work *k = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(k->n, CHUNK, at);
	float part[PART];

	k->squares[tile] = 0;
	for (int64_t n; at < end; at += n) {
		n = end - at < PART ? end - at : PART;
		k->squares[tile] += momentum(k, k->grad + at, mask_at(k, at, part, n),
					     k->buf + at, k->x + at, n);
	}
}

/* ---- Newton-Schulz -------------------------------------------------------------------- */

SIMD_CLONES static void multiply(float *x, float factor, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		x[i] *= factor;
}

static void normalize_tile(void *ctx, long tile)
{
	struct work *k = ctx;
	int64_t at = tile * (int64_t)CHUNK;

	multiply(k->x + at, k->scale, chunk_end(k->n, CHUNK, at) - at);
}

SIMD_CLONES static void combine(float *square, const float *gram, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		square[i] = (float)MUON_C * square[i] + (float)MUON_B * gram[i];
}

/* A row of G^2 becomes one of a I + b G + c G^2. */
static void poly_tile(void *ctx, long row)
{
	struct work *k = ctx;
	int64_t s = k->small;

	combine(k->poly + row * s, k->gram + row * s, s);
	k->poly[row * s + row] += (float)MUON_A;
}

static int newton_schulz(struct work *k)
{
	bool tall = k->rows > k->columns;
	int64_t s = k->small, cols = k->columns;
	float *swap = k->x;
	int ret;

	ret = gemm_run(&(struct gemm){
		.m = s, .n = s, .k = tall ? k->rows : cols, .scratch = k->products,
		.a = k->x, .a_row = tall ? 1 : cols, .a_col = tall ? cols : 1,
		.b = k->x, .b_row = tall ? cols : 1, .b_col = tall ? 1 : cols,
		.c = k->gram, .c_row = s });
	if (!ret)
		ret = gemm_run(&(struct gemm){
			.m = s, .n = s, .k = s, .scratch = k->products,
			.a = k->gram, .a_row = s, .a_col = 1, .b = k->gram, .b_row = s, .b_col = 1,
			.c = k->poly, .c_row = s });
	if (ret)
		return ret;
	threads_run_shares(s, poly_tile, k);
	ret = gemm_run(&(struct gemm){
		.m = k->rows, .n = cols, .k = s, .scratch = k->products,
		.a = tall ? k->x : k->poly, .a_row = s, .a_col = 1,
		.b = tall ? k->poly : k->x, .b_row = cols, .b_col = 1,
		.c = k->next, .c_row = cols });
	k->x = k->next;
	k->next = swap;
	return ret;
}

/* ---- the step --------------------------------------------------------------------------- */

SIMD_CLONES static void apply(const struct work *k, const float *mask, const float *x, float *w,
			      int64_t n)
{
	float keep = k->keep, scale = k->scale;

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float wi = w[i] * keep - scale * x[i];

		w[i] = mask && mask[i] == 0 ? 0 : wi;
	}
}

static void apply_tile(void *ctx, long tile)
{
	const struct work *k = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(k->n, CHUNK, at);
	float part[PART];

	for (int64_t n; at < end; at += n) {
		n = end - at < PART ? end - at : PART;
		apply(k, mask_at(k, at, part, n), k->x + at, k->w + at, n);
		if (k->shadow)
			narrow(k->w + at, DT_BF16, k->shadow + at, n);
	}
}

/* Floats that keep what follows them aligned. */
static int64_t aligned(int64_t floats)
{
	return (floats + 15) & ~(int64_t)15;
}

static void use_scratch(struct work *k, void *scratch)
{
	k->squares = scratch;
	k->x = (float *)scratch + aligned(2 * chunk_count(k->n, CHUNK));
	k->next = k->x + aligned(k->n);
	k->gram = k->next + aligned(k->n);
	k->poly = k->gram + aligned(k->small * k->small);
	k->products = k->poly + aligned(k->small * k->small);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t muon_scratch(const struct call *c)
{
	int64_t s = shorter(&c->in[0]), n = layout_count(&c->in[0]);
	int64_t rows = c->in[0].n[0], columns = c->in[0].n[1];
	int64_t floats = aligned(2 * chunk_count(n, CHUNK)) + 2 * aligned(n) + 2 * aligned(s * s);
	size_t gram = gemm_scratch(s, s, n / (s ? s : 1), DT_F32);
	size_t poly = gemm_scratch(s, s, s, DT_F32);
	size_t next = gemm_scratch(rows, columns, s, DT_F32);

	return floats * sizeof(float) + larger(gram, larger(poly, next));
}

static struct work begin(const struct call *c)
{
	const struct muon_attr *a = c->attr;
	double lr = ((const float *)c->in_data[MOMENTUM_HYPER])[MOMENTUM_LR];
	struct work k = {
		.clip = *(const float *)c->in_data[MOMENTUM_CLIP],
		.momentum = (float)a->momentum,
		.rest = (float)(1 - a->momentum),
		.keep = (float)(1 - lr * a->weight_decay),
		.nesterov = a->nesterov,
		.rows = c->in[0].n[0],
		.columns = c->in[0].n[1],
		.small = shorter(&c->in[0]),
		.n = layout_count(&c->in[0]),
		.grad = c->in_data[MOMENTUM_GRAD],
		.mask = c->nr_in > MOMENTUM_MASK ? c->in_data[MOMENTUM_MASK] : NULL,
		.mask_type = c->in[MOMENTUM_MASK].dtype,
		.w = c->out_data[0],
		.buf = c->out_data[1],
		.shadow = c->nr_out > 2 ? c->out_data[2] : NULL,
	};

	use_scratch(&k, c->scratch);
	return k;
}

/* The outputs are the inputs w, buf and shadow. */
static int muon_plain(const struct call *c)
{
	double lr = ((const float *)c->in_data[MOMENTUM_HYPER])[MOMENTUM_LR], squares = 0;
	struct work k = begin(c);
	long tiles = chunk_count(k.n, CHUNK);

	threads_run_shares(tiles, momentum_tile, &k);
	for (long i = 0; i < tiles; i++)
		squares += k.squares[i];
	k.scale = (float)(1 / fmax(sqrt(squares), MUON_EPS));
	threads_run_shares(tiles, normalize_tile, &k);
	for (int i = 0; i < MUON_STEPS; i++) {
		int ret = newton_schulz(&k);

		if (ret)
			return ret;
	}
	k.scale = (float)(lr * muon_scale(c->attr, k.rows, k.columns));
	threads_run_shares(tiles, apply_tile, &k);
	return 0;
}
KERNEL_REGISTER_AS(muon_plain, muon, .arch = "cpu", .rank = 0, .scratch = muon_scratch,
		   .run = muon_plain);
KERNEL_REGISTER_AS(muon_shadow_plain, muon_shadow, .arch = "cpu", .rank = 0,
		   .scratch = muon_scratch, .run = muon_plain);
