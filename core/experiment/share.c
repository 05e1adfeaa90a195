// SPDX-License-Identifier: MIT
#include "experiment/share.h"

#include "train/trainer.h"

static long long steps_of(const struct config *cfg)
{
	struct train_shape shape;

	return train_shape_read(cfg, &shape) ? 0 : shape.steps;
}

void share_find(const struct experiment *e, struct config *const *cfgs, struct share *list)
{
	for (int arm = 0; arm < e->nr_arms; arm++) {
		long long steps = steps_of(cfgs[arm]);

		list[arm] = (struct share){ .parent = -1 };
		/* An A/A arm that were a copy, or the other way round, would show nothing. */
		if (e->arms[arm].expect == EXPECT_SAME)
			continue;
		for (int other = 0; other < arm; other++) {
			long long same = config_same_until(cfgs[arm], cfgs[other], NULL);

			if (e->arms[other].expect == EXPECT_SAME)
				continue;
			same = same < steps ? same : steps;
			if (same > list[arm].at)
				list[arm] = (struct share){ .parent = other, .at = same };
		}
	}
}
