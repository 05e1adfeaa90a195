// SPDX-License-Identifier: MIT
/* The folder of a plan: its files, and the configurations of its arms. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "experiment/match.h"

#define PLAN_BYTES_MAX	((size_t)1 << 20)

/* ---- files --------------------------------------------------------------------- */

static int is_plan_file(const struct dirent *d)
{
	return !strcmp(d->d_name, PLAN_FILE) || !strcmp(d->d_name, BASE_FILE) ||
	       (*d->d_name != '.' && str_has_suffix(d->d_name, FRAGMENT_ENDING));
}

void plan_files_free(struct plan_files *files)
{
	for (int i = 0; i < files->nr; i++)
		free(files->file[i].name);
	free(files->file);
	*files = (struct plan_files){ 0 };
}

static int add_file(struct plan_files *files, const char *dir, const char *name)
{
	struct plan_file *f = &files->file[files->nr++];
	char *path = path_join(dir, name);
	int ret;

	f->name = strdup(name);
	ret = path && f->name ? hash_file(path, f->hash) : fail_nomem(strlen(name), "a path");
	free(path);
	return ret;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);	/* alphasort() follows the locale */
}

static bool has_file(const struct plan_files *files, const char *name)
{
	for (int i = 0; i < files->nr; i++)
		if (!strcmp(files->file[i].name, name))
			return true;
	return false;
}

