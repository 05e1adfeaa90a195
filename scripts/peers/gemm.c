// SPDX-License-Identifier: MIT
/*
 * GEMM rates of the libraries that knlp could stand on, at its own shapes.
 *
 *	gemm cblas LIBRARY.so  lib|tile THREADS
 *	gemm f32|bf16|packed - lib|tile THREADS
 *
 * The first form opens any library with a CBLAS interface, the second is
 * oneDNN: fp32, bf16 factors with an fp32 result, and bf16 with the second
 * factor in the layout that oneDNN prefers (the packing is not timed).
 *
 * "lib" makes one call per product and lets the library use THREADS threads.
 * "tile" keeps the library single-threaded, cuts C into tiles whose size
 * depends on the shape only, and hands them to THREADS threads of our own:
 * what knlp does, because its results must not depend on the thread count.
 * An attention shape is a batch of independent heads; "lib" loops over them.
 *
 * Every figure is the median of at least REPS_MIN runs after a warm-up. Some
 * elements of each result are checked against a plain loop.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dnnl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPS_MIN	5
#define REPS_MAX	101
#define SECONDS_MIN	0.15
#define MAX_THREADS	16
#define MAX_KINDS	4	/* inner, right edge, lower edge, corner */

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };	/* CBLAS's values */

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k,
		      float alpha, const float *a, int lda, const float *b,
		      int ldb, float beta, float *c, int ldc);

struct shape {
	const char *what;
	long m, n, k;
	char ta, tb;		/* 'N' or 'T' */
	int batch;		/* independent products of this shape */
};

#define LINEAR(what, rows, out, in)					\
	{ what " fwd", rows, out, in, 'N', 'T', 1 },			\
	{ what " dx", rows, in, out, 'N', 'N', 1 },			\
	{ what " dw", out, in, rows, 'T', 'N', 1 }
#define HEADS(what, T, batch)						\
	{ what " qk", T, T, 64, 'N', 'T', batch },			\
	{ what " pv", T, 64, T, 'N', 'N', batch },			\
	{ what " dk", T, 64, T, 'T', 'N', batch }

static const struct shape shapes[] = {
	LINEAR("6x384 qkv", 4096, 1152, 384),
	LINEAR("6x384 proj", 4096, 384, 384),
	LINEAR("6x384 fc", 4096, 1536, 384),
	LINEAR("6x384 fc2", 4096, 384, 1536),
	LINEAR("6x384 head", 4096, 257, 384),
	LINEAR("124M qkv", 1024, 2304, 768),
	LINEAR("124M proj", 1024, 768, 768),
	LINEAR("124M fc", 1024, 3072, 768),
	LINEAR("124M fc2", 1024, 768, 3072),
	LINEAR("124M head", 1024, 50257, 768),
	LINEAR("124M B4T64 qkv", 256, 2304, 768),
	LINEAR("124M B4T64 proj", 256, 768, 768),
	LINEAR("124M B4T64 fc", 256, 3072, 768),
	LINEAR("124M B4T64 fc2", 256, 768, 3072),
	LINEAR("124M head/4", 256, 50257, 768),
	HEADS("T256 attn", 256, 96),
	HEADS("T1024 attn", 1024, 12),
};

struct job {
	struct shape s;
	long tm, tn;		/* tile */
	const char *a, *b;	/* float or bf16 */
	float *c;
	size_t elem;		/* bytes of a factor's element */
};

struct worker {
	pthread_t id;
	dnnl_stream_t stream;
	dnnl_primitive_t prim[MAX_KINDS];
	dnnl_memory_t src[MAX_KINDS], wei[MAX_KINDS], dst[MAX_KINDS];
	long kind_m[MAX_KINDS], kind_n[MAX_KINDS];
	int kinds;
};

