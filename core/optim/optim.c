// SPDX-License-Identifier: MIT
#include "optim/optim.h"

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

double optimizer_decay(const struct config *cfg, const struct optimizer *o)
{
	return config_is_auto(cfg, PARAM_OPTIM_WEIGHT_DECAY)
	     ? o->decay : config_float(cfg, PARAM_OPTIM_WEIGHT_DECAY);
}
