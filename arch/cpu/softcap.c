// SPDX-License-Identifier: MIT
#include "ops/softcap.h"

#include "arch/cpu/loops.h"
#include "arch/cpu/map.h"
#include "arch/cpu/vmath.h"

SIMD_CLONES static void forward(const float *x, float cap, float *y, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		y[i] = cap * vm_tanhf(x[i] / cap);
}

static void softcap_chunk(const void *attr, const float *const *in, float *const *out, int64_t n)
{
	const struct softcap_attr *a = attr;

	forward(in[0], a->cap, out[0], n);
}

static int softcap_plain(const struct call *c)
{
	return map_run(c, softcap_chunk);
}
KERNEL_REGISTER_AS(softcap_plain, softcap, .arch = "cpu", .rank = 0, .run = softcap_plain);

SIMD_CLONES static void backward(const float *dy, const float *x, float cap, float *dx, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++) {
		float t = vm_tanhf(x[i] / cap);

		dx[i] = dy[i] * (1 - t * t);
	}
}

static void softcap_grad_chunk(const void *attr, const float *const *in, float *const *out,
			       int64_t n)
{
	const struct softcap_attr *a = attr;

	backward(in[0], in[1], a->cap, out[0], n);
}

static int softcap_grad_plain(const struct call *c)
{
	return map_run(c, softcap_grad_chunk);
}
KERNEL_REGISTER_AS(softcap_grad_plain, softcap_grad, .arch = "cpu", .rank = 0,
		   .run = softcap_grad_plain);
