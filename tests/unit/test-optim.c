// SPDX-License-Identifier: MIT
/*
 * Optimizers as the trainer uses them: an update graph over flat segments, the hyper
 * values written before each step.
 */
#include <math.h>

#include "ops/clip-scale.h"
#include "ops/sq-norm.h"
#include "optim/optim.h"
#include "tensor/plan.h"
#include "tests/unit/test.h"

#define N 1000

static const char *const settings[] = {
	"OPTIM_BETA1=0.9", "OPTIM_BETA2=0.95", "OPTIM_EPS=1e-8",
};

static struct config *make_config(void)
{
	struct config *cfg = config_new();

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		check_ok(config_set(cfg, settings[i]));
	return cfg;
}

/* Everything in one buffer: w, m, v, g at multiples of 4096 bytes, then the scalars. */
struct rig {
	struct device *dev;
	struct graph *g;
	struct plan *plan;
	struct buffer *memory;
	struct tensor *w, *m, *v, *grad, *clip, *hyper;
	float host[N];
};

static struct tensor *place(struct rig *r, const char *name, int64_t n, int slot)
{
	struct tensor *t = graph_tensor(r->g, TENSOR_STATE, name, DT_F32, 1, &n, NULL);

	tensor_bind(t, r->memory, slot * 4096);
	return t;
}

static void rig_make(struct rig *r, const struct optimizer *o, const struct config *cfg,
		     double decay)
{
	struct optim_segment s = { .decay = decay };
	float one = 1;

	check_ok(device_open("cpu", &r->dev));
	check_ok(device_alloc(r->dev, 6 * 4096, "a test", &r->memory));
	r->g = graph_new();
	s.weights = r->w = place(r, "w", N, 0);
	s.states[0] = r->m = place(r, "m", N, 1);
	s.states[1] = r->v = place(r, "v", N, 2);
	s.gradients = r->grad = place(r, "g", N, 3);
	s.hyper = r->hyper = place(r, "hyper", OPTIM_HYPER, 4);
	s.clip = r->clip = place(r, "clip", 1, 5);
	check_ok(o->update(r->g, cfg, &s));
	check_ok(graph_plan(r->g, r->dev, false, &r->plan));
	for (int i = 0; i < N; i++)
		r->host[i] = cosf(i);
	check_ok(tensor_write(r->w, r->host, sizeof(r->host)));
	check_ok(tensor_write(r->clip, &one, sizeof(one)));
}

static void rig_step(struct rig *r, const struct optimizer *o, const struct config *cfg,
		     int step, double lr)
{
	float hyper[OPTIM_HYPER];

	for (int i = 0; i < N; i++)
		r->host[i] = sinf(i + step);
	check_ok(tensor_write(r->grad, r->host, sizeof(r->host)));
	optimizer_hyper(o, cfg, step, lr, hyper);
	check_ok(tensor_write(r->hyper, hyper, sizeof(hyper)));
	check_ok(plan_run(r->plan));
}

static void rig_free(struct rig *r)
{
	plan_free(r->plan);
	graph_free(r->g);
	buffer_free(r->memory);
	device_close(r->dev);
}

/* Algorithm 2 of the paper for one weight, in double. */
static double reference(int i, int steps, double lr, double decay)
{
	double w = cosf(i), m = 0, v = 0;

	for (int t = 1; t <= steps; t++) {
		double g = sinf(i + t);

		m = 0.9 * m + 0.1 * g;
		v = 0.95 * v + 0.05 * g * g;
		w = w - lr * (m / (1 - pow(0.9, t)) / (sqrt(v / (1 - pow(0.95, t))) + 1e-8) +
			      decay * w);
	}
	return w;
}

static void optim_adamw(void)
{
	const struct optimizer *o = optimizer_find("adamw");
	struct config *cfg = make_config();

	CHECK(o && o->unit == OPTIM_ELEMENT && o->nr_states == 2);
	for (int decay = 0; decay < 2; decay++) {
		struct rig r;

		rig_make(&r, o, cfg, decay ? 0.1 : 0);
		for (int step = 1; step <= 10; step++)
			rig_step(&r, o, cfg, step, 0.01);
		check_ok(tensor_read(r.w, r.host, sizeof(r.host)));
		for (int i = 0; i < N; i++)
			CHECK(fabs(r.host[i] - reference(i, 10, 0.01, decay ? 0.1 : 0)) < 2e-6);
		rig_free(&r);
	}
	config_free(cfg);
}
TEST_REGISTER(optim_adamw);

/* A gap in a segment: weight, moments and gradient are zero, and stay so. */
static void optim_gap_stays_zero(void)
{
	const struct optimizer *o = optimizer_find("adamw");
	struct config *cfg = make_config();
	float zero[N] = { 0 };
	struct rig r;

	rig_make(&r, o, cfg, 0.1);
	check_ok(tensor_write(r.w, zero, sizeof(zero)));
	for (int step = 1; step <= 3; step++) {
		float hyper[OPTIM_HYPER];

		optimizer_hyper(o, cfg, step, 0.01, hyper);
		check_ok(tensor_write(r.hyper, hyper, sizeof(hyper)));
		check_ok(plan_run(r.plan));
	}
	check_ok(tensor_read(r.w, r.host, sizeof(r.host)));
	CHECK(!memcmp(r.host, zero, sizeof(zero)));
	rig_free(&r);
	config_free(cfg);
}
TEST_REGISTER(optim_gap_stays_zero);

static void optim_unknown(void)
{
	CHECK(!optimizer_find("adam"));
	CHECK(strstr(fail_message(), "'adam'"));
}
TEST_REGISTER(optim_unknown);

/* The clip factor of a gradient whose norm is known; NaN must not be hidden. */
static float clip_of(float element, float max_norm)
{
	struct graph *g = graph_new();
	int64_t n = 4;
	struct tensor *x = graph_tensor(g, TENSOR_INPUT, "g", DT_F32, 1, &n, NULL);
	struct tensor *sq = op_sq_norm(g, x), *clip = op_clip_scale(g, &sq, 1, max_norm);
	float host[4] = { element, element, element, element }, result;
	struct buffer *memory;
	struct device *dev;
	struct plan *plan;

	graph_output(clip);
	check_ok(device_open("cpu", &dev));
	check_ok(device_alloc(dev, sizeof(host), "a test", &memory));
	tensor_bind(x, memory, 0);
	check_ok(graph_plan(g, dev, false, &plan));
	check_ok(tensor_write(x, host, sizeof(host)));
	check_ok(plan_run(plan));
	check_ok(tensor_read(clip, &result, sizeof(result)));
	plan_free(plan);
	graph_free(g);
	buffer_free(memory);
	device_close(dev);
	return result;
}

static void optim_clip(void)
{
	CHECK(clip_of(3, 0) == 1);
	CHECK(clip_of(0.25f, 1) == 1);
	CHECK(clip_of(0, 1) == 1);
	CHECK(fabsf(clip_of(3, 1) - 1.0f / (6 + 1e-6f)) < 1e-8f);
	CHECK(clip_of(1e30f, 1) == 0);	/* an infinite norm, which the trainer reports */
	CHECK(isnan(clip_of(NAN, 1)));
}
TEST_REGISTER(optim_clip);
