// SPDX-License-Identifier: MIT
/*
 * Warm-up, stable, decay (Hu et al., "MiniCPM", 2024).  The square root is that of
 * Haegele et al., "Scaling laws and compute-optimal training beyond fixed training
 * durations", 2024, equation 1.
 */
#include <math.h>

#include "optim/schedule.h"

static double wsd_level(const struct schedule_range *r, double progress)
{
	double rest = (double)(r->steps - r->warmup - 1);
	double decay = rest > 0 ? r->decay * (double)r->steps / rest : 1, at;

	if (progress <= 1 - decay)
		return 1;
	at = decay < 1 ? (progress - (1 - decay)) / decay : progress;
	return r->decay_shape == DECAY_SQRT ? 1 - sqrt(at) : 1 - at;
}

static const struct schedule wsd = {
	.name = "wsd",
	.summary = "stays at the largest learning rate, falls in the last part of the run",
	.level = wsd_level,
};
SCHEDULE_REGISTER(wsd);
