// SPDX-License-Identifier: MIT
#include "ops/rope.h"

#include <math.h>

#include "base/fail.h"
#include "ops/rules.h"

static const struct op rope, rope_angles;

struct tensor *op_rope(struct graph *g, struct tensor *x, struct tensor *positions,
		       const struct rope_attr *attr)
{
	return op_rope_by(g, x, positions, NULL, attr);
}

struct tensor *op_rope_by(struct graph *g, struct tensor *x, struct tensor *positions,
			  struct tensor *angles, const struct rope_attr *attr)
{
	struct tensor *in[3] = { x, positions, angles };

	return graph_op(g, &rope, attr, in, angles ? 3 : 2);
}

struct tensor *op_rope_angles(struct graph *g, struct tensor *positions,
			      const struct rope_attr *attr, int64_t width)
{
	struct rope_angles_attr a = { .rope = *attr, .width = width };

	return graph_op(g, &rope_angles, &a, &positions, 1);
}

static int check_scaling(const char *op, const struct rope_scaling *s)
{
	if (s->kind == ROPE_PLAIN)
		return 0;
	if (s->kind != ROPE_LINEAR && s->kind != ROPE_LLAMA3)
		return fail(-EINVAL, "%s: scaling of kind %d", op, (int)s->kind);
	if (!(s->factor > 0) || !isfinite(s->factor))
		return fail(-EINVAL, "%s: scaling by %g: must be positive", op, s->factor);
	if (s->kind == ROPE_LLAMA3 && (!(s->low > 0) || !(s->high > s->low) || s->original < 1))
		return fail(-EINVAL, "%s: llama3 scaling with low %g, high %g, original %d: must "
			    "be positive, and high above low", op, s->low, s->high, s->original);
	return 0;
}

int rope_check(const char *op, const struct rope_attr *a, int64_t width)
{
	int64_t rotary = a->rotary_dims ? a->rotary_dims : width;

	if (!(a->base > 0) || !isfinite(a->base))
		return fail(-EINVAL, "%s: base %g: must be positive", op, a->base);
	if (rotary < 2 || rotary % 2 || rotary > width)
		return fail(-EINVAL, "%s: %lld rotary dims of heads of %lld: must be even, at "
			    "least 2 and no more than the head", op, (long long)rotary,
			    (long long)width);
	return check_scaling(op, &a->scaling);
}

static struct layout angles_layout(const struct layout *positions, const struct rope_attr *a,
				   int64_t width)
{
	int64_t rotary = a->rotary_dims ? a->rotary_dims : width;

	return layout_make(DT_F32, 4, (int64_t[]){ positions->n[0], positions->n[1], 2,
						   rotary / 2 });
}

static int check_angles(const struct rope_attr *a, const struct layout *positions,
			const struct layout *angles, int64_t width)
{
	struct layout want = angles_layout(positions, a, width);

	return angles->nd < 0 ? 0 : rule_like("rope", "angles", angles, "the pairs", &want);
}

static int rope_infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	const struct layout *x = &in[0], *positions = &in[1];
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_real("rope", "x", x);

	if (!ret && x->nd != 4)
		ret = fail(-EINVAL, "rope: x is %s: must be (B, T, H, D)",
			   layout_text(x, text));
	if (ret)
		return ret;
	if (positions->dtype != DT_I32 || positions->nd != 2 ||
	    positions->n[0] != x->n[0] || positions->n[1] != x->n[1])
		return fail(-EINVAL, "rope: positions are %s: must be i32 (B, T) of x, %s",
			    layout_text(positions, text), layout_text(x, want));
	out[0] = layout_like(x, x->dtype);
	ret = rope_check("rope", attr, x->n[3]);
	return ret ? ret : check_angles(attr, positions, rule_input(in, nr_in, 2), x->n[3]);
}

/* A rotation's gradient is the rotation back. */
static int rope_backward(struct backward *b, struct node *n, struct tensor *const *dout)
{
	struct rope_attr attr = *(const struct rope_attr *)n->attr;

	attr.inverse = !attr.inverse;
	backward_add(b, n->in[0], op_rope_by(backward_graph(b), dout[0], n->in[1],
					     n->nr_in > 2 ? n->in[2] : NULL, &attr));
	return 0;
}

static void rope_cost(const void *attr, const struct layout *in, const struct layout *out,
		      struct cost *cost)
{
	cost->flops = 3.0 * layout_count(&in[0]);
	cost->bytes = rule_bytes(in, 2) + rule_bytes(out, 1);
}

