// SPDX-License-Identifier: MIT
/*
 * Products by oneDNN: f32, and bf16 where the processor multiplies it.
 */
#include <dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cpu/gemm-library.h"
#include "arch/cpu/simd.h"
#include "base/build-info.h"
#include "base/fail.h"

/* oneDNN of Debian computes with OpenMP's threads, and each thread asks for its own number. */
void omp_set_num_threads(int nr);

#define KEPT 64		/* primitives of a thread: a step has about 30 shapes of tiles */

/** struct product - a primitive, for parts that differ in nothing but their addresses. */
struct product {
	struct gemm_part like;	/* its addresses are unset */
	dnnl_primitive_t run;
	dnnl_memory_t a, b, c;
	unsigned long used;
};

/** struct worker - what a thread has made. */
struct worker {
	dnnl_stream_t stream;
	struct product kept[KEPT];
	unsigned long clock;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static dnnl_engine_t engine;
static bool started;

static void drop(struct product *p)
{
	if (!p->run)
		return;
	dnnl_primitive_destroy(p->run);
	dnnl_memory_destroy(p->a);
	dnnl_memory_destroy(p->b);
	dnnl_memory_destroy(p->c);
	memset(p, 0, sizeof(*p));
}

static void worker_free(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < KEPT; i++)
		drop(&w->kept[i]);
	dnnl_stream_destroy(w->stream);
	free(w);
}

/* Threads free what they have at their end; the first thread's end is the program's. */
static void at_exit(void)
{
	struct worker *w = pthread_getspecific(key);

	if (w)
		worker_free(w);
	pthread_setspecific(key, NULL);
	dnnl_engine_destroy(engine);
}

static void start(void)
{
	if (pthread_key_create(&key, worker_free))
		return;
	started = dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success;
	if (started)
		atexit(at_exit);
}

static struct worker *this_worker(void)
{
	struct worker *w;

	pthread_once(&once, start);
	if (!started)
		return NULL;
	w = pthread_getspecific(key);
	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w || dnnl_stream_create(&w->stream, engine, dnnl_stream_default_flags)) {
		free(w);
		return NULL;
	}
	omp_set_num_threads(1);
	pthread_setspecific(key, w);
	return w;
}

static bool describe(dnnl_memory_desc_t *d, int64_t rows, int64_t cols, int64_t row, int64_t col,
		     enum dtype type)
{
	dnnl_dims_t dims = { rows, cols }, strides = { row, col };

	return dnnl_memory_desc_init_by_strides(d, 2, dims,
						type == DT_BF16 ? dnnl_bf16 : dnnl_f32,
						strides) == dnnl_success;
}

/* Its sum is added to C where the part says so. */
static bool make_attr(dnnl_primitive_attr_t *attr, bool add)
{
	dnnl_post_ops_t post = NULL;
	bool ok = dnnl_primitive_attr_create(attr) == dnnl_success;

	if (!ok || !add)
		return ok;
	ok = dnnl_post_ops_create(&post) == dnnl_success &&
	     dnnl_post_ops_append_sum(post, 1) == dnnl_success &&
	     dnnl_primitive_attr_set_post_ops(*attr, post) == dnnl_success;
	dnnl_post_ops_destroy(post);
	return ok;
}

