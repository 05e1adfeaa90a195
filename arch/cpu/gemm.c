// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "arch/cpu/convert.h"
#include "arch/cpu/gemm-grid.h"
#include "arch/cpu/gemm-isa.h"
#include "arch/cpu/gemm-library.h"
#include "base/relax.h"
#include "base/thread.h"

/*
 * A tile packs at most OWN_WORDS of its own operand, which stay in an L2 of 1 MB with a
 * panel of the shared one.  The shared operand stays in the L3; what is larger is done in
 * parts.
 */
#define OWN_WORDS 98304
#define OWN_ROWS 128
#define OWN_COLS    480
#define SHARED_WORDS (1 << 21)
#define PACK_WORDS  (1 << 15)	/* of the shared operand that one tile packs, about */
#define SPINS_MAX   16384	/* some 0.5 ms of waiting for others to pack, then sleep */

#define BLOCK_STEPS 768
#define WHOLE_STEPS 256	/* blocks of k are whole ones of every block type */
#define MOST_STEPS  2048	/* the same where C is bf16, so that no sum is kept elsewhere */

#define TILE_WORK   (1 << 19)	/* multiply-adds that are worth a thread's wake-up */

/* What a tile of C is before gemm_isa.finish. */
#define SUMS (GEMM_MAX_COLS * OWN_ROWS)
static _Thread_local _Alignas(64) float tile_sums[SUMS];
static _Thread_local _Alignas(64) uint32_t own_words[OWN_WORDS];

/**
 * struct side - A or B, as an operand.
 * @n: rows of A, columns of B
 * @width: of its panels
 */
struct side {
	struct gemm_operand o;
	int64_t n;
	int width;
};

/**
 * struct run - a product, or the part of it for columns @s0 ... @s1 - 1 of the shared
 * operand (rows if that is A) and blocks of k @b0 ... @b1 - 1.
 */
struct run {
	const struct gemm *g;
	const struct gemm_isa *isa;
	bool shares_b;
	bool in_place;		/* A is used where it lies */
	struct side shared, own;
	int64_t block;		/* k in a block */
	int64_t blocks;		/* in all */
	int64_t s0, s1, b0, b1;
	int64_t group, groups;	/* panels that one tile packs; how many tiles for a block */
	int64_t own_least, own_most;	/* panels of a tile */
	uint32_t *packed;
	float *sums;		/* (m, n) for C in bf16 and more than one block, or NULL */
	atomic_long nr_packed;	/* tiles of the shared operand that are there */
};

static int64_t steps_of(const struct run *r, int64_t k)
{
	return r->isa->pairs ? (k + 1) / 2 : k;
}

/* Length of block @b of k. */
static int64_t block_length(const struct run *r, int64_t b)
{
	return min64(r->g->k - b * r->block, r->block);
}

/* The shared operand's panel @p (from s0 on) for block @b. */
static uint32_t *shared_panel(const struct run *r, int64_t b, int64_t p)
{
	int64_t padded = div_up(r->s1 - r->s0, r->shared.width) * r->shared.width;

	return r->packed + (b - r->b0) * steps_of(r, r->block) * padded +
	       p * r->shared.width * steps_of(r, block_length(r, b));
}

static void pack_shared(struct run *r, long part)
{
	int64_t b = r->b0 + part / r->groups, p = part % r->groups * r->group;
	int64_t from = r->s0 + p * r->shared.width;

	gemm_pack(&r->shared.o, r->isa->pairs, from,
		  min64(r->s1 - from, r->group * r->shared.width), b * r->block,
		  block_length(r, b), r->shared.width, shared_panel(r, b, p));
	atomic_fetch_add_explicit(&r->nr_packed, 1, memory_order_release);
}

/*
 * Tiles are taken in order, so that whoever packs the last part is at it already.  Where
 * others want the processor it may not be running, though: then we sleep.
 */
static void wait_for_shared(struct run *r)
{
	long parts = (long)((r->b1 - r->b0) * r->groups);

	for (int spins = 1; atomic_load_explicit(&r->nr_packed, memory_order_acquire) < parts;
	     spins++)
		if (spins > SPINS_MAX)
			nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		else if (spins % 256)
			cpu_relax();
		else
			sched_yield();
}

