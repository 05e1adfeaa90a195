// SPDX-License-Identifier: MIT
/*
 * Checkpoints of a training, and models read from them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/dataset.h"
#include "io/checkpoint.h"
#include "train/load.h"
#include "train/trainer-internal.h"

struct entries {
	struct tensor_entry *model, *optimizer;
	int nr_model, nr_optimizer, nr_states;
	struct pruner_files pruning;
};

/* What pruning sums up stands behind the states of the optimizer. */
static int add_sums(struct trainer *t, long long done, struct entries *e)
{
	struct tensor_entry *more;
	int ret = pruner_files_make(t, done, &e->pruning);

	if (ret || !e->pruning.nr_sums)
		return ret;
	more = realloc(e->optimizer, (e->nr_optimizer + e->pruning.nr_sums) * sizeof(*more));
	if (!more)
		return fail_nomem(e->pruning.nr_sums * sizeof(*more), "a list of tensors");
	e->optimizer = more;
	memcpy(more + e->nr_optimizer, e->pruning.sums, e->pruning.nr_sums * sizeof(*more));
	e->nr_optimizer += e->pruning.nr_sums;
	return 0;
}

static void put_entries(struct entries *e)
{
	model_entries_free(e->model, e->nr_model);
	model_entries_free(e->optimizer, e->nr_states);
	pruner_files_free(&e->pruning);
}

/* @done: steps that the checkpoint is behind */
static int get_entries(struct trainer *t, long long done, struct entries *e)
{
	int ret;

	*e = (struct entries){ 0 };
	e->nr_model = model_entries(t->model, SEG_WEIGHT, SEG_WEIGHT, &e->model);
	if (e->nr_model < 0)
		return e->nr_model;
	ret = model_entries(t->model, SEG_STATE, SEG_STATES_END, &e->optimizer);
	if (ret >= 0) {
		e->nr_optimizer = e->nr_states = ret;
		ret = add_sums(t, done, e);
	}
	if (ret < 0)
		put_entries(e);
	return ret;
}

/* @e, read in pieces, holds numbers only. */
static int check_entry(const struct trainer *t, const struct tensor_entry *e)
{
	float piece[4096];
	size_t bytes = dtype_size(e->dtype), n;

	for (int d = 0; d < e->nd; d++)
		bytes *= e->shape[d];
	for (size_t at = 0; at < bytes; at += n) {
		int ret;

		n = bytes - at < sizeof(piece) ? bytes - at : sizeof(piece);
		ret = e->fetch(e->ctx, at, n, piece);
		if (ret)
			return ret;
		for (size_t i = 0; i < n / sizeof(*piece); i++)
			if (!isfinite(piece[i]))
				return fail(-EDOM, "step %lld: the update made %s in '%s': no "
					    "checkpoint is written", (long long)t->done,
					    isnan(piece[i]) ? "NaN" : "Inf", e->name);
	}
	return 0;
}

/* A checkpoint that cannot be gone on from must not push out a good one. */
static int check_entries(const struct trainer *t, const struct tensor_entry *list, int nr)
{
	int ret = 0;

	for (int i = 0; i < nr && !ret; i++)
		if (list[i].dtype == DT_F32)
			ret = check_entry(t, &list[i]);
	return ret;
}

static bool is_kept(const struct trainer *t)
{
	int64_t every = config_int(t->cfg, PARAM_TRAIN_KEEP_EVERY);

	/* Step 0 is saved only after --init: the point where this run forks from another. */
	return t->done == 0 || (every && t->done % every == 0);
}

int trainer_save(struct trainer *t, struct run *run)
{
	int64_t tokens = t->done * t->shape.tokens_per_step;
	struct state_value state[] = {
		STATE_INT("step", t->done),
		STATE_INT("tokens", tokens),
		STATE_INT("samples", t->done * t->shape.batch * t->shape.accum),
		STATE_INT("unique_tokens", (long long)trainer_unique_tokens(t)),
		STATE_INT("seed", config_int(t->cfg, PARAM_TRAIN_SEED)),
	};
	struct checkpoint_file files[MODEL_FILES];
	struct checkpoint_content content = { .step = t->done, .keep = is_kept(t) };
	struct entries e;
	int ret = get_entries(t, t->done, &e);

	if (ret)
		return ret;
	ret = check_entries(t, e.model, e.nr_model);
	if (!ret)
		ret = check_entries(t, e.optimizer, e.nr_optimizer);
	if (!ret)
		ret = model_files_make(t->cfg, t->data, t->tokenizer_config, files);
	if (ret)
		goto out_entries;
	content.model = e.model;
	content.nr_model = e.nr_model;
	content.optimizer = e.optimizer;
	content.nr_optimizer = e.nr_optimizer;
	content.state = state;
	content.nr_state = sizeof(state) / sizeof(state[0]);
	content.files = files;
	pruner_files_add(&e.pruning, &content);
	content.nr_files = t->tokenizer_config ? MODEL_FILES : MODEL_FILES - 1;
	ret = checkpoint_save(run, &content);
	model_files_free(files);
out_entries:
	put_entries(&e);
	return ret;
}

/* Data have a tokenizer, but no chat template, and may not say what begins and ends a text. */
static int take_tokenizer_config(struct trainer *t, const char *model)
{
	free(t->tokenizer_config);
	return model_tokenizer_config(model, &t->tokenizer_config);
}

int trainer_load(struct trainer *t, const struct checkpoint *ck)
{
	struct entries e;
	int ret = pruner_reset(t);

	if (!ret)
		ret = get_entries(t, ck->step, &e);
	if (ret)
		return ret;
	ret = checkpoint_load(ck, e.model, e.nr_model, e.optimizer, e.nr_optimizer);
	if (!ret)
		ret = pruner_load(t, ck);
	if (!ret)
		ret = model_refresh(t->model);
	if (!ret)
		ret = take_tokenizer_config(t, ck->dir);
	if (!ret)
		t->done = ck->step;
	put_entries(&e);
	return ret;
}

int trainer_restore(struct trainer *t, struct run *run)
{
	struct checkpoint *ck;
	int ret = checkpoint_latest(run, &ck);

	if (!ret)
		ret = trainer_load(t, ck);
	checkpoint_close(ck);
	/* Of a finished run nobody would remove it with the next save. */
	return ret ? ret : checkpoint_remove_stale(run);
}

int trainer_start(struct trainer *t, const char *init)
{
	int ret;

	if (init) {
		ret = model_check_tokenizer(init, t->data);
		if (!ret)
			ret = take_tokenizer_config(t, init);
		if (!ret)
			ret = model_load_weights(t->model, init);
		return ret ? ret : pruner_start(t, true);
	}
	ret = model_init(t->model, (uint64_t)config_int(t->cfg, PARAM_TRAIN_SEED));
	return ret ? ret : pruner_start(t, false);
}