static struct {
	int use_dnnl, bf16, packed, tile, threads;
	sgemm_fn *sgemm;
	dnnl_engine_t engine;
	void (*omp_threads)(int n);
	struct worker worker[MAX_THREADS];
	struct job job;
	void *packed_b;
	size_t packed_stride;
	atomic_long next, done, round;
} g;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "gemm: %s: %s\n", what, why ? why : "failed");
	exit(1);
}

static void check(dnnl_status_t status, const char *what)
{
	if (status != dnnl_success)
		die(what, status == dnnl_unimplemented ? "not implemented" :
		    NULL);
}

static long lda(const struct shape *s)
{
	return s->ta == 'N' ? s->k : s->m;
}

static long ldb(const struct shape *s)
{
	return s->tb == 'N' ? s->n : s->k;
}

static uint16_t to_bf16(float f)
{
	uint32_t u;

	memcpy(&u, &f, 4);
	return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

static float from_bf16(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, 4);
	return f;
}

static float factor(const char *p, size_t i)
{
	return g.bf16 ? from_bf16(((const uint16_t *)p)[i]) :
			((const float *)p)[i];
}

static char *factor_new(size_t n, uint32_t seed)
{
	size_t elem = g.bf16 ? 2 : 4;
	char *p = aligned_alloc(64, (n * elem + 63) / 64 * 64);

	if (!p)
		die("memory", NULL);
	for (size_t i = 0; i < n; i++) {
		float f;

		seed = seed * 1664525u + 1013904223u;
		f = (float)(seed >> 8) / (1 << 23) - 1.0f;
		if (g.bf16)
			((uint16_t *)p)[i] = to_bf16(f);
		else
			((float *)p)[i] = f;
	}
	return p;
}

/* Any layout of @n bf16 values with its padding; the values do not matter. */
static void *packed_new(size_t n)
{
	size_t bytes = 4 * n + ((size_t)1 << 24);
	void *p = aligned_alloc(64, bytes);

	if (!p)
		die("memory", NULL);
	return memset(p, 0x3e, bytes);
}

static void desc_2d(dnnl_memory_desc_t *d, long rows, long cols, long ld,
		    int trans, dnnl_data_type_t type)
{
	dnnl_dims_t dims = { rows, cols };
	dnnl_dims_t strides = { trans ? 1 : ld, trans ? ld : 1 };

	check(dnnl_memory_desc_init_by_strides(d, 2, dims, type, strides),
	      "memory descriptor");
}

/* The primitive of one tile size, made on the thread that will run it. */
static int kind_new(struct worker *w, long m, long n)
{
	const struct shape *s = &g.job.s;
	dnnl_data_type_t type = g.bf16 ? dnnl_bf16 : dnnl_f32;
	dnnl_memory_desc_t a, b, c;
	dnnl_dims_t dims = { s->k, n };
	dnnl_matmul_desc_t md;
	dnnl_primitive_desc_t pd;
	int i = w->kinds++;

	desc_2d(&a, m, s->k, lda(s), s->ta == 'T', type);
	desc_2d(&b, s->k, n, ldb(s), s->tb == 'T', type);
	desc_2d(&c, m, n, s->n, 0, dnnl_f32);
	if (g.packed)
		check(dnnl_memory_desc_init_by_tag(&b, 2, dims, type,
						   dnnl_format_tag_any), "any");
	check(dnnl_matmul_desc_init(&md, &a, &b, NULL, &c), "matmul");
	check(dnnl_primitive_desc_create(&pd, &md, NULL, g.engine, NULL),
	      "primitive descriptor");
	check(dnnl_primitive_create(&w->prim[i], pd), "primitive");
	b = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
	if (g.packed)
		g.packed_stride = dnnl_memory_desc_get_size(&b);
	check(dnnl_memory_create(&w->src[i], &a, g.engine, NULL), "source");
	check(dnnl_memory_create(&w->wei[i], &b, g.engine, NULL), "weights");
	check(dnnl_memory_create(&w->dst[i], &c, g.engine, NULL), "result");
	dnnl_primitive_desc_destroy(pd);
	w->kind_m[i] = m;
	w->kind_n[i] = n;
	return i;
}

