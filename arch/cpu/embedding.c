// SPDX-License-Identifier: MIT
#include "ops/embedding.h"

#include <string.h>

#include "arch/cpu/accumulate.h"
#include "arch/cpu/convert.h"
#include "base/fail.h"
#include "base/thread.h"

struct job {
	const int32_t *ids;
	int64_t nr_ids, rows, cols;
	const void *from;
	enum dtype from_type, to_type;
	void *to;
	bool add;
};

/* Before anything is read or written through an id. */
static int check_ids(const struct call *c, const struct job *job)
{
	for (int64_t i = 0; i < job->nr_ids; i++)
		if (job->ids[i] < 0 || job->ids[i] >= job->rows)
			return fail(-EINVAL, "%s: id %d at position %lld: must be at least 0 and "
				    "below %lld", c->op->name, job->ids[i], (long long)i,
				    (long long)job->rows);
	return 0;
}

#define GATHER_TOKENS 32	/* per tile */

/* A row through floats, PART at a time. */
static void gather_narrow(const struct job *job, const char *from, void *to)
{
	float part[PART];

	for (int64_t j = 0; j < job->cols; j += PART) {
		int64_t n = chunk_end(job->cols, PART, j) - j;

		widen(from + dtype_bytes(job->from_type, j), job->from_type, part, n);
		narrow(part, job->to_type, (void *)data_at(to, job->to_type, j), n);
	}
}

static void gather_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t first = (int64_t)tile * GATHER_TOKENS, last = first + GATHER_TOKENS;

	for (int64_t i = first; i < (last < job->nr_ids ? last : job->nr_ids); i++) {
		const void *from = (const char *)job->from +
				   dtype_bytes(job->from_type, job->ids[i] * job->cols);
		void *to = (void *)data_at(job->to, job->to_type, i * job->cols);

		if (job->from_type == job->to_type)
			memcpy(to, from, job->cols * (int64_t)dtype_size(job->to_type));
		else if (job->to_type == DT_F32)
			widen(from, job->from_type, to, job->cols);
		else
			gather_narrow(job, from, to);
	}
}

static int embedding_plain(const struct call *c)
{
	struct job job = {
		.ids = c->in_data[1],
		.nr_ids = layout_count(&c->in[1]),
		.rows = c->in[0].n[0],
		.cols = c->in[0].n[1],
		.from = c->in_data[0],
		.from_type = c->in[0].dtype,
		.to_type = c->out[0].dtype,
		.to = c->out_data[0],
	};
	int ret = check_ids(c, &job);

	if (!ret)
		threads_run((long)((job.nr_ids + GATHER_TOKENS - 1) / GATHER_TOKENS), gather_tile,
			    &job);
	return ret;
}
KERNEL_REGISTER_AS(embedding_plain, embedding, .arch = "cpu", .rank = 0, .run = embedding_plain);

/* ---- gradient -------------------------------------------------------------------- */

/*
 * The ids are sorted by row first (each row's in their order), so that a tile owns a range
 * of rows of the table and goes straight to what is added to them: no two tiles write one
 * element, and each element is summed in the order of the ids.  Columns are cut, too: a
 * byte-level table has few rows, and most text hits few of them.
 */
#define SCATTER_COLS 128
#define SCATTER_BLOCKS 64	/* of rows, at most */

struct scatter {
	struct job job;
	int32_t *start;		/* (rows + 1): first place of a row in order */
	int32_t *order;		/* (nr_ids): positions of ids, by row */
};

static int64_t rows_per_block(int64_t rows)
{
	return chunk_count(rows, SCATTER_BLOCKS);
}

static size_t embedding_grad_scratch(const struct call *maximal)
{
	const struct embedding_grad_attr *a = maximal->attr;

	return (a->rows + 1 + layout_count(&maximal->in[1])) * sizeof(int32_t);
}

static void sort_ids(const struct scatter *s)
{
	const struct job *job = &s->job;
	int32_t at = 0;

	memset(s->start, 0, (job->rows + 1) * sizeof(*s->start));
	for (int64_t i = 0; i < job->nr_ids; i++)
		s->start[job->ids[i]]++;
	for (int64_t r = 0; r <= job->rows; r++) {
		int32_t count = s->start[r];

		s->start[r] = at;
		at += count;
	}
	/* Each start moves to the end of its row, which is the start of the next ... */
	for (int64_t i = 0; i < job->nr_ids; i++)
		s->order[s->start[job->ids[i]]++] = (int32_t)i;
	memmove(s->start + 1, s->start, job->rows * sizeof(*s->start));
	s->start[0] = 0;	/* ... and back. */
}

SIMD_CLONES static void add_part(float *to, const void *from, enum dtype type, int64_t n)
{
	if (type == DT_BF16) {
		SIMD_LOOP
		for (int64_t j = 0; j < n; j++)
			to[j] += load_as(DT_BF16, from, j);
	} else {
		SIMD_LOOP
		for (int64_t j = 0; j < n; j++)
			to[j] += load_as(DT_F32, from, j);
	}
}

static void scatter_tile(void *ctx, long tile)
{
	const struct scatter *s = ctx;
	const struct job *job = &s->job;
	int64_t across = chunk_count(job->cols, SCATTER_COLS), per = rows_per_block(job->rows);
	int64_t row = tile / across * per, end = chunk_end(job->rows, per, row);
	int64_t col = tile % across * SCATTER_COLS;
	int64_t cols = chunk_end(job->cols, SCATTER_COLS, col) - col;

	for (; row < end; row++) {
		float *to = (float *)job->to + row * job->cols + col;

		if (!job->add)
			memset(to, 0, cols * sizeof(*to));
		for (int32_t k = s->start[row]; k < s->start[row + 1]; k++)
			add_part(to, data_at(job->from, job->from_type,
					     s->order[k] * job->cols + col), job->from_type, cols);
	}
}

static int embedding_grad_plain(const struct call *c)
{
	const struct embedding_grad_attr *a = c->attr;
	struct scatter s = {
		.job = {
			.ids = c->in_data[1],
			.nr_ids = layout_count(&c->in[1]),
			.rows = a->rows,
			.cols = layout_last(&c->in[0]),
			.from = c->in_data[0],
			.from_type = c->in[0].dtype,
			.to = c->out_data[0],
			.add = call_adds(c, 2, 3, a->accumulate.always_add),
		},
		.start = c->scratch,
		.order = (int32_t *)c->scratch + a->rows + 1,
	};
	int ret = check_ids(c, &s.job);

	if (ret)
		return ret;
	sort_ids(&s);
	threads_run(chunk_count(a->rows, rows_per_block(a->rows)) *
		    chunk_count(s.job.cols, SCATTER_COLS), scatter_tile, &s);
	return 0;
}
KERNEL_REGISTER_AS(embedding_grad_plain, embedding_grad, .arch = "cpu", .rank = 0,
		   .scratch = embedding_grad_scratch, .run = embedding_grad_plain);
