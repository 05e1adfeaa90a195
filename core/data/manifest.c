// SPDX-License-Identifier: MIT
#include "data/manifest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/param.h"
#include "base/strbuf.h"
#include "data/utf8.h"

#define MANIFEST_BYTES_MAX	((size_t)16 << 20)
#define LEVELS			5

enum field_type { TEXT, FILE_NAME, NUMBER, FRACTION, HASH };

/* struct field - where the value of a key goes; one table serves reading and writing. */
struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define FIELD(key_text, kind, of, member) { (key_text), (kind), offsetof(struct of, member) }

static const struct field root_fields[] = {
	FIELD("format", TEXT, manifest, format),
	FIELD("tokenizer.name", TEXT, manifest, tokenizer),
	FIELD("tokenizer.hash", HASH, manifest, tokenizer_hash),
	FIELD("tokenizer.vocab", NUMBER, manifest, vocab),
	FIELD("tokenizer.eot", NUMBER, manifest, eot),
	FIELD("documents.separator", TEXT, manifest, separator),
	FIELD("documents.piece_bytes", NUMBER, manifest, piece_bytes),
	FIELD("documents.seed", NUMBER, manifest, seed),
	FIELD("documents.val_fraction", FRACTION, manifest, val_fraction),
	FIELD("documents.duplicates", NUMBER, manifest, duplicates),
	{ 0 }
};

static const struct field source_fields[] = {
	FIELD("file", TEXT, manifest_source, file),
	FIELD("split", TEXT, manifest_source, split),
	FIELD("bytes", NUMBER, manifest_source, bytes),
	FIELD("documents", NUMBER, manifest_source, documents),
	FIELD("hash", HASH, manifest_source, hash),
	{ 0 }
};

static const struct field split_fields[] = {
	FIELD("documents", NUMBER, manifest_split, documents),
	FIELD("tokens", NUMBER, manifest_split, tokens),
	FIELD("bytes", NUMBER, manifest_split, bytes),
	{ 0 }
};

static const struct field shard_fields[] = {
	FIELD("file", FILE_NAME, manifest_shard, file),
	FIELD("tokens", NUMBER, manifest_shard, tokens),
	FIELD("hash", HASH, manifest_shard, hash),
	{ 0 }
};

const char *data_split_name(enum data_split split)
{
	return split == DATA_TRAIN ? "train" : "val";
}

/* One more zeroed entry at the end of an array. */
static void *add_entry(void **array, size_t *nr, size_t size)
{
	char *more = reallocarray(*array, *nr + 1, size);

	if (!more)
		return NULL;
	*array = more;
	return memset(more + (*nr)++ * size, 0, size);
}

struct manifest_source *manifest_add_source(struct manifest *m)
{
	return add_entry((void **)&m->sources, &m->nr_sources, sizeof(*m->sources));
}

struct manifest_shard *manifest_add_shard(struct manifest_split *s)
{
	return add_entry((void **)&s->shards, &s->nr_shards, sizeof(*s->shards));
}

void manifest_free(struct manifest *m)
{
	for (size_t i = 0; i < m->nr_sources; i++) {
		free(m->sources[i].file);
		free(m->sources[i].split);
	}
	free(m->sources);
	for (int s = 0; s < DATA_SPLITS; s++) {
		for (size_t i = 0; i < m->split[s].nr_shards; i++)
			free(m->split[s].shards[i].file);
		free(m->split[s].shards);
	}
	free(m->format);
	free(m->tokenizer);
	free(m->separator);
	*m = (struct manifest){ 0 };
}

/* ---- writing ---------------------------------------------------------------------- */

/* A double-quoted scalar (YAML 1.2, section 7.3.1). */
static void add_quoted(struct strbuf *sb, const char *s)
{
	bool is_text = utf8_valid(s, strlen(s)) == strlen(s);

	strbuf_addc(sb, '"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			strbuf_addf(sb, "\\%c", c);
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_text))
			strbuf_addf(sb, "\\x%02x", c);
		else
			strbuf_addc(sb, c);
	}
	strbuf_addc(sb, '"');
}

static void put_value(struct strbuf *sb, const struct field *f, const void *base)
{
	const char *at = (const char *)base + f->offset;

	switch (f->type) {
	case TEXT:
	case FILE_NAME:
		add_quoted(sb, *(char *const *)at);
		break;
	case NUMBER:
		strbuf_addf(sb, "%llu", (unsigned long long)*(const uint64_t *)at);
		break;
	case FRACTION:
		number_add(sb, *(const double *)at);
		break;
	case HASH:	/* quoted: some would be numbers */
		strbuf_addf(sb, "\"%s\"", at);
		break;
	}
	strbuf_addc(sb, '\n');
}

/* @indent stands before the first key, @next before the others. */
static void put_fields(struct strbuf *sb, const struct field *fields, const void *base,
		       const char *indent, const char *next)
{
	for (const struct field *f = fields; f->key; f++) {
		strbuf_addf(sb, "%s%s: ", f == fields ? indent : next, f->key);
		put_value(sb, f, base);
	}
}