int plan_files_read(const char *dir, struct plan_files *files)
{
	struct dirent **entries;
	int nr = scandir(dir, &entries, is_plan_file, compare_names), ret = 0;

	*files = (struct plan_files){ 0 };
	if (nr < 0)
		return fail_errno("%s", dir);
	files->file = calloc((size_t)nr + 1, sizeof(*files->file));
	if (!files->file)
		ret = fail_nomem(0, "a plan");
	for (int i = 0; i < nr; i++) {
		if (!ret)
			ret = add_file(files, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!ret && (!has_file(files, PLAN_FILE) || !has_file(files, BASE_FILE)))
		ret = fail(-ENOENT, "%s is no experiment: it has no file '%s'", dir,
			   has_file(files, PLAN_FILE) ? BASE_FILE : PLAN_FILE);
	if (ret)
		plan_files_free(files);
	return ret;
}

int plan_files_hash(const struct plan_files *files, char hex[HASH_HEX])
{
	struct hash h;
	int ret = hash_begin(&h);

	if (ret)
		return ret;
	for (int i = 0; i < files->nr; i++) {
		hash_update(&h, files->file[i].name, strlen(files->file[i].name) + 1);
		hash_update(&h, files->file[i].hash, HASH_HEX);
	}
	hash_end(&h, hex);
	return 0;
}

/* ---- configurations ------------------------------------------------------------ */

/*
 * What a file does not say is Kconfig's default, not what this binary was configured with:
 * an experiment is the same with every binary.  Local parameters are this binary's.
 */
static int base_config(const char *path, struct config **out)
{
	struct config *cfg = config_new();
	int ret = cfg ? 0 : -ENOMEM;

	for (int i = 0; i < PARAM_COUNT && !ret; i++)
		if (!params[i].is_local)
			ret = config_put(cfg, i, params[i].default_text);
	if (!ret)
		ret = config_load(cfg, path);
	if (ret)
		config_free(cfg);
	else
		*out = cfg;
	return ret;
}

static int arm_config(struct experiment *e, struct experiment_arm *a, const struct config *base,
		      const struct plan_files *files)
{
	char *name = str_printf("%s%s", a->name, FRAGMENT_ENDING);
	int ret = 0;

	a->cfg = config_copy(base);
	if (!a->cfg || !name)
		ret = fail_nomem(0, "a config");
	if (!ret && has_file(files, name)) {
		a->fragment = path_join(e->dir, name);
		ret = a->fragment ? config_load(a->cfg, a->fragment) : fail_nomem(0, "a path");
	}
	free(name);
	if (!ret && strcmp(config_text(a->cfg, PARAM_TRAIN_SEED),
			   config_text(base, PARAM_TRAIN_SEED)))
		ret = fail(-EINVAL, "%s: arm '%s' sets TRAIN_SEED: `seeds` of %s says which seeds "
			   "all arms have", a->fragment, a->name, e->file);
	return ret;
}

/* A fragment whose name is misspelt would leave its arm as the base is. */
static int check_fragments(const struct experiment *e, const struct plan_files *files)
{
	for (int i = 0; i < files->nr; i++) {
		const char *file = files->file[i].name;
		char *arm;
		int found;

		if (!str_has_suffix(file, FRAGMENT_ENDING))
			continue;
		arm = strndup(file, strlen(file) - strlen(FRAGMENT_ENDING));
		found = arm ? experiment_arm(e, arm) : 0;
		free(arm);
		if (found < 0)
			return fail(-EINVAL, "%s/%s: %s has no such arm", e->dir, file, e->file);
	}
	return 0;
}

bool measures_know_arm(const struct experiment *e)
{
	for (int i = 0; i < e->nr_measures; i++)
		for (char **word = e->measures[i].argv; *word; word++)
			if (strstr(*word, "{arm}"))
				return true;
	return false;
}

/* The primary arm as the baseline: its fragment was forgotten. */
static int check_primary(const struct experiment *e)
{
	const struct experiment_arm *a = e->primary < 0 ? NULL : &e->arms[e->primary];

	if (!a || a->expect == EXPECT_SAME || measures_know_arm(e) ||
	    !config_same(a->cfg, e->arms[e->baseline].cfg))
		return 0;
	return fail(-EINVAL, "%s:%ld: arm '%s' has the configuration of the baseline: %s says what "
		    "it changes (one that is to be the same has `expect: same`)", e->file, a->line,
		    a->name, a->fragment ? a->fragment : "no file NAME.config");
}

int plan_configs(struct experiment *e, const struct plan_files *files)
{
	struct config *base = NULL, **cfgs = calloc((size_t)e->nr_arms, sizeof(*cfgs));
	char *path = path_join(e->dir, BASE_FILE);
	int ret = path && cfgs ? base_config(path, &base) : fail_nomem(0, "configs");

	if (!ret)
		ret = check_fragments(e, files);
	for (int i = 0; i < e->nr_arms && !ret; i++) {
		ret = arm_config(e, &e->arms[i], base, files);
		cfgs[i] = e->arms[i].cfg;
	}
	if (!ret)
		ret = experiment_match(e, cfgs);
	if (!ret)
		ret = check_primary(e);
	config_free(base);
	free(cfgs);
	free(path);
	return ret;
}

/* ---- all of it ----------------------------------------------------------------- */

static int check_name(const struct experiment *e)
{
	char *real = realpath(e->dir, NULL);
	const char *name = real ? strrchr(real, '/') : NULL;
	int ret = 0;

	/* In the folder of a run they lie in "plan". */
	if (name && strcmp(name + 1, e->name) && strcmp(name + 1, "plan"))
		ret = fail(-EINVAL, "%s: the experiment is called '%s', its folder '%s'", e->file,
			   e->name, name + 1);
	free(real);
	return ret;
}

int experiment_read(const char *dir, struct experiment **out)
{
	char *path = path_join(dir, PLAN_FILE), *text = NULL;
	struct plan_files files = { 0 };
	struct experiment *e = NULL;
	size_t len;
	int ret = path ? plan_files_read(dir, &files) : fail_nomem(strlen(dir), "a path");

	*out = NULL;
	if (!ret)
		ret = file_read_all(path, PLAN_BYTES_MAX, &text, &len);
	if (!ret)
		ret = experiment_parse(path, text, len, &e);
	if (!ret)
		ret = check_name(e);
	if (!ret)
		ret = plan_configs(e, &files);
	if (!ret)
		ret = plan_files_hash(&files, e->hash);
	if (ret)
		experiment_free(e);
	else
		*out = e;
	plan_files_free(&files);
	free(text);
	free(path);
	return ret;
}

int experiment_arm(const struct experiment *e, const char *name)
{
	for (int i = 0; i < e->nr_arms; i++)
		if (e->arms[i].name && !strcmp(e->arms[i].name, name))
			return i;
	return -1;
}

int experiment_measure(const struct experiment *e, const char *name)
{
	for (int i = 0; i < e->nr_measures; i++)
		if (e->measures[i].name && !strcmp(e->measures[i].name, name))
			return i;
	return -1;
}

static void free_metric(struct experiment_metric *m)
{
	free(m->name);
	free(m->from);
	free(m->unit);
}

static void free_texts(char **texts, int nr)
{
	for (int i = 0; texts && i < nr; i++)
		free(texts[i]);
	free(texts);
}

static void free_arms(struct experiment *e)
{
	for (int i = 0; i < e->nr_arms; i++) {
		free(e->arms[i].name);
		free(e->arms[i].what);
		free(e->arms[i].fragment);
		config_free(e->arms[i].cfg);
	}
	free(e->arms);
}

void experiment_free(struct experiment *e)
{
	if (!e)
		return;
	free_arms(e);
	for (int i = 0; i < e->nr_measures; i++) {
		free(e->measures[i].name);
		for (char **word = e->measures[i].argv; word && *word; word++)
			free(*word);
		free(e->measures[i].argv);
	}
	free(e->measures);
	free_metric(&e->metric);
	for (int i = 0; i < e->nr_more; i++)
		free_metric(&e->more[i]);
	free(e->more);
	free_texts(e->vary, e->nr_vary);
	free_texts(e->at_text, e->nr_at);
	free(e->at);
	free(e->seeds);
	free(e->prepare);
	free(e->model);
	free(e->data);
	free(e->hypothesis);
	free(e->name);
	free(e->file);
	free(e->dir);
	free(e);
}
