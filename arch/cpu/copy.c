// SPDX-License-Identifier: MIT
#include "arch/cpu/copy.h"

#include <string.h>

#include "arch/cpu/loops.h"
#include "base/thread.h"

/* Rows copied together where rows, not columns, are neighbours in the source. */
#define BLOCK 16

struct copy {
	char *to;
	const char *from;
	struct layout to_layout, from_layout;	/* with neighbouring dimensions merged */
	int64_t rows, length;	/* the last dimension */
	int64_t tile_rows, tile_length;
	size_t size;
};

/* Dimensions that are one in both layouts become one; sizes of 1 go. */
static void merge_layouts(struct copy *c, const struct layout *to, const struct layout *from)
{
	struct layout *t = &c->to_layout, *f = &c->from_layout;
	int nd = 0;

	for (int d = 0; d < to->nd; d++) {
		if (to->n[d] == 1)
			continue;
		if (nd && t->stride[nd - 1] == to->n[d] * to->stride[d] &&
		    f->stride[nd - 1] == to->n[d] * from->stride[d]) {
			nd--;
			t->n[nd] *= to->n[d];
		} else {
			t->n[nd] = to->n[d];
		}
		t->stride[nd] = to->stride[d];
		f->stride[nd] = from->stride[d];
		f->n[nd] = t->n[nd];
		nd++;
	}
	if (!nd) {
		t->n[0] = f->n[0] = 1;
		t->stride[0] = f->stride[0] = 1;
		nd = 1;
	}
	t->nd = f->nd = nd;
}

/* @rows rows at distance @to_row in the copy and 1 in the source. */
#define DEFINE_BLOCK(type)							\
static void block_##type(type *to, int64_t to_row, int64_t to_col,		\
			 const type *from, int64_t from_row, int64_t from_col,	\
			 int64_t rows, int64_t length)				\
{										\
	for (int64_t j = 0; j < length; j++)					\
		for (int64_t r = 0; r < rows; r++)				\
			to[r * to_row + j * to_col] =				\
				from[r * from_row + j * from_col];		\
}
DEFINE_BLOCK(uint8_t)
DEFINE_BLOCK(uint16_t)
DEFINE_BLOCK(uint32_t)
DEFINE_BLOCK(uint64_t)

#define COPY_BLOCK(type)							\
	block_##type((type *)c->to + to, t->nd > 1 ? t->stride[t->nd - 2] : 0,	\
		     t->stride[t->nd - 1], (const type *)c->from + from,	\
		     f->nd > 1 ? f->stride[f->nd - 2] : 0, f->stride[f->nd - 1], \
		     rows, length)

/* @rows rows of one block, @length elements of each. */
static void copy_block(const struct copy *c, int64_t to, int64_t from, int64_t rows,
		       int64_t length)
{
	const struct layout *t = &c->to_layout, *f = &c->from_layout;

	switch (c->size) {
	case 1:
		COPY_BLOCK(uint8_t);
		break;
	case 2:
		COPY_BLOCK(uint16_t);
		break;
	case 4:
		COPY_BLOCK(uint32_t);
		break;
	default:
		COPY_BLOCK(uint64_t);
	}
}

static void copy_tile(void *ctx, long tile)
{
	const struct copy *c = ctx;
	const struct layout *t = &c->to_layout, *f = &c->from_layout;
	int64_t cuts = chunk_count(c->length, c->tile_length);
	int64_t col = tile % cuts * c->tile_length, row = tile / cuts * c->tile_rows;
	int64_t end = chunk_end(c->rows, c->tile_rows, row);
	int64_t length = chunk_end(c->length, c->tile_length, col) - col;
	bool runs = t->stride[t->nd - 1] == 1 && f->stride[f->nd - 1] == 1;
	int64_t inner = t->nd > 1 ? t->n[t->nd - 2] : 1, rows = 1;

	for (; row < end; row += rows) {
		int64_t to = row_at(t, row) + col * t->stride[t->nd - 1];
		int64_t from = row_at(f, row) + col * f->stride[f->nd - 1];

		if (runs) {
			memcpy(c->to + to * c->size, c->from + from * c->size, length * c->size);
			continue;
		}
		/* As many rows as lie in the same innermost block of rows. */
		rows = inner - row % inner;
		if (rows > end - row)
			rows = end - row;
		if (rows > BLOCK)
			rows = BLOCK;
		copy_block(c, to, from, rows, length);
	}
}

void copy_layout(void *to, const struct layout *to_layout, const void *from,
		 const struct layout *from_layout)
{
	struct copy c = { .to = to, .from = from, .size = dtype_size(to_layout->dtype) };

	merge_layouts(&c, to_layout, from_layout);
	c.length = layout_last(&c.to_layout);
	c.rows = layout_rows(&c.to_layout);
	c.tile_length = c.length < CHUNK ? c.length : CHUNK;
	c.tile_rows = rows_per_tile(c.length);
	threads_run_shares(chunk_count(c.rows, c.tile_rows) * chunk_count(c.length, c.tile_length),
		    copy_tile, &c);
}