/* The f32 array that sums are made in, or NULL: in bf16 there is none. */
static float *sums_in_place(const struct gemm *g)
{
	if (g->c_type != DT_F32)
		return NULL;
	return g->before && !g->add ? g->before : g->c;
}

/* Where the sums of a region go before they are finished. */
static float *sums_at(const struct run *r, int64_t row, int64_t col, int64_t *stride)
{
	const struct gemm *g = r->g;
	float *place = sums_in_place(g);

	if (place) {
		*stride = g->c_row;
		return place + row * g->c_row + col;
	}
	if (r->sums) {
		*stride = g->n;
		return r->sums + row * g->n + col;
	}
	*stride = r->shares_b ? GEMM_MAX_COLS : OWN_COLS;
	return tile_sums;
}

static bool needs_finish(const struct gemm *g)
{
	return g->c_type != DT_F32 || g->act != ACT_NONE || g->before;
}

/* The lines of @x that gemm_isa.finish reads or writes for one micro tile, ahead of it. */
static void prefetch_rows(const struct gemm *g, const void *x, const struct gemm_micro *t,
			  int64_t row, int64_t col)
{
	int64_t size = (int64_t)dtype_size(g->c_type), bytes = t->cols * size;
	const char *line = (const char *)x + (row * g->c_row + col) * size;

	for (int i = 0; i < t->rows; i++, line += g->c_row * size)
		for (int64_t at = 0; at < bytes; at += 64)
			__builtin_prefetch(line + at);
}

/*
 * While the sums are computed, what they will meet comes from memory: rows are far apart,
 * where the processor does not look by itself.
 */
static void prefetch_finish(const struct gemm *g, const struct gemm_micro *t, int64_t row,
			    int64_t col)
{
	if (g->slope_at)
		prefetch_rows(g, g->slope_at, t, row, col);
	if (g->before)
		prefetch_rows(g, g->before, t, row, col);
	prefetch_rows(g, g->c, t, row, col);
}

/* Rows of A, from row @row on, of which @rows are left in the tile. */
static const void *rows_of_a(const struct run *r, int64_t b, int64_t row)
{
	return data_at(r->g->a, r->g->a_type, row * r->g->a_row + b * r->block);
}

/* The first lines of the next rows of A: the processor finds the others by itself. */
static void prefetch_a(const struct run *r, int64_t b, int64_t row)
{
	const char *a = rows_of_a(r, b, row);
	int64_t stride = r->g->a_row * (int64_t)dtype_size(r->g->a_type);

	for (int i = 0; i < GEMM_ROWS; i++, a += stride)
		for (int at = 0; at < 256; at += 64)
			__builtin_prefetch(a + at);
}

/* ---- what is packed next ------------------------------------------------------- */

/**
 * struct ahead - the part of the own operand that is packed after this one.
 * @lines: what the micro tiles ask for, one a step: of each row of k, see ask_ahead()
 * @per: rows of k in a step, @row bytes apart
 * @left: micro tiles until then
 */
struct ahead {
	const char *at;
	int64_t lines, row, per, left;
};

/*
 * Own rows (or columns) @from ... @to - 1 of block @b.  Only where they lie side by side:
 * along k the processor finds the way by itself.
 */
static struct ahead ahead_of(const struct run *r, int64_t b, int64_t from, int64_t to)
{
	const struct gemm_operand *o = &r->own.o;
	int64_t size = (int64_t)dtype_size(o->type);
	struct ahead a = { .at = (const char *)own_words, .per = r->isa->pairs ? 2 : 1 };

	if (from >= to || r->in_place || o->d_stride != 1)
		return a;
	a.at = data_at(o->x, o->type, from + b * r->block * o->k_stride);
	a.row = o->k_stride * size;
	a.lines = div_up((to - from) * size, 64) * a.per;
	return a;
}

