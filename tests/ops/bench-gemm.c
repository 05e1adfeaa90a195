// SPDX-License-Identifier: MIT
/*
 * knlp-test -b gemm: our matrix products at the shapes of Documentation/performance.md.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arch/cpu/gemm.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tests/ops/bench.h"

#define RUNS 7

/** struct product - C (M, N) = op(A) op(B); dx has B as it is, dw A transposed. */
struct product {
	const char *name;
	int64_t m, n, k;
	enum { FWD, DX, DW } form;
};

static const struct product products[] = {
	{ "6x384 qkv fwd", 4096, 1152, 384, FWD },
	{ "6x384 qkv dx", 4096, 384, 1152, DX },
	{ "6x384 qkv dw", 1152, 384, 4096, DW },
	{ "6x384 fc fwd", 4096, 1536, 384, FWD },
	{ "6x384 fc dx", 4096, 384, 1536, DX },
	{ "6x384 fc dw", 1536, 384, 4096, DW },
	{ "6x384 head fwd", 4096, 257, 384, FWD },
	{ "124M qkv fwd", 1024, 2304, 768, FWD },
	{ "124M qkv dx", 1024, 768, 2304, DX },
	{ "124M qkv dw", 2304, 768, 1024, DW },
	{ "124M fc2 fwd", 1024, 768, 3072, FWD },
	{ "124M fc2 dx", 1024, 3072, 768, DX },
	{ "124M fc2 dw", 768, 3072, 1024, DW },
	{ "124M B4T64 fc fwd", 256, 3072, 768, FWD },
	{ "124M B4T64 fc dw", 3072, 768, 256, DW },
	{ "124M head fwd", 1024, 50257, 768, FWD },
	{ "124M head dx", 1024, 768, 50257, DX },
	{ "124M head dw", 50257, 768, 1024, DW },
};

/* GFLOP/s, the median of several runs of at least a few milliseconds. */
static double rate(const struct gemm *g)
{
	double flops = 2.0 * (double)g->m * (double)g->n * (double)g->k, t[RUNS];
	int times = (int)(2e9 / flops) + 1;

	for (int r = 0; r < RUNS; r++) {
		double start = clock_seconds();

		for (int i = 0; i < times; i++)
			BUG_ON(gemm_run(g));
		t[r] = (clock_seconds() - start) / times;
	}
	return 1e-9 * flops / clock_median(t, RUNS);
}

/* x W^T: rows of x, W transposed; dy W; dy^T x. */
static struct gemm layout_of(const struct product *p)
{
	struct gemm g = { .m = p->m, .n = p->n, .k = p->k, .c_row = p->n };

	g.a_row = p->form == DW ? 1 : p->k;
	g.a_col = p->form == DW ? p->m : 1;
	g.b_row = p->form == FWD ? 1 : p->n;
	g.b_col = p->form == FWD ? p->k : 1;
	return g;
}

static struct buffer *numbers(struct device *dev, int64_t count, enum dtype type, void *at)
{
	struct buffer *b;
	float *x;

	BUG_ON(device_alloc(dev, count * sizeof(*x), "a matrix", &b));
	x = b->address;
	for (int64_t i = 0; i < count; i++)
		dtype_put(type, x, i, (double)(i % 17) / 17 - 0.5);
	*(void **)at = x;
	return b;
}

/* In bf16, results are bf16 as well, but for dw, which is f32 in training. */
static void measure(const struct product *p, enum dtype type, double rates[2])
{
	struct gemm g = layout_of(p);
	struct buffer *b[4];
	struct device *dev;

	g.a_type = g.b_type = type;
	g.c_type = p->form == DW ? DT_F32 : type;
	BUG_ON(device_open("cpu", &dev));
	b[0] = numbers(dev, p->m * p->k, type, &g.a);
	b[1] = numbers(dev, p->k * p->n, type, &g.b);
	b[2] = numbers(dev, p->m * p->n, DT_F32, &g.c);
	b[3] = numbers(dev, (int64_t)gemm_scratch(p->m, p->n, p->k, g.c_type) / 4 + 1, DT_F32,
		       &g.scratch);
	for (int threads = 1; threads <= 2; threads++) {
		BUG_ON(threads_start(threads));
		rates[threads - 1] = rate(&g);
	}
	for (int i = 0; i < 4; i++)
		buffer_free(b[i]);
	device_close(dev);
}

static void print_product(const struct product *p)
{
	double f32[2], bf16[2];

	measure(p, DT_F32, f32);
	measure(p, DT_BF16, bf16);
	printf("%-20s %5lld x %5lld x %5lld %8.0f %8.0f %8.0f %8.0f\n", p->name, (long long)p->m,
	       (long long)p->n, (long long)p->k, f32[0], f32[1], bf16[0], bf16[1]);
	fflush(stdout);
}

void bench_gemm(void)
{
	struct device_rates top;

	bench_ceilings(&top);
	printf("# multiply-add of one thread: %.1f GFLOP/s\n", 1e-9 * top.f32);
	printf("%-20s %21s %8s %8s %8s %8s\n", "# product", "M x N x K", "f32: 1", "2", "bf16: 1",
	       "2");
	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++)
		print_product(&products[i]);
	threads_stop();
}
