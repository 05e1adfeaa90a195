// SPDX-License-Identifier: MIT
/*
 * What the processors can do at most: multiply-adds that wait for nothing, and sums,
 * copies and triads of arrays that fit into no cache.
 *
 * scripts/peers/machine.c measures the same with threads and loops of its own.
 */
#include "arch/cpu/measure.h"

#include <string.h>
#include <sys/mman.h>

#include "arch/cpu/simd.h"
#include "arch/cpu/stream.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/thread.h"
#include "tensor/arch.h"

#define ARRAY_BYTES ((size_t)64 << 20)
#define PIECE_BYTES ((size_t)1 << 20)	/* a tile of an array */
#define PIECES (ARRAY_BYTES / PIECE_BYTES)
#define PIECE_VECS (PIECE_BYTES / sizeof(stream_vec))
#define CHAINS 12	/* enough to hide the latency of a multiply-add in 16 registers */
#define DOT_CHAINS 16	/* AVX-512 has 32 registers, and its dot products take longer */
#define STEPS 20000	/* of all chains, in a tile: some 40 us */
#define TILES 64	/* per thread and run */
#define KINDS 5		/* the time is shared by so many measurements */
#define MIN_RUNS 3
#define MAX_RUNS 100

/* Median seconds of a run of @nr tiles; the first one warms up. */
static double median_run(tile_fn fn, void *ctx, long nr, double seconds)
{
	double t[MAX_RUNS], begin = clock_seconds();
	int runs = 0;

	threads_run(nr, fn, ctx);
	do {
		double start = clock_seconds();

		threads_run(nr, fn, ctx);
		t[runs++] = clock_seconds() - start;
	} while (runs < MIN_RUNS || (runs < MAX_RUNS && clock_seconds() - begin < seconds));
	return clock_median(t, runs);
}

/* ---- arithmetic ------------------------------------------------------------------ */

typedef float vec16 __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec4 __attribute__((vector_size(16)));

#define FMA(a, x, y) ((a) * (x) + (y))

#define FMA_LOOP(name, target, vec, chains, step)				\
	target static float name(void)						\
	{									\
		vec a[chains], x = (vec){ 0 } + 0.999f, y = (vec){ 0 } + 0.001f, sum; \
										\
		for (int c = 0; c < (chains); c++)			\
			a[c] = y * (float)c;					\
		for (int s = 0; s < STEPS; s++) {				\
			SIMD_UNROLL						\
			for (int c = 0; c < (chains); c++)			\
				a[c] = step(a[c], x, y);			\
		}								\
		sum = a[0];							\
		for (int c = 1; c < (chains); c++)				\
			sum += a[c];						\
		return sum[0];							\
	}

FMA_LOOP(dot_avx512, SIMD_AVX512_BF16, vec16, DOT_CHAINS, simd_dot_bf16)
FMA_LOOP(fma_avx512, SIMD_AVX512, vec16, CHAINS, FMA)
FMA_LOOP(fma_avx2, SIMD_AVX2, vec8, CHAINS, FMA)
FMA_LOOP(fma_plain, , vec4, CHAINS, FMA)

struct arithmetic {
	float (*loop)(void);
	volatile float sink;	/* so that no loop is left out */
};

static void arithmetic_tile(void *ctx, long tile)
{
	struct arithmetic *a = ctx;
	float sum = a->loop();

	if (!tile)
		a->sink = sum;
}

/* Operations per second of @loop, each step of which does @flops in each chain. */
static double measure_loop(float (*loop)(void), int chains, int flops, double seconds)
{
	struct arithmetic a = { .loop = loop };
	long tiles = (long)TILES * threads_count();

	return (double)chains * STEPS * flops * (double)tiles /
	       median_run(arithmetic_tile, &a, tiles, seconds);
}

static double measure_f32(double seconds)
{
	if (simd_level() >= SIMD_LEVEL_AVX512)
		return measure_loop(fma_avx512, CHAINS, 2 * 16, seconds);
	if (simd_level() >= SIMD_LEVEL_AVX2)
		return measure_loop(fma_avx2, CHAINS, 2 * 8, seconds);
	return measure_loop(fma_plain, CHAINS, 2 * 4, seconds);
}

/* ---- memory ---------------------------------------------------------------------- */

struct arrays {
	stream_vec *a, *b, *c;	/* (PIECES * PIECE_VECS) each */
	volatile float sink;
};

static void fill_tile(void *ctx, long tile)
{
	struct arrays *m = ctx;

	memset(m->a + tile * PIECE_VECS, 0, PIECE_BYTES);
	memset(m->b + tile * PIECE_VECS, 0, PIECE_BYTES);
	memset(m->c + tile * PIECE_VECS, 0, PIECE_BYTES);
}

static void read_tile(void *ctx, long tile)
{
	struct arrays *m = ctx;
	const stream_vec *a = m->a + tile * PIECE_VECS;
	stream_vec sum[8] = { { 0 } };

	for (size_t i = 0; i < PIECE_VECS; i += 8) {
		SIMD_UNROLL
		for (int k = 0; k < 8; k++)
			sum[k] += a[i + k];
	}
	for (int k = 1; k < 8; k++)
		sum[0] += sum[k];
	if (sum[0][0] != 0)	/* never: the arrays are zero */
		m->sink = sum[0][0];
}

static void copy_tile(void *ctx, long tile)
{
	struct arrays *m = ctx;
	const stream_vec *b = m->b + tile * PIECE_VECS;
	stream_vec *a = m->a + tile * PIECE_VECS;

	for (size_t i = 0; i < PIECE_VECS; i++)
		stream_store(a + i, b[i]);
	stream_end();
}

static void triad_tile(void *ctx, long tile)
{
	struct arrays *m = ctx;
	const stream_vec *b = m->b + tile * PIECE_VECS, *c = m->c + tile * PIECE_VECS;
	stream_vec *a = m->a + tile * PIECE_VECS;

	for (size_t i = 0; i < PIECE_VECS; i++)
		stream_store(a + i, b[i] + c[i] * 3);
	stream_end();
}

static int measure_memory(double seconds, struct device_rates *r)
{
	const double bytes = (double)ARRAY_BYTES;
	struct arrays m = { 0 };
	void *memory = mmap(NULL, 3 * ARRAY_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return fail_nomem(3 * ARRAY_BYTES, "measuring the bandwidth of memory");
	madvise(memory, 3 * ARRAY_BYTES, MADV_HUGEPAGE);	/* as large tensors are */
	m.a = memory;
	m.b = m.a + PIECES * PIECE_VECS;
	m.c = m.b + PIECES * PIECE_VECS;
	threads_run(PIECES, fill_tile, &m);
	r->read = bytes / median_run(read_tile, &m, PIECES, seconds);
	r->copy = 2 * bytes / median_run(copy_tile, &m, PIECES, seconds);
	r->triad = 3 * bytes / median_run(triad_tile, &m, PIECES, seconds);
	munmap(memory, 3 * ARRAY_BYTES);
	return 0;
}

int host_measure(struct device *dev, double seconds, struct device_rates *rates)
{
	(void)dev;
	seconds /= KINDS;
	rates->f32 = measure_f32(seconds);
	rates->bf16 = rates->f32;
	if (simd_level() >= SIMD_LEVEL_AVX512_BF16)
		rates->bf16 = measure_loop(dot_avx512, DOT_CHAINS, 4 * 16, seconds);
	return measure_memory(seconds, rates);
}
