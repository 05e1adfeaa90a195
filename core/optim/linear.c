// SPDX-License-Identifier: MIT
#include "optim/schedule.h"

static double linear_level(const struct schedule_range *r, double progress)
{
	(void)r;
	return 1 - progress;
}

static const struct schedule linear = {
	.name = "linear",
	.summary = "a straight line down to the smallest learning rate",
	.level = linear_level,
};
SCHEDULE_REGISTER(linear);
