// SPDX-License-Identifier: MIT
#include "prune/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "prune/allocation.h"
#include "prune/select.h"

static int read_groups(const char *text, struct prune_settings *s)
{
	int keep, of, end = 0;

	if (sscanf(text, "%d:%d%n", &keep, &of, &end) != 2 || text[end])
		return fail(-EINVAL, "PRUNE_SPARSITY: '%s' is not N:M, such as 2:4", text);
	if (keep < 1 || of <= keep || of > SELECT_GROUP_MAX)
		return fail(-EINVAL, "PRUNE_SPARSITY: '%s' is to be N:M with 0 < N < M <= %d", text,
			    SELECT_GROUP_MAX);
	s->choice.keep = keep;
	s->choice.of = of;
	s->sparsity[0] = 1 - (double)keep / of;
	s->nr = 1;
	return 0;
}

static int read_share(const char *word, struct prune_settings *s)
{
	double x;

	if (str_to_double(word, &x) || x <= 0 || x >= 1)
		return fail(-EINVAL, "PRUNE_SPARSITY: '%s' is not between 0 and 1", word);
	if (s->nr == PRUNE_SPARSITIES_MAX)
		return fail(-EINVAL, "PRUNE_SPARSITY: more than %d sparsities",
			    PRUNE_SPARSITIES_MAX);
	for (int i = 0; i < s->nr; i++)
		if (s->sparsity[i] == x)
			return fail(-EINVAL, "PRUNE_SPARSITY: %s is there twice", word);
	s->sparsity[s->nr++] = x;
	return 0;
}

static int read_sparsity(const char *text, struct prune_settings *s)
{
	char *copy, *save = NULL;
	int ret = 0;

	if (strchr(text, ':'))
		return read_groups(text, s);
	copy = strdup(text);
	if (!copy)
		return fail_nomem(strlen(text), "sparsities");
	for (char *word = strtok_r(copy, ",", &save); word && !ret;
	     word = strtok_r(NULL, ",", &save))
		ret = read_share(word, s);
	free(copy);
	if (!ret && !s->nr)
		return fail(-EINVAL, "PRUNE_SPARSITY: '%s' has no sparsity", text);
	return ret;
}

static const char *text_or(const struct config *cfg, enum param_id id, const char *what)
{
	const char *text = config_text(cfg, id);

	return strcmp(text, "auto") ? text : what;
}

/* SparseGPT chooses while it goes over the columns. */
static int check_solver(const struct prune_settings *s)
{
	if (s->choice.scope != PRUNE_TENSOR)
		return fail(-EINVAL, "PRUNE_SCOPE=%s: %s chooses in blocks of columns of a tensor",
			    prune_scope_names[s->choice.scope], s->choice.criterion->name);
	if (s->alloc->reads_scores)
		return fail(-EINVAL, "PRUNE_ALLOC=%s: %s has no scores before it updates",
			    s->alloc->name, s->choice.criterion->name);
	return 0;
}

static int check_together(const struct prune_settings *s)
{
	const struct prune_choice *c = &s->choice;
	bool calibrates = c->criterion->reads & READS_CALIBRATION;

	if (!c->criterion->score && check_solver(s))
		return -EINVAL;
	if (c->of && strcmp(s->alloc->name, "uniform"))
		return fail(-EINVAL, "PRUNE_ALLOC=%s: N:M is the same everywhere", s->alloc->name);
	if (c->scope == PRUNE_GLOBAL && strcmp(s->alloc->name, "uniform"))
		return fail(-EINVAL, "PRUNE_ALLOC=%s: PRUNE_SCOPE=global has no sparsity per "
			    "tensor", s->alloc->name);
	if (s->sequential && calibrates && (c->scope == PRUNE_GLOBAL || s->alloc->reads_scores))
		return fail(-EINVAL, "PRUNE_CALIB=sequential: a threshold over all blocks needs "
			    "PRUNE_CALIB=dense");
	return 0;
}

int prune_settings_read(const struct config *cfg, struct prune_settings *s)
{
	const struct criterion *k = criterion_find(config_text(cfg, PARAM_PRUNE_CRITERION));
	const char *update;
	int ret;

	*s = (struct prune_settings){ .cfg = cfg, .choice.criterion = k };
	if (!k)
		return -EINVAL;
	ret = read_sparsity(config_text(cfg, PARAM_PRUNE_SPARSITY), s);
	if (ret)
		return ret;
	s->choice.scope = prune_scope_find(text_or(cfg, PARAM_PRUNE_SCOPE,
						   k->scope ? k->scope : "tensor"));
	s->alloc = allocation_find(text_or(cfg, PARAM_PRUNE_ALLOC,
					   k->alloc && !s->choice.of ? k->alloc : "uniform"));
	if (!s->alloc)
		return -EINVAL;
	update = text_or(cfg, PARAM_PRUNE_UPDATE, k->score ? "none" : "obs");
	s->update = strcmp(update, "obs") ? PRUNE_UPDATE_NONE : PRUNE_UPDATE_OBS;
	s->sequential = !strcmp(config_text(cfg, PARAM_PRUNE_CALIB), "sequential");
	return check_together(s);
}

unsigned int prune_reads(const struct prune_settings *s)
{
	unsigned int reads = s->choice.criterion->reads | s->alloc->reads;

	return s->update == PRUNE_UPDATE_OBS ? reads | READS(HESSIAN) : reads;
}

int prune_values(const struct prune_settings *s, const struct prune_tensor *tensors, int nr,
		 int64_t parameters, struct score_values *v)
{
	double mean = 0;
	int ret = 0;

	if (s->choice.criterion->reads & READS(EXP_AVG_SQ))
		ret = prune_mean(tensors, nr, PRUNE_EXP_AVG_SQ, &mean);
	*v = (struct score_values){
		.seed = (uint64_t)config_int(s->cfg, PARAM_PRUNE_SEED),
		.parameters = parameters,
		.power = config_float(s->cfg, PARAM_PRUNE_POWER),
		.eps = config_float(s->cfg, PARAM_PRUNE_EPS) * mean,
	};
	return ret;
}

int prune_assign(const struct prune_settings *s, double sparsity,
		 const struct prune_choice *choice, struct prune_tensor *tensors, int nr)
{
	struct alloc_call call = {
		.sparsity = sparsity, .cfg = s->cfg, .choice = choice, .tensors = tensors,
		.nr = nr,
	};

	return s->alloc->assign(&call);
}
