// SPDX-License-Identifier: MIT
#include "io/checkpoint.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/checkpoint-internal.h"

#define KEEP_GOOD 2

char *checkpoint_path(const struct run *run, long long step)
{
	return str_printf("%s/step-%010lld", run->checkpoints, step);
}

/* ---- verify ---- */

static int verify_file(const char *dir, const struct yml *file)
{
	char *path = path_join(dir, file->key), have[HASH_HEX];
	const char *want;
	long long bytes;
	struct stat sb;
	int ret;

	if (!path)
		return fail_nomem(strlen(dir), "a file name");
	ret = yml_int(file, "bytes", &bytes);
	if (!ret)
		ret = yml_text(file, "checksum", &want);
	if (ret)
		goto out_path;
	if (stat(path, &sb))
		ret = fail(-EINVAL, "%s: %s", path, strerror(errno));
	else if (sb.st_size != bytes)
		ret = fail(-EINVAL, "%s: torn: %lld bytes, %s says %lld", path,
			   (long long)sb.st_size, CHECKPOINT_STATE, bytes);
	if (!ret)
		ret = hash_file(path, have);
	if (!ret && strcmp(have, want))
		ret = fail(-EINVAL, "%s: altered: its checksum is %s, %s says %s", path, have,
			   CHECKPOINT_STATE, want);
out_path:
	free(path);
	return ret;
}

static int verify(const char *dir, struct yml **root)
{
	const struct yml *files, *f;
	int ret;

	ret = state_read(dir, root);
	if (ret)
		return ret;
	ret = yml_map(*root, "files", &files);
	if (ret)
		return ret;
	yml_for_each(f, files) {
		ret = verify_file(dir, f);
		if (ret)
			return ret;
	}
	return 0;
}

void checkpoint_note_good(struct run *run, long long step)
{
	if (run->good[0] == step || run->good[1] == step)
		return;
	run->good[1] = run->good[0];
	run->good[0] = step;
}

bool checkpoint_is_good(struct run *run, long long step)
{
	struct yml *root = NULL;
	char *path;
	bool good;

	if (run->good[0] == step || run->good[1] == step)
		return true;
	path = checkpoint_path(run, step);
	good = path && !verify(path, &root);
	yml_free(root);
	free(path);
	return good;
}

/* ---- open ---- */

static int open_tensors(const char *dir, const char *name, struct st **st)
{
	char *path = path_join(dir, name);
	int ret = path ? st_open(path, st) : fail_nomem(strlen(dir), "a file name");

	free(path);
	return ret;
}

static int open_parts(struct checkpoint *ck)
{
	const struct yml *files;
	int ret;

	ret = verify(ck->dir, &ck->root);
	if (!ret)
		ret = yml_int(ck->root, "step", &ck->step);
	if (!ret)
		ret = yml_map(ck->root, "state", &ck->state);
	if (!ret)
		ret = yml_map(ck->root, "files", &files);
	if (!ret)
		ret = open_tensors(ck->dir, "model.safetensors", &ck->model);
	if (!ret && yml_get(files, "optimizer.safetensors"))
		ret = open_tensors(ck->dir, "optimizer.safetensors", &ck->optimizer);
	if (!ret && yml_get(files, "masks.safetensors"))
		ret = open_tensors(ck->dir, "masks.safetensors", &ck->masks);
	return ret;
}

int checkpoint_open(const char *dir, struct checkpoint **out)
{
	struct checkpoint *ck = calloc(1, sizeof(*ck));
	int ret;

	*out = NULL;
	if (!ck)
		return fail_nomem(sizeof(*ck), dir);
	ck->dir = strdup(dir);
	ret = ck->dir ? open_parts(ck) : fail_nomem(strlen(dir), "a file name");
	if (ret) {
		checkpoint_close(ck);
		return ret;
	}
	*out = ck;
	return 0;
}

void checkpoint_close(struct checkpoint *ck)
{
	if (!ck)
		return;
	st_close(ck->masks);
	st_close(ck->optimizer);
	st_close(ck->model);
	yml_free(ck->root);
	free(ck->dir);
	free(ck);
}

int checkpoint_load(const struct checkpoint *ck, const struct tensor_entry *model,
		    size_t nr_model, const struct tensor_entry *optimizer,
		    size_t nr_optimizer)
{
	int ret = st_load(ck->model, model, nr_model);

	if (ret || !optimizer)
		return ret;
	if (!ck->optimizer)
		return nr_optimizer ? fail(-EINVAL, "%s: holds no optimizer state", ck->dir) : 0;
	return st_load(ck->optimizer, optimizer, nr_optimizer);
}

/* ---- the folder of checkpoints ---- */

static long long step_of(const char *name)
{
	long long step;

	if (strncmp(name, "step-", 5) || strspn(name + 5, "0123456789") < 10 ||
	    str_to_int(name + 5, &step))
		return -1;
	return step;
}

static int compare_steps(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x < y) - (x > y);
}

