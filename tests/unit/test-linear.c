// SPDX-License-Identifier: MIT
/*
 * What the op table cannot test of linear layers, embeddings and the loss: gradients
 * that several nodes accumulate, taps, extreme logits, wrong ids, wrong use.
 */
#include <math.h>

#include "ops/embedding.h"
#include "ops/linear-cross-entropy.h"
#include "ops/linear.h"
#include "ops/scale.h"
#include "tensor/plan.h"
#include "tests/unit/test.h"

#define MAX_BOUND 16

static struct device *dev;
static struct graph *g;
static struct plan *plan;
static struct buffer *bound[MAX_BOUND];
static int nr_bound;

static void begin(void)
{
	check_ok(device_open("cpu", &dev));
	g = graph_new();
	ck_assert_ptr_nonnull(g);
	plan = NULL;
	nr_bound = 0;
}

static void end(void)
{
	plan_free(plan);
	for (int i = 0; i < nr_bound; i++)
		buffer_free(bound[i]);
	graph_free(g);
	device_close(dev);
}

/* A bound tensor of (rows, cols), or (rows) where cols is 0, or a scalar. */
static struct tensor *make(enum tensor_kind kind, const char *name, enum dtype dtype,
			   int64_t rows, int64_t cols)
{
	int64_t n[2] = { rows, cols };
	struct tensor *t = graph_tensor(g, kind, name, dtype, !rows ? 0 : cols ? 2 : 1, n, NULL);

	CHECK(t);
	check_ok(device_alloc(dev, layout_bytes(&t->max), name, &bound[nr_bound]));
	tensor_bind(t, bound[nr_bound++], 0);
	return t;
}

static struct tensor *param(const char *name, int64_t rows, int64_t cols)
{
	struct tensor *w = make(TENSOR_PARAM, name, DT_F32, rows, cols);

	w->grad = make(TENSOR_STATE, "grad", DT_F32, rows, cols);
	return w;
}

#define FLOATS(...) (float[]){ __VA_ARGS__ }
#define INTS(...) (int32_t[]){ __VA_ARGS__ }

static void put(struct tensor *t, const void *values)
{
	check_ok(tensor_write(t, values, layout_bytes(&t->max)));
}

static void get(const struct tensor *t, void *values)
{
	check_ok(tensor_read(t, values, layout_bytes(&t->max)));
}

static void check_near(const char *what, double got, double want)
{
	ck_assert_msg(fabs(got - want) <= 2e-6 * fmax(1, fabs(want)), "%s is %.9g, not %.9g", what,
		      got, want);
}

/* x (3, 2), w (4, 2), targets (3), all filled. */
struct loss {
	struct tensor *x, *w, *targets, *scale, *flag, *loss;
};

static const float x_values[6] = { 1, -2, 0.5f, 3, -1, 0.25f };
static const float w_values[8] = { 0.5f, 1, -1, 2, 0.25f, -0.5f, 1.5f, 0 };

static void loss_inputs(struct loss *l)
{
	l->x = make(TENSOR_INPUT, "x", DT_F32, 3, 2);
	l->w = param("w", 4, 2);
	l->targets = make(TENSOR_INPUT, "targets", DT_I32, 3, 0);
	l->scale = make(TENSOR_INPUT, "scale", DT_F32, 0, 0);
	l->flag = make(TENSOR_INPUT, "flag", DT_I32, 0, 0);
	put(l->x, x_values);
	put(l->w, w_values);
	put(l->targets, INTS(2, -1, 0));
	put(l->scale, FLOATS(0.5f));
	put(l->flag, INTS(0));
}

static struct tensor *loss_of(struct loss *l)
{
	return op_linear_cross_entropy(g, l->x, l->w, l->targets, l->scale, l->flag, NULL, 0);
}

/* d(scale * sum loss) / dw in double. */
static void expect_dw(double dw[8])
{
	static const int target[3] = { 2, -1, 0 };

	memset(dw, 0, 8 * sizeof(*dw));
	for (int r = 0; r < 3; r++) {
		double z[4], sum = 0;

		for (int v = 0; v < 4 && target[r] >= 0; v++) {
			z[v] = exp(x_values[2 * r] * w_values[2 * v] +
				   x_values[2 * r + 1] * w_values[2 * v + 1]);
			sum += z[v];
		}
		for (int v = 0; v < 4 && target[r] >= 0; v++)
			for (int k = 0; k < 2; k++)
				dw[2 * v + k] += 0.5 * (z[v] / sum - (v == target[r])) *
						 x_values[2 * r + k];
	}
}

