// SPDX-License-Identifier: MIT
#include "io/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/checkpoint-internal.h"

/* struct save - a checkpoint in the making. */
struct save {
	const struct checkpoint_content *c;
	char *dir;			/* the temporary folder */
	struct checkpoint_sum *sums;
	size_t nr_sums;
};

static int save_file_of(struct save *s, const char *name, const struct tensor_entry *entries,
			size_t nr, const struct st_meta *meta, size_t nr_meta)
{
	struct checkpoint_sum *sum = &s->sums[s->nr_sums++];
	char *path = path_join(s->dir, name);
	struct stat sb;
	int ret;

	if (!path)
		return fail_nomem(strlen(s->dir), "a file name");
	ret = st_write_new(path, entries, nr, meta, nr_meta, sum->checksum);
	if (!ret && stat(path, &sb))
		ret = fail_errno("%s", path);
	if (!ret) {
		sum->name = name;
		sum->bytes = sb.st_size;
	}
	free(path);
	return ret;
}

static int save_tensors(struct save *s, const char *name, const struct tensor_entry *entries,
			size_t nr)
{
	/* "pt" is what transformers asks for; knlp's names and layouts are those. */
	char step[24];
	struct st_meta meta[] = { { "format", "pt" }, { "step", step } };

	snprintf(step, sizeof(step), "%lld", s->c->step);
	return save_file_of(s, name, entries, nr, meta, 2);
}

static bool is_plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strcmp(name, CHECKPOINT_STATE) &&
	       strcmp(name, CHECKPOINT_KEEP) && strcmp(name, "model.safetensors") &&
	       strcmp(name, "optimizer.safetensors") && strcmp(name, "masks.safetensors");
}

static int save_file(struct save *s, const struct checkpoint_file *f)
{
	struct checkpoint_sum *sum = &s->sums[s->nr_sums++];
	char *path;
	int ret;

	if (!is_plain_name(f->name))
		return fail(-EINVAL, "%s: a checkpoint cannot hold a file '%s'", s->dir, f->name);
	path = path_join(s->dir, f->name);
	if (!path)
		return fail_nomem(strlen(s->dir), "a file name");
	ret = file_write_atomic(path, f->bytes, f->len);
	sum->name = f->name;
	sum->bytes = f->len;
	hash_bytes(f->bytes, f->len, sum->checksum);
	free(path);
	return ret;
}

static int save_folder(struct save *s)
{
	const struct checkpoint_content *c = s->c;
	int ret;

	if (mkdir(s->dir, 0777))
		return fail_errno("%s", s->dir);
	ret = save_tensors(s, "model.safetensors", c->model, c->nr_model);
	if (!ret && c->nr_optimizer)
		ret = save_tensors(s, "optimizer.safetensors", c->optimizer, c->nr_optimizer);
	if (!ret && c->nr_masks)
		ret = save_file_of(s, "masks.safetensors", c->masks, c->nr_masks, c->masks_meta,
				   c->nr_masks_meta);
	for (size_t i = 0; i < c->nr_files && !ret; i++)
		ret = save_file(s, &c->files[i]);
	if (!ret && c->keep)
		ret = checkpoint_keep(s->dir);
	if (!ret)
		ret = state_write(s->dir, c, s->sums, s->nr_sums);
	return ret ? ret : dir_fsync(s->dir);
}

/*
 * Usually a plain rename.  The step exists already if the run fell back from a damaged
 * checkpoint and came by again: then the folders change places, so that no moment
 * lacks one, and the old one goes with the temporary name.
 */
static int move_in_place(const char *from, const char *to)
{
	if (!rename(from, to))
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return fail_errno("%s", to);
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE))
		return dir_remove_tree(from);
	if (errno != EINVAL && errno != ENOSYS)
		return fail_errno("%s", to);
	/* A file system without exchange: what is there is of the same step. */
	if (dir_remove_tree(to))
		return fail_in(-EIO, "cannot replace %s", to);
	return rename(from, to) ? fail_errno("%s", to) : 0;
}

static int save_named(struct run *run, const struct checkpoint_content *c, const char *path)
{
	struct save s = { .c = c };
	int ret;

	s.dir = str_printf("%s.tmp-%ld", path, (long)getpid());
	s.sums = calloc(c->nr_files + 3, sizeof(*s.sums));
	if (!s.dir || !s.sums) {
		ret = fail_nomem(strlen(path), "a checkpoint");
		goto out_s;
	}
	ret = save_folder(&s);
	if (!ret)
		ret = move_in_place(s.dir, path);
	if (!ret)
		ret = dir_fsync(run->checkpoints);
	if (ret) {
		char *why = strdup(fail_message());	/* cleaning up may fail as well */

		dir_remove_tree(s.dir);
		if (why)
			fail(ret, "%s", why);
		free(why);
	}
out_s:
	free(s.sums);
	free(s.dir);
	return ret;
}

int checkpoint_save(struct run *run, const struct checkpoint_content *c)
{
	char *path;
	int ret;

	BUG_ON(run->lock_fd < 0);
	if (c->step < 0)
		return fail(-EINVAL, "%s: a checkpoint at step %lld", run->path, c->step);
	ret = metrics_sync(run->metrics);
	if (!ret)
		ret = checkpoint_remove_stale(run);
	if (ret)
		return ret;
	path = checkpoint_path(run, c->step);
	if (!path)
		return fail_nomem(strlen(run->path), "a file name");
	ret = save_named(run, c, path);
	free(path);
	if (ret)
		return ret;
	checkpoint_note_good(run, c->step);
	/* The new checkpoint is safe: old ones that cannot go cost only space. */
	if (checkpoint_prune(run))
		log_warn("%s: old checkpoints stay: %s", run->path, fail_message());
	return 0;
}

int checkpoint_keep(const char *dir)
{
	char *path = path_join(dir, CHECKPOINT_KEEP);
	int fd, ret = 0;

	if (!path)
		return fail_nomem(strlen(dir), "a file name");
	/* Nothing is in it that could be half-written. */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || fsync(fd))
		ret = fail_errno("%s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return ret ? ret : dir_fsync(dir);
}