/* Keys "map.key" follow one another: the map is opened when its first key comes. */
static void put_root(struct strbuf *sb, const struct manifest *m)
{
	const char *open = "";
	size_t open_len = 0;

	for (const struct field *f = root_fields; f->key; f++) {
		const char *dot = strchr(f->key, '.');
		size_t len = dot ? (size_t)(dot - f->key) : 0;

		if (len && (len != open_len || memcmp(f->key, open, len)))
			strbuf_addf(sb, "%.*s:\n", (int)len, f->key);
		open = f->key;
		open_len = len;
		strbuf_addf(sb, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : f->key);
		put_value(sb, f, m);
	}
}

int manifest_write(const struct manifest *m, const char *path)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	strbuf_adds(&sb, "# Written by `knlp data prepare`; see Documentation/formats/shards.md\n");
	put_root(&sb, m);
	strbuf_adds(&sb, "sources:\n");
	for (size_t i = 0; i < m->nr_sources; i++)
		put_fields(&sb, source_fields, &m->sources[i], "  - ", "    ");
	for (int s = 0; s < DATA_SPLITS; s++) {
		strbuf_addf(&sb, "%s:\n", data_split_name(s));
		put_fields(&sb, split_fields, &m->split[s], "  ", "  ");
		strbuf_adds(&sb, "  shards:\n");
		for (size_t i = 0; i < m->split[s].nr_shards; i++)
			put_fields(&sb, shard_fields, &m->split[s].shards[i], "    - ", "      ");
	}
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = file_write_atomic(path, sb.s, sb.len);
	strbuf_free(&sb);
	return ret;
}

/* ---- reading ---------------------------------------------------------------------- */

struct reader {
	const char *path;
	long line;
	struct manifest *m;
	const char *level[LEVELS];	/* the keys that lead here; "-" for a list item */
};

static int complain(const struct reader *r, const char *what, const char *key)
{
	return fail(-EINVAL, "%s:%ld: %s '%s'", r->path, r->line, what, key);
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Take quotes and escapes off, in place. */
static int unquote(char *s)
{
	char *out = s;

	if (*s++ != '"')
		return -EINVAL;
	for (; *s && *s != '"'; s++) {
		if (*s != '\\') {
			*out++ = *s;
		} else if (*++s == 'x') {
			int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);

			if (low < 0 || !(high | low))
				return -EINVAL;
			*out++ = high << 4 | low;
			s += 2;
		} else if (*s == '"' || *s == '\\') {
			*out++ = *s;
		} else {
			return -EINVAL;
		}
	}
	if (*s != '"' || s[1])
		return -EINVAL;
	*out = '\0';
	return 0;
}

