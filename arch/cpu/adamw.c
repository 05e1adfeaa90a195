// SPDX-License-Identifier: MIT
#include "ops/adamw.h"

#include <math.h>

#include "arch/cpu/convert.h"
#include "base/thread.h"

/* Factors of a step: computed in double and rounded once, as PyTorch does. */
struct factors {
	float clip, keep, beta2, rest1, rest2, root2, eps, step;
};

static struct factors make_factors(const struct adamw_attr *a, float clip, const float *hyper)
{
	double lr = hyper[ADAMW_LR];

	return (struct factors){
		.clip = clip,
		.keep = (float)(1 - lr * (a->weight_decay * hyper[ADAMW_DECAY])),
		.beta2 = (float)a->beta2,
		.rest1 = (float)(1 - a->beta1),
		.rest2 = (float)(1 - a->beta2),
		.root2 = (float)sqrt(hyper[ADAMW_CORRECT2]),
		.eps = (float)a->eps,
		.step = (float)(lr / hyper[ADAMW_CORRECT1]),
	};
}

/* A weight whose mask is 0 is 0 afterwards, and so are its moments. */
SIMD_INLINE void step_masked(const struct factors *p, const float *grad, const float *mask,
			     float *w, float *m, float *v, int64_t n)
{
	const struct factors f = *p;	/* in registers */

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float g = grad[i] * f.clip, wi = w[i], mi = m[i], vi = v[i];

		mi = mi + f.rest1 * (g - mi);
		vi = vi * f.beta2 + f.rest2 * g * g;
		wi = wi * f.keep - f.step * mi / (sqrtf(vi) / f.root2 + f.eps);
		w[i] = mask && mask[i] == 0 ? 0 : wi;
		m[i] = mask && mask[i] == 0 ? 0 : mi;
		v[i] = mask && mask[i] == 0 ? 0 : vi;
	}
}

SIMD_CLONES static void step(const struct factors *f, const float *grad, const float *mask,
			     float *w, float *m, float *v, int64_t n)
{
	if (mask)
		step_masked(f, grad, mask, w, m, v, n);
	else
		step_masked(f, grad, NULL, w, m, v, n);
}

struct update {
	struct factors factors;
	const float *grad;
	const void *mask;	/* NULL: none */
	enum dtype mask_type;
	float *w, *m, *v;
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
		     u->w + at, u->m + at, u->v + at, n);
		if (u->shadow)
			narrow(u->w + at, DT_BF16, u->shadow + at, n);
	}
}

/* The outputs are the inputs w, m, v and shadow. */
static int adamw_plain(const struct call *c)
{
	struct update u = {
		.factors = make_factors(c->attr, *(const float *)c->in_data[ADAMW_CLIP],
					c->in_data[ADAMW_HYPER]),
		.grad = c->in_data[ADAMW_GRAD],
		.mask = c->nr_in > ADAMW_MASK ? c->in_data[ADAMW_MASK] : NULL,
		.mask_type = c->in[ADAMW_MASK].dtype,
		.w = c->out_data[0],
		.m = c->out_data[1],
		.v = c->out_data[2],
		.shadow = c->nr_out > 3 ? c->out_data[3] : NULL,
		.n = layout_count(&c->out[0]),
	};

	threads_run_shares(chunk_count(u.n, CHUNK), update_tile, &u);
	return 0;
}
KERNEL_REGISTER_AS(adamw_plain, adamw, .arch = "cpu", .rank = 0, .run = adamw_plain);
KERNEL_REGISTER_AS(adamw_shadow_plain, adamw_shadow, .arch = "cpu", .rank = 0,
		   .run = adamw_plain);