static void run_plan(void)
{
	check_ok(graph_error(g));
	if (!plan)
		check_ok(graph_plan(g, dev, false, &plan));
	check_ok(plan_run(plan));
}

/* The first run overwrites what was in the gradient, the second adds. */
START_TEST(accumulates)
{
	struct backward_options opts = { 0 };
	struct loss l;
	float dw[8];
	double want[8];

	loss_inputs(&l);
	put(l.w->grad, FLOATS(NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN));
	opts.accumulate = l.flag;
	l.loss = loss_of(&l);
	check_ok(graph_backward(g, l.loss, &opts));
	expect_dw(want);
	for (int runs = 1; runs <= 3; runs++) {
		put(l.flag, INTS(runs > 1));
		run_plan();
		get(l.w->grad, dw);
		for (int i = 0; i < 8; i++)
			check_near("dW", dw[i], runs * want[i]);
	}
}
END_TEST

/* A tied weight: the loss writes its gradient, the embedding adds to it. */
START_TEST(tied)
{
	struct backward_options opts = { 0 };
	struct tensor *ids;
	struct loss l;
	float dw[8], dx[6];
	double want[8];

	loss_inputs(&l);
	ids = make(TENSOR_INPUT, "ids", DT_I32, 3, 0);
	put(ids, INTS(3, 1, 3));
	/* Rows of w where x was: with these, x is the same as in expect_dw(). */
	put(l.w, w_values);
	opts.accumulate = l.flag;
	l.x = op_embedding(g, l.w, ids, DT_F32);
	graph_want_grad(l.x);
	l.loss = loss_of(&l);
	graph_output(l.loss);
	check_ok(graph_backward(g, l.loss, &opts));
	CHECK(l.x->grad);
	graph_output(l.x->grad);
	run_plan();
	get(l.w->grad, dw);
	get(l.x->grad, dx);
	memset(want, 0, sizeof(want));
	for (int r = 0; r < 3; r++) {
		static const int id[3] = { 3, 1, 3 }, target[3] = { 2, -1, 0 };
		double z[4], sum = 0;

		for (int v = 0; v < 4 && target[r] >= 0; v++) {
			z[v] = exp((double)w_values[2 * id[r]] * w_values[2 * v] +
				   (double)w_values[2 * id[r] + 1] * w_values[2 * v + 1]);
			sum += z[v];
		}
		for (int v = 0; v < 4 && target[r] >= 0; v++)
			for (int k = 0; k < 2; k++)
				want[2 * v + k] += 0.5 * (z[v] / sum - (v == target[r])) *
						   w_values[2 * id[r] + k];
		for (int k = 0; k < 2; k++)
			want[2 * id[r] + k] += dx[2 * r + k];
	}
	for (int i = 0; i < 8; i++)
		check_near("tied dW", dw[i], want[i]);
	ck_assert(dx[2] == 0 && dx[3] == 0);	/* the ignored row */
}
END_TEST

/* A weight that two layers use: dW is the sum, whatever was there before. */
START_TEST(shared_weight)
{
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, 2, 2), *w = param("w", 2, 2), *y;
	float dw[4];

	put(x, FLOATS(1, 2, 3, 4));
	put(w, FLOATS(1, -1, 0.5f, 2));
	put(w->grad, FLOATS(NAN, NAN, NAN, NAN));
	y = op_linear(g, op_linear(g, x, w, NULL), w, NULL);
	check_ok(graph_backward(g, y, NULL));
	ck_assert_int_eq(g->nr_weight_grads, 2);
	ck_assert_ptr_eq(g->weight_grads[0].weight, w);
	run_plan();
	get(w->grad, dw);
	/* h = x w^T = (-1, 4.5; -1, 9.5); dW = 1^T h + (1 w)^T x with 1 w = (1.5, 1). */
	check_near("dW", dw[0], -2 + 1.5 * 4);
	check_near("dW", dw[1], 14 + 1.5 * 6);
	check_near("dW", dw[2], -2 + 1 * 4);
	check_near("dW", dw[3], 14 + 1 * 6);
}
END_TEST

/* Two layers with an activation between them; @keep: somebody wants the gradient there. */
static void fused_gradient(bool keep, float dw[4])
{
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, 2, 2), *w = param("w", 2, 2), *h;
	int fused = 0;

	put(x, FLOATS(1, -2, 0.5f, 3));
	put(w, FLOATS(0.25f, -1, 0.5f, 0.75f));
	h = op_linear_act(g, x, w, NULL, ACT_SILU);
	if (keep)
		graph_want_grad(h);
	check_ok(graph_backward(g, op_linear(g, h, w, NULL), NULL));
	for (int i = 0; i < g->nr_nodes; i++)
		fused += !strcmp(g->nodes[i]->op->name, "linear_dx_act");
	ck_assert_int_eq(fused, !keep);
	ck_assert_int_eq(g->nr_weight_grads, 2);
	ck_assert_ptr_eq(g->weight_grads[1].input, x);
	run_plan();
	get(w->grad, dw);
}

