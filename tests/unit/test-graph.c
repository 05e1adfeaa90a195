// SPDX-License-Identifier: MIT
/*
 * Graphs, differentiation and plans: what the op tests, which see one op at a time,
 * cannot show.
 */
#include <math.h>
#include <stdlib.h>

#include "ops/accumulate.h"
#include "ops/add.h"
#include "ops/gelu.h"
#include "ops/linear.h"
#include "ops/max-last.h"
#include "ops/mul.h"
#include "ops/slice.h"
#include "ops/sum.h"
#include "tensor/graph.h"
#include "tensor/plan.h"
#include "tests/unit/test.h"

#define ROWS 6
#define WIDTH 8

static struct device *dev;
static struct graph *g;
static struct buffer *buffers[16];
static int nr_buffers;

static void begin(void)
{
	check_ok(device_open("cpu", &dev));
	g = graph_new();
	CHECK(g);
}

static void end(void)
{
	graph_free(g);
	while (nr_buffers)
		buffer_free(buffers[--nr_buffers]);
	device_close(dev);
}

static struct tensor *bound(enum tensor_kind kind, const char *name, int64_t rows, int64_t cols)
{
	int64_t n[2] = { rows, cols };
	struct tensor *t = graph_tensor(g, kind, name, DT_F32, 2, n, NULL);
	float values[256];

	CHECK(t && rows * cols <= 256);
	check_ok(device_alloc(dev, layout_bytes(&t->max), name, &buffers[nr_buffers]));
	tensor_bind(t, buffers[nr_buffers++], 0);
	for (int64_t i = 0; i < rows * cols; i++)
		values[i] = (float)((i * 7 + 3) % 11) / 11 - 0.4f;
	check_ok(tensor_write(t, values, layout_bytes(&t->max)));
	return t;
}

static struct plan *run(void)
{
	struct plan *p;

	check_ok(graph_error(g));
	check_ok(graph_plan(g, dev, false, &p));
	check_ok(plan_run(p));
	return p;
}

static void read_all(const struct tensor *t, float *to)
{
	check_ok(tensor_read(t, to, layout_bytes(&t->now)));
}

/* d/dx sum(x * x) through three slices that tile x equals 2 x: by concat, without zeros. */
START_TEST(slices_that_tile)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH), *sum = NULL;
	float want[ROWS * WIDTH], got[ROWS * WIDTH];
	static const int at[4] = { 0, 3, 4, WIDTH };
	bool padded = false;
	struct plan *p;

	graph_want_grad(x);
	for (int i = 0; i < 3; i++) {
		struct tensor *part = op_slice(g, x, 1, at[i], at[i + 1] - at[i]);
		struct tensor *s = op_sum(g, op_mul(g, part, part));

		sum = sum ? op_add(g, sum, s) : s;
	}
	check_ok(graph_backward(g, sum, NULL));
	graph_output(x->grad);
	for (int i = 0; i < g->nr_nodes; i++)
		padded |= !strcmp(g->nodes[i]->op->name, "pad_slice");
	CHECK(!padded);
	p = run();
	read_all(x, want);
	read_all(x->grad, got);
	for (int i = 0; i < ROWS * WIDTH; i++)
		ck_assert_float_eq(got[i], 2 * want[i]);
	plan_free(p);
}
END_TEST

/* Slices that overlap: the shared columns get both contributions. */
START_TEST(slices_that_overlap)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);
	float got[ROWS * WIDTH];
	struct plan *p;

	graph_want_grad(x);
	check_ok(graph_backward(g, op_add(g, op_sum(g, op_slice(g, x, 1, 0, 5)),
					  op_sum(g, op_slice(g, x, 1, 3, 4))), NULL));
	graph_output(x->grad);
	p = run();
	read_all(x->grad, got);
	for (int i = 0; i < ROWS * WIDTH; i++)
		ck_assert_float_eq(got[i], (float)((i % WIDTH < 5) + (i % WIDTH >= 3 &&
								      i % WIDTH < 7)));
	plan_free(p);
}
END_TEST

