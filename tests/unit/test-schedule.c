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
	const char *const names[] = { "cosine", "constant" };
	const struct schedule_range usual = { 0.5, 0.1, 9, 100 }, none = { 0.5, 0.1, 0, 100 },
				    longer = { 0.5, 0.1, 9, 4 };

	for (int i = 0; i < 2; i++) {
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
	const char *const names[] = { "cosine", "constant" };

	for (int i = 0; i < 2; i++)
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
	CHECK(!schedule_find("linear"));
	CHECK(strstr(fail_message(), "'linear'"));
}
TEST_REGISTER(schedule_unknown);
