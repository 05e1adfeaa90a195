// SPDX-License-Identifier: MIT
#include "ops/rope.h"

#include "arch/cpu/rotation.h"
#include "base/thread.h"
#include "tensor/op.h"

/* Scratch: the rotation's, then angles of one position for each tile. */
#define NR_TILES 256	/* at most; each takes rows tile, tile + NR_TILES, ... */

struct work {
	const struct call *c;
	struct rotation rotation;
	float *own;
};

static int64_t nr_tiles(const struct call *c)
{
	int64_t rows = c->in[0].n[0] * c->in[0].n[1];

	return rows < NR_TILES ? rows : NR_TILES;
}

static bool by_angles(const struct call *c)
{
	return c->nr_in > 2 && c->in[2].nd >= 0;
}

static size_t rope_scratch(const struct call *c)
{
	const int64_t *n = c->in[0].n;

	return by_angles(c) ? 0 : rotation_bytes(c->attr, n[3], n[1]) +
				  nr_tiles(c) * n[3] * sizeof(float);
}

/* All heads of one token. */
static void rotate_row(const struct work *w, int64_t row, const float *cs)
{
	const struct layout *l = &w->c->in[0];
	int64_t from = row / l->n[1] * l->stride[0] + row % l->n[1] * l->stride[1];
	int64_t to = row * l->n[2] * l->n[3];
	size_t size = dtype_info(l->dtype)->size;

	for (int64_t h = 0; h < l->n[2]; h++, from += l->stride[2], to += l->n[3])
		rotation_turn(&w->rotation, l->dtype, (const char *)w->c->in_data[0] + from * size,
			      l->stride[3], (char *)w->c->out_data[0] + to * size, cs, false);
}

static void rope_tile(void *ctx, long tile)
{
	const struct work *w = ctx;
	const struct layout *l = &w->c->in[0];
	const int32_t *positions = w->c->in_data[1];
	const float *angles = w->c->in_data[2];
	float *own = w->own + tile * l->n[3];

	for (int64_t row = tile; row < l->n[0] * l->n[1]; row += nr_tiles(w->c))
		rotate_row(w, row, angles ? angles + row * 2 * w->rotation.pairs
					  : rotation_at(&w->rotation, positions[row], own));
}

#define FEW 4096	/* elements that are not worth waking a thread for */

static int rope_plain(const struct call *c)
{
	const int64_t *n = c->in[0].n;
	struct work w = { .c = c };

	if (by_angles(c)) {
		rotation_init(&w.rotation, c->attr, n[3]);
	} else {
		rotation_make(&w.rotation, c->attr, n[3], n[1], c->scratch);
		w.own = (float *)((char *)c->scratch + rotation_bytes(c->attr, n[3], n[1]));
	}
	if (layout_count(&c->in[0]) > FEW)
		threads_run(nr_tiles(c), rope_tile, &w);
	else
		for (long tile = 0; tile < nr_tiles(c); tile++)
			rope_tile(&w, tile);
	return 0;
}
KERNEL_REGISTER_AS(rope_plain, rope, .arch = "cpu", .rank = 0, .scratch = rope_scratch,
		   .run = rope_plain);

/* ---- angles ------------------------------------------------------------------------- */

static size_t angles_scratch(const struct call *c)
{
	const struct rope_angles_attr *a = c->attr;

	return rotation_bytes(&a->rope, a->width, 0);
}

static int rope_angles_plain(const struct call *c)
{
	const struct rope_angles_attr *a = c->attr;

	rotation_angles(&a->rope, a->width, c->in_data[0], layout_count(&c->in[0]), c->scratch,
			c->out_data[0]);
	return 0;
}
KERNEL_REGISTER_AS(rope_angles_plain, rope_angles, .arch = "cpu", .rank = 0,
		   .scratch = angles_scratch, .run = rope_angles_plain);