int checkpoint_steps(const char *path, long long **steps, size_t *nr)
{
	const struct dirent *d;
	size_t cap = 0;
	DIR *dir;

	*steps = NULL;
	*nr = 0;
	dir = opendir(path);
	if (!dir)
		return fail_errno("%s", path);
	while ((d = readdir(dir))) {
		long long step = step_of(d->d_name), *more;

		if (step < 0)
			continue;
		if (*nr == cap) {
			cap = cap ? 2 * cap : 16;
			more = realloc(*steps, cap * sizeof(*more));
			if (!more) {
				closedir(dir);
				free(*steps);
				*steps = NULL;
				return fail_nomem(cap * sizeof(*more), path);
			}
			*steps = more;
		}
		(*steps)[(*nr)++] = step;
	}
	closedir(dir);
	if (*nr)
		qsort(*steps, *nr, sizeof(**steps), compare_steps);
	return 0;
}

int checkpoint_remove_stale(const struct run *run)
{
	const struct dirent *d;
	int ret = 0;
	DIR *dir;

	/* Whoever made them died: only the holder of the run's lock, us, may write. */
	dir = opendir(run->checkpoints);
	if (!dir)
		return fail_errno("%s", run->checkpoints);
	while (!ret && (d = readdir(dir))) {
		char *path;

		if (strncmp(d->d_name, "step-", 5) || !strstr(d->d_name, ".tmp-"))
			continue;
		path = path_join(run->checkpoints, d->d_name);
		ret = path ? dir_remove_tree(path) : fail_nomem(0, "a file name");
		free(path);
	}
	closedir(dir);
	return ret;
}

static bool is_kept(const struct run *run, long long step)
{
	char *path = str_printf("%s/step-%010lld/%s", run->checkpoints, step, CHECKPOINT_KEEP);
	bool kept = !path || file_exists(path);

	free(path);
	return kept;
}

/* Renamed first: killed half-way, it must not look like a damaged checkpoint. */
static int drop(const struct run *run, long long step)
{
	char *path = checkpoint_path(run, step);
	char *old = path ? str_printf("%s.tmp-old", path) : NULL;
	int ret;

	if (!old)
		ret = fail_nomem(strlen(run->path), "a file name");
	else if (rename(path, old))
		ret = fail_errno("%s", path);
	else
		ret = dir_remove_tree(old);
	free(old);
	free(path);
	return ret;
}

int checkpoint_prune(struct run *run)
{
	long long *steps;
	int good = 0, ret;
	size_t nr;

	ret = checkpoint_steps(run->checkpoints, &steps, &nr);
	if (ret)
		return ret;
	for (size_t i = 0; i < nr && !ret; i++) {
		if (good >= KEEP_GOOD && !is_kept(run, steps[i]))
			ret = drop(run, steps[i]);
		else if (good < KEEP_GOOD)
			good += checkpoint_is_good(run, steps[i]);
	}
	free(steps);
	return ret;
}

/* One look at the folder.  -EAGAIN: a trainer pruned what we were about to open. */
static int latest_once(struct run *run, struct checkpoint **ck)
{
	long long *steps;
	size_t nr;
	int ret;

	ret = checkpoint_steps(run->checkpoints, &steps, &nr);
	if (ret)
		return ret;
	ret = fail(-ENOENT, "%s has no checkpoint yet", run->path);
	for (size_t i = 0; i < nr; i++) {
		char *path = checkpoint_path(run, steps[i]);

		ret = path ? checkpoint_open(path, ck) : fail_nomem(0, "a file name");
		if (ret && path && !file_exists(path))
			ret = -EAGAIN;
		free(path);
		if (!ret)
			checkpoint_note_good(run, steps[i]);
		if (!ret || ret == -EAGAIN || ret == -ENOMEM)
			break;
		log_warn("%s%s", fail_message(),
			 i + 1 < nr ? "; falling back to the checkpoint before it" : "");
		ret = fail(-EINVAL, "%s: none of %zu checkpoints is whole", run->path, nr);
	}
	free(steps);
	return ret;
}

int checkpoint_latest(struct run *run, struct checkpoint **ck)
{
	int ret;

	*ck = NULL;
	for (int i = 0; i < 5; i++) {
		ret = latest_once(run, ck);
		if (ret != -EAGAIN)
			return ret;
	}
	return fail(-EAGAIN, "%s: its checkpoints come and go too fast", run->path);
}

static int no_checkpoint(const struct run *run, long long step)
{
	struct strbuf sb;
	long long *steps;
	size_t nr;
	int ret = checkpoint_steps(run->checkpoints, &steps, &nr);

	if (ret)
		return ret;
	strbuf_init(&sb);
	for (size_t i = nr; i-- > 0; )
		strbuf_addf(&sb, "%s%lld", sb.len ? ", " : "", steps[i]);
	ret = fail(-ENOENT, "%s has no checkpoint of step %lld, but of: %s", run->path, step,
		   nr ? sb.s : "none");
	strbuf_free(&sb);
	free(steps);
	return ret;
}

int checkpoint_at(struct run *run, long long step, struct checkpoint **ck)
{
	char *path;
	int ret;

	*ck = NULL;
	if (step < 0)
		return checkpoint_latest(run, ck);
	path = checkpoint_path(run, step);
	if (!path)
		return fail_nomem(0, "a file name");
	ret = file_exists(path) ? checkpoint_open(path, ck) : no_checkpoint(run, step);
	free(path);
	return ret;
}
