// SPDX-License-Identifier: MIT
/*
 * What the machine can do at most, so that other figures have a ceiling.
 *
 * Prints the fused multiply-add peak of one and of two threads (AVX2 fp32,
 * AVX-512 fp32, AVX-512 bf16 dot product, AVX-512 int8 dot product, each only
 * where the processor has it) and the memory bandwidth of read-sum, copy and
 * triad, with and without streaming stores. Every figure is the median of
 * REPS runs, with the best beside it. Bandwidth counts the bytes the program
 * names: 4 per element read or written, no read-for-ownership.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define REPS		9
#define MAX_THREADS	64
#define ELEMS		((size_t)1 << 27)	/* 512 MiB of float */
#define FMA_ROUNDS	20000000L
#define ACCS_AVX2	12	/* of 16 registers; two hold the factors */
#define ACCS_AVX512	16

struct task {
	void (*body)(struct task *t);
	pthread_barrier_t *barrier;
	float *a, *b, *c;
	size_t n;
	float sink;
	double begin[REPS + 1], end[REPS + 1];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/*
 * Independent chains hide the latency of the unit. They are named
 * variables, not an array, so that each stays in a register; the empty asm
 * stops the compiler from folding the loop.
 */
#define EACH_12(do)							\
	do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)			\
	do(8) do(9) do(10) do(11)
#define EACH_16(do)	EACH_12(do) do(12) do(13) do(14) do(15)
#define ACC_INIT(i)	acc##i = start;
#define ACC_STEP(i)	acc##i = STEP(acc##i); __asm__("" : "+v"(acc##i));
#define ACC_NAMES	acc0, acc1, acc2, acc3, acc4, acc5, acc6, acc7,	\
			acc8, acc9, acc10, acc11, acc12, acc13, acc14, acc15
#define ACC_KEEP(i)	__asm__ volatile("" : : "v"(acc##i));

#define PEAK_LOOP(each, vec, start_value)				\
	do {								\
		__attribute__((unused)) vec start = start_value, ACC_NAMES; \
									\
		each(ACC_INIT)						\
		for (long r = 0; r < FMA_ROUNDS; r++) {			\
			each(ACC_STEP)					\
		}							\
		each(ACC_KEEP)						\
	} while (0)

#define STEP(acc) _mm256_fmadd_ps(acc, x, y)
__attribute__((target("avx2,fma")))
static void peak_avx2(struct task *t)
{
	__m256 x = _mm256_set1_ps(0.5f), y = _mm256_set1_ps(0.25f);

	(void)t;
	PEAK_LOOP(EACH_12, __m256, x);
}
#undef STEP

#define STEP(acc) _mm512_fmadd_ps(acc, x, y)
__attribute__((target("avx512f")))
static void peak_avx512(struct task *t)
{
	__m512 x = _mm512_set1_ps(0.5f), y = _mm512_set1_ps(0.25f);

	(void)t;
	PEAK_LOOP(EACH_16, __m512, x);
}
#undef STEP

#define STEP(acc) _mm512_dpbf16_ps(acc, x, y)
__attribute__((target("avx512f,avx512bf16")))
static void peak_bf16(struct task *t)
{
	__m512bh x = (__m512bh)_mm512_set1_epi16(0x3f00);
	__m512bh y = (__m512bh)_mm512_set1_epi16(0x3e80);

	(void)t;
	PEAK_LOOP(EACH_16, __m512, _mm512_setzero_ps());
}
#undef STEP

#define STEP(acc) _mm512_dpbusd_epi32(acc, x, y)
__attribute__((target("avx512f,avx512vnni")))
static void peak_int8(struct task *t)
{
	__m512i x = _mm512_set1_epi8(1), y = _mm512_set1_epi8(2);

	(void)t;
	PEAK_LOOP(EACH_16, __m512i, _mm512_setzero_si512());
}
#undef STEP

__attribute__((target("avx2")))
static void mem_read(struct task *t)
{
	__m256 s[4] = { _mm256_setzero_ps(), _mm256_setzero_ps(),
			_mm256_setzero_ps(), _mm256_setzero_ps() };

	for (size_t i = 0; i < t->n; i += 32)
		for (int k = 0; k < 4; k++)
			s[k] = _mm256_add_ps(s[k],
					     _mm256_load_ps(t->a + i + 8 * k));
	s[0] = _mm256_add_ps(_mm256_add_ps(s[0], s[1]),
			     _mm256_add_ps(s[2], s[3]));
	t->sink = s[0][0] + s[0][1] + s[0][2] + s[0][3];
}

__attribute__((target("avx2")))
static void mem_copy(struct task *t)
{
	for (size_t i = 0; i < t->n; i += 8)
		_mm256_store_ps(t->a + i, _mm256_load_ps(t->b + i));
}

__attribute__((target("avx2")))
static void mem_copy_stream(struct task *t)
{
	for (size_t i = 0; i < t->n; i += 8)
		_mm256_stream_ps(t->a + i, _mm256_load_ps(t->b + i));
	_mm_sfence();
}

