// SPDX-License-Identifier: MIT
#include "ops/clip-scale.h"

#include <math.h>

static int clip_scale_plain(const struct call *c)
{
	const struct clip_scale_attr *a = c->attr;
	double sum = 0, ratio;

	for (int i = 0; i < c->nr_in; i++)
		sum += *(const float *)c->in_data[i];
	/* Not a minimum: NaN must pass, so that the step that meets it stops the run. */
	ratio = a->max_norm / (sqrt(sum) + 1e-6);
	*(float *)c->out_data[0] = a->max_norm <= 0 || ratio > 1 ? 1 : (float)ratio;
	return 0;
}
KERNEL_REGISTER_AS(clip_scale_plain, clip_scale, .arch = "cpu", .rank = 0,
		   .run = clip_scale_plain);
