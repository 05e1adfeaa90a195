// SPDX-License-Identifier: MIT
#include "experiment/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/dataset.h"
#include "experiment/internal.h"
#include "experiment/match.h"
#include "train/load.h"
#include "train/trainer.h"

void resolved_free(struct resolved *r)
{
	for (int i = 0; r->cfgs && i < r->nr; i++)
		config_free(r->cfgs[i]);
	free(r->cfgs);
	free(r->model);
	free(r->data);
	*r = (struct resolved){ 0 };
}

/* ---- data and configurations --------------------------------------------------------- */

static int no_data(const struct experiment *e, const char *dir)
{
	if (*e->prepare)
		return fail(-ENOENT, "there is no data in %s: make it with `%s`, or say with "
			    "--data where it is", dir, e->prepare);
	return fail(-ENOENT, "there is no data in %s: say with --data where it is", dir);
}

static int resolve_arms(const struct experiment *e, int vocab, struct resolved *r)
{
	int ret = 0;

	r->cfgs = calloc((size_t)e->nr_arms, sizeof(*r->cfgs));
	if (!r->cfgs)
		return fail_nomem(0, "configs");
	r->nr = e->nr_arms;
	for (int i = 0; i < e->nr_arms && !ret; i++) {
		r->cfgs[i] = config_copy(e->arms[i].cfg);
		ret = r->cfgs[i] ? 0 : -ENOMEM;
		if (!ret && !e->model)
			ret = trainer_resolve(r->cfgs[i], vocab);
		if (ret)
			ret = fail_in(ret, "%s: arm '%s'", e->file, e->arms[i].name);
	}
	return ret ? ret : experiment_match(e, r->cfgs);
}

/* Do they differ in what only measures read? */
static bool measured_otherwise(const struct config *a, const struct config *b)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!params[i].is_local && config_acts_from(a, i) == CONFIG_NEVER &&
		    strcmp(config_text(a, i), config_text(b, i)))
			return true;
	return false;
}

/*
 * What counts from a step on that the training never comes to leaves an arm as the baseline is,
 * and a verdict on it would be one on nothing.
 */
static int check_treatment(const struct experiment *e, const struct resolved *r, int arm)
{
	const struct config *cfg = r->cfgs[arm], *base = r->cfgs[e->baseline];
	const struct experiment_arm *a = &e->arms[arm];
	struct train_shape shape;
	int id, ret = train_shape_read(cfg, &shape);
	long long same = config_same_until(cfg, base, &id);

	if (ret || same == CONFIG_NEVER || same < shape.steps || a->expect == EXPECT_SAME ||
	    measured_otherwise(cfg, base) || measures_know_arm(e))
		return ret;
	return fail(-EINVAL, "%s:%ld: arm '%s' cannot differ from the baseline: %s counts from "
		    "step %lld on, and the training has %lld (an arm that is to be the same has "
		    "`expect: same`)", e->file, a->line, a->name, params[id].name, same,
		    (long long)shape.steps);
}

/* The same where nothing is trained: measures know an arm by its configuration or its name. */
static int check_measured(const struct experiment *e, const struct resolved *r, int arm)
{
	const struct experiment_arm *a = &e->arms[arm];

	if (arm == e->baseline || a->expect == EXPECT_SAME || measures_know_arm(e) ||
	    !config_same(r->cfgs[arm], r->cfgs[e->baseline]))
		return 0;
	return fail(-EINVAL, "%s:%ld: arm '%s' has the configuration of the baseline (an arm that "
		    "is to be the same has `expect: same`)", e->file, a->line, a->name);
}

static int check_treatments(const struct experiment *e, const struct resolved *r)
{
	int ret = 0;

	for (int i = 0; i < e->nr_arms && !ret; i++)
		ret = e->model ? check_measured(e, r, i) : check_treatment(e, r, i);
	return ret;
}

/* A measure on the way needs a checkpoint there. */
static int check_shares(const struct experiment *e, const struct resolved *r)
{
	for (int i = 0; i < e->nr_arms; i++)
		for (int at = 0; at < e->nr_at - 1; at++) {
			long long every = config_int(r->cfgs[i], PARAM_TRAIN_KEEP_EVERY);
			struct train_shape shape;
			int ret = train_shape_read(r->cfgs[i], &shape);
			long long step;

			if (ret)
				return ret;
			step = share_step(e, at, shape.steps);
			if (e->nr_measures && (!every || step % every))
				return fail(-EINVAL, "%s: 'at': %s is step %lld of '%s', and "
					    "TRAIN_KEEP_EVERY=%lld keeps no checkpoint there",
					    e->file, e->at_text[at], step, e->arms[i].name, every);
		}
	return 0;
}

static int resolve_model(const struct experiment *e, const char *model, struct resolved *r)
{
	if (model && !e->model)
		return fail(-EINVAL, "%s names no `model`: each cell is trained", e->file);
	if (!e->model)
		return 0;
	model = model ? model : e->model;
	if (!file_exists(model))
		return fail(-ENOENT, "there is no model %s%s%s%s: say with --model where it is",
			    model, *e->prepare ? ": make it with `" : "", e->prepare,
			    *e->prepare ? "`" : "");
	r->model = realpath(model, NULL);
	return r->model ? model_weights_hash(model, r->model_hash) : fail_errno("%s", model);
}

int experiment_resolve(const struct experiment *e, const char *dir, const char *model,
		       struct resolved *r)
{
	struct dataset *data = NULL;
	int ret;

	*r = (struct resolved){ 0 };
	if (!file_exists(dir))
		return no_data(e, dir);
	ret = resolve_model(e, model, r);
	if (!ret)
		ret = dataset_open(dir, &data);
	if (ret) {
		resolved_free(r);
		return ret;
	}
	r->data = realpath(dir, NULL);
	if (!r->data)
		ret = fail_errno("%s", dir);
	snprintf(r->hash, sizeof(r->hash), "%s", dataset_hash(data));
	if (!ret)
		ret = resolve_arms(e, (int)dataset_vocab(data), r);
	if (!ret && !e->model)
		ret = check_shares(e, r);
	if (!ret)
		ret = check_treatments(e, r);
	dataset_close(data);
	if (ret)
		resolved_free(r);
	return ret;
}