static void kinds_free(struct worker *w)
{
	for (int i = 0; i < w->kinds; i++) {
		dnnl_primitive_destroy(w->prim[i]);
		dnnl_memory_destroy(w->src[i]);
		dnnl_memory_destroy(w->wei[i]);
		dnnl_memory_destroy(w->dst[i]);
	}
	w->kinds = 0;
}

static void tile_dnnl(struct worker *w, long m, long n, const char *a,
		      const char *b, float *c)
{
	dnnl_exec_arg_t args[3];
	int i;

	for (i = 0; i < w->kinds; i++)
		if (w->kind_m[i] == m && w->kind_n[i] == n)
			break;
	if (i == w->kinds)
		i = kind_new(w, m, n);
	dnnl_memory_set_data_handle(w->src[i], (void *)a);
	dnnl_memory_set_data_handle(w->wei[i], (void *)b);
	dnnl_memory_set_data_handle(w->dst[i], c);
	args[0] = (dnnl_exec_arg_t){ DNNL_ARG_SRC, w->src[i] };
	args[1] = (dnnl_exec_arg_t){ DNNL_ARG_WEIGHTS, w->wei[i] };
	args[2] = (dnnl_exec_arg_t){ DNNL_ARG_DST, w->dst[i] };
	check(dnnl_primitive_execute(w->prim[i], w->stream, 3, args), "run");
	dnnl_stream_wait(w->stream);
}

static long tile_count(void)
{
	const struct job *j = &g.job;

	return (j->s.m + j->tm - 1) / j->tm * ((j->s.n + j->tn - 1) / j->tn) *
	       j->s.batch;
}

/* Tile number @t of the job, counted over heads, then rows, then columns. */
static void tile_run(struct worker *w, long t)
{
	const struct job *j = &g.job;
	const struct shape *s = &j->s;
	long cols = (s->n + j->tn - 1) / j->tn;
	long rows = (s->m + j->tm - 1) / j->tm;
	long head = t / (rows * cols);
	long m0 = t / cols % rows * j->tm, n0 = t % cols * j->tn;
	long m = s->m - m0 < j->tm ? s->m - m0 : j->tm;
	long n = s->n - n0 < j->tn ? s->n - n0 : j->tn;
	const char *a = j->a + j->elem * (head * s->m * s->k +
					  (s->ta == 'N' ? m0 * s->k : m0));
	const char *b = j->b + j->elem * (head * s->n * s->k +
					  (s->tb == 'N' ? n0 : n0 * s->k));
	float *c = j->c + head * s->m * s->n + m0 * s->n + n0;

	if (g.packed)
		b = (char *)g.packed_b + (head * cols + t % cols) *
		    g.packed_stride;
	if (g.use_dnnl)
		tile_dnnl(w, m, n, a, b, c);
	else
		g.sgemm(ROW_MAJOR, s->ta == 'N' ? NO_TRANS : TRANS,
			s->tb == 'N' ? NO_TRANS : TRANS, m, n, s->k, 1.0f,
			(const float *)a, lda(s), (const float *)b, ldb(s),
			0.0f, c, s->n);
}

static void tiles_take(struct worker *w)
{
	long count = tile_count(), t;

	while ((t = atomic_fetch_add(&g.next, 1)) < count)
		tile_run(w, t);
}

/* Waits by spinning, so that waking up is not part of the figure. */
static void wait_for(atomic_long *value, long wanted)
{
	for (long i = 0; atomic_load(value) < wanted; i++)
		if (i > 20000)
			sched_yield();
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	if (g.omp_threads)
		g.omp_threads(1);
	for (long round = 1;; round++) {
		wait_for(&g.round, round);
		if (!g.job.a) {
			kinds_free(w);
			if (g.job.tm < 0)
				return NULL;
		} else {
			tiles_take(w);
		}
		atomic_fetch_add(&g.done, 1);
	}
}

