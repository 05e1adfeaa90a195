// SPDX-License-Identifier: MIT
/*
 * knlp-test -b memory [OP]...: memory-bound kernels at the sizes of training.
 *
 * The ceiling of a case is what a plain loop over as many bytes reaches in the same
 * process, with the same threads: a sum, if the kernel writes next to nothing, else the
 * better of copy and triad.  So a case that fits into the last-level cache is held
 * against that cache, and a larger one against memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu/loops.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tensor/subject.h"
#include "tests/ops/bench.h"
#include "tests/ops/opcheck.h"

#define RUNS 9
#define MAX_CEILINGS 64

/* ---- ceilings -------------------------------------------------------------------- */

struct streams {
	float *a, *b, *c;
	int64_t n;		/* of each */
	float sums[CHUNK];	/* by tile */
};

SIMD_CLONES static float read_loop(const float *a, int64_t n)
{
	float sum[4 * LANES] = { 0 }, all = 0;

	for (int64_t i = 0; i + 4 * LANES <= n; i += 4 * LANES)
		for (int j = 0; j < 4 * LANES; j++)
			sum[j] += a[i + j];
	for (int j = 0; j < 4 * LANES; j++)
		all += sum[j];
	return all;
}

SIMD_CLONES static void copy_loop(float *a, const float *b, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		a[i] = b[i] + 1;	/* or it becomes a call of memcpy() */
}

SIMD_CLONES static void triad_loop(float *a, const float *b, const float *c, int64_t n)
{
	SIMD_LOOP
	for (int64_t i = 0; i < n; i++)
		a[i] = b[i] + 3 * c[i];
}

static void read_tile(void *ctx, long tile)
{
	struct streams *s = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(s->n, CHUNK, at);

	s->sums[tile % CHUNK] = read_loop(s->a + at, end - at);
}

static void copy_tile(void *ctx, long tile)
{
	struct streams *s = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(s->n, CHUNK, at);

	copy_loop(s->a + at, s->b + at, end - at);
}

static void triad_tile(void *ctx, long tile)
{
	struct streams *s = ctx;
	int64_t at = tile * (int64_t)CHUNK, end = chunk_end(s->n, CHUNK, at);

	triad_loop(s->a + at, s->b + at, s->c + at, end - at);
}

/* Bytes per second of one kind of loop over @bytes in @arrays arrays. */
static double rate_of(struct device *dev, size_t bytes, int arrays, tile_fn fn)
{
	struct buffer *b;
	struct streams *s = calloc(1, sizeof(*s));
	double t[RUNS];
	long times = (long)(5e8 / (double)bytes) + 1;

	BUG_ON(!s || device_alloc(dev, bytes + 4096, "a benchmark", &b) ||
	       device_fill(b, 0, 0, b->bytes));
	s->n = (int64_t)(bytes / sizeof(float)) / arrays / LANES * LANES;
	s->a = b->address;
	s->b = s->a + (arrays > 1 ? s->n : 0);
	s->c = s->b + (arrays > 2 ? s->n : 0);
	for (int r = 0; r < RUNS; r++) {
		double start = clock_seconds();

		for (long i = 0; i < times; i++)
			threads_run(chunk_count(s->n, CHUNK), fn, s);
		t[r] = (clock_seconds() - start) / (double)times;
	}
	buffer_free(b);
	bytes = s->n * arrays * sizeof(float);
	free(s);
	return (double)bytes / clock_median(t, RUNS);
}

/* Measured once for each size (to an eighth), number of threads and kind. */
static double ceiling(struct device *dev, size_t bytes, bool writes)
{
	static struct {
		size_t bytes;
		int threads;
		bool writes;
		double rate;
	} known[MAX_CEILINGS];
	static int nr;
	double copy, triad;

	for (int i = 0; i < nr; i++)
		if (known[i].threads == threads_count() && known[i].writes == writes &&
		    known[i].bytes < bytes + bytes / 8 && bytes < known[i].bytes + bytes / 8)
			return known[i].rate;
	BUG_ON(nr == MAX_CEILINGS);
	known[nr].bytes = bytes;
	known[nr].threads = threads_count();
	known[nr].writes = writes;
	copy = rate_of(dev, bytes, writes ? 2 : 1, writes ? copy_tile : read_tile);
	triad = writes ? rate_of(dev, bytes, 3, triad_tile) : 0;
	known[nr].rate = copy > triad ? copy : triad;
	return known[nr++].rate;
}

#define ARITHMETIC 10	/* from so many operations per byte on, memory does not matter */

/* ---- kernels --------------------------------------------------------------------- */

static void print_case(struct subject *s, const char *name)
{
	const struct op *op = s->call.op;
	struct cost cost = { 0, 0 };
	double written = 0;

	op->cost(s->call.attr, s->call.in, s->call.out, &cost);
	for (int o = 0; o < s->call.nr_out; o++)
		written += (double)layout_bytes(&s->call.out[o]);
	printf("%-18s %-22s %8.1f", op->name, name, 1e-6 * cost.bytes);
	for (int threads = 1; threads <= threads_default(); threads++) {
		double t, top;

		if (threads_start(threads))
			break;
		top = ceiling(s->device, (size_t)cost.bytes, written > 0.05 * cost.bytes);
		t = subject_time(s);
		printf(" %9.3f %7.1f %7.1f %5.0f%%", 1e3 * t, 1e-9 * cost.bytes / t, 1e-9 * top,
		       100 * cost.bytes / t / top);
	}
	printf("\n");
	fflush(stdout);
	threads_start(1);
}

static int time_case(const struct op *op, const struct op_case *c, const struct kernel *k,
		     struct device *dev)
{
	struct cost cost = { 0, 0 };
	struct subject s;
	int ret = subject_make(&s, op, c, k, dev);

	if (!ret)
		op->cost(s.call.attr, s.call.in, s.call.out, &cost);
	if (!ret && cost.flops < ARITHMETIC * cost.bytes)
		print_case(&s, c->name);
	subject_free(&s);
	return ret;
}

static int time_kernel(const struct kernel *k, struct device *dev)
{
	const struct op *op = op_find(k->op);
	char name[CASE_NAME];
	struct op_case bf16;
	int ret = 0;

	for (const struct op_case *c = op->timed; c && c->name && !ret; c++) {
		if (case_usable(op, c, k, dev))
			ret = time_case(op, c, k, dev);
		if (!ret && case_bf16(op, c, &bf16, name) && case_usable(op, &bf16, k, dev))
			ret = time_case(op, &bf16, k, dev);
	}
	return ret;
}

int bench_memory(char **names, int nr)
{
	const struct kernel *k;
	struct device *dev;
	int ret = device_open("cpu", &dev);

	if (ret)
		return ret;
	printf("# for each number of threads: ms, GB/s, GB/s of a plain loop, share\n");
	printf("%-18s %-22s %8s\n", "# op", "case", "MB");
	registry_for_each(kernel_table(), k) {
		bool wanted = !nr;

		for (int i = 0; i < nr; i++)
			wanted |= !strcmp(names[i], k->op);
		if (wanted && !strcmp(k->arch, "cpu") && !ret)
			ret = time_kernel(k, dev);
	}
	device_close(dev);
	return ret;
}
