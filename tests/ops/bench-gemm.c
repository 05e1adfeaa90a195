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
};

static float *numbers(int64_t count)
{
	float *x = malloc(count * sizeof(*x));

	BUG_ON(!x);
	for (int64_t i = 0; i < count; i++)
		x[i] = (float)(i % 17) / 17 - 0.5f;
	return x;
}

/* GFLOP/s, the median of several runs of at least a few milliseconds. */
static double rate(const struct gemm *g)
{
	double flops = 2.0 * (double)g->m * (double)g->n * (double)g->k, t[RUNS];
	int times = (int)(2e9 / flops) + 1;

	for (int r = 0; r < RUNS; r++) {
		double start = clock_seconds();

		for (int i = 0; i < times; i++)
			gemm_run(g);
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

static void measure(const struct product *p, const struct ceilings *top)
{
	struct gemm g = layout_of(p);
	double one, two;

	g.a = numbers(p->m * p->k);
	g.b = numbers(p->k * p->n);
	g.c = numbers(p->m * p->n);
	g.scratch = malloc(gemm_scratch(p->m, p->n, p->k, DT_F32));
	BUG_ON(!g.scratch || threads_start(1));
	one = rate(&g);
	BUG_ON(threads_start(2));
	two = rate(&g);
	printf("%-20s %5lld x %5lld x %5lld %10.1f %10.1f %8.1f\n", p->name, (long long)p->m,
	       (long long)p->n, (long long)p->k, one, two, 1e11 * one / top->flops);
	free((void *)g.a);
	free((void *)g.b);
	free(g.c);
	free(g.scratch);
}

void bench_gemm(void)
{
	struct ceilings top;

	bench_ceilings(&top);
	printf("# multiply-add of one thread: %.1f GFLOP/s\n", 1e-9 * top.flops);
	printf("%-20s %21s %10s %10s %8s\n", "# product", "M x N x K", "1 thread", "2 threads",
	       "% of 1");
	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++)
		measure(&products[i], &top);
	threads_stop();
}
