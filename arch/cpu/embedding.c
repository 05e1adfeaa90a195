// SPDX-License-Identifier: MIT
#include "ops/embedding.h"

#include <string.h>

#include "arch/cpu/accumulate.h"
#include "base/fail.h"
#include "base/thread.h"

struct job {
	const int32_t *ids;
	int64_t nr_ids, rows, cols;
	const float *from;
	float *to;
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

static void gather_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t first = (int64_t)tile * GATHER_TOKENS, last = first + GATHER_TOKENS;

	for (int64_t i = first; i < (last < job->nr_ids ? last : job->nr_ids); i++)
		memcpy(job->to + i * job->cols, job->from + job->ids[i] * job->cols,
		       job->cols * sizeof(*job->to));
}

static int embedding_plain(const struct call *c)
{
	struct job job = {
		.ids = c->in_data[1],
		.nr_ids = layout_count(&c->in[1]),
		.rows = c->in[0].n[0],
		.cols = c->in[0].n[1],
		.from = c->in_data[0],
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
 * A tile owns a block of the table and goes through all ids, so no two write one element
 * and each element is summed in the order of the ids.  Columns are cut, too: a byte-level
 * table has few rows, and most text hits few of them.  Blocks of rows are large enough
 * that reading the ids again for each costs little.
 */
#define SCATTER_COLS 128
#define SCATTER_BLOCKS 32	/* of rows, at most */

static int64_t rows_per_block(int64_t rows)
{
	int64_t per = (rows + SCATTER_BLOCKS - 1) / SCATTER_BLOCKS;

	return per < 64 ? 64 : per;
}

static void scatter_tile(void *ctx, long tile)
{
	const struct job *job = ctx;
	int64_t across = (job->cols + SCATTER_COLS - 1) / SCATTER_COLS;
	int64_t per = rows_per_block(job->rows), first = tile / across * per, last = first + per;
	int64_t col = tile % across * SCATTER_COLS;
	int64_t cols = job->cols - col < SCATTER_COLS ? job->cols - col : SCATTER_COLS;

	for (int64_t r = first; r < (last < job->rows ? last : job->rows) && !job->add; r++)
		memset(job->to + r * job->cols + col, 0, cols * sizeof(*job->to));
	for (int64_t i = 0; i < job->nr_ids; i++) {
		const float *from = job->from + i * job->cols + col;
		float *to = job->to + job->ids[i] * job->cols + col;

		if (job->ids[i] < first || job->ids[i] >= last)
			continue;
		for (int64_t j = 0; j < cols; j++)
			to[j] += from[j];
	}
}

static int embedding_grad_plain(const struct call *c)
{
	const struct embedding_grad_attr *a = c->attr;
	struct job job = {
		.ids = c->in_data[1],
		.nr_ids = layout_count(&c->in[1]),
		.rows = a->rows,
		.cols = layout_last(&c->in[0]),
		.from = c->in_data[0],
		.to = c->out_data[0],
		.add = call_adds(c, 2, 3, a->accumulate.always_add),
	};
	int64_t per = rows_per_block(job.rows);
	int ret = check_ids(c, &job);

	if (!ret)
		threads_run((long)((job.rows + per - 1) / per *
				   ((job.cols + SCATTER_COLS - 1) / SCATTER_COLS)),
			    scatter_tile, &job);
	return ret;
}
KERNEL_REGISTER_AS(embedding_grad_plain, embedding_grad, .arch = "cpu", .rank = 0,
		   .run = embedding_grad_plain);
