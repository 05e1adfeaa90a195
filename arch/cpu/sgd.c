// SPDX-License-Identifier: MIT
#include "ops/sgd.h"

#include "arch/cpu/convert.h"
#include "base/thread.h"

/* Factors of a step: computed in double and rounded once. */
struct factors {
	float clip, momentum, decay, lr;
	bool nesterov;
};

/* A weight whose mask is 0 is 0 afterwards, and so is its momentum. */
SIMD_INLINE void step_as(const struct factors *p, const float *grad, const float *mask,
			 bool nesterov, float *w, float *buf, int64_t n)
{
	const struct factors f = *p;	/* in registers */

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float g = grad[i] * f.clip + f.decay * w[i], b = f.momentum * buf[i] + g;
		float wi = w[i] - f.lr * (nesterov ? g + f.momentum * b : b);

		w[i] = mask && mask[i] == 0 ? 0 : wi;
		buf[i] = mask && mask[i] == 0 ? 0 : b;
	}
}

SIMD_CLONES static void step(const struct factors *f, const float *grad, const float *mask,
			     float *w, float *buf, int64_t n)
{
	if (mask)
		step_as(f, grad, mask, f->nesterov, w, buf, n);
	else if (f->nesterov)
		step_as(f, grad, NULL, true, w, buf, n);
	else
		step_as(f, grad, NULL, false, w, buf, n);
}

struct update {
	struct factors factors;
	const float *grad;
	const void *mask;	/* NULL: none */
	enum dtype mask_type;
	float *w, *buf;
	uint16_t *shadow;	/* NULL: none */
	int64_t n;
};

/* In parts, so that the mask and the shadow are converted in the first-level cache. */
static void update_tile(void *ctx, long tile)
{
	const struct update *u = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(u->n, CHUNK, at);
	float part[PART];

	for (int64_t n; at < end; at += n) {
		n = end - at < PART ? end - at : PART;
		step(&u->factors, u->grad + at,
		     u->mask ? floats_at(u->mask, u->mask_type, at, part, n) : NULL,
		     u->w + at, u->buf + at, n);
		if (u->shadow)
			narrow(u->w + at, DT_BF16, u->shadow + at, n);
	}
}

/* The outputs are the inputs w, buf and shadow. */
static int sgd_plain(const struct call *c)
{
	const struct sgd_attr *a = c->attr;
	struct update u = {
		.factors = {
			.clip = *(const float *)c->in_data[MOMENTUM_CLIP],
			.momentum = (float)a->momentum,
			.decay = (float)a->weight_decay,
			.lr = ((const float *)c->in_data[MOMENTUM_HYPER])[MOMENTUM_LR],
			.nesterov = a->nesterov,
		},
		.grad = c->in_data[MOMENTUM_GRAD],
		.mask = c->nr_in > MOMENTUM_MASK ? c->in_data[MOMENTUM_MASK] : NULL,
		.mask_type = c->in[MOMENTUM_MASK].dtype,
		.w = c->out_data[0],
		.buf = c->out_data[1],
		.shadow = c->nr_out > 2 ? c->out_data[2] : NULL,
		.n = layout_count(&c->out[0]),
	};

	threads_run_shares(chunk_count(u.n, CHUNK), update_tile, &u);
	return 0;
}
KERNEL_REGISTER_AS(sgd_plain, sgd, .arch = "cpu", .rank = 0, .run = sgd_plain);
KERNEL_REGISTER_AS(sgd_shadow_plain, sgd_shadow, .arch = "cpu", .rank = 0, .run = sgd_plain);
