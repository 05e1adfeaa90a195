// SPDX-License-Identifier: MIT
/*
 * Many rows of x, rounded to 8 bits, times weights in blocks: products of bytes with VNNI,
 * summed in integers over a block, then in floats in the order of k.
 */
#include <string.h>

#include "arch/cpu/block-unpack.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qgemm.h"
#include "base/thread.h"

#define VECS (QGEMM_COLS / 16)
#define MOST_ROWS 6	/* of x, at once: 12 sums in integers and 12 in floats */
#define ACT_ROWS 8	/* of x, packed by a tile */
#define LEAST_TILES 16
#define LEAST_ROWS 96	/* of x, that are worth packing a panel of w again */

struct gemm_job {
	const struct qlinear *q;
	struct qgemm_x *x;	/* (blocks of k, rows) */
	int64_t blocks, chunk;
};

static _Thread_local _Alignas(64) struct qgemm_panel panel_of_thread;

/* ---- a micro tile --------------------------------------------------------------------- */

#define FOR_TILE(i, j)								\
	SIMD_UNROLL								\
	for (int i = 0; i < rows; i++)						\
		SIMD_UNROLL							\
		for (int j = 0; j < VECS; j++)

typedef __m512 sums_f[MOST_ROWS][VECS];
typedef __m512i sums_i[MOST_ROWS][VECS];

SIMD_INLINE SIMD_VNNI __m512i four_codes(const int8_t *p)
{
	int32_t x;

	memcpy(&x, p, 4);
	return _mm512_set1_epi32(x);
}

/* @steps groups of four codes from @at on, added to what @part of x begins with. */
SIMD_INLINE SIMD_VNNI void int_sums(int rows, int steps, int at, int part, bool base,
				    const struct qgemm_x *x, const struct qgemm_panel *w,
				    sums_i sum)
{
	FOR_TILE(i, j)
		sum[i][j] = base ? _mm512_set1_epi32(x[i].base[part]) : _mm512_setzero_si512();
	SIMD_UNROLL
	for (int t = 0; t < steps; t++) {
		const int s = at + t;
		__m512i q[VECS];


		SIMD_UNROLL
		for (int j = 0; j < VECS; j++)
			q[j] = _mm512_load_si512(w->codes[s][16 * j]);
		SIMD_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512i a = four_codes(x[i].codes + 4 * s);

			SIMD_KEEP(a);
			SIMD_UNROLL
			for (int j = 0; j < VECS; j++)
				sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], q[j], a);
		}
	}
}

SIMD_INLINE SIMD_VNNI void small_tile(enum dtype type, int rows, int64_t nk,
				      const struct qgemm_x *x, const struct qgemm_panel *w,
				      sums_f sum)
{
	for (int b = 0; b < nk / 32; b++) {
		sums_i part;

		int_sums(rows, 8, 8 * b, b, block_offset(type), x, w, part);
		FOR_TILE(i, j) {
			__m512 d = _mm512_mul_ps(_mm512_load_ps(w->scale[b] + 16 * j),
						 _mm512_set1_ps(x[i].scale[b]));

			sum[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(part[i][j]), d, sum[i][j]);
			if (block_has_min(type))
				sum[i][j] = _mm512_fmadd_ps(_mm512_load_ps(w->min[b] + 16 * j),
							    _mm512_set1_ps(x[i].sum[b]),
							    sum[i][j]);
		}
	}
}

/* sum = d * sum - dmin * (minima times sums of codes) of block @b. */
SIMD_INLINE SIMD_VNNI void super_scale(enum dtype type, int rows, int b,
				       const struct qgemm_x *x, const struct qgemm_panel *w,
				       sums_f sum)
{
	const int pairs = 128 / super_sub(type);
	sums_i min;

	FOR_TILE(i, j)
		sum[i][j] = _mm512_mul_ps(sum[i][j], _mm512_load_ps(w->d[b] + 16 * j));
	if (!block_has_min(type))
		return;
	FOR_TILE(i, j)
		min[i][j] = _mm512_setzero_si512();
	for (int p = b * pairs; p < (b + 1) * pairs; p++)
		FOR_TILE(i, j)
			min[i][j] = _mm512_dpwssd_epi32(min[i][j],
				_mm512_load_si512(w->sub_min[p][16 * j]),
				four_codes((const int8_t *)(x[i].part + 2 * p)));
	FOR_TILE(i, j)
		sum[i][j] = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(min[i][j]),
					     _mm512_load_ps(w->dmin[b] + 16 * j), sum[i][j]);
}