START_TEST(activation_between)
{
	float fused[4], apart[4];

	fused_gradient(false, fused);
	end();
	begin();
	fused_gradient(true, apart);
	for (int i = 0; i < 4; i++)
		check_near("dW", fused[i], apart[i]);
}
END_TEST

struct tap_log {
	int calls;
	enum tap_action action;
	struct tensor *input;
};

static enum tap_action tap(void *ctx, struct graph *graph, struct tensor *weight,
			   struct tensor *input, struct tensor *delta)
{
	struct tap_log *log = ctx;

	ck_assert_ptr_eq(graph, g);
	ck_assert(layout_last(&delta->max) == weight->max.n[0]);
	ck_assert(layout_last(&input->max) == weight->max.n[1]);
	log->calls++;
	log->input = input;
	return log->action;
}

START_TEST(taps)
{
	struct tap_log log = { .action = _i ? TAP_REPLACE : TAP_KEEP };
	struct backward_options opts = { .tap = tap, .tap_ctx = &log };
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, 2, 3), *w = param("w", 4, 3);
	struct tensor *bias = param("bias", 4, 0);
	float db[4];
	int nr = 0;

	check_ok(graph_backward(g, op_linear(g, x, w, bias), &opts));
	ck_assert_int_eq(log.calls, 1);
	ck_assert_ptr_eq(log.input, x);
	ck_assert_int_eq(g->nr_weight_grads, 1);
	for (int i = 0; i < g->nr_nodes; i++)
		nr += !strcmp(g->nodes[i]->op->name, "linear_dw");
	ck_assert_int_eq(nr, !_i);
	ck_assert((g->weight_grads[0].node == NULL) == !!_i);
	run_plan();
	get(bias->grad, db);
	for (int i = 0; i < 4; i++)
		check_near("db", db[i], 2);
}
END_TEST

START_TEST(extreme_logits)
{
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, 3, 1), *w = param("w", 3, 1);
	struct tensor *targets = make(TENSOR_INPUT, "targets", DT_I32, 3, 0);
	struct tensor *scale = make(TENSOR_INPUT, "scale", DT_F32, 0, 0), *loss, *eval;
	float got[3], dw[3];

	put(x, FLOATS(1, 1, 1));
	put(w, FLOATS(1e4f, -1e4f, 9999));
	put(targets, INTS(0, 1, 2));
	put(scale, FLOATS(1));
	loss = op_linear_cross_entropy(g, x, w, targets, scale, NULL, NULL, 0);
	eval = op_linear_cross_entropy_eval(g, x, w, targets, 0);
	graph_output(loss);
	graph_output(eval);
	check_ok(graph_backward(g, loss, NULL));
	run_plan();
	for (int e = 0; e < 2; e++) {
		get(e ? eval : loss, got);
		check_near("loss", got[0], log1p(exp(-1)));
		check_near("loss", got[1], 20000 + log1p(exp(-1)));
		check_near("loss", got[2], 1 + log1p(exp(-1)));
	}
	get(w->grad, dw);
	check_near("dW", dw[0], 3 / (1 + exp(-1)) - 1);
	check_near("dW", dw[1], -1);
	check_near("dW", dw[2], 3 / (1 + exp(1)) - 1);
}
END_TEST

/* Labels are drawn as often as the softmax says; another step draws others. */
START_TEST(samples)
{
	enum { R = 4000 };
	static float x_ones[R], got[R];
	static int32_t valid[R];
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, R, 1), *w = param("w", 3, 1);
	struct tensor *targets = make(TENSOR_INPUT, "targets", DT_I32, R, 0);
	struct tensor *scale = make(TENSOR_INPUT, "scale", DT_F32, 0, 0);
	struct tensor *key = make(TENSOR_INPUT, "key", DT_I64, 2, 0), *loss;
	int count[2][3] = { { 0 } };
	double ln[3];

	for (int i = 0; i < R; i++)
		x_ones[i] = 1;
	put(x, x_ones);
	put(w, FLOATS(0, 1, -1));
	put(targets, valid);
	put(scale, FLOATS(1));
	loss = op_linear_cross_entropy(g, x, w, targets, scale, NULL, key, 0);
	graph_output(loss);
	for (int v = 0; v < 3; v++)
		ln[v] = log(1 + exp(1) + exp(-1)) - (v == 1) + (v == 2);
	for (int step = 0; step < 2; step++) {
		put(key, (int64_t[]){ 99, step });
		run_plan();
		get(loss, got);
		for (int i = 0; i < R; i++)
			for (int v = 0; v < 3; v++)
				count[step][v] += fabs(got[i] - ln[v]) < 1e-5;
		for (int v = 0; v < 3; v++)
			ck_assert_msg(fabs(count[step][v] - R * exp(-ln[v])) < 5 * sqrt(R) / 2,
				      "label %d drawn %d times", v, count[step][v]);
		ck_assert_int_eq(count[step][0] + count[step][1] + count[step][2], R);
	}
	ck_assert(memcmp(count[0], count[1], sizeof(count[0])));
}
END_TEST