/* One round: every thread takes tiles, or frees its primitives if no job. */
static void round_run(void)
{
	int others = g.tile ? g.threads - 1 : 0;

	atomic_store(&g.next, 0);
	atomic_store(&g.done, 0);
	atomic_fetch_add(&g.round, 1);
	if (g.job.a)
		tiles_take(&g.worker[0]);
	else
		kinds_free(&g.worker[0]);
	if (g.job.tm >= 0)
		wait_for(&g.done, others);
}

/*
 * The tile rule: a function of the shape only. Few large tiles keep the
 * library efficient; at least eight of them keep four threads busy. TM and TN
 * in the environment replace it.
 */
static void tile_choose(struct job *j)
{
	const struct shape *s = &j->s;
	const char *tm = getenv("TM"), *tn = getenv("TN");

	j->tm = s->m;
	j->tn = s->n;
	if (!g.tile || s->batch >= 8)
		return;
	j->tm = tm ? atol(tm) : 256;
	j->tn = tn ? atol(tn) : 512;
	if (j->tn > s->n)
		j->tn = s->n;
	if (j->tm > s->m)
		j->tm = s->m;
	if (tm || tn)
		return;
	for (long *side = &j->tn; tile_count() < 8 && *side > 128;
	     side = j->tn > 128 ? &j->tn : &j->tm)
		*side = (*side / 2 + 63) / 64 * 64;
}

static int result_wrong(void)
{
	const struct job *j = &g.job;
	const struct shape *s = &j->s;

	for (int i = 0; i < 32; i++) {
		long head = i % s->batch, m = s->m * i / 32;
		long n = (s->n - 1) * (31 - i) / 31;
		size_t a = head * s->m * s->k, b = head * s->n * s->k;
		double sum = 0;

		for (long k = 0; k < s->k; k++)
			sum += (double)factor(j->a, a + (s->ta == 'N' ?
					m * s->k + k : k * s->m + m)) *
			       factor(j->b, b + (s->tb == 'N' ?
					k * s->n + n : n * s->k + k));
		if (fabs(sum - j->c[head * s->m * s->n + m * s->n + n]) >
		    1e-3 * sqrt(s->k))
			return 1;
	}
	return 0;
}

static int by_value(const void *x, const void *y)
{
	double d = *(const double *)x - *(const double *)y;

	return (d > 0) - (d < 0);
}

static double measure(void)
{
	double seconds[REPS_MAX], total = 0, begin;
	int n = 0;

	round_run();
	while (n < REPS_MAX && (n < REPS_MIN || total < SECONDS_MIN)) {
		begin = now();
		round_run();
		seconds[n] = now() - begin;
		total += seconds[n++];
	}
	qsort(seconds, n, sizeof(*seconds), by_value);
	return seconds[n / 2];
}

static void shape_measure(const struct shape *s)
{
	struct job *j = &g.job;
	double flops = 2.0 * s->m * s->n * s->k * s->batch, load = 0, seconds;
	int wrong;

	*j = (struct job){ .s = *s, .elem = g.bf16 ? 2 : 4 };
	tile_choose(j);
	j->b = factor_new((size_t)s->n * s->k * s->batch, 2);
	j->c = aligned_alloc(64, ((size_t)s->m * s->n * s->batch * 4 + 63) /
			     64 * 64);
	if (g.packed)
		g.packed_b = packed_new((size_t)s->n * s->k * s->batch);
	if (!j->c)
		die("memory", NULL);
	j->a = factor_new((size_t)s->m * s->k * s->batch, 1);
	getloadavg(&load, 1);
	seconds = measure();
	wrong = !g.packed && result_wrong();
	printf("%-20s %5ldx%5ldx%5ld %c%c  %4ldx%5ld  %8.1f  %.2f%s\n",
	       s->what, s->m, s->n, s->k, s->ta, s->tb, j->tm, j->tn,
	       flops / seconds * 1e-9, load, wrong ? "  WRONG" : "");
	fflush(stdout);
	free((void *)j->a);
	free((void *)j->b);
	free(j->c);
	free(g.packed_b);
	g.packed_b = NULL;
	j->a = NULL;
	round_run();
}

