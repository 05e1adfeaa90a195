// SPDX-License-Identifier: MIT
#include "prune/schedule.h"

#include <string.h>

#include "base/fail.h"

static const char *const ramp_names[RAMPS] = {
	"none", "cubic_zg", "cubic_late", "linear", "one_shot", "keep"
};

static int check_keep(const struct config *cfg, const struct prune_schedule *s)
{
	if (!s->start)
		return 0;
	return fail(-EINVAL, "PRUNE_SCHEDULE=keep: what is 0 stays so from the first step on: "
		    "PRUNE_START=%s is to be 0", config_text(cfg, PARAM_PRUNE_START));
}

int prune_schedule_read(const struct config *cfg, struct prune_schedule *s)
{
	const char *name = config_text(cfg, PARAM_PRUNE_SCHEDULE);
	double end = config_float(cfg, PARAM_PRUNE_END);

	*s = (struct prune_schedule){
		.start = config_acts_from(cfg, PARAM_PRUNE_SCHEDULE),
		.end = (int64_t)(end * (double)config_steps(cfg) + 0.5),
		.interval = config_int(cfg, PARAM_PRUNE_INTERVAL),
	};
	while (strcmp(ramp_names[s->ramp], name))
		s->ramp++;
	if (s->ramp == RAMP_NONE)
		return 0;
	if (s->ramp == RAMP_KEEP)
		return check_keep(cfg, s);
	if (s->end > s->start)
		return 0;
	return fail(-EINVAL, "PRUNE_END=%s is step %lld, which is not behind PRUNE_START=%s, step "
		    "%lld", config_text(cfg, PARAM_PRUNE_END), (long long)s->end,
		    config_text(cfg, PARAM_PRUNE_START), (long long)s->start);
}

bool prune_schedule_is_due(const struct prune_schedule *s, int64_t step)
{
	if (s->ramp == RAMP_NONE || s->ramp == RAMP_KEEP || step <= s->start || step > s->end)
		return false;
	return step == s->end || (step - s->start) % s->interval == 0;
}

int64_t prune_schedule_first(const struct prune_schedule *s)
{
	return s->end - s->start < s->interval ? s->end : s->start + s->interval;
}

double prune_schedule_way(const struct prune_schedule *s, int64_t step)
{
	double p = (double)(step - s->start) / (double)(s->end - s->start);

	return p < 0 ? 0 : p > 1 ? 1 : p;
}

double prune_schedule_share(const struct prune_schedule *s, int64_t step)
{
	double p = prune_schedule_way(s, step);

	switch (s->ramp) {
	case RAMP_CUBIC_ZG:
		return 1 - (1 - p) * (1 - p) * (1 - p);
	case RAMP_CUBIC_LATE:
		return p * p * p;
	case RAMP_LINEAR:
		return p;
	case RAMP_ONE_SHOT:
		return 1;
	default:
		return 0;
	}
}
