// SPDX-License-Identifier: MIT
#include "optim/schedule.h"

#include "base/fail.h"
#include "base/registry.h"

SECTION_DECLARE(knlp_schedules, struct schedule);

const struct schedule *schedule_find(const char *name)
{
	static struct registry schedules;
	const struct schedule *found;

	if (!schedules.sorted) {
		schedules = (struct registry)REGISTRY_INIT("schedule", knlp_schedules);
		BUG_ON(registry_sort(&schedules, 1));
	}
	found = registry_find(&schedules, name);
	if (!found)
		fail(-EINVAL, "TRAIN_SCHEDULE '%s' is not compiled in", name);
	return found;
}

double schedule_lr(const struct schedule *s, const struct schedule_range *r, int64_t step)
{
	int64_t rest = r->steps - r->warmup - 1;

	if (step < r->warmup)
		return r->lr * (double)(step + 1) / (double)(r->warmup + 1);
	if (step >= r->steps)
		step = r->steps - 1;
	return r->min_lr + (r->lr - r->min_lr) *
	       s->level(r, rest > 0 ? (double)(step - r->warmup) / (double)rest : 1);
}