/* A weight with two users has the sum of both gradients, and accumulation adds to it. */
START_TEST(tied_weight)
{
	struct tensor *w = bound(TENSOR_PARAM, "w", WIDTH, WIDTH), *x, *flag;
	struct backward_options opts = { 0 };
	float twice[WIDTH * WIDTH], once[WIDTH * WIDTH];
	int32_t add = 0;
	int64_t one = 1;
	struct plan *p;

	w->grad = bound(TENSOR_STATE, "w.grad", WIDTH, WIDTH);
	x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);
	flag = graph_tensor(g, TENSOR_INPUT, "flag", DT_I32, 0, &one, NULL);
	check_ok(device_alloc(dev, 4, "flag", &buffers[nr_buffers]));
	tensor_bind(flag, buffers[nr_buffers++], 0);
	opts.accumulate = flag;
	check_ok(graph_backward(g, op_sum(g, op_linear(g, op_linear(g, x, w, NULL), w, NULL)),
				&opts));
	ck_assert_int_eq(g->nr_weight_grads, 2);
	CHECK(g->weight_grads[0].weight == w && g->weight_grads[1].weight == w);
	p = run();
	read_all(w->grad, once);
	add = 1;
	check_ok(tensor_write(flag, &add, sizeof(add)));
	check_ok(plan_run(p));
	read_all(w->grad, twice);
	for (int i = 0; i < WIDTH * WIDTH; i++)
		ck_assert_float_eq_tol(twice[i], 2 * once[i], 1e-5);
	add = 0;
	check_ok(tensor_write(flag, &add, sizeof(add)));
	check_ok(plan_run(p));
	read_all(w->grad, twice);
	CHECK(!memcmp(once, twice, sizeof(once)));
	plan_free(p);
}
END_TEST

static enum tap_action replace(void *ctx, struct graph *graph, struct tensor *weight,
			       struct tensor *input, struct tensor *delta)
{
	int *calls = ctx;

	CHECK(graph == g && weight && input && delta);
	(*calls)++;
	return TAP_REPLACE;
}

/* A tap sees every linear weight with its input and delta, and may take its place. */
START_TEST(tap_replaces)
{
	struct tensor *w = bound(TENSOR_PARAM, "w", WIDTH, WIDTH);
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);
	int calls = 0;
	struct backward_options opts = { .tap = replace, .tap_ctx = &calls };

	w->grad = bound(TENSOR_STATE, "w.grad", WIDTH, WIDTH);
	check_ok(graph_backward(g, op_sum(g, op_linear(g, x, w, NULL)), &opts));
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(g->nr_weight_grads, 1);
	CHECK(!g->weight_grads[0].node);
	for (int i = 0; i < g->nr_nodes; i++)
		CHECK(strcmp(g->nodes[i]->op->name, "linear_dw"));
}
END_TEST

/* A value above which nothing is trained has a gradient, too, if somebody wants it. */
START_TEST(gradient_of_a_value)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH), *h;
	float want[ROWS * WIDTH], got[ROWS * WIDTH];
	struct plan *p;

	h = op_gelu(g, x, false);
	graph_want_grad(h);
	graph_output(h);
	check_ok(graph_backward(g, op_sum(g, op_mul(g, h, h)), NULL));
	CHECK(h->grad);
	graph_output(h->grad);
	p = run();
	read_all(h, want);
	read_all(h->grad, got);
	for (int i = 0; i < ROWS * WIDTH; i++)
		ck_assert_float_eq(got[i], 2 * want[i]);
	plan_free(p);
}
END_TEST

START_TEST(names_are_unique)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);

	graph_scope(g, "h.%d", 3);
	op_add(g, op_gelu(g, op_gelu(g, x, false), false), x);
	ck_assert_str_eq(g->nodes[0]->name, "h.3/gelu");
	ck_assert_str_eq(g->nodes[1]->name, "h.3/gelu#2");
	ck_assert_str_eq(g->nodes[2]->name, "h.3/add");
}
END_TEST

START_TEST(no_gradient_rule)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);

	graph_want_grad(x);
	check_fails(graph_backward(g, op_sum(g, op_max_last(g, op_gelu(g, x, false))), NULL),
		    -EOPNOTSUPP, "'max_last' has no gradient rule");
}
END_TEST

START_TEST(nothing_wanted)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);

	check_fails(graph_backward(g, op_sum(g, x), NULL), -EINVAL, "wants a gradient");
}
END_TEST

