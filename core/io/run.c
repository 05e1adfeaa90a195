// SPDX-License-Identifier: MIT
#include "data/dataset.h"
#include "io/run.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/lock.h"
#include "io/run-internal.h"

bool run_is_active(const struct run *run)
{
	return folder_is_locked(run->path);
}

/* ---- the pieces ---- */

static int run_new(const char *path, struct run **out)
{
	struct run *run = calloc(1, sizeof(*run));

	*out = NULL;
	if (!run)
		return fail_nomem(sizeof(*run), path);
	run->lock_fd = -1;
	run->good[0] = run->good[1] = -1;
	run->path = strdup(path);
	run->checkpoints = path_join(path, "checkpoints");
	if (!run->path || !run->checkpoints) {
		run_close(run);
		return fail_nomem(strlen(path), "a file name");
	}
	*out = run;
	return 0;
}

void run_close(struct run *run)
{
	if (!run)
		return;
	metrics_close(run->metrics);
	yml_free(run->manifest);
	if (run->lock_fd >= 0)
		close(run->lock_fd);
	free(run->checkpoints);
	free(run->path);
	free(run);
}

static int write_config(const char *path, const struct config *cfg)
{
	char *file = path_join(path, "config"), *text = NULL;
	size_t len;
	int ret;
	FILE *f;

	f = file ? open_memstream(&text, &len) : NULL;
	if (!f) {
		ret = fail_nomem(strlen(path), "a config");
		goto out_file;
	}
	ret = config_write_shared(cfg, f);
	if (fclose(f) && !ret)
		ret = fail_errno("%s", file);
	if (!ret)
		ret = file_write_atomic(file, text, len);
out_file:
	free(text);
	free(file);
	return ret;
}

static int open_metrics(struct run *run)
{
	char *file = path_join(run->path, "metrics.jsonl");
	int ret = file ? metrics_open(file, &run->metrics) : fail_nomem(0, "a file name");

	free(file);
	return ret;
}

static bool is_run(const char *path)
{
	char *manifest = path_join(path, "manifest.yaml"), *config = path_join(path, "config");
	bool is = manifest && config && file_exists(manifest) && file_exists(config);

	free(manifest);
	free(config);
	return is;
}

/* The first run by name in folder @path, as a new string or NULL; @nr: how many there are. */
static char *find_run(const char *path, int *nr)
{
	struct dirent **entries;
	int nr_entries = scandir(path, &entries, NULL, alphasort);
	char *found = NULL;

	*nr = 0;
	for (int i = 0; i < nr_entries; i++) {
		char *inner = path_join(path, entries[i]->d_name);

		if (inner && entries[i]->d_name[0] != '.' && is_run(inner) && !(*nr)++)
			found = inner;
		else
			free(inner);
		free(entries[i]);
	}
	if (nr_entries >= 0)
		free(entries);
	return found;
}

/* Whoever keeps runs in a folder may have named that one. */
static int no_run(const char *path)
{
	int nr, ret;
	char *found = find_run(path, &nr);

	if (!found)
		return fail(-ENOENT, "%s holds no run (no manifest.yaml)", path);
	ret = nr > 1 ? fail(-ENOENT, "%s is no run, but holds %d: say %s, or another one", path, nr,
			    found)
		     : fail(-ENOENT, "%s is no run, but holds one: say %s", path, found);
	free(found);
	return ret;
}

static int read_manifest(struct run *run)
{
	char *file = path_join(run->path, "manifest.yaml");
	long long format;
	int ret;

	if (!file)
		return fail_nomem(strlen(run->path), "a file name");
	ret = file_exists(file) ? yml_read(file, &run->manifest)
				: no_run(run->path);
	free(file);
	if (!ret)
		ret = yml_int(run->manifest, "format", &format);
	if (ret == -EINVAL)
		ret = dataset_is_folder(run->path)
		    ? fail(ret, "%s: a data folder, not a run", run->path)
		    : fail_in(ret, "%s is no run", run->path);
	if (!ret && format != RUN_FORMAT)
		ret = fail(-EINVAL, "%s: format %lld, this knlp knows %d", run->manifest->file,
			   format, RUN_FORMAT);
	return ret;
}

/* ---- create ---- */

static const char mark[] = "What lies here is copied from elsewhere; no run has begun.\n";

/* In the order in which they are removed: what nothing is left of has not begun. */
static const char *const run_parts[] = { "manifest.yaml", "config", "metrics.jsonl", "checkpoints",
					 RUN_BEGINNING, "lock" };

