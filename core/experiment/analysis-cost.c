// SPDX-License-Identifier: MIT
/* What the cells took: from their logs and last checkpoints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "experiment/analysis-internal.h"
#include "experiment/internal.h"
#include "io/metrics.h"
#include "io/safetensors.h"
#include "train/trainer.h"

/* struct spent - what the last step of a log says. */
struct spent {
	double tokens, seconds;
};

static int read_line(void *ctx, const struct metrics_line *l)
{
	struct spent *s = ctx;

	if (metrics_is(l, "train"))
		*s = (struct spent){ metrics_number(l, "tokens"), metrics_number(l, "elapsed") };
	return 0;
}

static int read_spent(const struct experiment_cell *cell, struct spent *s)
{
	char *log = path_join(cell->path, "metrics.jsonl");
	int ret = log ? metrics_read(log, read_line, s) : fail_nomem(0, "a path");

	free(log);
	return ret;
}

/* ---- the last checkpoint --------------------------------------------------------------- */

static char *in_checkpoint(const struct experiment_cell *cell, const char *name)
{
	char *dir = cell_checkpoint(cell, cell->steps), *path = dir ? path_join(dir, name) : NULL;

	free(dir);
	return path;
}

static double count_parameters(const struct experiment_cell *cell)
{
	char *path = in_checkpoint(cell, "model.safetensors");
	double sum = 0;
	struct st *st;

	if (!path || st_open(path, &st)) {
		fail_clear();
		free(path);
		return NAN;
	}
	for (size_t i = 0; i < st_count(st); i++) {
		double elements = 1;

		for (int d = 0; d < st_at(st, i)->nd; d++)
			elements *= (double)st_at(st, i)->shape[d];
		sum += elements;
	}
	st_close(st);
	free(path);
	return sum;
}

static double unique_tokens(const struct experiment_cell *cell)
{
	char *path = in_checkpoint(cell, "state.yaml");
	const struct yml *state;
	struct yml *root = NULL;
	long long unique;
	double found = NAN;

	if (path && !yml_read(path, &root) && !yml_map(root, "state", &state) &&
	    !yml_int(state, "unique_tokens", &unique))
		found = (double)unique;
	else
		fail_clear();
	yml_free(root);
	free(path);
	return found;
}

/* ---- the training text ------------------------------------------------------------------ */

/* The folder that the run began with; NULL if it is gone, or holds something else now. */
static struct dataset *open_data(const struct experiment_run *run)
{
	struct dataset *data = NULL;
	const char *hash;

	if (!yml_text(run->manifest, "data_hash", &hash) && !dataset_open(run->data, &data) &&
	    !strcmp(dataset_hash(data), hash))
		return data;
	fail_clear();
	dataset_close(data);
	return NULL;
}

static double epochs(const struct experiment_run *run, const struct experiment_cell *cell,
		     const struct dataset *data)
{
	struct train_shape shape;
	struct loader l;

	if (!data || train_shape_read(run->plan->arms[cell->arm].cfg, &shape) ||
	    loader_init(&l, data, DATA_TRAIN, shape.context, false, 0)) {
		fail_clear();
		return NAN;
	}
	return loader_epochs(&l, (uint64_t)(cell->steps * shape.batch * shape.accum));
}

/* ---- arms -------------------------------------------------------------------------------- */

static int add_cell(const struct experiment_run *run, const struct experiment_cell *cell,
		    const struct dataset *data, struct analysis_cost *c)
{
	struct spent s = { NAN, NAN };
	int ret = read_spent(cell, &s);

	if (ret)
		return ret;
	if (!c->cells++) {
		c->parameters = count_parameters(cell);
		c->unique_tokens = unique_tokens(cell);
		c->epochs = epochs(run, cell, data);
	}
	c->tokens += s.tokens;
	c->seconds_all += s.seconds;
	return 0;
}

static int add_arm(const struct experiment_run *run, int arm, const struct dataset *data,
		   struct analysis_cost *c)
{
	int ret = 0;

	*c = (struct analysis_cost){ .parameters = NAN, .unique_tokens = NAN, .epochs = NAN };
	for (int s = 0; s < run->plan->nr_seeds && !ret; s++)
		if (!run->model && experiment_cell(run, arm, s)->trained)
			ret = add_cell(run, experiment_cell(run, arm, s), data, c);
	c->tokens_per_s = c->tokens / c->seconds_all;
	c->tokens /= c->cells;
	c->seconds = c->seconds_all / c->cells;
	c->tokens_per_parameter = c->tokens / c->parameters;
	return ret;
}

int analysis_cost_read(struct analysis *a)
{
	struct dataset *data = open_data(a->run);
	int ret = 0;

	a->cost = calloc((size_t)a->plan->nr_arms, sizeof(*a->cost));
	if (!a->cost)
		ret = fail_nomem(0, "an analysis");
	for (int i = 0; i < a->plan->nr_arms && !ret; i++)
		ret = add_arm(a->run, i, data, &a->cost[i]);
	dataset_close(data);
	return ret;
}
