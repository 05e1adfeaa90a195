// SPDX-License-Identifier: MIT
#include "ops/glu.h"

#include "arch/cpu/activation.h"
#include "arch/cpu/convert.h"
#include "base/thread.h"

/* One row, or a part of it. */
struct span {
	const float *dy, *gate, *up;
	float *y, *dgate, *dup;
	int64_t n;
};

#define DEFINE_GLU(name)							\
SIMD_CLONES static void name(const struct span *s)					\
{										\
	const float *gate = s->gate, *up = s->up;				\
	float *y = s->y;							\
	int64_t n = s->n;							\
										\
	SIMD_LOOP								\
	for (int64_t i = 0; i < n; i++)					\
		y[i] = act_##name(gate[i]) * up[i];				\
}										\
SIMD_CLONES static void name##_grad(const struct span *s)				\
{										\
	const float *dy = s->dy, *gate = s->gate, *up = s->up;			\
	float *dgate = s->dgate, *dup = s->dup;					\
	int64_t n = s->n;							\
										\
	SIMD_LOOP								\
	for (int64_t i = 0; i < n; i++) {					\
		float d = dy[i], x = gate[i], u = up[i];			\
										\
		dgate[i] = d * u * act_##name##_slope(x);			\
		dup[i] = d * act_##name(x);					\
	}									\
}

DEFINE_GLU(silu)
DEFINE_GLU(gelu)
DEFINE_GLU(gelu_exact)

typedef void (*span_fn)(const struct span *s);

static const span_fn forward[] = {
	[GLU_SILU] = silu,
	[GLU_GELU] = gelu,
	[GLU_GELU_EXACT] = gelu_exact,
};

static const span_fn backward[] = {
	[GLU_SILU] = silu_grad,
	[GLU_GELU] = gelu_grad,
	[GLU_GELU_EXACT] = gelu_exact_grad,
};

/*
 * Rows of gate and up may lie apart, so tiles are whole rows, or parts of long ones.
 * @has_dy: the inputs are (dy, gate, up), else (gate, up).
 */
struct glu {
	const struct call *c;
	bool has_dy;
	int64_t rows, length, tile_rows, tile_length;
};

/* Where a span begins: in gate, in up, and in the tensors without gaps. */
struct place {
	int64_t gate, up, dense;
};

/* At most PART elements if they are not f32, all of one type. */
static void run_span(const struct glu *g, struct place p, int64_t n)
{
	const struct call *c = g->c;
	const struct glu_attr *a = c->attr;
	enum dtype type = c->in[0].dtype;
	float in[3][PART], out[2][PART];
	void *to[2] = { NULL, NULL };
	struct span s = { .n = n };

	for (int o = 0; o < c->nr_out; o++)
		to[o] = (void *)data_at(c->out_data[o], type, p.dense);
	s.gate = floats_at(c->in_data[g->has_dy], type, p.gate, in[0], n);
	s.up = floats_at(c->in_data[g->has_dy + 1], type, p.up, in[1], n);
	s.y = s.dgate = type == DT_F32 ? to[0] : out[0];
	s.dup = type == DT_F32 ? to[1] : out[1];
	if (g->has_dy) {
		s.dy = floats_at(c->in_data[0], type, p.dense, in[2], n);
		backward[a->act](&s);
	} else {
		forward[a->act](&s);
	}
	for (int o = 0; o < c->nr_out && type != DT_F32; o++)
		narrow(out[o], type, to[o], n);
}

static void run_row(const struct glu *g, struct place p, int64_t length)
{
	int64_t step = g->c->in[0].dtype == DT_F32 ? length : PART;

	for (int64_t n; length; length -= n, p.gate += n, p.up += n, p.dense += n) {
		n = length < step ? length : step;
		run_span(g, p, n);
	}
}

static void glu_tile(void *ctx, long tile)
{
	const struct glu *g = ctx;
	const struct call *c = g->c;
	int64_t cuts = chunk_count(g->length, g->tile_length);
	int64_t col = tile % cuts * g->tile_length, row = tile / cuts * g->tile_rows;
	int64_t end = chunk_end(g->rows, g->tile_rows, row);

	for (; row < end; row++) {
		struct place p = {
			.gate = row_at(&c->in[g->has_dy], row) + col,
			.up = row_at(&c->in[g->has_dy + 1], row) + col,
			.dense = row * g->length + col,
		};

		run_row(g, p, chunk_end(g->length, g->tile_length, col) - col);
	}
}

static int run_rows(const struct call *c, bool has_dy)
{
	int64_t length = layout_last(&c->out[0]);
	struct glu g = {
		.c = c,
		.has_dy = has_dy,
		.rows = layout_rows(&c->out[0]),
		.length = length,
		.tile_rows = rows_per_tile(length),
		.tile_length = length < CHUNK ? length : CHUNK,
	};

	threads_run_shares(chunk_count(g.rows, g.tile_rows) * chunk_count(length, g.tile_length),
		    glu_tile, &g);
	return 0;
}

static int glu_plain(const struct call *c)
{
	return run_rows(c, false);
}
KERNEL_REGISTER_AS(glu_plain, glu, .arch = "cpu", .rank = 0, .run = glu_plain);

static int glu_grad_plain(const struct call *c)
{
	return run_rows(c, true);
}
KERNEL_REGISTER_AS(glu_grad_plain, glu_grad, .arch = "cpu", .rank = 0, .run = glu_grad_plain);