/* After an update in place the old name stands for something that is gone. */
START_TEST(stale_tensor)
{
	struct tensor *a = bound(TENSOR_STATE, "a", ROWS, WIDTH);
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);

	CHECK(op_accumulate(g, a, x, NULL, true));
	CHECK(!op_add(g, a, x));
	check_fails(graph_error(g), -EINVAL, "'a' was updated in place");
}
END_TEST

/* The first error of a builder stays, and later builders do nothing. */
START_TEST(first_error_stays)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH);
	struct tensor *w = bound(TENSOR_PARAM, "w", WIDTH, WIDTH + 1);
	int nodes;

	CHECK(!op_linear(g, x, w, NULL));
	nodes = g->nr_nodes;
	CHECK(!op_gelu(g, op_linear(g, x, NULL, NULL), false));
	ck_assert_int_eq(g->nr_nodes, nodes);
	check_fails(graph_error(g), -EINVAL, "linear");
}
END_TEST

/* A chain of twenty activations needs two places, not twenty; in place, one. */
START_TEST(arena_is_reused)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", 16, 16), *y = x;
	size_t one = layout_bytes(&x->max);
	struct plan *p;

	for (int i = 0; i < 20; i++)
		y = op_gelu(g, y, false);
	graph_output(y);
	p = run();
	ck_assert_int_eq(p->nr_steps, 20);
	ck_assert_uint_eq(p->arena_bytes, one);
	plan_free(p);
}
END_TEST

/* What nobody reads is not computed. */
START_TEST(dead_nodes_are_dropped)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH), *y;
	struct plan *p;

	y = op_gelu(g, x, false);
	graph_output(y);
	op_mul(g, op_gelu(g, y, true), y);
	p = run();
	ck_assert_int_eq(p->nr_steps, 1);
	plan_free(p);
}
END_TEST

START_TEST(unbound_is_named)
{
	int64_t n[1] = { 4 };
	struct tensor *x = graph_tensor(g, TENSOR_INPUT, "lonely", DT_F32, 1, n, NULL), *y;
	struct plan *p;

	y = op_gelu(g, x, false);
	graph_output(y);
	check_ok(graph_plan(g, dev, false, &p));
	check_fails(plan_run(p), -EINVAL, "'lonely' is not bound");
	plan_free(p);
}
END_TEST

START_TEST(extent_out_of_range)
{
	int64_t n[1] = { 8 };
	int id = graph_extent(g, "time", 8);
	struct tensor *x = graph_tensor(g, TENSOR_INPUT, "x", DT_F32, 1, n, &id);
	struct plan *p;

	graph_output(op_gelu(g, x, false));
	check_ok(graph_plan(g, dev, true, &p));
	check_fails(plan_set_extent(p, id, 9), -EINVAL, "'time' is 9: planned for 1 to 8");
	check_fails(plan_set_extent(p, id, 0), -EINVAL, "'time' is 0");
	check_ok(plan_set_extent(p, id, 8));
	plan_free(p);
}
END_TEST

/* The first op that makes a NaN is named, not the last that passes it on. */
START_TEST(first_nan_is_named)
{
	struct tensor *x = bound(TENSOR_INPUT, "x", ROWS, WIDTH), *y;
	float values[ROWS * WIDTH] = { 0 };
	struct plan *p;

	y = op_mul(g, x, x);
	y = op_gelu(g, y, false);
	graph_output(op_sum(g, y));
	p = run();
	check_ok(plan_run_checked(p));
	values[11] = 1e30f;
	check_ok(tensor_write(x, values, sizeof(values)));
	check_fails(plan_run_checked(p), -EDOM, "op 'mul' made Inf");
	plan_free(p);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, slices_that_tile);
	tcase_add_test(tc, slices_that_overlap);
	tcase_add_test(tc, tied_weight);
	tcase_add_test(tc, tap_replaces);
	tcase_add_test(tc, gradient_of_a_value);
	tcase_add_test(tc, names_are_unique);
	tcase_add_test(tc, no_gradient_rule);
	tcase_add_test(tc, nothing_wanted);
	tcase_add_test(tc, stale_tensor);
	tcase_add_test(tc, first_error_stays);
	tcase_add_test(tc, arena_is_reused);
	tcase_add_test(tc, dead_nodes_are_dropped);
	tcase_add_test(tc, unbound_is_named);
	tcase_add_test(tc, extent_out_of_range);
	tcase_add_test(tc, first_nan_is_named);
}
TEST_REGISTER(graph, add);
