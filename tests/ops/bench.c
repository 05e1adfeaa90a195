// SPDX-License-Identifier: MIT
/*
 * knlp-test -b [OP]...: how fast each kernel is, as a share of what this machine can do.
 *
 * The ceilings (multiply-adds of vectors, copying of memory) are measured in the same
 * process just before, so that the shares of two runs can be compared although the
 * machine's speed drifts.
 */
#include "tests/ops/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/cpu/simd.h"
#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tests/ops/opcheck.h"
#include "tests/ops/values.h"

#define RUNS 7
#define SECONDS 0.02		/* of one timed run */
#define COPY_BYTES ((size_t)64 << 20)

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double bench_median(double *values, int nr)
{
	qsort(values, nr, sizeof(*values), by_value);
	return values[nr / 2];
}

/* ---- ceilings ----------------------------------------------------------------- */

typedef float vec16 __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec4 __attribute__((vector_size(16)));

#define CHAINS 12	/* enough to hide the latency of a multiply-add */

#define FMA_LOOP(name, target, vec)						\
	target static float name(long steps)					\
	{									\
		vec a[CHAINS], x, y, sum;					\
										\
		x = (vec){ 0 } + 0.999f;					\
		y = (vec){ 0 } + 0.001f;					\
		for (int c = 0; c < CHAINS; c++)				\
			a[c] = y * (float)c;					\
		for (long s = 0; s < steps; s++)				\
			_Pragma("GCC unroll 12")				\
			for (int c = 0; c < CHAINS; c++)			\
				a[c] = a[c] * x + y;				\
		sum = a[0];							\
		for (int c = 1; c < CHAINS; c++)				\
			sum += a[c];						\
		return sum[0];							\
	}

FMA_LOOP(fma_avx512, SIMD_AVX512, vec16)
FMA_LOOP(fma_avx2, SIMD_AVX2, vec8)
FMA_LOOP(fma_plain, , vec4)

static volatile float sink;

/* flops per second of one thread */
static double fma_once(long steps)
{
	double start = bench_now();
	int lanes;

	switch (simd_level()) {
	case SIMD_LEVEL_AVX512_BF16:
	case SIMD_LEVEL_AVX512:
		sink = fma_avx512(steps);
		lanes = 16;
		break;
	case SIMD_LEVEL_AVX2:
		sink = fma_avx2(steps);
		lanes = 8;
		break;
	default:
		sink = fma_plain(steps);
		lanes = 4;
	}
	return 2.0 * CHAINS * lanes * (double)steps / (bench_now() - start);
}

static double copy_once(char *to, const char *from)
{
	double start = bench_now();

	memcpy(to, from, COPY_BYTES);
	sink = to[COPY_BYTES / 2];
	return 2.0 * (double)COPY_BYTES / (bench_now() - start);
}

void bench_ceilings(struct ceilings *c)
{
	char *memory = malloc(2 * COPY_BYTES);
	double flops[RUNS], bytes[RUNS];

	BUG_ON(!memory);
	memset(memory, 1, 2 * COPY_BYTES);
	for (int i = 0; i < RUNS; i++) {
		flops[i] = fma_once(2000000);
		bytes[i] = copy_once(memory, memory + COPY_BYTES);
	}
	free(memory);
	c->flops = bench_median(flops, RUNS);
	c->bytes = bench_median(bytes, RUNS);
}

/* ---- kernels -------------------------------------------------------------------- */

#define PERIOD 4099	/* elements after which numbers repeat: drawing them takes long */

static void *give(struct subject *s, struct device *dev, size_t bytes)
{
	struct buffer **b = &s->buffers[s->nr];

	if (device_alloc(dev, bytes, "a benchmark", b))
		return NULL;
	s->nr++;
	return (*b)->address;
}

static int fill(struct buffer *b, const struct layout *l, const struct case_input *in)
{
	struct rng r = rng_stream(7, "bench", 0);
	size_t size = dtype_size(l->dtype);
	int64_t count = layout_count(l);
	bool repeats = in->fill == FILL_NORMAL || in->fill == FILL_SMALL ||
		       in->fill == FILL_POSITIVE;
	char *host = malloc(count * size);
	int ret;

	if (!host)
		return fail_nomem(count * size, "a benchmark");
	for (int64_t i = 0; i < count; i++)
		if (repeats && i >= PERIOD)
			memcpy(host + i * size, host + (i - PERIOD) * size, size);
		else
			dtype_put(l->dtype, host, i, values_element(&r, in, i));
	ret = device_write(b, 0, host, count * size);
	free(host);
	return ret;
}

static int give_inputs(struct subject *s, const struct op_case *c, struct device *dev)
{
	int ret = 0;

	for (int i = 0; i < MAX_IN; i++) {
		const struct case_input *in = &c->in[i];
		struct layout *l = &s->call.in[i];

		l->nd = -1;
		if (i >= c->nr_in || in->nd < 0 || ret)
			continue;
		*l = layout_make(in->dtype, in->nd, in->n);
		s->call.in_data[i] = give(s, dev, layout_bytes(l));
		ret = s->call.in_data[i] ? fill(s->buffers[s->nr - 1], l, in) : -ENOMEM;
	}
	return ret;
}

