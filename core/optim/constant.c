// SPDX-License-Identifier: MIT
#include "optim/schedule.h"

static double constant_level(const struct schedule_range *r, double progress)
{
	(void)r;
	(void)progress;
	return 1;
}

static const struct schedule constant = {
	.name = "constant",
	.summary = "stays at the largest learning rate",
	.level = constant_level,
};
SCHEDULE_REGISTER(constant);
