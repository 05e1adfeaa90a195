// SPDX-License-Identifier: MIT
/*
 * What the writers of all formats share.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "base/temporary.h"
#include "formats/source-internal.h"

/* Norms of GPT-2 are called ln_1; nothing is added to those. */
static bool is_norm(const char *name)
{
	return str_has_suffix(name, "norm.weight");
}

static int plan(const struct model_source *src, const struct outgoing_rules *rules,
		const struct write_options *o, const struct source_tensor *from,
		struct turned *t)
{
	t->from = from;
	t->add = is_norm(from->name) ? rules->norms : 0;
	t->to = rules->type(src, from, t->add, o);
	if (turn_is_needed(&src->spec, rules->position))
		t->rotary = rotary_of(&src->spec, from->name);
	t->to_adjacent = rules->position == POS_ROPE_ADJACENT;
	return turned_init(t);
}

int outgoing_make(const struct model_source *src, const struct outgoing_rules *rules,
		  const struct write_options *o, struct outgoing *out)
{
	int ret = 0;

	*out = (struct outgoing){ .nr = src->nr_tensors };
	out->turned = calloc(out->nr + 1, sizeof(*out->turned));
	if (!out->turned)
		return fail_nomem(out->nr * sizeof(*out->turned), "a list of tensors");
	for (int i = 0; i < out->nr && !ret; i++) {
		ret = plan(src, rules, o, &src->tensors[i], &out->turned[i]);
		out->turned[i].progress = &out->progress;
	}
	if (ret)
		outgoing_free(out);
	return ret;
}

void outgoing_free(struct outgoing *out)
{
	for (int i = 0; i < out->nr && out->turned; i++)
		turned_free(&out->turned[i]);
	free(out->turned);
	out->turned = NULL;
}

void outgoing_begin(struct outgoing *out)
{
	uint64_t bytes = 0;

	for (int i = 0; i < out->nr; i++)
		bytes += turned_bytes(&out->turned[i]);
	out->progress = (struct turn_progress){ .owned = progress_begin("convert", bytes) };
}

void outgoing_end(struct outgoing *out)
{
	progress_end(out->progress.owned);
}

/* ---- folders ----------------------------------------------------------------------- */

static char *without_slashes(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return strndup(path, len);
}

char *folder_begin(const char *path)
{
	char *name = without_slashes(path);
	char *tmp = name ? str_printf("%s.tmp-%ld", name, (long)getpid()) : NULL;

	free(name);
	if (!tmp) {
		fail_nomem(strlen(path), "a path");
		return NULL;
	}
	temporary_add(tmp);
	if (dir_remove_tree(tmp) || dir_make(tmp)) {
		temporary_done(tmp);
		free(tmp);
		return NULL;
	}
	return tmp;
}

int folder_put(const char *dir, const char *name, const struct strbuf *text)
{
	char *path = path_join(dir, name);
	int ret = path ? strbuf_ok(text) : fail_nomem(strlen(dir), "a path");

	if (!ret)
		ret = file_write_atomic(path, text->s, text->len);
	free(path);
	return ret;
}

/* rename() puts a folder in the place of an empty one only, and of nothing else. */
static int move_in(const char *tmp, const char *path)
{
	char *name = without_slashes(path), *parent = name ? path_dir(name) : NULL;
	int ret = 0;

	if (!parent)
		ret = fail_nomem(strlen(path), "a path");
	if (!ret)
		ret = dir_fsync(tmp);
	if (!ret && rename(tmp, name))
		ret = fail_errno("%s", name);
	if (!ret)
		ret = dir_fsync(parent);
	free(parent);
	free(name);
	return ret;
}

int folder_end(char *tmp, const char *path, int ret)
{
	if (!ret)
		ret = move_in(tmp, path);
	if (ret) {
		char *message = strdup(fail_message());

		dir_remove_tree(tmp);
		fail(ret, "%s", message ? message : "out of memory");
		free(message);
	}
	temporary_done(tmp);
	free(tmp);
	return ret;
}