static void threads_set(void *lib, int n)
{
	static const char *const names[] = {
		"openblas_set_num_threads", "MKL_Set_Num_Threads",
	};
	void (*set)(int);
	void (*bli_set)(long);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		*(void **)&set = dlsym(lib, names[i]);
		if (set)
			set(n);
	}
	*(void **)&bli_set = dlsym(lib, "bli_thread_set_num_threads");
	if (bli_set)
		bli_set(n);
}

static void name_print(void *lib)
{
	static const char *const names[] = {
		"openblas_get_config", "bli_info_get_version_str",
	};
	char *(*config)(void);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		*(void **)&config = dlsym(lib, names[i]);
		if (config)
			printf("# %s\n", config());
	}
	*(void **)&config = dlsym(lib, "openblas_get_corename");
	if (config)
		printf("# core %s\n", config());
}

static void library_open(const char *kind, const char *path)
{
	const char *fn = getenv("SGEMM") ? getenv("SGEMM") : "cblas_sgemm";
	void *lib;

	g.use_dnnl = strcmp(kind, "cblas") != 0;
	g.packed = !strcmp(kind, "packed");
	g.bf16 = g.packed || !strcmp(kind, "bf16");
	if (g.use_dnnl) {
		printf("# oneDNN %d.%d.%d isa %#x\n",
		       dnnl_version()->major, dnnl_version()->minor,
		       dnnl_version()->patch, dnnl_get_effective_cpu_isa());
		check(dnnl_engine_create(&g.engine, dnnl_cpu, 0), "engine");
		for (int i = 0; i < g.threads; i++)
			check(dnnl_stream_create(&g.worker[i].stream, g.engine,
						 dnnl_stream_default_flags),
			      "stream");
	} else {
		lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
		if (!lib)
			die(path, dlerror());
		*(void **)&g.sgemm = dlsym(lib, fn);
		if (!g.sgemm)
			die(path, "no cblas_sgemm");
		name_print(lib);
		threads_set(lib, g.tile ? 1 : g.threads);
	}
	*(void **)&g.omp_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
	if (g.omp_threads)
		g.omp_threads(g.tile ? 1 : g.threads);
}

/* ONLY=6x384_qkv picks the shapes whose names have "6x384 qkv" in them. */
static int wanted(const struct shape *s)
{
	char only[64];

	if (!getenv("ONLY"))
		return 1;
	snprintf(only, sizeof(only), "%s", getenv("ONLY"));
	for (char *p = only; *p; p++)
		if (*p == '_')
			*p = ' ';
	return strstr(s->what, only) != NULL;
}

int main(int argc, char **argv)
{
	if (argc != 5 || atoi(argv[4]) < 1 || atoi(argv[4]) > MAX_THREADS) {
		fprintf(stderr, "usage: gemm cblas|f32|bf16|packed LIBRARY|- "
			"lib|tile THREADS\n");
		return 2;
	}
	g.tile = !strcmp(argv[3], "tile");
	g.threads = atoi(argv[4]);
	library_open(argv[1], argv[2]);
	for (int i = 1; g.tile && i < g.threads; i++)
		pthread_create(&g.worker[i].id, NULL, worker_main,
			       &g.worker[i]);
	printf("%-20s %5s %5s %5s     %10s  %8s  load\n", "what", "M", "N",
	       "K", "tile", "GFLOP/s");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (wanted(&shapes[i]))
			shape_measure(&shapes[i]);
	g.job.tm = -1;
	round_run();
	for (int i = 1; g.tile && i < g.threads; i++)
		pthread_join(g.worker[i].id, NULL);
	return 0;
}
