// SPDX-License-Identifier: MIT
/*
 * Graphs with views: kernels that read rows or elements that lie apart, the copies that
 * builders insert, and gradients through slices, at sizes below the maxima.  Outputs and
 * gradients are compared with the same graph run by the oracles.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "ops/add.h"
#include "ops/concat.h"
#include "ops/contiguous.h"
#include "ops/glu.h"
#include "ops/layernorm.h"
#include "ops/merge-dims.h"
#include "ops/mul.h"
#include "ops/pad-slice.h"
#include "ops/rmsnorm.h"
#include "ops/slice.h"
#include "ops/split-dim.h"
#include "ops/sum-last.h"
#include "ops/transpose.h"
#include "tensor/plan.h"
#include "tests/unit/test.h"

#define WIDTH 24
#define BATCH_MAX 5
#define TIME_MAX 11

/* x (batch, time, WIDTH) and w (WIDTH / 3), both differentiable; y made of them. */
struct net {
	struct graph *g;
	struct tensor *x, *w, *y;
	struct buffer *x_buffer, *w_buffer;
	struct plan *plan;
};

typedef struct tensor *(*net_fn)(struct graph *g, struct tensor *x, struct tensor *w);

static void net_build(struct net *n, net_fn fn, int64_t batch, int64_t time)
{
	int64_t size[3] = { BATCH_MAX, TIME_MAX, WIDTH }, width = WIDTH / 3;
	int ids[3] = { 0, 1, -1 };

	memset(n, 0, sizeof(*n));
	n->g = graph_new();
	graph_extent(n->g, "batch", BATCH_MAX);
	graph_extent(n->g, "time", TIME_MAX);
	n->g->extent_now[0] = batch;
	n->g->extent_now[1] = time;
	n->x = graph_tensor(n->g, TENSOR_INPUT, "x", DT_F32, 3, size, ids);
	n->w = graph_tensor(n->g, TENSOR_INPUT, "w", DT_F32, 1, &width, NULL);
	graph_want_grad(n->x);
	graph_want_grad(n->w);
	n->y = op_contiguous(n->g, fn(n->g, n->x, n->w));
	n->y = op_mul(n->g, n->y, n->y);	/* a slope that differs by element */
	graph_output(n->y);
	check_ok(graph_error(n->g));
	check_ok(graph_backward(n->g, n->y, NULL));
	CHECK(n->x->grad);
	graph_output(n->x->grad);
	graph_output(n->w->grad);
	check_ok(graph_resolve(n->g));
}

static float value(int i)
{
	struct rng r = rng_stream(5, "test/views", 0);

	return rng_normal(&r, i);
}

static void write_values(struct tensor *t, struct device *dev, struct buffer **buf)
{
	int64_t count = layout_count(&t->now);
	float *host = malloc(count * sizeof(*host));

	for (int64_t i = 0; i < count; i++)
		host[i] = value((int)i);
	check_ok(device_alloc(dev, layout_bytes(&t->max), "a test", buf));
	tensor_bind(t, *buf, 0);
	check_ok(tensor_write(t, host, count * sizeof(*host)));
	free(host);
}

static void compare(const struct tensor *t, const double *want)
{
	int64_t count = layout_count(&t->now);
	float *got = malloc(count * sizeof(*got));
	double scale = 0;

	check_ok(tensor_read(t, got, count * sizeof(*got)));
	for (int64_t i = 0; i < count; i++)
		scale = fmax(scale, fabs(want[i]));
	for (int64_t i = 0; i < count; i++)
		ck_assert_msg(fabs(got[i] - want[i]) <= 1e-5 * scale,
			      "%s: element %lld is %g, not %g", t->name, (long long)i, got[i],
			      want[i]);
	free(got);
}

static double **run_oracles(struct net *n)
{
	double **values = calloc(n->g->nr_tensors, sizeof(*values));
	struct tensor *in[2] = { n->x, n->w };

	for (int k = 0; k < 2; k++) {
		int64_t count = layout_count(&in[k]->now);

		values[in[k]->id] = malloc(count * sizeof(double));
		for (int64_t i = 0; i < count; i++)
			values[in[k]->id][i] = value((int)i);
	}
	check_ok(oracle_run(n->g, values));
	return values;
}

static void check_on(const char *device, net_fn fn, int64_t batch, int64_t time)
{
	struct net net, oracle;
	struct device *dev;
	double **values;

	if (device_open(device, &dev)) {
		fail_clear();		/* not compiled in */
		return;
	}
	net_build(&oracle, fn, batch, time);
	values = run_oracles(&oracle);
	net_build(&net, fn, batch, time);
	check_ok(graph_plan(net.g, dev, false, &net.plan));
	write_values(net.x, dev, &net.x_buffer);
	write_values(net.w, dev, &net.w_buffer);
	check_ok(plan_run(net.plan));
	compare(net.y, values[oracle.y->id]);
	compare(net.x->grad, values[oracle.x->grad->id]);
	if (net.w->grad)
		compare(net.w->grad, values[oracle.w->grad->id]);
	for (int t = 0; t < oracle.g->nr_tensors; t++)
		free(values[t]);
	free(values);
	plan_free(net.plan);
	buffer_free(net.x_buffer);
	buffer_free(net.w_buffer);
	graph_free(net.g);
	graph_free(oracle.g);
	device_close(dev);
}

static void check_net(net_fn fn)
{
	static const char *const devices[] = { "cpu", "remote" };

	for (int d = 0; d < 2; d++) {
		check_on(devices[d], fn, BATCH_MAX, TIME_MAX);
		check_on(devices[d], fn, 3, 7);
		check_on(devices[d], fn, 1, 4);
	}
}

