// SPDX-License-Identifier: MIT
#include "optim/optim.h"

#include <string.h>

#include "base/fail.h"
#include "base/registry.h"

SECTION_DECLARE(knlp_optimizers, struct optimizer);

const struct optimizer *optimizer_find(const char *name)
{
	static struct registry optimizers;
	const struct optimizer *found;

	if (!optimizers.sorted) {
		optimizers = (struct registry)REGISTRY_INIT("optimizer", knlp_optimizers);
		BUG_ON(registry_sort(&optimizers, 1));
	}
	found = registry_find(&optimizers, name);
	if (!found)
		fail(-EINVAL, "optimizer '%s' is not compiled in", name);
	return found;
}

void optimizer_hyper(const struct optimizer *o, const struct config *cfg, int64_t step, double lr,
		     float hyper[OPTIM_HYPER])
{
	memset(hyper, 0, OPTIM_HYPER * sizeof(*hyper));
	if (o->hyper)
		o->hyper(cfg, step, lr, hyper);
	else
		hyper[0] = (float)lr;
}

double optimizer_decay(const struct config *cfg, const struct optimizer *o)
{
	return config_is_auto(cfg, PARAM_OPTIM_WEIGHT_DECAY)
	     ? o->decay : config_float(cfg, PARAM_OPTIM_WEIGHT_DECAY);
}