int subject_make(struct subject *s, const struct op *op, const struct op_case *c,
		 const struct kernel *k, struct device *dev)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->kernel = k;
	s->device = dev;
	s->call = (struct call){ .op = op, .attr = c->attr, .nr_in = c->nr_in,
				 .nr_out = op->nr_out };
	ret = give_inputs(s, c, dev);
	if (!ret)
		ret = op->infer(c->attr, s->call.in, c->nr_in, s->call.out);
	for (int o = 0; o < op->nr_out && !ret; o++) {
		int from = op->updates[o] - 1;

		s->call.out_data[o] = from >= 0 && s->call.in_data[from]
				    ? (void *)s->call.in_data[from]
				    : give(s, dev, layout_bytes(&s->call.out[o]));
		ret = s->call.out_data[o] ? 0 : -ENOMEM;
	}
	s->call.scratch_bytes = !ret && k->scratch ? k->scratch(&s->call) : 0;
	if (s->call.scratch_bytes)
		s->call.scratch = give(s, dev, s->call.scratch_bytes);
	return ret;
}

void subject_free(struct subject *s)
{
	for (int i = 0; i < s->nr; i++)
		buffer_free(s->buffers[i]);
}

static double time_of(struct subject *s, long times)
{
	double start = bench_now();

	for (long i = 0; i < times; i++)
		s->device->arch->run(s->device, NULL, s->kernel, &s->call);
	return (bench_now() - start) / (double)times;
}

double subject_time(struct subject *s)
{
	double once, t[RUNS];
	long times;

	time_of(s, 1);		/* the first one faults in pages */
	once = time_of(s, 1);
	times = (long)(SECONDS / once) + 1;
	for (int i = 0; i < RUNS; i++)
		t[i] = time_of(s, times);
	return bench_median(t, RUNS);
}

/* The slower of arithmetic and memory, if both ran at the ceiling. */
static double best_time(const struct cost *cost, const struct ceilings *top)
{
	double f = cost->flops / top->flops, b = cost->bytes / top->bytes;

	return f > b ? f : b;
}

static int bench_case(const struct op *op, const struct op_case *c, const char *label,
		      const struct kernel *k, struct device *dev, const struct ceilings *top)
{
	struct cost cost = { 0, 0 };
	struct subject s;
	int ret = subject_make(&s, op, c, k, dev);

	if (!ret) {
		double t = subject_time(&s);

		if (op->cost)
			op->cost(c->attr, s.call.in, s.call.out, &cost);
		printf("%-26s %-32s %10.3f %9.2f %9.2f %7.1f\n", label, k->name, 1e3 * t,
		       1e-9 * cost.flops / t, 1e-9 * cost.bytes / t,
		       100 * best_time(&cost, top) / t);
	}
	subject_free(&s);
	return ret;
}

int bench_kernel(const struct op *op, const struct kernel *k, struct device *dev,
		 const struct ceilings *top)
{
	const struct op_case *c = op->cases;

	while (c[1].name)
		c++;
	return bench_case(op, c, op->name, k, dev, top);
}

/* The cases at the sizes of training, if there are any, in f32 and in bf16. */
static int bench_timed(const struct op *op, const struct kernel *k, struct device *dev,
		       const struct ceilings *top)
{
	char name[OPCHECK_NAME], label[2 * OPCHECK_NAME];
	struct op_case bf16;
	int ret = 0;

	if (!op->timed)
		return bench_kernel(op, k, dev, top);
	for (const struct op_case *c = op->timed; c->name && !ret; c++) {
		snprintf(label, sizeof(label), "%s:%s", op->name, c->name);
		ret = bench_case(op, c, label, k, dev, top);
		if (ret || !opcheck_bf16(op, c, &bf16, name) ||
		    !opcheck_usable(op, &bf16, k, dev))
			continue;
		snprintf(label, sizeof(label), "%s:%s", op->name, name);
		ret = bench_case(op, &bf16, label, k, dev, top);
	}
	return ret;
}

int bench_all(char **names, int nr)
{
	const struct kernel *k;
	struct ceilings top;
	struct device *dev;
	int ret;

	if (nr == 1 && !strcmp(names[0], "gemm")) {
		bench_gemm();
		return 0;
	}
	if (nr && !strcmp(names[0], "memory"))
		return bench_memory(names + 1, nr - 1);
	ret = device_open("cpu", &dev);
	if (ret)
		return ret;
	bench_ceilings(&top);
	printf("# one thread; multiply-add %.1f GFLOP/s, copy %.1f GB/s\n", 1e-9 * top.flops,
	       1e-9 * top.bytes);
	printf("%-26s %-32s %10s %9s %9s %7s\n", "# op", "kernel", "ms", "GFLOP/s", "GB/s",
	       "% best");
	registry_for_each(kernel_table(), k) {
		bool wanted = !nr;

		for (int i = 0; i < nr; i++)
			wanted |= !strcmp(names[i], k->op);
		if (wanted && !strcmp(k->arch, "cpu") && !ret)
			ret = (nr ? bench_timed : bench_kernel)(op_find(k->op), k, dev, &top);
	}
	device_close(dev);
	return ret;
}
