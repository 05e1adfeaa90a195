// SPDX-License-Identifier: MIT
/*
 * The loss, chunk by chunk of rows: logits of one chunk by GEMM into scratch, there
 * turned into their gradients row by row, then two GEMMs for dW and dx.
 */
#include "ops/linear-cross-entropy.h"

#include <math.h>
#include <string.h>

#include "arch/cpu/accumulate.h"
#include "arch/cpu/convert.h"
#include "arch/cpu/gemm.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"

enum { X, W, TARGETS, LOSS_SCALE, PREV, FLAG, KEY };
enum { LOSS, DX, DW };

/*
 * Rows of a chunk, whose logits lie in scratch: 206 MB with GPT-2's vocabulary.  Each chunk
 * packs all of W twice and reads and writes all of dW; with 256 rows that took 10 % longer.
 */
#define CHUNK_ROWS 1024

struct job {
	const struct linear_cross_entropy_attr *attr;
	int64_t rows, v, n;		/* of all chunks, vocabulary, width */
	int64_t begin, end;		/* rows with a label lie in [begin, end) */
	const void *x, *w;		/* (rows, n), (v, n) */
	enum dtype x_type, w_type;
	const int32_t *targets;		/* (rows) */
	float *loss, *dw;		/* (rows), (v, n); dw and dx NULL in eval */
	void *dx;			/* (rows, n), of x's type */
	float scale;
	struct rng labels;
	int64_t first, count;		/* rows of this chunk */
	float *z;			/* (chunk, v) */
	float *x_squares;		/* (chunk, n), if dw is of squares */
	float *scratch;
};

/* ---- one row ------------------------------------------------------------------------- */

#define BLOCK 1024	/* logits whose exponentials are summed in fp32 */

SIMD_CLONES static void row_cap(float *z, float cap, int64_t v)
{
	for (int64_t i = 0; i < v; i++)
		z[i] = cap * vm_tanhf(z[i] / cap);
}

SIMD_CLONES static float row_max(const float *z, int64_t v)
{
	float max[LANES], best = -INFINITY;
	int64_t i = 0;

	for (int l = 0; l < LANES; l++)
		max[l] = -INFINITY;
	for (; i + LANES <= v; i += LANES)
		for (int l = 0; l < LANES; l++)
			max[l] = z[i + l] > max[l] ? z[i + l] : max[l];
	for (; i < v; i++)
		best = z[i] > best ? z[i] : best;
	for (int l = 0; l < LANES; l++)
		best = max[l] > best ? max[l] : best;
	return best;
}

/* Sum of e^(z - max) over at most BLOCK logits. */
SIMD_CLONES static double block_sum(const float *z, float max, int64_t v)
{
	float sum[LANES] = { 0 };
	double total = 0;
	int64_t i = 0;

	for (; i + LANES <= v; i += LANES)
		for (int l = 0; l < LANES; l++)
			sum[l] += vm_expf(z[i + l] - max);
	for (; i < v; i++)
		total += vm_expf(z[i] - max);
	for (int l = 0; l < LANES; l++)
		total += sum[l];
	return total;
}

static double sum_from(const float *z, float max, int64_t v, int64_t at)
{
	return block_sum(z + at, max, v - at < BLOCK ? v - at : BLOCK);
}

/* The first label whose cumulated e^(z - max) exceeds @wanted: whole blocks first. */
static int64_t draw(const float *z, float max, int64_t v, double wanted)
{
	double sum = 0, block;
	int64_t at = 0;

	for (; at + BLOCK < v; at += BLOCK) {
		block = sum_from(z, max, v, at);
		if (sum + block > wanted)
			break;
		sum += block;
	}
	for (; at < v - 1; at++) {
		sum += vm_expf(z[at] - max);
		if (sum > wanted)
			break;
	}
	return at;
}

/* Capped logits to scale * softmax, times the cap's slope if there is one. */
SIMD_CLONES static void row_softmax(float *z, float max, float factor, float cap, int64_t v)
{
	if (cap > 0)
		for (int64_t i = 0; i < v; i++) {
			float t = z[i] / cap;

			z[i] = factor * vm_expf(z[i] - max) * (1 - t * t);
		}
	else
		for (int64_t i = 0; i < v; i++)
			z[i] = factor * vm_expf(z[i] - max);
}

/* Logits @z become the gradient of the scaled loss. */
static void row_gradient(const struct job *job, float *z, float max, double sum, int64_t label)
{
	float cap = job->attr->softcap, t = cap > 0 ? z[label] / cap : 0;
	double scale = (double)job->scale * (1 - (double)t * t);
	double p = exp((double)z[label] - max) / sum;

	row_softmax(z, max, (float)(job->scale / sum), cap, job->v);
	/* p - 1 by itself: near a sure label the difference would lose its digits in fp32. */
	z[label] = (float)(scale * (p - 1));
}

