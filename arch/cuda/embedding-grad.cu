// SPDX-License-Identifier: MIT
/*
 * The gradient of an embedding's table without atomics: the block of an id's first
 * occurrence adds up all its occurrences, in their order; the other blocks end.  Finding
 * them costs a comparison for each pair of ids, which is little next to C additions.
 */
#include "arch/cuda/reduce.h"

extern "C" {
#include "ops/embedding.h"
}

#define THREADS 128

/* What the sums are added to: the previous gradient, which lies in @out already, or 0. */
static __global__ void __launch_bounds__(THREADS)
embedding_grad_base(float *out, bool has_prev, const int32_t *flag, bool always_add, int64_t n)
{
	int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;

	if (i < n && !(has_prev && (always_add || (flag && *flag))))
		out[i] = 0;
}

/* One block for each position; ids outside of the table were refused in the forward pass. */
static __global__ void __launch_bounds__(THREADS)
embedding_grad_rows(const float *dout, const int32_t *ids, float *out, int64_t nr_ids,
		    int64_t rows, int64_t cols)
{
	SHARED(int, match, THREADS);
	int64_t first = blockIdx.x;
	int32_t id = ids[first];
	bool seen = false;

	for (int64_t i = threadIdx.x; i < first; i += THREADS)
		seen |= ids[i] == id;
	if (block_any(seen) || id < 0 || id >= rows)
		return;
	for (int64_t begin = 0; begin < cols; begin += THREADS) {
		int64_t col = begin + threadIdx.x;
		float sum = 0;

		for (int64_t at = first; at < nr_ids; at += THREADS) {
			int64_t mine = at + threadIdx.x;

			match[threadIdx.x] = mine < nr_ids && ids[mine] == id;
			__syncthreads();
			for (int j = 0; j < THREADS; j++)
				if (match[j] && col < cols)
					sum += dout[(at + j) * cols + col];
			__syncthreads();
		}
		if (col < cols)
			out[id * cols + col] += sum;
	}
}

static int embedding_grad_cuda(const struct call *c)
{
	const struct embedding_grad_attr *a = (const struct embedding_grad_attr *)c->attr;
	bool has_prev = c->nr_in > 2 && c->in_data[2];
	const void *flag = c->nr_in > 3 ? c->in_data[3] : NULL;
	int64_t count = layout_count(&c->out[0]), cols = layout_last(&c->out[0]);
	int ret = KLAUNCH(embedding_grad_base, ((count + THREADS - 1) / THREADS), (THREADS), 0,
			  (float *)c->out_data[0], has_prev, (const int32_t *)flag,
			  a->accumulate.always_add, count);

	if (ret)
		return ret;
	return KLAUNCH(embedding_grad_rows, (layout_count(&c->in[1])), (THREADS), 0,
		       (const float *)c->in_data[0], (const int32_t *)c->in_data[1],
		       (float *)c->out_data[0], layout_count(&c->in[1]), a->rows, cols);
}

static bool embedding_grad_usable(const struct call *maximal, const struct device *dev)
{
	return maximal->in[0].dtype == DT_F32;
}
KERNEL_REGISTER_AS(embedding_grad_cuda, embedding_grad, .arch = "cuda", .rank = 0,
		   .usable = embedding_grad_usable, .run = embedding_grad_cuda);
