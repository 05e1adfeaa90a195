// SPDX-License-Identifier: MIT
/* The folder of an experiment's run: its manifest, its plan, its cells. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "io/lock.h"
#include "train/trainer.h"

/* ---- the manifest -------------------------------------------------------------- */

static int put_arms(struct yml_writer *w, const struct experiment *e,
		    struct config *const *cfgs)
{
	char hash[HASH_HEX];
	int ret = 0;

	yml_begin_list(w, "arms");
	for (int i = 0; i < e->nr_arms && !ret; i++) {
		ret = config_hash(cfgs[i], hash);
		yml_begin_map(w, NULL);
		yml_put_text(w, "name", e->arms[i].name);
		yml_put_text(w, "role", arm_role_name(e->arms[i].role));
		yml_put_text(w, "config_hash", hash);
		yml_end_map(w);
	}
	yml_end_list(w);
	return ret;
}

static int write_manifest(struct yml_writer *w, const char *file)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	ret = yml_writer_end(w, &sb);
	if (!ret)
		ret = strbuf_ok(&sb);
	if (!ret)
		ret = file_write_atomic(file, sb.s, sb.len);
	strbuf_free(&sb);
	return ret;
}

int experiment_manifest_write(const char *run, const struct experiment *e,
			      const struct plan_files *files,
			      const struct experiment_facts *facts)
{
	struct yml_writer *w = yml_writer_new();
	char *file = path_join(run, EXPERIMENT_MANIFEST);
	int ret = w && file ? 0 : fail_nomem(0, "a manifest");

	if (ret)
		goto out_file;
	yml_put_int(w, "format", EXPERIMENT_FORMAT);
	yml_put_text(w, "program", "knlp");
	yml_put_text(w, "version", facts->version);
	yml_put_text(w, "experiment", e->name);
	yml_put_text(w, "source", facts->source);
	yml_put_text(w, "plan_hash", e->hash);
	yml_begin_map(w, "files");
	for (int i = 0; i < files->nr; i++)
		yml_put_text(w, files->file[i].name, files->file[i].hash);
	yml_end_map(w);
	yml_put_text(w, "data", facts->data);
	yml_put_text(w, "data_hash", facts->data_hash);
	if (facts->model) {
		yml_put_text(w, "model", facts->model);
		yml_put_text(w, "model_hash", facts->model_hash);
	}
	ret = put_arms(w, e, facts->cfgs);
	if (ret)
		goto out_file;
	ret = write_manifest(w, file);
	w = NULL;
out_file:
	yml_writer_drop(w);
	free(file);
	return ret;
}

static int no_run(const char *path)
{
	return fail(-ENOENT, "%s holds no run of an experiment (no %s)", path,
		    EXPERIMENT_MANIFEST);
}

bool experiment_is_run(const char *path)
{
	char *file = path_join(path, EXPERIMENT_MANIFEST);
	bool is = file && file_exists(file);

	free(file);
	return is;
}

static int read_manifest(struct experiment_run *run)
{
	char *file = path_join(run->path, EXPERIMENT_MANIFEST);
	const struct yml *files;
	const char *hash = "";
	long long format;
	int ret;

	if (!file)
		return fail_nomem(0, "a path");
	ret = file_exists(file) ? yml_read(file, &run->manifest) : no_run(run->path);
	free(file);
	if (!ret)
		ret = yml_int(run->manifest, "format", &format);
	if (!ret && format != EXPERIMENT_FORMAT)
		ret = fail(-EINVAL, "%s: format %lld, this knlp knows %d", run->manifest->file,
			   format, EXPERIMENT_FORMAT);
	if (!ret)
		ret = yml_text(run->manifest, "source", &run->source);
	if (!ret)
		ret = yml_text(run->manifest, "data", &run->data);
	if (!ret && yml_get(run->manifest, "model"))
		ret = yml_text(run->manifest, "model", &run->model);
	if (!ret)
		ret = yml_text(run->manifest, "version", &run->version);
	if (!ret)
		ret = yml_text(run->manifest, "plan_hash", &hash);
	if (!ret)
		ret = yml_map(run->manifest, "files", &files);
	if (!ret)
		snprintf(run->hash, sizeof(run->hash), "%s", hash);
	return ret;
}

/* ---- the plan ------------------------------------------------------------------ */

/* Names of the files of @dir that are not what the manifest says; -ENOENT: no plan there. */
static int changed_files(const struct experiment_run *run, const char *dir, struct strbuf *names)
{
	const struct yml *then = yml_get(run->manifest, "files"), *v;
	struct plan_files now;
	int ret = plan_files_read(dir, &now), i;

	if (ret)
		return ret;
	yml_for_each(v, then) {
		for (i = 0; i < now.nr && strcmp(now.file[i].name, v->key); i++)
			;
		if (i == now.nr || !v->text || strcmp(now.file[i].hash, v->text))
			strbuf_addf(names, "%s%s", names->len ? ", " : "", v->key);
	}
	for (i = 0; i < now.nr; i++)
		if (!yml_get(then, now.file[i].name))
			strbuf_addf(names, "%s%s", names->len ? ", " : "", now.file[i].name);
	plan_files_free(&now);
	return strbuf_ok(names);
}