static bool make(struct product *p, const struct gemm_part *like)
{
	dnnl_memory_desc_t a, b, c;
	dnnl_matmul_desc_t op;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_primitive_attr_t attr = NULL;
	bool ok = make_attr(&attr, like->add) &&
		  describe(&a, like->m, like->k, like->a_row, like->a_col, like->type) &&
		  describe(&b, like->k, like->n, like->b_row, like->b_col, like->type) &&
		  describe(&c, like->m, like->n, like->c_row, 1, DT_F32) &&
		  dnnl_matmul_desc_init(&op, &a, &b, NULL, &c) == dnnl_success &&
		  dnnl_primitive_desc_create(&pd, &op, attr, engine, NULL) == dnnl_success &&
		  dnnl_primitive_create(&p->run, pd) == dnnl_success;

	if (pd)
		dnnl_primitive_desc_destroy(pd);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	p->like = *like;
	return ok && dnnl_memory_create(&p->a, &a, engine, DNNL_MEMORY_NONE) == dnnl_success &&
	       dnnl_memory_create(&p->b, &b, engine, DNNL_MEMORY_NONE) == dnnl_success &&
	       dnnl_memory_create(&p->c, &c, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool same(const struct gemm_part *a, const struct gemm_part *b)
{
	return a->m == b->m && a->n == b->n && a->k == b->k && a->a_row == b->a_row &&
	       a->a_col == b->a_col && a->b_row == b->b_row && a->b_col == b->b_col &&
	       a->c_row == b->c_row && a->type == b->type && a->add == b->add;
}

/* The primitive for parts like @part; the one that was not used longest makes room. */
static struct product *find(struct worker *w, const struct gemm_part *part)
{
	struct product *oldest = &w->kept[0];

	for (int i = 0; i < KEPT; i++) {
		struct product *p = &w->kept[i];

		if (p->run && same(&p->like, part))
			return p;
		if (p->used < oldest->used)
			oldest = p;
	}
	drop(oldest);
	if (make(oldest, part))
		return oldest;
	drop(oldest);
	return NULL;
}

static int multiply(const struct gemm_part *part)
{
	struct worker *w = this_worker();
	struct product *p = w ? find(w, part) : NULL;
	dnnl_exec_arg_t args[3];

	if (!p)
		return fail(-ENOMEM, "oneDNN has no memory or no code for a product of %lld x "
			    "%lld x %lld; CONFIG_CPU_GEMM_OWN needs neither", (long long)part->m,
			    (long long)part->n, (long long)part->k);
	p->used = ++w->clock;
	args[0] = (dnnl_exec_arg_t){ DNNL_ARG_SRC, p->a };
	args[1] = (dnnl_exec_arg_t){ DNNL_ARG_WEIGHTS, p->b };
	args[2] = (dnnl_exec_arg_t){ DNNL_ARG_DST, p->c };
	if (dnnl_memory_set_data_handle(p->a, (void *)part->a) ||
	    dnnl_memory_set_data_handle(p->b, (void *)part->b) ||
	    dnnl_memory_set_data_handle(p->c, part->c) ||
	    dnnl_primitive_execute(p->run, w->stream, 3, args) || dnnl_stream_wait(w->stream))
		return fail(-EIO, "oneDNN: a product failed");
	return 0;
}

static bool takes(enum dtype type)
{
	return type == DT_F32 || (type == DT_BF16 && simd_level() >= SIMD_LEVEL_AVX512_BF16);
}

const struct gemm_library gemm_library = { .takes = takes, .multiply = multiply };

/* What it chose to compute with, which decides bits: ONEDNN_MAX_CPU_ISA lowers it. */
static const char *instructions(void)
{
	static char number[16];
	dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();

	switch ((int)isa) {
	case dnnl_cpu_isa_sse41:
		return "SSE4.1";
	case dnnl_cpu_isa_avx:
		return "AVX";
	case dnnl_cpu_isa_avx2:
		return "AVX2";
	case dnnl_cpu_isa_avx2_vnni:
		return "AVX2 VNNI";
	case dnnl_cpu_isa_avx512_core:
		return "AVX-512";
	case dnnl_cpu_isa_avx512_core_vnni:
		return "AVX-512 VNNI";
	case dnnl_cpu_isa_avx512_core_bf16:
		return "AVX-512 BF16";
	case dnnl_cpu_isa_avx512_core_amx:
		return "AMX";
	default:	/* of a newer version, or none of these processors */
		snprintf(number, sizeof(number), "ISA %#x", (unsigned)isa);
		return number;
	}
}

static const char *version(void)
{
	static char text[60];
	const dnnl_version_t *v = dnnl_version();

	snprintf(text, sizeof(text), "%d.%d.%d (%s)", v->major, v->minor, v->patch,
		 instructions());
	return text;
}

static const struct library onednn = { "oneDNN", version, true };
LIBRARY_REGISTER(onednn);