/*
 * The last micro tiles of a block ask for one line of each row: not earlier, since all has
 * to fit into the L2 beside what they multiply, and not faster, since their own loads wait
 * in the same queue.
 */
static void ask_ahead(struct ahead *a, struct gemm_micro *t)
{
	int64_t line = --a->left;

	t->ahead = a->at;
	t->ahead_step = 0;
	if (line >= a->lines)
		return;
	t->ahead += line / a->per * 64 + line % a->per * a->row;
	t->ahead_step = a->per * a->row;
}

/* ---- one tile ------------------------------------------------------------------ */

/* Micro tile @t, whose first row is row @i of region @at. */
static void multiply_in_place(const struct run *r, int64_t b, const uint32_t *shared,
			      const struct gemm_region *at, int64_t i, struct gemm_micro *t)
{
	int64_t steps = steps_of(r, block_length(r, b)), row = at->row + i;

	t->a_row = r->g->a_row * (int64_t)dtype_size(r->g->a_type);
	if (at->col == r->s0 && row + 2 * GEMM_ROWS <= r->g->m)
		prefetch_a(r, b, row + GEMM_ROWS);
	r->isa->micro(steps, rows_of_a(r, b, row), shared, t);
	t->a_row = 0;
}

/*
 * All of a tile's own panels, packed in own_words, times one shared panel at @row, @col
 * of C: a region of @rows x @cols.
 */
static void multiply(const struct run *r, int64_t b, const uint32_t *shared,
		     const struct gemm_region *at, struct ahead *ahead)
{
	int64_t steps = steps_of(r, block_length(r, b)), stride;
	float *sums = sums_at(r, at->row, at->col, &stride);
	const struct gemm *g = r->g;
	struct gemm_micro t = { .c_row = stride, .add = g->add || b };

	for (int64_t i = 0; i < at->rows; i += GEMM_ROWS)
		for (int64_t j = 0; j < at->cols; j += r->isa->cols) {
			const uint32_t *own = own_words + (r->shares_b ? i : j) * steps;

			t.c = sums + i * stride + j;
			t.rows = (int)min64(at->rows - i, GEMM_ROWS);
			t.cols = (int)min64(at->cols - j, r->isa->cols);
			t.bias = g->bias && !b ? g->bias + at->col + j : NULL;
			ask_ahead(ahead, &t);
			if (b == r->blocks - 1)
				prefetch_finish(g, &t, at->row + i, at->col + j);
			if (r->in_place && t.rows == GEMM_ROWS)
				multiply_in_place(r, b, shared, at, i, &t);
			else if (r->shares_b)
				r->isa->micro(steps, own, shared, &t);
			else
				r->isa->micro(steps, shared, own, &t);
		}
	if (b == r->blocks - 1 && needs_finish(g)) {
		struct gemm_region done = *at;

		done.x = sums;
		done.x_row = stride;
		r->isa->finish(g, &done);
	}
}

/* One block of k for own rows (or columns) @from ... @to - 1; @ahead: of what comes next. */
static void multiply_block(const struct run *r, int64_t b, int64_t from, int64_t to,
			   struct ahead ahead)
{
	int64_t packed = r->in_place ? to - (to - from) % GEMM_ROWS : from;
	int64_t length = block_length(r, b);

	gemm_pack(&r->own.o, r->isa->pairs, packed, to - packed, b * r->block, length,
		  r->own.width, own_words + (packed - from) * steps_of(r, length));
	ahead.left = div_up(to - from, r->own.width) * div_up(r->s1 - r->s0, r->shared.width);
	for (int64_t s = r->s0; s < r->s1; s += r->shared.width) {
		int64_t end = min64(r->s1, s + r->shared.width);
		struct gemm_region at = {
			.row = r->shares_b ? from : s, .rows = r->shares_b ? to - from : end - s,
			.col = r->shares_b ? s : from, .cols = r->shares_b ? end - s : to - from,
		};

		multiply(r, b, shared_panel(r, b, (s - r->s0) / r->shared.width), &at, &ahead);
	}
}

/* ---- the grid ------------------------------------------------------------------ */