static int get_number(const char *s, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*value = strtoull(s, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

static int get_value(enum field_type type, char *s, char *at)
{
	switch (type) {
	case TEXT:
	case FILE_NAME:
		if (unquote(s) || (type == FILE_NAME && (!*s || *s == '.' || strchr(s, '/'))))
			return -EINVAL;
		*(char **)at = strdup(s);
		return *(char **)at ? 0 : -ENOMEM;
	case NUMBER:
		return get_number(s, (uint64_t *)at);
	case FRACTION:
		return str_to_double(s, (double *)at);
	case HASH:
		if (unquote(s) || strlen(s) != HASH_HEX - 1)
			return -EINVAL;
		memcpy(at, s, HASH_HEX);
		return 0;
	}
	return -EINVAL;
}

static int set_field(struct reader *r, const struct field *fields, void *base,
		     unsigned int *seen, const char *key, char *value)
{
	int ret;

	for (size_t i = 0; fields[i].key; i++) {
		if (strcmp(fields[i].key, key))
			continue;
		if (*seen & 1u << i)
			return complain(r, "a second", key);
		*seen |= 1u << i;
		ret = get_value(fields[i].type, value, (char *)base + fields[i].offset);
		if (ret == -ENOMEM)
			return fail_nomem(strlen(value), "a manifest");
		return ret ? complain(r, "cannot read the value of", key) : 0;
	}
	return complain(r, "unknown key", key);
}

static int split_of(const char *name)
{
	for (int s = 0; s < DATA_SPLITS; s++)
		if (!strcmp(name, data_split_name(s)))
			return s;
	return -1;
}

static bool in_list(const struct reader *r, int depth)
{
	return !strcmp(r->level[depth - 1], "-");
}

/* A list item begins. */
static int begin_item(struct reader *r, int depth)
{
	int s = split_of(r->level[0]);
	void *entry;

	if (depth == 1 && !strcmp(r->level[0], "sources"))
		entry = manifest_add_source(r->m);
	else if (depth == 2 && s >= 0 && !strcmp(r->level[1], "shards"))
		entry = manifest_add_shard(&r->m->split[s]);
	else
		return complain(r, "no list belongs below", r->level[depth - 1]);
	return entry ? 0 : fail_nomem(sizeof(struct manifest_source), "a manifest");
}

static int set_value(struct reader *r, int depth, char *value)
{
	struct manifest *m = r->m;
	const char *key = r->level[depth];
	char full[64];
	int s = split_of(r->level[0]);

	if (depth == 0)
		return set_field(r, root_fields, m, &m->seen, key, value);
	if (depth == 1 && s >= 0)
		return set_field(r, split_fields, &m->split[s], &m->split[s].seen, key, value);
	if (depth == 2 && in_list(r, depth) && m->nr_sources && !strcmp(r->level[0], "sources")) {
		struct manifest_source *source = &m->sources[m->nr_sources - 1];

		return set_field(r, source_fields, source, &source->seen, key, value);
	}
	if (depth == 3 && in_list(r, depth) && s >= 0 && m->split[s].nr_shards) {
		struct manifest_split *split = &m->split[s];
		struct manifest_shard *shard = &split->shards[split->nr_shards - 1];

		return set_field(r, shard_fields, shard, &shard->seen, key, value);
	}
	if (depth != 1 || strlen(r->level[0]) + strlen(key) > sizeof(full) - 2)
		return complain(r, "unknown key", key);
	stpcpy(stpcpy(stpcpy(full, r->level[0]), "."), key);
	return set_field(r, root_fields, m, &m->seen, full, value);
}

static int read_line(struct reader *r, char *s)
{
	int column = strspn(s, " "), depth = column / 2, ret;
	char *colon;

	s += column;
	if (!*s || *s == '#')
		return 0;
	if (column % 2 || depth >= LEVELS - 1 || (depth && !r->level[depth - 1]))
		return complain(r, "wrong indentation before", s);
	for (int i = depth; i < LEVELS; i++)
		r->level[i] = NULL;
	if (s[0] == '-' && s[1] == ' ') {
		ret = depth ? begin_item(r, depth) : complain(r, "a list at the top:", s);
		if (ret)
			return ret;
		r->level[depth++] = "-";
		s += 2;
	}
	colon = strchr(s, ':');
	if (!colon || colon == s || (colon[1] && colon[1] != ' '))
		return complain(r, "neither 'key: value' nor 'key:':", s);
	*colon = '\0';
	r->level[depth] = s;
	return colon[1] ? set_value(r, depth, colon + 2) : 0;
}

static int require(const char *path, const struct field *fields, unsigned int seen,
		   const char *where)
{
	for (size_t i = 0; fields[i].key; i++)
		if (!(seen & 1u << i))
			return fail(-EINVAL, "%s: %s%s is missing", path, where, fields[i].key);
	return 0;
}

static int check_split(const char *path, const struct manifest *m, int s)
{
	const struct manifest_split *split = &m->split[s];
	const char *name = data_split_name(s);
	uint64_t tokens = 0;
	int ret = require(path, split_fields, split->seen, s ? "val." : "train.");

	for (size_t i = 0; i < split->nr_shards && !ret; i++) {
		ret = require(path, shard_fields, split->shards[i].seen, "shards.");
		tokens += split->shards[i].tokens;
	}
	if (!ret && tokens != split->tokens)
		ret = fail(-EINVAL, "%s: %s.tokens is %llu, but its shards have %llu", path, name,
			   (unsigned long long)split->tokens, (unsigned long long)tokens);
	return ret;
}

static int check(const char *path, const struct manifest *m)
{
	int ret = require(path, root_fields, m->seen, "");

	if (!ret && strcmp(m->format, MANIFEST_FORMAT))
		ret = fail(-EINVAL, "%s: format is '%s', not '%s'", path, m->format,
			   MANIFEST_FORMAT);
	if (!ret && (!m->vocab || m->vocab > UINT32_MAX || m->eot >= m->vocab))
		ret = fail(-EINVAL, "%s: a vocabulary of %llu tokens with end of text %llu", path,
			   (unsigned long long)m->vocab, (unsigned long long)m->eot);
	for (size_t i = 0; i < m->nr_sources && !ret; i++)
		ret = require(path, source_fields, m->sources[i].seen, "sources.");
	for (int s = 0; s < DATA_SPLITS && !ret; s++)
		ret = check_split(path, m, s);
	return ret;
}

int manifest_read(const char *path, struct manifest *m)
{
	struct reader r = { .path = path, .m = m };
	char *text, *s, *line;
	size_t len;
	int ret;

	*m = (struct manifest){ 0 };
	ret = file_read_all(path, MANIFEST_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	if (memchr(text, '\0', len))
		ret = fail(-EINVAL, "%s: a NUL byte", path);
	s = text;
	while (!ret && (line = strsep(&s, "\n"))) {
		r.line++;
		ret = read_line(&r, line);
	}
	if (!ret)
		ret = check(path, m);
	free(text);
	if (ret)
		manifest_free(m);
	return ret;
}
