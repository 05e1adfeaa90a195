// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdbool.h>

#include "optim/schedule.h"
#include "tests/unit/test.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

static void schedule_warmup(void)
{
	const char *const names[] = { "cosine", "constant", "linear", "wsd" };
	const struct schedule_range usual = { 0.5, 0.1, 9, 100 }, none = { 0.5, 0.1, 0, 100 },
				    longer = { 0.5, 0.1, 9, 4 };

	for (int i = 0; i < 4; i++) {
		const struct schedule *s = schedule_find(names[i]);

		CHECK(s);
		CHECK(near(schedule_lr(s, &usual, 0), 0.05));
		CHECK(near(schedule_lr(s, &usual, 4), 0.25));
		CHECK(near(schedule_lr(s, &usual, 8), 0.45));
		CHECK(near(schedule_lr(s, &usual, 9), 0.5));
		CHECK(near(schedule_lr(s, &none, 0), 0.5));
		CHECK(near(schedule_lr(s, &longer, 3), 0.2));	/* the run ends on the way */
	}
}
TEST_REGISTER(schedule_warmup);

static void schedule_cosine(void)
{
	/* 80 steps from the top at step 20 to the bottom at step 100, the last one. */
	const struct schedule_range r = { 1, 0.2, 20, 101 };
	const struct schedule *s = schedule_find("cosine");

	CHECK(s);
	CHECK(near(schedule_lr(s, &r, 40), 0.2 + 0.8 * (0.5 + sqrt(0.125))));
	CHECK(near(schedule_lr(s, &r, 60), 0.6));
	CHECK(near(schedule_lr(s, &r, 80), 0.2 + 0.8 * (0.5 - sqrt(0.125))));
	CHECK(near(schedule_lr(s, &r, 100), 0.2));
	CHECK(near(schedule_lr(s, &r, 1000), 0.2));
	for (int step = 20; step < 100; step++)
		CHECK(schedule_lr(s, &r, step) > schedule_lr(s, &r, step + 1));
}
TEST_REGISTER(schedule_cosine);

static void schedule_linear(void)
{
	const struct schedule_range r = { 1, 0.2, 20, 101 };
	const struct schedule *s = schedule_find("linear");

	CHECK(s);
	for (int step = 20; step <= 100; step++)
		CHECK(near(schedule_lr(s, &r, step), 0.2 + 0.8 * (100 - step) / 80));
	CHECK(near(schedule_lr(s, &r, 1000), 0.2));
}
TEST_REGISTER(schedule_linear);

/* 101 steps, of which the last 40.4 fall: from 59.6 on. */
static void schedule_wsd(void)
{
	const struct schedule *s = schedule_find("wsd");

	CHECK(s);
	for (int shape = DECAY_LINEAR; shape <= DECAY_SQRT; shape++) {
		const struct schedule_range r = { 1, 0.2, 20, 101, 0.4, shape };

		for (int step = 20; step < 60; step++)
			CHECK(near(schedule_lr(s, &r, step), 1));
		for (int step = 60; step <= 100; step++) {
			double at = (step - 59.6) / 40.4;

			at = shape == DECAY_SQRT ? sqrt(at) : at;
			CHECK(fabs(schedule_lr(s, &r, step) - (1 - 0.8 * at)) < 1e-12);
		}
		CHECK(near(schedule_lr(s, &r, 1000), 0.2));
	}
}
TEST_REGISTER(schedule_wsd);

/* The parts of wsd at its limits: all of the way down, and none. */
static void schedule_wsd_limits(void)
{
	const struct schedule_range all = { 1, 0.2, 20, 101, 1, DECAY_LINEAR },
				    none = { 1, 0.2, 20, 101, 0, DECAY_LINEAR };
	const struct schedule *wsd = schedule_find("wsd"), *linear = schedule_find("linear");

	for (int step = 20; step <= 100; step++) {
		CHECK(near(schedule_lr(wsd, &all, step), schedule_lr(linear, &all, step)));
		CHECK(near(schedule_lr(wsd, &none, step), 1));
	}
}
TEST_REGISTER(schedule_wsd_limits);

static void schedule_constant(void)
{
	const struct schedule_range r = { 0.3, 0.1, 20, 100 };
	const struct schedule *s = schedule_find("constant");

	CHECK(s);
	for (int step = 20; step <= 200; step++)
		CHECK(near(schedule_lr(s, &r, step), 0.3));
}
TEST_REGISTER(schedule_constant);

/* A run too short for its schedule, down to a single step, has a learning rate. */
static void schedule_short(void)
{
	const char *const names[] = { "cosine", "constant", "linear", "wsd" };

	for (int i = 0; i < 4; i++)
		for (int64_t steps = 1; steps < 5; steps++)
			for (int64_t warmup = 0; warmup < 5; warmup++) {
				struct schedule_range r = { 1, 0.25, warmup, steps };

				for (int64_t step = 0; step <= steps; step++) {
					double lr = schedule_lr(schedule_find(names[i]), &r, step);

					CHECK(lr > 0 && lr <= 1);
				}
			}
}
TEST_REGISTER(schedule_short);

static void schedule_unknown(void)
{
	CHECK(!schedule_find("nonsense"));
	CHECK(strstr(fail_message(), "'nonsense'"));
}
TEST_REGISTER(schedule_unknown);
