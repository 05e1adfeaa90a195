// SPDX-License-Identifier: MIT
#include "experiment/estimate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/progress.h"
#include "base/thread.h"
#include "data/dataset.h"
#include "experiment/match.h"
#include "experiment/share.h"
#include "nn/model.h"
#include "train/trainer.h"

#define WARM_STEPS 2
#define TIMED_STEPS 7
#define TIMED_SECONDS 3.0	/* no more steps than fit into that, but one */

/* The median of some steps, and one evaluation. */
static int time_steps(struct trainer *t, struct arm_cost *cost)
{
	double seconds[TIMED_STEPS], begin = clock_seconds(), start;
	struct step_result step;
	struct eval_result eval;
	int nr = 0, ret = trainer_start(t, NULL);

	for (int i = 0; i < WARM_STEPS && !ret; i++)
		ret = trainer_step(t, &step);
	while (!ret && nr < TIMED_STEPS && (!nr || clock_seconds() < begin + TIMED_SECONDS)) {
		start = clock_seconds();
		ret = trainer_step(t, &step);
		seconds[nr++] = clock_seconds() - start;
	}
	start = clock_seconds();
	if (!ret)
		ret = trainer_eval(t, &eval);
	if (ret)
		return ret;
	cost->eval_seconds = clock_seconds() - start;
	cost->step_seconds = clock_median(seconds, nr);
	return 0;
}

/* Two newest checkpoints, and those that are kept of the steps that are its own. */
static uint64_t disk_of(const struct config *cfg, const struct arm_cost *c)
{
	long long every = config_int(cfg, PARAM_TRAIN_KEEP_EVERY);
	uint64_t kept = every ? (uint64_t)(c->steps / every - c->shared / every) : 0;

	return c->checkpoint * (2 + kept);
}

static int measure(const struct config *cfg, struct dataset *data, struct device *dev,
		   struct arm_cost *cost)
{
	struct trainer *t = NULL;
	struct train_memory mem;
	int ret = trainer_new(cfg, data, dev, false, &t);

	if (ret)
		return ret;
	mem = trainer_memory(t);
	cost->parameters = model_count(trainer_model(t), false);
	cost->steps = trainer_shape(t)->steps;
	cost->tokens_per_step = trainer_shape(t)->tokens_per_step;
	cost->flops_per_step = trainer_flops(t);
	cost->memory = train_memory_total(&mem);
	cost->checkpoint = mem.weights + mem.states;
	ret = time_steps(t, cost);
	trainer_free(t);
	return ret;
}

/* An earlier arm with the same configuration, or -1. */
static int same_arm(const struct resolved *r, int arm)
{
	for (int other = 0; other < arm; other++)
		if (config_same(r->cfgs[arm], r->cfgs[other]))
			return other;
	return -1;
}

static int estimate_arm(const struct resolved *r, int arm, struct dataset *data,
			struct arm_cost *cost)
{
	const struct config *cfg = r->cfgs[arm];
	int same = same_arm(r, arm), ret;
	struct device *dev;

	if (same >= 0) {
		cost[arm] = cost[same];
		return 0;
	}
	ret = device_open(config_text(cfg, PARAM_TRAIN_DEVICE), &dev);
	if (ret)
		return ret;
	ret = measure(cfg, data, dev, &cost[arm]);
	device_close(dev);
	return ret;
}

static double seconds_of(const struct config *cfg, const struct arm_cost *c)
{
	long long every = config_int(cfg, PARAM_TRAIN_EVAL_EVERY);
	int64_t own = c->steps - c->shared, evals = 1 + (every ? own / every : 0);

	return (double)own * c->step_seconds + (double)evals * c->eval_seconds;
}

int experiment_estimate(const struct experiment *e, const struct resolved *r, int threads,
			bool share, struct arm_cost *cost)
{
	struct share *list = calloc((size_t)e->nr_arms, sizeof(*list));
	struct dataset *data = NULL;
	int ret = list ? dataset_open(r->data, &data) : fail_nomem(0, "arms");
	bool bar = false;

	if (!ret)
		ret = threads_start(threads);
	if (!ret && share)
		share_find(e, r->cfgs, list);
	if (!ret)
		bar = progress_begin("estimate", (uint64_t)e->nr_arms);
	for (int arm = 0; arm < e->nr_arms && !ret; arm++) {
		progress_update(bar, (uint64_t)arm, "%s", e->arms[arm].name);
		ret = estimate_arm(r, arm, data, cost);
		cost[arm].shared = list[arm].at;
		if (!ret) {
			cost[arm].seconds = seconds_of(r->cfgs[arm], &cost[arm]);
			cost[arm].disk = disk_of(r->cfgs[arm], &cost[arm]);
		}
	}
	progress_end(bar);
	dataset_close(data);
	free(list);
	return ret;
}

long long experiment_measures(const struct experiment *e)
{
	long long cells = 0;

	for (int m = 0; m < e->nr_measures; m++)
		cells += e->measures[m].only_baseline ? e->nr_seeds
						      : (long long)e->nr_seeds * e->nr_arms;
	return cells * e->nr_at;
}
