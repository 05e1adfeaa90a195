// SPDX-License-Identifier: MIT
#include "io/checkpoint-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"

/* The last line of state.yaml is the checksum of all lines before it. */
static const char checksum_key[] = "checksum: ";

#define LAST_LINE (sizeof(checksum_key) - 1 + HASH_HEX - 1 + 1)

static void put_state(struct yml_writer *w, const struct state_value *v)
{
	switch (v->kind) {
	case STATE_IS_INT:  yml_put_int(w, v->key, v->integer); break;
	case STATE_IS_REAL: yml_put_double(w, v->key, v->real); break;
	case STATE_IS_TEXT: yml_put_text(w, v->key, v->text); break;
	}
}

static int state_text(const struct checkpoint_content *c, const struct checkpoint_sum *sums,
		      size_t nr_sums, struct strbuf *sb)
{
	struct yml_writer *w = yml_writer_new();
	char checksum[HASH_HEX];
	int ret;

	if (!w)
		return fail_nomem(0, CHECKPOINT_STATE);
	yml_put_int(w, "format", CHECKPOINT_FORMAT);
	yml_put_int(w, "step", c->step);
	yml_begin_map(w, "state");
	for (size_t i = 0; i < c->nr_state; i++)
		put_state(w, &c->state[i]);
	yml_end_map(w);
	yml_begin_map(w, "files");
	for (size_t i = 0; i < nr_sums; i++) {
		yml_begin_map(w, sums[i].name);
		yml_put_int(w, "bytes", (long long)sums[i].bytes);
		yml_put_text(w, "checksum", sums[i].checksum);
		yml_end_map(w);
	}
	yml_end_map(w);
	ret = yml_writer_end(w, sb);
	if (ret)
		return ret;
	hash_bytes(sb->s, sb->len, checksum);
	strbuf_addf(sb, "%s%s\n", checksum_key, checksum);
	return strbuf_ok(sb);
}

int state_write(const char *dir, const struct checkpoint_content *c,
		const struct checkpoint_sum *sums, size_t nr_sums)
{
	char *path = path_join(dir, CHECKPOINT_STATE);
	struct strbuf sb;
	int ret;

	if (!path)
		return fail_nomem(strlen(dir), "a file name");
	strbuf_init(&sb);
	ret = state_text(c, sums, nr_sums, &sb);
	if (!ret)
		ret = file_write_atomic(path, sb.s, sb.len);
	strbuf_free(&sb);
	free(path);
	return ret;
}

static int check_text(const char *path, const char *text, size_t len)
{
	char checksum[HASH_HEX];
	const char *last;

	if (len < LAST_LINE || text[len - 1] != '\n')
		return fail(-EINVAL, "%s: torn (the last line is not complete)", path);
	last = text + len - LAST_LINE;
	if (memcmp(last, checksum_key, sizeof(checksum_key) - 1))
		return fail(-EINVAL, "%s: torn or altered (the last line is no checksum)", path);
	hash_bytes(text, len - LAST_LINE, checksum);
	if (memcmp(last + sizeof(checksum_key) - 1, checksum, HASH_HEX - 1))
		return fail(-EINVAL, "%s: altered (its checksum does not fit)", path);
	return 0;
}

int state_read(const char *dir, struct yml **root)
{
	char *path = path_join(dir, CHECKPOINT_STATE), *text = NULL;
	long long format;
	size_t len;
	int ret;

	*root = NULL;
	if (!path)
		return fail_nomem(strlen(dir), "a file name");
	ret = file_read_all(path, YML_BYTES_MAX, &text, &len);
	if (!ret)
		ret = check_text(path, text, len);
	if (!ret)
		ret = yml_parse(path, text, len, root);
	if (!ret)
		ret = yml_int(*root, "format", &format);
	if (!ret && format != CHECKPOINT_FORMAT)
		ret = fail(-EINVAL, "%s: format %lld, this knlp knows %d", path, format,
			   CHECKPOINT_FORMAT);
	if (ret) {
		yml_free(*root);
		*root = NULL;
	}
	free(text);
	free(path);
	return ret;
}
