// SPDX-License-Identifier: MIT
/*
 * A program without CONFIG_PRUNE.
 */
#include <string.h>

#include "base/fail.h"
#include "train/pruner.h"
#include "train/trainer-internal.h"

int pruner_refuse(const struct trainer *t)
{
	const char *schedule = config_text(t->cfg, PARAM_PRUNE_SCHEDULE);

	if (!strcmp(schedule, "none"))
		return 0;
	return fail(-EINVAL, "PRUNE_SCHEDULE=%s: this program was built without CONFIG_PRUNE",
		    schedule);
}