static int64_t clamp(int64_t x, int64_t least, int64_t most)
{
	return x < least ? least : x > most ? most : x;
}

/*
 * Tiles are as large as the L2 allows, and smaller towards the end, where a thread would
 * wait for another's last tile.  Panels of tile @index from *@from on; 0: there is none.
 */
static int64_t tile_panels(const struct run *r, long index, int64_t *from)
{
	int64_t left = div_up(r->own.n, r->own.width), most = r->own_most;
	int64_t whole = left >= 8 * most ? left / most - 7 : 0, size = 0;

	*from = min64(whole, index) * most;
	left -= *from;
	for (int64_t i = *from / most; i <= index && left; i++) {
		*from += size;
		size = min64(left, clamp(left / 8, r->own_least, most));
		left -= size;
		if (i < index && !left)
			size = 0;
	}
	return size;
}

static long count_tiles(const struct run *r)
{
	int64_t panels = div_up(r->own.n, r->own.width), from;
	long n = (long)(panels / r->own_most);

	n = n > 7 ? n - 7 : 0;
	while (tile_panels(r, n, &from))
		n++;
	return n;
}

/* The own rows (or columns) of tile @index; none if there is no such tile. */
static void own_part(const struct run *r, long index, int64_t *from, int64_t *to)
{
	int64_t panels = tile_panels(r, index, from);

	*from *= r->own.width;
	*to = min64(r->own.n, *from + panels * r->own.width);
}

static void run_own(const struct run *r, long index)
{
	int64_t from, to, next, next_to;

	own_part(r, index, &from, &to);
	/* Most likely this thread's next tile: if not, then another's. */
	own_part(r, index + threads_count(), &next, &next_to);
	for (int64_t b = r->b0; b < r->b1; b++)
		multiply_block(r, b, from, to,
			       b + 1 < r->b1 ? ahead_of(r, b + 1, from, to)
					     : ahead_of(r, r->b0, next, next_to));
}

static void run_tile(void *ctx, long tile)
{
	struct run *r = ctx;
	long parts = (long)((r->b1 - r->b0) * r->groups);

	if (tile < parts) {
		pack_shared(r, tile);
		return;
	}
	wait_for_shared(r);
	run_own(r, tile - parts);
}

/* The blocks of k, all as long as each other but for the last. */
static void choose_blocks(struct run *r)
{
	int64_t steps = steps_of(r, r->g->k), per = r->isa->pairs ? 2 : 1, block;

	r->blocks = steps ? div_up(steps, BLOCK_STEPS) : 1;
	if (r->g->c_type != DT_F32 && steps <= MOST_STEPS)
		r->blocks = 1;
	block = (div_up(steps, r->blocks) + 7) & ~(int64_t)7;
	if (dtype_is_block(r->g->b_type))
		block = div_up(block, WHOLE_STEPS) * WHOLE_STEPS;
	r->block = block ? block * per : 1;
	r->blocks = steps ? div_up(steps, block) : 1;
}

/*
 * May A stay where it lies?  Its words must be adjacent, and parts of rows not all fall in
 * the same few sets of a cache.
 */
static bool stays_in_place(const struct run *r)
{
	const struct gemm *g = r->g;
	enum dtype type = r->isa->pairs ? DT_BF16 : DT_F32;
	int64_t row = g->a_row * (int64_t)dtype_size(type);

	return r->shares_b && g->a_col == 1 && g->a_type == type && row &&
	       !(r->isa->pairs && g->k % 2) && (r->blocks == 1 || row % 8192);
}

static void choose_tiles(struct run *r)
{
	int64_t most = r->shares_b ? OWN_ROWS : OWN_COLS, steps = steps_of(r, r->block);
	double work = (double)r->own.width * (double)r->shared.n * (double)r->g->k;

	r->own_most = clamp(OWN_WORDS / steps, r->own.width, most) / r->own.width;
	r->own_least = work < TILE_WORK ? (int64_t)(TILE_WORK / (work + 1)) + 1 : 1;
	r->own_least = clamp(r->own_least, 1, r->own_most);
	r->group = clamp(PACK_WORDS / (r->shared.width * steps), 1, SHARED_WORDS);
}

