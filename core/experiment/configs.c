// SPDX-License-Identifier: MIT
/* The stored configurations of a run: are they those that it began with? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "io/run.h"

/* ---- of an arm ----------------------------------------------------------------- */

char *arm_file(const char *run, const struct experiment *e, int arm)
{
	return str_printf("%s/arms/%s%s", run, e->arms[arm].name, FRAGMENT_ENDING);
}

/* The manifest lists arms in the order of the plan. */
static int arm_hash(const struct experiment_run *run, int arm, const char **hash)
{
	const char *name = run->plan->arms[arm].name, *listed = "";
	const struct yml *list, *v;
	int ret = yml_list(run->manifest, "arms", &list);

	if (ret)
		return ret;
	yml_for_each(v, list) {
		ret = yml_text(v, "name", &listed);
		if (ret || !strcmp(listed, name))
			return ret ? ret : yml_text(v, "config_hash", hash);
	}
	return fail(-EINVAL, "%s: it has no arm '%s'", run->manifest->file, name);
}

static int check_arm(const struct experiment_run *run, int arm, const char *path,
		     const struct config *cfg)
{
	const char *then = "";
	char now[HASH_HEX];
	int ret = arm_hash(run, arm, &then);

	if (!ret)
		ret = config_hash(cfg, now);
	if (!ret && strcmp(now, then))
		ret = fail(-EINVAL, "%s has the hash %s, and %s says %s: it was changed after the "
			   "run began, or this version of knlp has other parameters", path, now,
			   run->manifest->file, then);
	return ret;
}

int arm_config_read(const struct experiment_run *run, int arm, struct config **cfg)
{
	char *path = arm_file(run->path, run->plan, arm);
	int ret;

	*cfg = config_new();
	ret = path && *cfg ? config_load(*cfg, path) : fail_nomem(0, "a config");
	if (!ret)
		ret = check_arm(run, arm, path, *cfg);
	free(path);
	if (ret) {
		config_free(*cfg);
		*cfg = NULL;
	}
	return ret;
}

/* ---- of a cell ----------------------------------------------------------------- */

/* The configuration that @cell is to have. */
static int planned_config(const struct experiment_run *run, const struct experiment_cell *cell,
			  struct config **cfg)
{
	char *seed = str_printf("%lld", run->plan->seeds[cell->seed]);
	int ret = seed ? arm_config_read(run, cell->arm, cfg) : fail_nomem(0, "a seed");

	if (!ret)
		ret = config_put(*cfg, PARAM_TRAIN_SEED, seed);
	free(seed);
	return ret;
}

static int compare_configs(const struct experiment_run *run, const struct experiment_cell *cell,
			   const struct config *planned, const struct config *has)
{
	for (int id = 0; id < PARAM_COUNT; id++) {
		const char *a = config_text(planned, id), *b = config_text(has, id);

		if (!params[id].is_local && strcmp(a, b))
			return fail(-EINVAL, "%s has another configuration than its arm '%s': "
				    "%s is %s, not %s", cell->path, run->plan->arms[cell->arm].name,
				    params[id].name, b, a);
	}
	return 0;
}

/* The cell's file may have been changed later, too: its manifest says what it began with. */
static int compare_hash(const struct experiment_cell *cell, const struct yml *manifest,
			const struct config *planned)
{
	char hash[HASH_HEX];
	const char *began = "";
	int ret = config_hash(planned, hash);

	if (!ret)
		ret = yml_text(manifest, "config_hash", &began);
	if (!ret && strcmp(hash, began))
		ret = fail(-EINVAL, "%s/config has the hash %s, and the manifest beside it says "
			   "%s: it was changed after the training began", cell->path, hash, began);
	return ret;
}

int cell_config_check(const struct experiment_run *run, const struct experiment_cell *cell)
{
	struct config *planned = NULL, *has = NULL;
	struct run *training = NULL;
	int ret = planned_config(run, cell, &planned);

	if (!ret)
		ret = run_open(cell->path, &training);
	if (!ret)
		ret = run_config(training, &has);
	if (!ret)
		ret = compare_configs(run, cell, planned, has);
	if (!ret)
		ret = compare_hash(cell, training->manifest, planned);
	config_free(has);
	run_close(training);
	config_free(planned);
	return ret;
}
