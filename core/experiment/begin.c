// SPDX-License-Identifier: MIT
/* The folder of a run, made or gone on with. */
#include "experiment/begin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/build-info.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "experiment/resolve.h"
#include "io/lock.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* ---- making the folder --------------------------------------------------------- */

/* Without a manifest, a run was cut while it was made: nothing of it counts. */
static int check_empty(const char *path)
{
	static const char *const remnants[] = { ".", "..", "lock", "plan", "arms" };
	const struct dirent *d;
	DIR *dir;
	int ret = 0;

	if (experiment_is_run(path))
		return fail(-EEXIST, "%s holds a run already: go on with --resume, or choose "
			    "another folder with --out", path);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : fail_errno("%s", path);
	while (!ret && (d = readdir(dir))) {
		size_t i = 0, nr = sizeof(remnants) / sizeof(remnants[0]);

		while (i < nr && strcmp(remnants[i], d->d_name))
			i++;
		if (i == nr && !strstr(d->d_name, ".tmp-"))
			ret = fail(-EEXIST, "%s is not empty ('%s'): choose another folder with "
				   "--out", path, d->d_name);
	}
	closedir(dir);
	return ret;
}

static int copy_file(const char *from, const char *to, const char *name)
{
	char *a = path_join(from, name), *b = path_join(to, name), *bytes = NULL;
	size_t len;
	int ret = a && b ? 0 : fail_nomem(0, "a path");

	if (!ret)
		ret = file_read_all(a, FILE_BYTES_MAX, &bytes, &len);
	if (!ret)
		ret = file_write_atomic(b, bytes, len);
	free(bytes);
	free(b);
	free(a);
	return ret;
}

static int copy_plan(const struct experiment *e, const struct plan_files *files, const char *path)
{
	char *dir = path_join(path, "plan");
	int ret = dir ? dir_remove_tree(dir) : fail_nomem(0, "a path");

	if (!ret)
		ret = dir_make(dir);
	for (int i = 0; i < files->nr && !ret; i++)
		ret = copy_file(e->dir, dir, files->file[i].name);
	free(dir);
	return ret;
}

static int put_config(void *ctx, FILE *f)
{
	return config_write_shared(ctx, f);
}

static int write_arms(const struct experiment *e, const struct resolved *r, const char *path)
{
	char *dir = path_join(path, "arms");
	int ret = dir ? dir_make(dir) : fail_nomem(0, "a path");

	for (int i = 0; i < e->nr_arms && !ret; i++) {
		char *file = arm_file(path, e, i);

		ret = file ? file_write_stream(file, put_config, r->cfgs[i])
			   : fail_nomem(0, "a path");
		free(file);
	}
	free(dir);
	return ret;
}

static int make_folder(const struct experiment *e, const struct resolved *r, const char *path)
{
	char version[BUILD_VERSION_MAX], *source = realpath(e->dir, NULL);
	struct experiment_facts facts = {
		.version = build_version(version), .source = source, .data = r->data,
		.data_hash = r->hash, .model = r->model, .model_hash = r->model_hash,
		.cfgs = r->cfgs,
	};
	struct plan_files files = { 0 };
	int ret = source ? plan_files_read(e->dir, &files) : fail_errno("%s", e->dir);

	if (!ret)
		ret = copy_plan(e, &files, path);
	if (!ret)
		ret = write_arms(e, r, path);
	if (!ret)
		ret = experiment_manifest_write(path, e, &files, &facts);
	plan_files_free(&files);
	free(source);
	return ret;
}

int experiment_begin(const struct experiment *e, const char *data, const char *model,
		     const char *path, int *lock)
{
	struct resolved r;
	int ret = check_empty(path);

	*lock = -1;
	if (!ret)
		ret = experiment_resolve(e, data ? data : e->data, model, &r);
	if (ret)
		return ret;
	ret = dir_make(path);
	if (!ret)
		ret = folder_lock(path, lock);
	if (!ret)
		ret = check_empty(path);	/* another process may have begun and ended */
	if (!ret)
		ret = make_folder(e, &r, path);
	if (ret && *lock >= 0) {
		close(*lock);
		*lock = -1;
	}
	resolved_free(&r);
	return ret;
}

/* ---- going on ------------------------------------------------------------------ */

static int check_arms(const struct experiment_run *run, const struct resolved *r)
{
	const struct yml *list, *v;
	int i = 0, ret = yml_list(run->manifest, "arms", &list);

	if (ret)
		return ret;
	yml_for_each(v, list) {
		char hash[HASH_HEX];
		const char *then;

		ret = i < r->nr ? yml_text(v, "config_hash", &then) : -EINVAL;
		if (!ret)
			ret = config_hash(r->cfgs[i], hash);
		if (!ret && strcmp(hash, then))
			ret = fail(-EINVAL, "%s: arm '%s' began with another configuration: this "
				   "version of knlp reads the plan otherwise", run->manifest->file,
				   run->plan->arms[i].name);
		if (ret)
			return ret;
		i++;
	}
	return 0;
}

static int check_plan(const struct experiment_run *run)
{
	if (run->plan_state == PLAN_ALTERED)
		return fail(-EINVAL, "%s/plan was changed (%s): what is done would prove nothing",
			    run->path, run->edited);
	if (run->plan_state == PLAN_EDITED)
		return fail(-EINVAL, "the plan in %s was edited since the run began (%s): an "
			    "edited plan is another experiment, with a run of its own (--out)",
			    run->source, run->edited);
	return 0;
}

int experiment_go_on(const struct experiment *e, const char *data, const char *model,
		     const char *path, int *lock)
{
	struct experiment_run *run;
	struct resolved r = { 0 };
	int ret = experiment_run_open(path, &run);

	*lock = -1;
	if (ret)
		return ret;
	ret = check_plan(run);
	if (!ret && e && strcmp(e->hash, run->hash))
		ret = fail(-EINVAL, "%s is a run of another plan than that in %s", path, e->dir);
	if (!ret)
		ret = experiment_resolve(run->plan, data ? data : run->data,
					 model ? model : run->model, &r);
	if (!ret)
		ret = run_check_data(run, r.hash, r.data);
	if (!ret)
		ret = run_check_model(run, r.model_hash, r.model);
	if (!ret)
		ret = check_arms(run, &r);
	if (!ret)
		ret = folder_lock(path, lock);
	resolved_free(&r);
	experiment_run_close(run);
	return ret;
}
