// SPDX-License-Identifier: MIT
#include "arch/cuda/reduce.h"

extern "C" {
#include "ops/layernorm.h"
}

#define THREADS 256

/* Where the rows of a view begin. */
struct rows {
	int nd;
	int64_t n[MAX_DIMS], stride[MAX_DIMS];
};

static struct rows rows_of(const struct layout *l)
{
	struct rows r = {};

	r.nd = l->nd - 1;
	for (int d = 0; d < r.nd; d++) {
		r.n[d] = l->n[d];
		r.stride[d] = l->stride[d];
	}
	return r;
}

static __device__ int64_t row_at(const struct rows *r, int64_t row)
{
	int64_t at = 0;

	for (int d = r->nd - 1; d >= 0; d--) {
		at += row % r->n[d] * r->stride[d];
		row /= r->n[d];
	}
	return at;
}

/* One block for each row; y may lie where x does. */
static __global__ void __launch_bounds__(THREADS)
layernorm_rows(const float *x, struct rows rows, const float *w, const float *b, float eps,
	       float *y, float *mean_out, float *rstd_out, int64_t n)
{
	float mean = 0, var = 0, rstd;

	x += row_at(&rows, blockIdx.x);
	y += (int64_t)blockIdx.x * n;
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		mean += x[i];
	mean = block_sum(mean) / n;
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		var += (x[i] - mean) * (x[i] - mean);
	var = block_sum(var) / n;
	rstd = 1 / sqrtf(var + eps);
	for (int64_t i = threadIdx.x; i < n; i += THREADS)
		y[i] = (x[i] - mean) * rstd * w[i] + (b ? b[i] : 0);
	if (threadIdx.x == 0) {
		mean_out[blockIdx.x] = mean;
		rstd_out[blockIdx.x] = rstd;
	}
}

static int layernorm_cuda(const struct call *c)
{
	const struct layernorm_attr *a = (const struct layernorm_attr *)c->attr;
	const void *b = c->nr_in > 2 ? c->in_data[2] : NULL;

	return KLAUNCH(layernorm_rows, (layout_rows(&c->out[0])), (THREADS), 0,
		       (const float *)c->in_data[0], rows_of(&c->in[0]),
		       (const float *)c->in_data[1], (const float *)b, a->eps,
		       (float *)c->out_data[0], (float *)c->out_data[1], (float *)c->out_data[2],
		       layout_last(&c->in[0]));
}

static bool layernorm_usable(const struct call *maximal, const struct device *dev)
{
	return maximal->in[0].dtype == DT_F32 && maximal->out[0].dtype == DT_F32;
}
KERNEL_REGISTER_AS(layernorm_cuda, layernorm, .arch = "cuda", .rank = 0,
		   .usable = layernorm_usable, .run = layernorm_cuda);