static void do_row(const struct job *job, int64_t row, float *z)
{
	int64_t label = job->targets[job->first + row];
	float *loss = &job->loss[job->first + row], max;
	double sum = 0;

	if (label < 0) {
		*loss = 0;
		if (job->dx)
			memset(z, 0, job->v * sizeof(*z));
		return;
	}
	if (job->attr->softcap > 0)
		row_cap(z, job->attr->softcap, job->v);
	max = row_max(z, job->v);
	for (int64_t at = 0; at < job->v; at += BLOCK)
		sum += sum_from(z, max, job->v, at);
	if (job->attr->sampled)
		label = draw(z, max, job->v, sum * rng_uniform(&job->labels, job->first + row));
	*loss = (float)(log(sum) + ((double)max - z[label]));
	if (job->dx)
		row_gradient(job, z, max, sum, label);
}

/* Rows of a tile: enough work for a wake-up where the vocabulary is small. */
static int64_t label_rows(int64_t v)
{
	return v < 8192 ? 8192 / v : 1;
}

static void rows_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t per = label_rows(job->v), first = tile * per, last = first + per;

	for (int64_t r = first; r < (last < job->count ? last : job->count); r++)
		do_row(job, r, job->z + r * job->v);
}

/* ---- chunks ---------------------------------------------------------------------------- */

/*
 * Also finds where labels begin and end: ignored rows before and after are left out.  Where one
 * token of a sequence counts, as for the Fisher information of single tokens, its head alone
 * would cost as much as all layers.
 */
static int check_targets(const struct call *c, struct job *job)
{
	for (int64_t r = 0; r < job->rows; r++) {
		if (job->targets[r] < -1 || job->targets[r] >= job->v)
			return fail(-EINVAL, "%s: target %d of row %lld: must be -1 (ignored) or "
				    "from 0 to %lld", c->op->name, job->targets[r], (long long)r,
				    (long long)job->v - 1);
		if (job->targets[r] < 0)
			continue;
		if (!job->end)
			job->begin = r;
		job->end = r + 1;
	}
	return 0;
}

/* The rows of this chunk in @x, which is like x. */
static const void *chunk_of(const struct job *job, const void *x)
{
	return data_at(x, job->x_type, job->first * job->n);
}

/* z = x w^T */
static int chunk_logits(const struct job *job)
{
	return gemm_run(&(struct gemm){
		.m = job->count, .n = job->v, .k = job->n,
		.a = chunk_of(job, job->x), .a_row = job->n, .a_col = 1, .a_type = job->x_type,
		.b = job->w, .b_row = 1, .b_col = job->n, .b_type = job->w_type,
		.c = job->z, .c_row = job->v,
		.scratch = job->scratch,
	});
}

/* dw = [dw +] dz^T x; of squares, which have replaced z, with those of x. */
static int chunk_dw(const struct job *job, bool add)
{
	bool squares = job->attr->squares;

	return gemm_run(&(struct gemm){
		.m = job->v, .n = job->n, .k = job->count,
		.a = job->z, .a_row = 1, .a_col = job->v,
		.b = squares ? job->x_squares : chunk_of(job, job->x),
		.b_row = job->n, .b_col = 1, .b_type = squares ? DT_F32 : job->x_type,
		.round = !squares,
		.c = job->dw, .c_row = job->n,
		.add = add,
		.scratch = job->scratch,
	});
}

/* dx = dz w, which may take the place of x. */
static int chunk_dx(const struct job *job)
{
	return gemm_run(&(struct gemm){
		.m = job->count, .n = job->n, .k = job->v,
		.a = job->z, .a_row = job->v, .a_col = 1,
		.b = job->w, .b_row = job->n, .b_col = 1, .b_type = job->w_type,
		.round = true,
		.c = (void *)chunk_of(job, job->dx), .c_row = job->n, .c_type = job->x_type,
		.scratch = job->scratch,
	});
}

SIMD_CLONES static void square(float *to, const float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		to[i] = x[i] * x[i];
}

static void square_z_tile(void *ctx, long row)
{
	const struct job *job = ctx;
	float *z = job->z + row * job->v;

	square(z, z, job->v);
}

static void square_x_tile(void *ctx, long row)
{
	const struct job *job = ctx;
	float *to = job->x_squares + row * job->n;

	widen(data_at(job->x, job->x_type, (job->first + row) * job->n), job->x_type, to, job->n);
	square(to, to, job->n);
}