/* Results, even those whose manifest was lost, are not thrown away. */
static bool has_content(const char *path, const char *name)
{
	char *file = path_join(path, name);
	struct stat sb;
	bool content = !file || (!stat(file, &sb) && !S_ISDIR(sb.st_mode) && sb.st_size);
	DIR *dir = file ? opendir(file) : NULL;
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		content |= *d->d_name != '.';
	if (dir)
		closedir(dir);
	free(file);
	return content;
}

/* Another file of that name is the user's. */
static bool is_marked(const char *path)
{
	char *file = path_join(path, RUN_BEGINNING), *text = NULL;
	size_t len;
	bool marked = file && file_exists(file) &&
		      !file_read_all(file, sizeof(mark), &text, &len) && !strcmp(text, mark);

	free(text);
	free(file);
	return marked;
}

static bool is_part(const char *name)
{
	for (size_t i = 0; i < sizeof(run_parts) / sizeof(run_parts[0]); i++)
		if (!strcmp(name, run_parts[i]))
			return true;
	return !strcmp(name, ".") || !strcmp(name, "..") || strstr(name, ".tmp-");
}

/* What a process leaves that is killed before it writes the manifest. */
static bool is_remnant(const char *path, const char *name)
{
	if (is_marked(path))
		return is_part(name);
	if (!strcmp(name, "metrics.jsonl") || !strcmp(name, "checkpoints"))
		return !has_content(path, name);
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lock") ||
	       !strcmp(name, "config") || strstr(name, ".tmp-");
}

static int check_empty(const char *path)
{
	const struct dirent *d;
	DIR *dir = opendir(path);
	int ret = 0;

	if (!dir)
		return fail_errno("%s", path);
	if (has_content(path, "manifest.yaml"))
		ret = fail(-EEXIST, "%s holds a run already: resume it, or choose another folder",
			   path);
	while (!ret && (d = readdir(dir)))
		if (!is_remnant(path, d->d_name))
			ret = fail(-EEXIST, "%s is not empty ('%s'): choose another folder",
				   path, d->d_name);
	closedir(dir);
	return ret;
}

static int write_mark(const char *path)
{
	char *file = path_join(path, RUN_BEGINNING);
	int ret = file ? file_write_atomic(file, mark, strlen(mark)) : fail_nomem(0, "a path");

	free(file);
	return ret;
}

/* Half-written files of the run's own names, and under the mark what was copied. */
static bool is_stale(const char *name, bool marked)
{
	for (size_t i = 0; i < sizeof(run_parts) / sizeof(run_parts[0]); i++) {
		size_t len = strlen(run_parts[i]);

		if (!strncmp(name, run_parts[i], len) && !strncmp(name + len, ".tmp-", 5))
			return true;
	}
	return marked && (!strcmp(name, "metrics.jsonl") || !strcmp(name, "checkpoints"));
}

/* Whoever left them is dead: we have the lock. */
static int clear_remnants(const char *path)
{
	bool marked = is_marked(path);
	DIR *dir = opendir(path);
	const struct dirent *d;
	int ret = 0;

	if (!dir)
		return fail_errno("%s", path);
	while (!ret && (d = readdir(dir))) {
		char *file;

		if (!is_stale(d->d_name, marked))
			continue;
		file = path_join(path, d->d_name);
		ret = file ? dir_remove_tree(file) : fail_nomem(0, "a path");
		free(file);
	}
	closedir(dir);
	return ret;
}

static int prepare_parts(struct run *run, const struct config *cfg)
{
	int ret = clear_remnants(run->path);

	if (!ret)
		ret = write_mark(run->path);
	if (!ret)
		ret = dir_make(run->checkpoints);
	if (!ret)
		ret = open_metrics(run);
	return ret ? ret : write_config(run->path, cfg);
}

/* The folder goes too, if nothing else is in it; the mark last, the lock before it. */
void run_abandon(struct run *run)
{
	char *why = strdup(fail_message());

	for (size_t i = 0; i < sizeof(run_parts) / sizeof(run_parts[0]); i++) {
		char *file = path_join(run->path, run_parts[i]);

		if (file && file_exists(file))
			dir_remove_tree(file);
		free(file);
	}
	rmdir(run->path);
	run_close(run);
	if (why && *why)
		fail(-EINVAL, "%s", why);
	free(why);
}