/* Stretched angle of a pair that turns by @f per token. */
static double oracle_scaled(const struct rope_scaling *s, double f)
{
	double wave = 2 * M_PI / f, smooth;

	if (s->kind == ROPE_PLAIN)
		return f;
	if (s->kind == ROPE_LINEAR || wave > s->original / s->low)
		return f / s->factor;
	if (wave < s->original / s->high)
		return f;
	smooth = (s->original / wave - s->low) / (s->high - s->low);
	return (1 - smooth) * f / s->factor + smooth * f;
}

void rope_oracle_turn(const struct rope_attr *a, double position, int64_t width, const double *x,
		      double *y)
{
	int64_t rotary = a->rotary_dims ? a->rotary_dims : width;

	for (int64_t i = 0; i < rotary / 2; i++) {
		int64_t first = a->adjacent ? 2 * i : i;
		int64_t second = a->adjacent ? 2 * i + 1 : i + rotary / 2;
		double f = pow(a->base, -2.0 * i / rotary);
		double angle = position * oracle_scaled(&a->scaling, f);
		double one = x[first], two = x[second];

		if (a->inverse)
			angle = -angle;
		y[first] = one * cos(angle) - two * sin(angle);
		y[second] = one * sin(angle) + two * cos(angle);
	}
	for (int64_t i = rotary; i < width; i++)
		y[i] = x[i];
}

/* One head by given cosines and sines. */
static void turn_by(const struct rope_attr *a, const double *cs, int64_t width, const double *x,
		    double *y)
{
	int64_t pairs = (a->rotary_dims ? a->rotary_dims : width) / 2;

	for (int64_t i = 0; i < width; i++)
		y[i] = x[i];
	for (int64_t i = 0; i < pairs; i++) {
		int64_t first = a->adjacent ? 2 * i : i;
		int64_t second = a->adjacent ? 2 * i + 1 : i + pairs;
		double s = a->inverse ? -cs[pairs + i] : cs[pairs + i];

		y[first] = x[first] * cs[i] - x[second] * s;
		y[second] = x[first] * s + x[second] * cs[i];
	}
}

static int rope_oracle(const struct oracle_call *c)
{
	const int64_t *n = c->in_layout[0].n;
	const double *angles = c->nr_in > 2 ? c->in[2] : NULL;

	for (int64_t row = 0; row < n[0] * n[1] * n[2] && angles; row++)
		turn_by(c->attr, angles + row / n[2] * 2 * c->in_layout[2].n[3], n[3],
			c->in[0] + row * n[3], c->out[0] + row * n[3]);
	if (angles)
		return 0;

	for (int64_t row = 0; row < n[0] * n[1] * n[2]; row++)
		rope_oracle_turn(c->attr, c->in[1][row / n[2]], n[3], c->in[0] + row * n[3],
				 c->out[0] + row * n[3]);
	return 0;
}

static const struct rope_attr halves = { .base = 10000 },
	adjacent = { .base = 10000, .adjacent = true },
	partial = { .base = 500000, .rotary_dims = 6, .inverse = true },
	partial_adjacent = { .base = 100, .rotary_dims = 4, .adjacent = true },
	linear = { .base = 10000, .scaling = { .kind = ROPE_LINEAR, .factor = 8 } },
	llama3 = { .base = 10000,
		   .scaling = { ROPE_LLAMA3, .factor = 32, .low = 1, .high = 4, .original = 128 } };

#define POSITIONS(mask, ...) { .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ },	\
			       .fill = FILL_POSITIONS, .extent_dims = (mask) }
/* Anywhere in a long context: what decoding asks for. */
#define FAR(...) { .dtype = DT_I32, .nd = 2, .n = { __VA_ARGS__ }, .fill = FILL_IDS,	\
		   .limit = 100000 }