static int compare_plans(struct experiment_run *run, const char *copy)
{
	struct strbuf names;
	int ret;

	strbuf_init(&names);
	run->plan_state = PLAN_SAME;
	ret = changed_files(run, copy, &names);
	if (!ret && names.len)
		run->plan_state = PLAN_ALTERED;
	if (!ret && !names.len && changed_files(run, run->source, &names)) {
		fail_clear();
		run->plan_state = PLAN_GONE;
	} else if (!ret && names.len && run->plan_state == PLAN_SAME) {
		run->plan_state = PLAN_EDITED;
	}
	run->edited = strbuf_detach(&names);
	return ret || run->edited ? ret : fail_nomem(0, "a text");
}

static int read_plan(struct experiment_run *run)
{
	char *copy = path_join(run->path, "plan");
	int ret = copy ? compare_plans(run, copy) : fail_nomem(0, "a path");

	if (!ret)
		ret = experiment_read(copy, &run->plan);
	if (!ret && !run->plan->model != !run->model)
		ret = fail(-EINVAL, "%s: it %s a model, and its plan %s", run->manifest->file,
			   run->model ? "names" : "does not name",
			   run->model ? "does not" : "does");
	free(copy);
	return ret;
}

/* ---- the data ------------------------------------------------------------------ */

int run_check_data(const struct experiment_run *run, const char *hash, const char *dir)
{
	const char *then;
	int ret = yml_text(run->manifest, "data_hash", &then);

	if (!ret && strcmp(then, hash))
		ret = fail(-EINVAL, "%s began with other data: hash %s then, %s in %s", run->path,
			   then, hash, dir);
	return ret;
}

int run_check_model(const struct experiment_run *run, const char *hash, const char *path)
{
	const char *then;
	int ret = run->model ? yml_text(run->manifest, "model_hash", &then) : 0;

	if (!ret && run->model && strcmp(then, hash))
		ret = fail(-EINVAL, "%s began with another model: hash %s then, %s in %s",
			   run->path, then, hash, path);
	return ret;
}

/* ---- cells --------------------------------------------------------------------- */

const struct experiment_cell *experiment_cell(const struct experiment_run *run, int arm, int seed)
{
	return &run->cells[arm * run->plan->nr_seeds + seed];
}

static int read_cell(struct experiment_run *run, int arm, int seed)
{
	struct experiment_cell *cell = &run->cells[run->nr_cells++];
	struct train_shape shape = { 0 };
	int ret = run->plan->model ? 0 : train_shape_read(run->plan->arms[arm].cfg, &shape);

	cell->arm = arm;
	cell->seed = seed;
	cell->path = cell_path(run->path, run->plan, arm, seed, "");
	if (ret)
		return ret;
	cell->steps = shape.steps;
	return cell->path ? cell_update(run, cell) : fail_nomem(0, "a path");
}

static int read_cells(struct experiment_run *run)
{
	size_t nr = (size_t)run->plan->nr_arms * (size_t)run->plan->nr_seeds;
	int ret = 0;

	run->cells = calloc(nr, sizeof(*run->cells));
	if (!run->cells)
		return fail_nomem(nr * sizeof(*run->cells), "cells");
	for (int arm = 0; arm < run->plan->nr_arms && !ret; arm++)
		for (int seed = 0; seed < run->plan->nr_seeds && !ret; seed++)
			ret = read_cell(run, arm, seed);
	return ret;
}

int experiment_run_open(const char *path, struct experiment_run **out)
{
	struct experiment_run *run = calloc(1, sizeof(*run));
	int ret = run ? 0 : fail_nomem(sizeof(*run), "a run");

	*out = NULL;
	if (ret)
		return ret;
	run->path = strdup(path);
	run->active = folder_is_locked(path);
	ret = run->path ? read_manifest(run) : fail_nomem(strlen(path), "a path");
	if (!ret)
		ret = read_plan(run);
	if (!ret)
		ret = read_cells(run);
	if (ret)
		experiment_run_close(run);
	else
		*out = run;
	return ret;
}

void experiment_run_close(struct experiment_run *run)
{
	if (!run)
		return;
	for (int i = 0; i < run->nr_cells; i++) {
		free(run->cells[i].path);
		free(run->cells[i].failure);
	}
	free(run->cells);
	experiment_free(run->plan);
	yml_free(run->manifest);
	free(run->edited);
	free(run->path);
	free(run);
}