/* The middle third of x in heads, heads before time: (B, 2, T, 4). */
static struct tensor *heads(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *v = op_split_dim(g, op_slice(g, x, -1, 8, 8), -1, 4);

	return op_mul(g, op_transpose(g, v, 1, 2), op_slice(g, w, 0, 2, 4));
}

static void views_heads(void)
{
	check_net(heads);
}
TEST_REGISTER(views_heads);

static struct tensor *gated(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *gate = op_slice(g, x, 2, 0, 8), *up = op_slice(g, x, 2, 8, 8);
	struct tensor *y = op_glu(g, gate, up, GLU_SILU);

	y = op_add(g, y, op_glu(g, op_slice(g, x, 2, 16, 8), up, GLU_GELU));
	/* Channels first: the rows of these views have gaps. */
	y = op_add(g, y, op_transpose(g, op_glu(g, op_transpose(g, gate, 1, 2),
						op_transpose(g, up, 1, 2), GLU_GELU_EXACT),
				      1, 2));
	return op_mul(g, y, w);
}

static void views_glu(void)
{
	check_net(gated);
}
TEST_REGISTER(views_glu);

static struct tensor *norms(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *a = op_layernorm(g, op_slice(g, x, 2, 8, 8), w, w, 1e-5f, DT_F32);
	struct tensor *h = op_split_dim(g, op_slice(g, x, 2, 16, 8), 2, 4);
	struct tensor *b = op_rmsnorm(g, h, op_slice(g, w, 0, 1, 4), 1e-6f, DT_F32);
	/* Rows with gaps: these are copied first. */
	struct tensor *c = op_transpose(g, op_split_dim(g, op_slice(g, x, 2, 0, 8), 2, 2), 2, 3);

	c = op_transpose(g, op_layernorm(g, c, op_slice(g, w, 0, 0, 4), NULL, 1e-5f,
				      DT_F32), 2, 3);
	return op_add(g, op_add(g, a, op_merge_dims(g, b, 2)), op_merge_dims(g, c, 2));
}

static void views_norms(void)
{
	check_net(norms);
}
TEST_REGISTER(views_norms);

/* Slices that overlap and leave gaps: their gradients are padded and added. */
static struct tensor *overlapping(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *a = op_slice(g, x, 2, 0, 8), *b = op_slice(g, x, 2, 5, 8);
	struct tensor *late = op_slice(g, op_slice(g, x, 1, 2, -1), 2, 14, 8);

	a = op_mul(g, op_mul(g, a, b), w);
	return op_add(g, op_slice(g, a, 1, 2, -1), late);
}

static void views_overlapping(void)
{
	check_net(overlapping);
}
TEST_REGISTER(views_overlapping);

static struct tensor *joined(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *t = op_transpose(g, x, 0, 1);	/* (T, B, 24) */
	struct tensor *part = op_transpose(g, op_slice(g, x, 2, 3, 8), 0, 1);
	struct tensor *in[3] = { op_mul(g, part, w), t, op_slice(g, t, -1, 16, 8) };

	return op_concat(g, in, 3, -1);
}

static void views_joined(void)
{
	check_net(joined);
}
TEST_REGISTER(views_joined);

static struct tensor *merged(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *rows = op_merge_dims(g, x, 0);				/* (BT, 24) */
	struct tensor *copied = op_merge_dims(g, op_transpose(g, x, 0, 1), 0);	/* (TB, 24) */
	struct tensor *sliced = op_merge_dims(g, op_slice(g, x, 2, 4, 8), 0);	/* (BT, 8) */
	struct tensor *y = op_add(g, op_mul(g, rows, copied), op_pad_slice(g, sliced, rows, 1, 9));

	y = op_add(g, y, op_split_dim_like(g, op_merge_dims(g, y, 0), 0, rows));
	return op_mul(g, op_split_dim(g, y, 1, 8), w);
}

static void views_merged(void)
{
	check_net(merged);
}
TEST_REGISTER(views_merged);

/* All ways to the last dimension: both ends swapped, summed over what was the batch. */
static struct tensor *swapped(struct graph *g, struct tensor *x, struct tensor *w)
{
	struct tensor *t = op_transpose(g, op_slice(g, x, 2, 0, 8), 0, 2);	/* (8, T, B) */

	return op_mul(g, op_transpose(g, op_sum_last(g, t), 0, 1), w);		/* (T, 8) */
}

static void views_swapped(void)
{
	check_net(swapped);
}
TEST_REGISTER(views_swapped);

/* What the builders refuse, by name. */
static void views_errors(void)
{
	static const struct {
		struct tensor *(*make)(struct graph *g, struct tensor *x, int dim, int64_t n);
		int dim;
		int64_t n;
		const char *says;
	} wrong[] = {
		{ op_split_dim, 2, 7, "split_dim: cannot split dimension 2 of f32 (5, 11, 24)" },
		{ op_split_dim, 3, 2, "split_dim: x is f32 (5, 11, 24): no dimension 3" },
		{ op_split_dim, 2, 0, "split_dim: inner size 0" },
	};
	int64_t size[3] = { BATCH_MAX, TIME_MAX, WIDTH };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct graph *g = graph_new();
		struct tensor *x = graph_tensor(g, TENSOR_INPUT, "x", DT_F32, 3, size, NULL);

		CHECK(!wrong[i].make(g, x, wrong[i].dim, wrong[i].n));
		check_fails(graph_error(g), -EINVAL, wrong[i].says);
		CHECK(!op_transpose(g, NULL, 0, 1));	/* NULL and the first error go on */
		check_fails(graph_error(g), -EINVAL, wrong[i].says);
		graph_free(g);
	}
}
TEST_REGISTER(views_errors);