static const struct op_case rope_cases[] = {
	{ "one", &halves, 2, { CASE_DIFF(4, 1, 1, 1, 2), POSITIONS(0, 1, 1) } },
	{ "odd", &halves, 2, { CASE_DIFF_EXT(3, 4, 3, 5, 3, 10), POSITIONS(3, 3, 5) } },
	{ "adjacent", &adjacent, 2, { CASE_DIFF_EXT(3, 4, 3, 5, 3, 10), POSITIONS(3, 3, 5) } },
	{ "partial", &partial, 2, { CASE_DIFF(4, 2, 7, 2, 11), POSITIONS(0, 2, 7) } },
	{ "partial adjacent", &partial_adjacent, 2,
	  { CASE_DIFF(4, 2, 7, 2, 5), POSITIONS(0, 2, 7) } },
	{ "linear", &linear, 2, { CASE_DIFF_EXT(3, 4, 3, 5, 3, 10), POSITIONS(3, 3, 5) } },
	{ "llama3", &llama3, 2, { CASE_DIFF_EXT(3, 4, 3, 5, 3, 16), POSITIONS(3, 3, 5) } },
	{ "llama3, far", &llama3, 2, { CASE_F32(4, 3, 2, 4, 64), FAR(3, 2) } },
	{ "far", &halves, 2, { CASE_F32(4, 3, 2, 4, 64), FAR(3, 2) } },
	{ "tiles", &halves, 2, { CASE_F32(4, 2, 130, 4, 32), POSITIONS(0, 2, 130) } },
	{ "by angles", &halves, 3,
	  { CASE_DIFF_EXT(3, 4, 3, 5, 3, 10), POSITIONS(3, 3, 5), CASE_EXT(3, 4, 3, 5, 2, 5) } },
	{ "by angles, partial", &partial_adjacent, 3,
	  { CASE_DIFF(4, 2, 7, 2, 5), POSITIONS(0, 2, 7), CASE_F32(4, 2, 7, 2, 2) } },
	{ .name = NULL },
};

static const struct op rope = {
	.name = "rope",
	.summary = "rotary position embedding",
	.attr_size = sizeof(struct rope_attr),
	.nr_in = 3,
	.nr_out = 1,
	.strided_in = 1,
	.optional_in = 1 << 2,
	.compute_in = 1,
	.infer = rope_infer,
	.grad = rope_backward,
	.cost = rope_cost,
	.oracle = OP_TEST(rope_oracle),
	.cases = OP_TEST(rope_cases),
};
OP_REGISTER(rope);

/* ---- angles ------------------------------------------------------------------------- */

static int rope_angles_infer(const void *attr, const struct layout *in, int nr_in,
			     struct layout *out)
{
	const struct rope_angles_attr *a = attr;
	char text[SHAPE_TEXT];

	if (in[0].nd != 2 || in[0].dtype != DT_I32)
		return fail(-EINVAL, "rope_angles: positions are %s: must be i32 (B, T)",
			    layout_text(&in[0], text));
	out[0] = angles_layout(&in[0], &a->rope, a->width);
	return rope_check("rope_angles", &a->rope, a->width);
}

static void rope_angles_cost(const void *attr, const struct layout *in, const struct layout *out,
			     struct cost *cost)
{
	cost->flops = layout_count(out);
	cost->bytes = rule_bytes(in, 1) + rule_bytes(out, 1);
}

static int rope_angles_oracle(const struct oracle_call *c)
{
	const struct rope_angles_attr *a = c->attr;
	int64_t pairs = c->out_layout[0].n[3];

	for (int64_t t = 0; t < layout_count(&c->in_layout[0]); t++)
		for (int64_t i = 0; i < pairs; i++) {
			double f = pow(a->rope.base, -2.0 * i / (2.0 * pairs));
			double angle = c->in[0][t] * oracle_scaled(&a->rope.scaling, f);

			c->out[0][2 * t * pairs + i] = cos(angle);
			c->out[0][(2 * t + 1) * pairs + i] = sin(angle);
		}
	return 0;
}

static const struct rope_angles_attr ten = { { .base = 10000 }, 10 },
	four_of = { { .base = 500000, .rotary_dims = 4 }, 11 },
	stretched = { { .base = 10000, .scaling = {
		ROPE_LLAMA3, .factor = 32, .low = 1, .high = 4, .original = 128 } }, 64 };

static const struct op_case rope_angles_cases[] = {
	{ "one", &ten, 1, { POSITIONS(0, 1, 1) } },
	{ "odd", &ten, 1, { POSITIONS(3, 3, 5) } },
	{ "partial", &four_of, 1, { FAR(2, 7) } },
	{ "llama3, far", &stretched, 1, { FAR(3, 70) } },
	{ .name = NULL },
};

static const struct op rope_angles = {
	.name = "rope_angles",
	.summary = "cosines and sines that rope turns by",
	.attr_size = sizeof(struct rope_angles_attr),
	.nr_in = 1,
	.nr_out = 1,
	.infer = rope_angles_infer,
	.cost = rope_angles_cost,
	.oracle = OP_TEST(rope_angles_oracle),
	.cases = OP_TEST(rope_angles_cases),
};
OP_REGISTER(rope_angles);