/* One part of the shared operand after another, as much as fits. */
static void run_parts(struct run *r)
{
	int64_t steps = steps_of(r, r->block), width = r->shared.width;
	int64_t part = clamp(SHARED_WORDS / steps / width * width, width,
			     div_up(r->shared.n, width) * width);
	int64_t blocks = clamp(SHARED_WORDS / (part * steps), 1, r->blocks);
	long tiles = count_tiles(r);

	for (r->s0 = 0; r->s0 < r->shared.n; r->s0 += part) {
		r->s1 = min64(r->shared.n, r->s0 + part);
		r->groups = div_up(r->s1 - r->s0, r->group * width);
		for (r->b0 = 0; r->b0 < r->blocks; r->b0 += blocks) {
			r->b1 = min64(r->blocks, r->b0 + blocks);
			atomic_store(&r->nr_packed, 0);
			threads_run((long)((r->b1 - r->b0) * r->groups) + tiles, run_tile, r);
		}
	}
}

static size_t sums_words(int64_t m, int64_t n, int64_t k, enum dtype c)
{
	return c != DT_F32 && k > MOST_STEPS ? (size_t)(m * n) : 0;
}

static size_t shared_words(int64_t m, int64_t n, int64_t k)
{
	return (size_t)min64(SHARED_WORDS,
			     div_up(min64(m, n), GEMM_MAX_COLS) * GEMM_MAX_COLS * (k + 1));
}

size_t gemm_scratch(int64_t m, int64_t n, int64_t k, enum dtype c)
{
	size_t own = 64 + (shared_words(m, n, k) + sums_words(m, n, k, c)) * sizeof(float);
	size_t library = gemm_library_scratch(m, n, k);

	return own > library ? own : library;
}

static void run_packed(const struct gemm *g)
{
	struct side a = { { g->a, g->a_type, g->a_row, g->a_col }, g->m, GEMM_ROWS };
	struct side b = { { g->b, g->b_type, g->b_col, g->b_row }, g->n, GEMM_MAX_COLS };
	struct run r = { .g = g, .isa = gemm_isa(g), .shares_b = g->n <= g->m };

	b.width = r.isa->cols;
	r.shared = r.shares_b ? b : a;
	r.own = r.shares_b ? a : b;
	r.packed = (uint32_t *)(((uintptr_t)g->scratch + 63) & ~(uintptr_t)63);
	choose_blocks(&r);
	if (g->c_type != DT_F32 && r.blocks > 1)
		r.sums = (float *)r.packed + shared_words(g->m, g->n, g->k);
	r.in_place = stays_in_place(&r);
	choose_tiles(&r);
	run_parts(&r);
}

/* ---- few rows -------------------------------------------------------------------- */

static int64_t dots_cols(const struct gemm *g)
{
	return clamp((1 << 18) / g->k, 16, OWN_COLS);
}

static void dots_tile(void *ctx, long tile)
{
	const struct gemm *g = ctx;
	int64_t per = dots_cols(g), col = tile * per, n = min64(g->n - col, per);
	struct gemm_region r = {
		.x = tile_sums, .x_row = n, .col = col, .rows = g->m, .cols = n,
	};

	gemm_isa(g)->dots(g, col, n, tile_sums);
	for (int64_t i = 0; i < g->m && g->add; i++)
		for (int64_t j = 0; j < n; j++)
			tile_sums[i * n + j] += ((const float *)g->c)[i * g->c_row + col + j];
	gemm_isa(g)->finish(g, &r);
}

int gemm_run(const struct gemm *g)
{
	if (g->m < 1 || g->n < 1)
		return 0;
	if (g->m <= GEMM_DOTS && g->k && g->a_col == 1 && g->b_row == 1 &&
	    (g->b_type == DT_F32 || g->b_type == DT_BF16))
		threads_run_shares((long)div_up(g->n, dots_cols(g)), dots_tile, (void *)g);
	else if (gemm_library_takes(g))
		return gemm_library_run(g);
	else
		run_packed(g);
	return 0;
}