/* Of squares: x before dx takes its place, dz when dx has been made of it. */
static int chunk_gradients(const struct job *job, bool add)
{
	int ret;

	if (!job->attr->squares) {
		ret = chunk_dw(job, add);
		return ret ? ret : chunk_dx(job);
	}
	threads_run((long)job->count, square_x_tile, (void *)job);
	ret = chunk_dx(job);
	if (ret)
		return ret;
	threads_run((long)job->count, square_z_tile, (void *)job);
	return chunk_dw(job, add);
}

/* What is left out has no loss and no gradients. */
static void ignore_ends(const struct job *job, bool add)
{
	size_t bytes = job->n * dtype_size(job->x_type);

	for (int64_t r = 0; r < job->rows; r++) {
		if (r >= job->begin && r < job->end)
			continue;
		job->loss[r] = 0;
		if (job->dx)
			memset((char *)job->dx + r * bytes, 0, bytes);
	}
	if (job->dw && !add && !job->end)
		memset(job->dw, 0, job->v * job->n * sizeof(*job->dw));
}

static int run_chunks(const struct call *c, struct job *job, bool add)
{
	int64_t chunk = CHUNK_ROWS, per = label_rows(job->v);
	int ret;

	job->rows = layout_rows(&c->in[X]);
	job->x = c->in_data[X];
	job->w = c->in_data[W];
	job->x_type = c->in[X].dtype;
	job->w_type = c->in[W].dtype;
	job->targets = c->in_data[TARGETS];
	job->loss = c->out_data[LOSS];
	ret = check_targets(c, job);
	if (ret)
		return ret;
	ignore_ends(job, add);
	if (chunk > job->end - job->begin)
		chunk = job->end - job->begin;
	job->z = c->scratch;
	job->x_squares = job->z + chunk * job->v;
	job->scratch = job->x_squares + (job->attr->squares ? chunk * job->n : 0);
	for (job->first = job->begin; job->first < job->end && !ret; job->first += chunk) {
		job->count = job->end - job->first < chunk ? job->end - job->first : chunk;
		ret = chunk_logits(job);
		if (ret)
			break;
		threads_run((long)((job->count + per - 1) / per), rows_tile, job);
		if (job->dx)
			ret = chunk_gradients(job, add || job->first > job->begin);
	}
	return ret;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t eval_scratch(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[X]), v = c->in[W].n[0];
	int64_t chunk = CHUNK_ROWS < rows ? CHUNK_ROWS : rows;

	return chunk * v * sizeof(float) + gemm_scratch(chunk, v, c->in[W].n[1], DT_F32);
}

static size_t train_scratch(const struct call *c)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	int64_t rows = layout_rows(&c->in[X]), v = c->in[W].n[0], n = c->in[W].n[1];
	int64_t chunk = CHUNK_ROWS < rows ? CHUNK_ROWS : rows;
	size_t partial = larger(gemm_scratch(chunk, n, v, c->in[X].dtype),
				gemm_scratch(v, n, chunk, DT_F32));

	return chunk * (v + (a->squares ? n : 0)) * sizeof(float) +
	       larger(partial, gemm_scratch(chunk, v, n, DT_F32));
}

static int linear_cross_entropy_plain(const struct call *c)
{
	const struct linear_cross_entropy_attr *a = c->attr;
	struct job job = {
		.attr = a,
		.v = c->in[W].n[0],
		.n = c->in[W].n[1],
		.dx = c->out_data[DX],
		.dw = c->out_data[DW],
		.scale = *(const float *)c->in_data[LOSS_SCALE],
	};

	if (a->sampled) {
		const int64_t *key = c->in_data[KEY];

		job.labels = rng_stream((uint64_t)key[0], "labels", (uint64_t)key[1]);
	}
	return run_chunks(c, &job, call_adds(c, PREV, FLAG, a->accumulate.always_add));
}
KERNEL_REGISTER_AS(linear_cross_entropy_plain, linear_cross_entropy, .arch = "cpu", .rank = 0,
		   .run = linear_cross_entropy_plain, .scratch = train_scratch);

static int linear_cross_entropy_eval_plain(const struct call *c)
{
	struct job job = { .attr = c->attr, .v = c->in[W].n[0], .n = c->in[W].n[1] };

	return run_chunks(c, &job, false);
}
KERNEL_REGISTER_AS(linear_cross_entropy_eval_plain, linear_cross_entropy_eval, .arch = "cpu",
		   .rank = 0, .run = linear_cross_entropy_eval_plain, .scratch = eval_scratch);
