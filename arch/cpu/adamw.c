// SPDX-License-Identifier: MIT
#include "ops/adamw.h"

#include <math.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"

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

SIMD_CLONES static void step(const struct factors *p, const float *grad, float *w, float *m,
			     float *v, int64_t n)
{
	const struct factors f = *p;	/* in registers */

	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float g = grad[i] * f.clip, mi = m[i], vi = v[i];

		mi = mi + f.rest1 * (g - mi);
		vi = vi * f.beta2 + f.rest2 * g * g;
		w[i] = w[i] * f.keep - f.step * mi / (sqrtf(vi) / f.root2 + f.eps);
		m[i] = mi;
		v[i] = vi;
	}
}

/* The outputs are the inputs w, m and v. */
static void adamw_chunk(const void *attr, const float *const *in, float *const *out, int64_t n)
{
	struct factors f = make_factors(attr, *in[4], in[5]);

	step(&f, in[3], out[0], out[1], out[2], n);
}

static int adamw_plain(const struct call *c)
{
	return map_run(c, adamw_chunk);
}
KERNEL_REGISTER_AS(adamw_plain, adamw, .arch = "cpu", .rank = 0, .run = adamw_plain);