int run_prepare(const char *path, const struct config *cfg, struct run **out)
{
	struct run *run;
	int ret;

	*out = NULL;
	ret = dir_make(path);
	if (!ret)
		ret = check_empty(path);	/* before a lock file is put into it */
	if (!ret)
		ret = run_new(path, &run);
	if (ret)
		return ret;
	ret = folder_lock(run->path, &run->lock_fd);
	if (!ret)
		ret = check_empty(path);	/* another process may have begun and ended */
	if (ret) {
		run_close(run);
		return ret;
	}
	ret = prepare_parts(run, cfg);
	if (ret)
		run_abandon(run);
	else
		*out = run;
	return ret;
}

static void remove_mark(const struct run *run)
{
	char *file = path_join(run->path, RUN_BEGINNING);

	if (file)
		unlink(file);
	free(file);
}

int run_begin(struct run *run, const struct config *cfg, const struct run_facts *facts)
{
	int ret = run_manifest_write(run->path, cfg, facts);

	if (!ret)
		ret = read_manifest(run);
	if (!ret)
		remove_mark(run);
	return ret;
}

int run_create(const char *path, const struct config *cfg, const struct run_facts *facts,
	       struct run **out)
{
	int ret = run_prepare(path, cfg, out);

	if (ret)
		return ret;
	ret = run_begin(*out, cfg, facts);
	if (!ret)
		return 0;
	run_abandon(*out);
	*out = NULL;
	return ret;
}

/* ---- open and resume ---- */

int run_open(const char *path, struct run **out)
{
	struct run *run;
	int ret;

	ret = run_new(path, &run);
	*out = NULL;
	if (ret)
		return ret;
	ret = read_manifest(run);
	if (ret) {
		run_close(run);
		return ret;
	}
	*out = run;
	return 0;
}

int run_load_config(const struct run *run, struct config *cfg)
{
	char *file = path_join(run->path, "config");
	int ret = file ? config_load(cfg, file) : fail_nomem(0, "a file name");

	free(file);
	return ret;
}

int run_config(const struct run *run, struct config **out)
{
	struct config *cfg = config_new();
	int ret = cfg ? 0 : -ENOMEM;

	for (int i = 0; i < PARAM_COUNT && !ret; i++)
		if (params[i].default_text)
			ret = config_put(cfg, i, params[i].default_text);
	if (!ret)
		ret = run_load_config(run, cfg);
	/* Runs of older versions have local ones. */
	for (int i = 0; i < PARAM_COUNT && !ret; i++)
		if (params[i].is_local)
			ret = config_put(cfg, i, config_embedded[i]);
	if (ret) {
		config_free(cfg);
		return ret;
	}
	*out = cfg;
	return 0;
}

int run_data(const struct run *run, const char **dir)
{
	int ret;

	if (!yml_get(run->manifest, "data"))
		return fail(-ENOENT, "%s does not say where its data is: give --data", run->path);
	ret = yml_text(run->manifest, "data", dir);
	if (!ret && !file_exists(*dir))
		ret = fail(-ENOENT, "%s began with the data in %s, which is gone: say with --data "
			   "where it is now", run->path, *dir);
	return ret;
}

#define ALL_STEPS (-1)	/* of a run that goes on: nothing but what is local may differ */

/* Does parameter @id differ, and count before step @before? */
static bool differs(const struct config *then, const struct config *now, int id, long long before)
{
	if (params[id].is_local || !strcmp(config_text(then, id), config_text(now, id)))
		return false;
	return before == ALL_STEPS || config_acts_from(then, id) < before ||
	       config_acts_from(now, id) < before;
}

static void add_difference(struct strbuf *sb, const struct config *then, const struct config *now,
			   int id)
{
	const char *from = params[id].from;

	strbuf_addf(sb, "%s%s was %s, now %s", sb->len ? "; " : "", params[id].name,
		    config_text(then, id), config_text(now, id));
	if (from && strcmp(from, params[id].name) && strcmp(from, PARAM_FROM_END))
		strbuf_addf(sb, ", from %s=%lld on", from, config_acts_from(now, id));
}

/* The newest checkpoint up to step @most; -1: there is none. */
static long long newest_until(const struct run *run, long long most)
{
	DIR *dir = opendir(run->checkpoints);
	const struct dirent *d;
	long long newest = -1;

	while (dir && (d = readdir(dir))) {
		long long step = strncmp(d->d_name, "step-", 5) || strchr(d->d_name, '.')
			       ? -1 : strtoll(d->d_name + 5, NULL, 10);

		if (step <= most && step > newest)
			newest = step;
	}
	if (dir)
		closedir(dir);
	return newest;
}