__attribute__((target("avx2,fma")))
static void mem_triad(struct task *t)
{
	__m256 s = _mm256_set1_ps(3.0f);

	for (size_t i = 0; i < t->n; i += 8)
		_mm256_store_ps(t->a + i,
				_mm256_fmadd_ps(s, _mm256_load_ps(t->c + i),
						_mm256_load_ps(t->b + i)));
}

__attribute__((target("avx2,fma")))
static void mem_triad_stream(struct task *t)
{
	__m256 s = _mm256_set1_ps(3.0f);

	for (size_t i = 0; i < t->n; i += 8)
		_mm256_stream_ps(t->a + i,
				 _mm256_fmadd_ps(s, _mm256_load_ps(t->c + i),
						 _mm256_load_ps(t->b + i)));
	_mm_sfence();
}

static void *thread_main(void *arg)
{
	struct task *t = arg;

	for (int r = 0; r < REPS + 1; r++) {
		pthread_barrier_wait(t->barrier);
		t->begin[r] = now();
		t->body(t);
		t->end[r] = now();
	}
	return NULL;
}

/* From the first thread's start to the last one's end. */
static double round_seconds(const struct task *task, int threads, int r)
{
	double begin = task[0].begin[r], end = task[0].end[r];

	for (int i = 1; i < threads; i++) {
		if (task[i].begin[r] < begin)
			begin = task[i].begin[r];
		if (task[i].end[r] > end)
			end = task[i].end[r];
	}
	return end - begin;
}

static int by_value(const void *x, const void *y)
{
	double d = *(const double *)x - *(const double *)y;

	return (d > 0) - (d < 0);
}

static double load_average(void)
{
	double load = 0;

	if (getloadavg(&load, 1) != 1)
		return -1;
	return load;
}

/* Runs @body on @threads threads; @work is the FLOPs or bytes of them all. */
static void report(const char *name, void (*body)(struct task *), int threads,
		   float *mem, double work, const char *unit)
{
	struct task task[MAX_THREADS] = { 0 };
	pthread_t id[MAX_THREADS];
	pthread_barrier_t barrier;
	double seconds[REPS], load = load_average();
	size_t part = ELEMS / threads / 32 * 32;

	pthread_barrier_init(&barrier, NULL, threads);
	for (int i = 0; i < threads; i++) {
		float *p = mem ? mem + i * part : NULL;

		task[i].body = body;
		task[i].barrier = &barrier;
		task[i].a = p;
		task[i].b = mem ? p + ELEMS : NULL;
		task[i].c = mem ? p + 2 * ELEMS : NULL;
		task[i].n = part;
		pthread_create(&id[i], NULL, thread_main, &task[i]);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	pthread_barrier_destroy(&barrier);
	for (int r = 0; r < REPS; r++)	/* the first round warms up */
		seconds[r] = round_seconds(task, threads, r + 1);
	qsort(seconds, REPS, sizeof(*seconds), by_value);
	printf("%-22s %d  %8.1f  %8.1f  %-6s  %.2f\n", name, threads,
	       work / seconds[REPS / 2] * 1e-9, work / seconds[0] * 1e-9,
	       unit, load);
	fflush(stdout);
}

static void report_peaks(int threads)
{
	double steps = (double)FMA_ROUNDS * ACCS_AVX512 * threads;

	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		report("fma avx2 fp32", peak_avx2, threads, NULL,
		       (double)FMA_ROUNDS * ACCS_AVX2 * threads * 8 * 2, "GF/s");
	if (__builtin_cpu_supports("avx512f"))
		report("fma avx512 fp32", peak_avx512, threads, NULL,
		       steps * 16 * 2, "GF/s");
	if (__builtin_cpu_supports("avx512bf16"))
		report("vdpbf16ps avx512", peak_bf16, threads, NULL,
		       steps * 32 * 2, "GF/s");
	if (__builtin_cpu_supports("avx512vnni"))
		report("vpdpbusd avx512", peak_int8, threads, NULL,
		       steps * 64 * 2, "Gop/s");
}

static void report_bandwidth(int threads, float *mem)
{
	double array = (double)(ELEMS / threads / 32 * 32) * threads * 4;

	report("read-sum", mem_read, threads, mem, array, "GB/s");
	report("copy", mem_copy, threads, mem, 2 * array, "GB/s");
	report("copy, streaming", mem_copy_stream, threads, mem, 2 * array,
	       "GB/s");
	report("triad", mem_triad, threads, mem, 3 * array, "GB/s");
	report("triad, streaming", mem_triad_stream, threads, mem, 3 * array,
	       "GB/s");
}

int main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : 2;
	size_t bytes = 3 * ELEMS * sizeof(float);
	float *mem;

	if (most < 1 || most > MAX_THREADS) {
		fprintf(stderr, "usage: machine [threads]\n");
		return 2;
	}
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	madvise(mem, bytes, MADV_HUGEPAGE);
	for (size_t i = 0; i < 3 * ELEMS; i++)
		mem[i] = (float)(i & 1023);
	printf("%-22s %s  %8s  %8s  %-6s  load\n", "what", "T", "median",
	       "best", "unit");
	for (int t = 1; t <= most; t *= 2)
		report_peaks(t);
	for (int t = 1; t <= most; t *= 2)
		report_bandwidth(t, mem);
	munmap(mem, bytes);
	return 0;
}
