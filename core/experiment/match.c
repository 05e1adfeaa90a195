// SPDX-License-Identifier: MIT
#include "experiment/match.h"

#include <string.h>

#include "base/fail.h"

bool experiment_may_vary(const struct experiment *e, int id)
{
	if (params[id].is_local)
		return true;
	for (int i = 0; i < e->nr_vary; i++)
		if (!strcmp(e->vary[i], params[id].name))
			return true;
	return false;
}

bool config_same(const struct config *a, const struct config *b)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!params[i].is_local && strcmp(config_text(a, i), config_text(b, i)))
			return false;
	return true;
}

/* What is derived, from `auto`, stands in no file of the arm: the plan has to name it, too. */
static int refuse(const struct experiment *e, int arm, int id, const char *value,
		  const char *base)
{
	const struct experiment_arm *a = &e->arms[arm];
	bool written = strcmp(config_text(a->cfg, id), config_text(e->arms[e->baseline].cfg, id));

	return fail(-EINVAL, "%s: arm '%s' changes %s: %s, '%s' has %s. Arms may differ only in "
		    "what `vary` of %s names%s", a->fragment ? a->fragment : e->file, a->name,
		    params[id].name, value, e->arms[e->baseline].name, base, e->file, written ? ""
		    : "; this follows from `auto`: name it there, or give it one value");
}

int experiment_match(const struct experiment *e, struct config *const *cfgs)
{
	const struct config *base = cfgs[e->baseline];

	for (int arm = 0; arm < e->nr_arms; arm++)
		for (int id = 0; id < PARAM_COUNT; id++) {
			const char *a = config_text(cfgs[arm], id), *b = config_text(base, id);

			if (strcmp(a, b) && !experiment_may_vary(e, id))
				return refuse(e, arm, id, a, b);
		}
	return 0;
}