/* Where what differs counts from a later step on, a fork may begin up to there. */
static void add_way_out(struct strbuf *sb, const struct run *run, const struct config *then,
			const struct config *now, long long before)
{
	long long until = CONFIG_NEVER, at;

	for (int i = 0; i < PARAM_COUNT; i++)
		if (differs(then, now, i, before)) {
			long long a = config_acts_from(then, i), b = config_acts_from(now, i);

			until = a < until ? a : until;
			until = b < until ? b : until;
		}
	if (until < 1 || until == CONFIG_NEVER)
		return;
	at = newest_until(run, until);
	if (at < 0)
		strbuf_addf(sb, "; a fork must begin at step %lld or before, and there is no "
			    "checkpoint", until);
	else
		strbuf_addf(sb, "; a fork may begin at step %lld or before: --at=%lld", until, at);
}

static int config_differs(const struct run *run, const struct config *then,
			  const struct config *now, long long before)
{
	struct strbuf sb;
	int nr = 0, ret = 0;

	strbuf_init(&sb);
	for (int i = 0; i < PARAM_COUNT; i++)
		if (differs(then, now, i, before) && nr++ < 5)
			add_difference(&sb, then, now, i);
	if (nr && before != ALL_STEPS)
		add_way_out(&sb, run, then, now, before);
	if (nr > 5)
		strbuf_addf(&sb, "; and %d more", nr - 5);
	if (nr && before == ALL_STEPS)
		ret = fail(-EINVAL, "%s began with another configuration: %s", run->path, sb.s);
	else if (nr)
		ret = fail(-EINVAL, "%s is another training before step %lld: %s", run->path,
			   before, sb.s);
	strbuf_free(&sb);
	return ret;
}

static int check_config(const struct run *run, const struct config *now, long long before,
			bool force)
{
	char hash[HASH_HEX];
	struct config *then;
	const char *began;
	int ret;

	ret = run_config(run, &then);
	if (ret)
		return ret;
	ret = config_differs(run, then, now, before);
	if (!ret)
		ret = config_hash(then, hash);
	if (!ret)
		ret = yml_text(run->manifest, "config_hash", &began);
	if (!ret && strcmp(hash, began)) {
		ret = fail(-EINVAL, "%s/config has the hash %s, the manifest says %s: it was "
			   "changed, or written by another version", run->path, hash, began);
		if (force) {
			log_warn("%s", fail_message());
			ret = 0;
		}
	}
	config_free(then);
	return ret;
}

static int check_begun(const struct run *run, const struct config *cfg,
		       const struct run_facts *facts, long long before, bool force)
{
	int ret = check_config(run, cfg, before, force);

	if (ret)
		return ret;
	ret = manifest_check(run->manifest, facts);
	if (ret != -EINVAL || !force)
		return ret;
	log_warn("%s; going on as asked, the results may differ", fail_message());
	return 0;
}

int run_resume(const char *path, const struct config *cfg, const struct run_facts *facts,
	       bool force, struct run **out)
{
	struct run *run;
	int ret;

	ret = run_open(path, &run);
	*out = NULL;
	if (ret)
		return ret;
	ret = folder_lock(run->path, &run->lock_fd);
	if (!ret)
		ret = check_begun(run, cfg, facts, ALL_STEPS, force);
	if (!ret)
		ret = dir_make(run->checkpoints);
	if (!ret)
		ret = open_metrics(run);
	if (ret) {
		run_close(run);
		return ret;
	}
	remove_mark(run);
	*out = run;
	return 0;
}

int run_rewind(struct run *run, long long step)
{
	char time[UTC_MAX];
	int ret;

	BUG_ON(!run->metrics);
	ret = metrics_rewind(run->metrics, step);
	if (ret)
		return ret;
	metrics_begin(run->metrics, "resume", step < 0 ? 0 : step);
	metrics_text(run->metrics, "time", utc_now(time));
	return metrics_end(run->metrics);
}

/* ---- fork ---- */

int run_fork_check(const struct run *old, long long step, const struct config *cfg,
		   const struct run_facts *facts, bool force)
{
	return check_begun(old, cfg, facts, step, force);
}

int run_fork_log(struct run *run, const struct run *old, long long step, const char *name)
{
	char *file = path_join(old->path, "metrics.jsonl"), time[UTC_MAX];
	int ret = file ? metrics_copy(run->metrics, file, step) : fail_nomem(0, "a path");

	free(file);
	if (ret)
		return ret;
	metrics_begin(run->metrics, "fork", step);
	metrics_text(run->metrics, "run", name);
	metrics_text(run->metrics, "time", utc_now(time));
	return metrics_end(run->metrics);
}