SIMD_INLINE SIMD_VNNI void super_tile(enum dtype type, int rows, int64_t nk,
				      const struct qgemm_x *x, const struct qgemm_panel *w,
				      sums_f sum)
{
	const int steps = qgemm_steps(type), parts = 64 / steps;

	for (int b = 0; b < nk / 256; b++) {
		sums_f block;
		sums_i part;

		FOR_TILE(i, j)
			block[i][j] = _mm512_setzero_ps();
		for (int p = b * parts; p < (b + 1) * parts; p++) {
			int_sums(rows, steps, p * steps, p, qgemm_offset(type), x, w, part);
			FOR_TILE(i, j) {
				__m512 f = _mm512_cvtepi32_ps(part[i][j]);

				block[i][j] = steps == 64 ? f : _mm512_fmadd_ps(f,
					_mm512_load_ps(w->sub[p] + 16 * j), block[i][j]);
			}
		}
		super_scale(type, rows, b, x, w, block);
		FOR_TILE(i, j)
			sum[i][j] = _mm512_fmadd_ps(block[i][j], _mm512_set1_ps(x[i].scale[b]),
						    sum[i][j]);
	}
}

/* @rows of y from @y on, of which the columns of @mask: y = [y +] x w^T. */
SIMD_INLINE SIMD_VNNI void tile(enum dtype type, int rows, int64_t nk, const struct qgemm_x *x,
				const struct qgemm_panel *w, float *y, int64_t n, uint32_t mask,
				bool add)
{
	__mmask16 m[VECS] = { (__mmask16)mask, (__mmask16)(mask >> 16) };
	sums_f sum;

	FOR_TILE(i, j)
		sum[i][j] = _mm512_setzero_ps();
	if (block_is_super(type))
		super_tile(type, rows, nk, x, w, sum);
	else
		small_tile(type, rows, nk, x, w, sum);
	FOR_TILE(i, j) {
		float *to = y + i * n + 16 * j;

		if (add)
			sum[i][j] = _mm512_add_ps(sum[i][j], _mm512_maskz_loadu_ps(m[j], to));
		_mm512_mask_storeu_ps(to, m[j], sum[i][j]);
	}
}

SIMD_INLINE SIMD_VNNI void tiles(enum dtype type, int64_t rows, int64_t nk,
				 const struct qgemm_x *x, const struct qgemm_panel *w, float *y,
				 int64_t n, uint32_t mask, bool add)
{
	int64_t i = 0;

	for (; i + MOST_ROWS <= rows; i += MOST_ROWS)
		tile(type, MOST_ROWS, nk, x + i, w, y + i * n, n, mask, add);
	for (; i + 2 <= rows; i += 2)
		tile(type, 2, nk, x + i, w, y + i * n, n, mask, add);
	if (i < rows)
		tile(type, 1, nk, x + i, w, y + i * n, n, mask, add);
}

typedef void (*tiles_fn)(int64_t rows, int64_t nk, const struct qgemm_x *x,
			 const struct qgemm_panel *w, float *y, int64_t n, uint32_t mask,
			 bool add);

#define TILES(name, type)								\
static SIMD_VNNI void tiles_##name(int64_t rows, int64_t nk, const struct qgemm_x *x,	\
				   const struct qgemm_panel *w, float *y, int64_t n,	\
				   uint32_t mask, bool add)				\
{											\
	tiles(type, rows, nk, x, w, y, n, mask, add);					\
}
TILES(offset, DT_Q4_0)		/* and all that have a scale and an offset */
TILES(min, DT_Q4_1)		/* and Q5_1 */
TILES(q2_k, DT_Q2_K)
TILES(q3_k, DT_Q3_K)
TILES(q4_k, DT_Q4_K)		/* and Q5_K */
TILES(q6_k, DT_Q6_K)

