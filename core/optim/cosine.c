// SPDX-License-Identifier: MIT
#include <math.h>

#include "optim/schedule.h"

/* Loshchilov and Hutter, "SGDR", 2017, equation 5, one period over the run. */
static double cosine_level(const struct schedule_range *r, double progress)
{
	(void)r;
	return 0.5 * (1 + cos(M_PI * progress));
}

static const struct schedule cosine = {
	.name = "cosine",
	.summary = "half a cosine wave down to the smallest learning rate",
	.level = cosine_level,
};
SCHEDULE_REGISTER(cosine);
