// SPDX-License-Identifier: MIT
#include "optim/optim.h"

#include <string.h>

#include "base/fail.h"
#include "base/registry.h"
#include "base/strbuf.h"

SECTION_DECLARE(knlp_optimizers, struct optimizer);

static void no_optimizer(const struct registry *optimizers, const char *name)
{
	const char *near = registry_nearest(optimizers, name);
	const struct optimizer *o;
	struct strbuf names;

	strbuf_init(&names);
	registry_for_each(optimizers, o)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", o->name);
	fail(-EINVAL, "there is no optimizer '%s', only %s%s%s%s", name, names.s,
	     near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
	strbuf_free(&names);
}

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
		no_optimizer(&optimizers, name);
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