static const tiles_fn functions[DT_COUNT] = {
	[DT_Q4_0] = tiles_offset, [DT_Q5_0] = tiles_offset, [DT_Q8_0] = tiles_offset,
	[DT_IQ4_NL] = tiles_offset, [DT_Q4_1] = tiles_min, [DT_Q5_1] = tiles_min,
	[DT_Q2_K] = tiles_q2_k, [DT_Q3_K] = tiles_q3_k, [DT_Q4_K] = tiles_q4_k,
	[DT_Q5_K] = tiles_q4_k, [DT_Q6_K] = tiles_q6_k,
};

/* ---- the grid --------------------------------------------------------------------------- */

static void pack_tile(void *ctx, long index)
{
	const struct gemm_job *job = ctx;
	const struct qlinear *q = job->q;
	int64_t first = index * ACT_ROWS;

	for (int64_t r = first; r < chunk_end(q->rows, ACT_ROWS, first); r++)
		for (int64_t b = 0; b < job->blocks; b++) {
			int64_t k = b * QGEMM_K;

			qgemm_pack_x(q->type, q->x + r * q->k + k,
				     chunk_end(q->k, QGEMM_K, k) - k, job->x + b * q->rows + r);
		}
}

/* A panel of columns and a chunk of rows. */
static void gemm_tile(void *ctx, long index)
{
	const struct gemm_job *job = ctx;
	const struct qlinear *q = job->q;
	long panels = chunk_count(q->n, QGEMM_COLS);
	int64_t col = index % panels * QGEMM_COLS, row = index / panels * job->chunk;
	int64_t rows = chunk_end(q->rows, job->chunk, row) - row;
	int cols = (int)(chunk_end(q->n, QGEMM_COLS, col) - col);
	float *y = q->y + row * q->n + col;

	for (int64_t b = 0; b < job->blocks; b++) {
		int64_t k = b * QGEMM_K, nk = chunk_end(q->k, QGEMM_K, k) - k;

		qgemm_pack_w(q->type, qlinear_row(q, col) + dtype_bytes(q->type, k),
			     dtype_bytes(q->type, q->k), cols, nk, &panel_of_thread);
		functions[q->type](rows, nk, job->x + b * q->rows + row, &panel_of_thread, y,
				   q->n, (uint32_t)(((uint64_t)1 << cols) - 1), b > 0);
	}
	for (int64_t r = 0; r < rows && q->bias; r++)
		for (int j = 0; j < cols; j++)
			y[r * q->n + j] += q->bias[col + j];
}

/* Few columns: rows are cut as well, so that there is something for each thread. */
static int64_t rows_of_tile(const struct qlinear *q)
{
	long panels = chunk_count(q->n, QGEMM_COLS);
	int64_t chunk = (q->rows * panels + LEAST_TILES - 1) / LEAST_TILES;

	chunk = (chunk + MOST_ROWS - 1) / MOST_ROWS * MOST_ROWS;
	if (panels >= LEAST_TILES || chunk > q->rows)
		return q->rows;
	return chunk < LEAST_ROWS ? LEAST_ROWS : chunk;
}

void qlinear_gemm(const struct qlinear *q)
{
	struct gemm_job job = {
		.q = q, .x = (struct qgemm_x *)q->scratch,
		.blocks = chunk_count(q->k, QGEMM_K), .chunk = rows_of_tile(q),
	};

	threads_run(chunk_count(q->rows, ACT_ROWS), pack_tile, &job);
	threads_run(chunk_count(q->n, QGEMM_COLS) * chunk_count(q->rows, job.chunk), gemm_tile,
		    &job);
}

size_t qlinear_gemm_scratch(const struct qlinear *q)
{
	return q->rows * chunk_count(q->k, QGEMM_K) * sizeof(struct qgemm_x);
}