START_TEST(wrong_ids)
{
	struct loss l;
	struct tensor *ids, *table;

	loss_inputs(&l);
	put(l.targets, INTS(0, 4, 0));
	graph_output(loss_of(&l));
	check_ok(graph_plan(g, dev, false, &plan));
	check_fails(plan_run(plan), -EINVAL, "target 4 of row 1");
	put(l.targets, INTS(0, -2, 0));
	check_fails(plan_run(plan), -EINVAL, "target -2 of row 1");
	put(l.targets, INTS(0, 3, 0));
	check_ok(plan_run(plan));
	plan_free(plan);
	ids = make(TENSOR_INPUT, "ids", DT_I32, 2, 0);
	table = make(TENSOR_INPUT, "table", DT_F32, 5, 2);
	graph_output(op_embedding(g, table, ids, DT_F32));
	graph_output(op_embedding_grad(g, make(TENSOR_INPUT, "dout", DT_F32, 2, 2), ids, 5, NULL,
				       NULL, false));
	check_ok(graph_error(g));
	check_ok(graph_plan(g, dev, false, &plan));
	put(ids, INTS(4, 5));
	check_fails(plan_run(plan), -EINVAL, "embedding: id 5 at position 1");
	put(ids, INTS(-1, 0));
	check_fails(plan_run(plan), -EINVAL, "embedding: id -1 at position 0");
	put(ids, INTS(4, 0));
	check_ok(plan_run(plan));
}
END_TEST

START_TEST(loss_must_be_root)
{
	struct backward_options opts = { 0 };
	struct loss l;

	loss_inputs(&l);
	opts.accumulate = l.flag;
	l.loss = loss_of(&l);
	check_fails(graph_backward(g, op_scale(g, l.loss, 0.5f), &opts), -EINVAL,
		    "must itself be");
}
END_TEST

START_TEST(flag_must_agree)
{
	struct loss l;

	loss_inputs(&l);
	check_fails(graph_backward(g, loss_of(&l), NULL), -EINVAL, "another accumulate flag");
}
END_TEST

START_TEST(one_loss_per_weight)
{
	struct loss l;

	loss_inputs(&l);
	CHECK(loss_of(&l));
	ck_assert_ptr_null(loss_of(&l));
	check_fails(graph_error(g), -EINVAL, "'w' has another loss");
}
END_TEST

START_TEST(wrong_shapes)
{
	static const struct {
		int64_t x_cols, rows, cols;
		enum dtype dtype;
		const char *text;
	} bad[] = {
		{ 3, 4, 2, DT_F32, "linear: x is f32 (2, 3) and w f32 (4, 2)" },
		{ 3, 4, 0, DT_F32, "w f32 (4)" },
		{ 3, 4, 3, DT_I32, "w is i32 (4, 3): must be f32" },
	};
	struct tensor *x = make(TENSOR_INPUT, "x", DT_F32, 2, bad[_i].x_cols);
	struct tensor *w = make(TENSOR_INPUT, "w", bad[_i].dtype, bad[_i].rows, bad[_i].cols);

	ck_assert_ptr_null(op_linear(g, x, w, NULL));
	check_fails(graph_error(g), -EINVAL, bad[_i].text);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, accumulates);
	tcase_add_test(tc, tied);
	tcase_add_test(tc, shared_weight);
	tcase_add_test(tc, activation_between);
	tcase_add_loop_test(tc, taps, 0, 2);
	tcase_add_test(tc, extreme_logits);
	tcase_add_test(tc, samples);
	tcase_add_test(tc, wrong_ids);
	tcase_add_test(tc, loss_must_be_root);
	tcase_add_test(tc, flag_must_agree);
	tcase_add_test(tc, one_loss_per_weight);
	tcase_add_loop_test(tc, wrong_shapes, 0, 3);
}
TEST_REGISTER(linear, add);
