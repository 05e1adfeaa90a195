// SPDX-License-Identifier: MIT
#include "data/prepare.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "data/shard.h"
#include "data/sources.h"
#include "data/tokenizer.h"

/* struct side - the writer of one split. */
struct side {
	struct shard_writer *w;		/* the shard being written, or NULL */
	uint64_t in_shard;
};

struct prepare {
	const struct prepare_options *opt;
	struct manifest *m;
	const char *separator;
	uint64_t shard_tokens;
	struct source *sources;		/* (nr_input + nr_val): input first */
	int nr_sources;
	char *out;			/* without a slash at its end */
	char *dir;			/* OUT.tmp-PID */
	struct tokenizer *tok;
	struct token_list ids;		/* of the document at hand */
	struct side side[DATA_SPLITS];
	uint64_t *val_keys;		/* of validation documents, sorted before use */
	size_t nr_val_keys, cap_val_keys;
	double val_below;		/* a document with a smaller number is held out */
	uint64_t bytes_done, bytes_total;
	bool progress;
};

/* ---- the folder ------------------------------------------------------------------- */

static bool is_shard_name(const char *name)
{
	size_t prefix = !strncmp(name, "train_", 6) ? 6 : !strncmp(name, "val_", 4) ? 4 : 0;
	size_t digits = strspn(name + prefix, "0123456789");

	return prefix && digits && !strcmp(name + prefix + digits, ".bin");
}

static bool is_ours(const char *name)
{
	static const char *const names[] = { ".", "..", MANIFEST_FILE, TOKENIZER_FILE };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return is_shard_name(name);
}

/* --force replaces a data folder, never anything else. */
static int check_replaceable(const char *path)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	int ret = 0;

	if (!dir)
		return fail_errno("%s", path);
	while (!ret && (entry = readdir(dir)))
		if (!is_ours(entry->d_name))
			ret = fail(-EEXIST, "%s: holds '%s', which is no part of a data folder: "
				   "not replaced", path, entry->d_name);
	closedir(dir);
	return ret;
}

/* Before any text is read: what cannot be written in the end is said at once. */
static int check_folder(struct prepare *p)
{
	size_t len = strlen(p->opt->out);

	while (len > 1 && p->opt->out[len - 1] == '/')
		len--;
	p->out = strndup(p->opt->out, len);
	p->dir = p->out ? str_printf("%s.tmp-%ld", p->out, (long)getpid()) : NULL;
	if (!p->dir)
		return fail_nomem(len, "a path");
	if (!file_exists(p->out))
		return 0;
	if (!p->opt->force)
		return fail(-EEXIST, "%s: exists already (--force replaces a data folder)",
			    p->out);
	return check_replaceable(p->out);
}

static int begin_folder(struct prepare *p)
{
	char *parent = path_dir(p->out);
	int ret = parent ? dir_make(parent) : fail_nomem(strlen(p->out), "a path");

	free(parent);
	if (ret)
		return ret;
	/* Left by a killed process that had our number. */
	ret = dir_remove_tree(p->dir);
	if (ret)
		return ret;
	if (mkdir(p->dir, 0777))
		return fail_errno("%s", p->dir);
	return 0;
}

static int sync_parent(const char *path)
{
	char *parent = path_dir(path);
	int ret = parent ? dir_fsync(parent) : fail_nomem(strlen(path), "a path");

	free(parent);
	return ret;
}

/* Give the finished folder its name; what was there before goes last. */
static int publish_folder(struct prepare *p)
{
	char *old = NULL;
	int ret;

	ret = dir_fsync(p->dir);
	if (ret)
		return ret;
	if (p->opt->force && file_exists(p->out)) {
		old = str_printf("%s.old-%ld", p->out, (long)getpid());
		if (!old)
			return fail_nomem(strlen(p->out), "a path");
		if (rename(p->out, old)) {
			ret = fail_errno("%s", p->out);
			goto out_old;
		}
	}
	if (rename(p->dir, p->out)) {
		ret = fail_errno("%s", p->out);
		if (old)
			rename(old, p->out);
		goto out_old;
	}
	ret = sync_parent(p->out);
	if (!ret && old)
		ret = dir_remove_tree(old);
out_old:
	free(old);
	return ret;
}

/* ---- tokens to shards ------------------------------------------------------------- */

static int end_shard(struct prepare *p, enum data_split split)
{
	struct manifest_split *info = &p->m->split[split];
	struct manifest_shard *shard = &info->shards[info->nr_shards - 1];
	struct side *side = &p->side[split];
	char *path;
	int ret;

	ret = shard_finish(side->w);
	side->w = NULL;
	if (ret)
		return ret;
	shard->tokens = side->in_shard;
	info->tokens += side->in_shard;
	side->in_shard = 0;
	path = path_join(p->dir, shard->file);
	ret = path ? hash_file(path, shard->hash) : fail_nomem(64, "a path");
	free(path);
	return ret;
}

static int begin_shard(struct prepare *p, enum data_split split)
{
	struct manifest_split *info = &p->m->split[split];
	size_t number = info->nr_shards;
	struct manifest_shard *shard = manifest_add_shard(info);
	char *path = NULL;
	int ret;

	if (shard)
		shard->file = str_printf("%s_%06zu.bin", data_split_name(split), number);
	if (shard && shard->file)
		path = path_join(p->dir, shard->file);
	ret = path ? shard_create(path, shard_width(p->m->vocab), &p->side[split].w) :
		     fail_nomem(sizeof(*shard), "a shard");
	free(path);
	return ret;
}

static int put_tokens(struct prepare *p, enum data_split split)
{
	struct side *side = &p->side[split];
	size_t at = 0;
	int ret = 0;

	while (at < p->ids.nr && !ret) {
		size_t n = p->ids.nr - at;

		if (!side->w)
			ret = begin_shard(p, split);
		if (ret)
			break;
		if (n > p->shard_tokens - side->in_shard)
			n = p->shard_tokens - side->in_shard;
		ret = shard_append(side->w, p->ids.ids + at, n);
		at += n;
		side->in_shard += n;
		if (!ret && side->in_shard == p->shard_tokens)
			ret = end_shard(p, split);
	}
	return ret;
}

/* ---- documents -------------------------------------------------------------------- */

/* What a document is known by: blanks at its ends make no difference. */
static uint64_t document_key(const char *text, size_t len)
{
	char hex[HASH_HEX];

	while (len && strchr(" \t\r\n", text[0]) && text[0]) {
		text++;
		len--;
	}
	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	hash_bytes(text, len, hex);
	hex[16] = '\0';
	return strtoull(hex, NULL, 16);
}

static int keep_val_key(struct prepare *p, uint64_t key)
{
	if (p->nr_val_keys == p->cap_val_keys) {
		size_t cap = p->cap_val_keys ? 2 * p->cap_val_keys : 1024;
		uint64_t *keys = reallocarray(p->val_keys, cap, sizeof(*keys));

		if (!keys)
			return fail_nomem(cap * sizeof(*keys), "document hashes");
		p->val_keys = keys;
		p->cap_val_keys = cap;
	}
	p->val_keys[p->nr_val_keys++] = key;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_val_key(const struct prepare *p, uint64_t key)
{
	return p->nr_val_keys &&
	       bsearch(&key, p->val_keys, p->nr_val_keys, sizeof(key), by_value);
}

static double split_number(const struct prepare *p, uint64_t key)
{
	struct rng r = rng_stream(p->opt->seed, "data/split", key);

	return rng_uniform(&r, 0);
}

static enum data_split choose_split(const struct prepare *p, uint64_t key)
{
	return split_number(p, key) < p->val_below ? DATA_VAL : DATA_TRAIN;
}

/*
 * Of few documents all may be training documents by chance.  The one with the smallest number
 * is then held out, with its copies, whose number it is.  As a rule one of the first documents
 * is below the fraction, and no others are read.
 */
static void find_val_below(struct prepare *p)
{
	double least = 1, most = 0;
	const char *text;
	size_t len;

	p->val_below = p->opt->val_fraction;
	for (int i = 0; i < p->opt->nr_input && !p->opt->nr_val; i++) {
		struct cutter c = cutter_begin(&p->sources[i], p->separator, p->m->piece_bytes);

		while (cutter_next(&c, &text, &len)) {
			double number = split_number(p, document_key(text, len));

			if (number < p->val_below || (p->opt->stop && *p->opt->stop))
				return;
			least = fmin(least, number);
			most = fmax(most, number);
		}
	}
	if (least < most)
		p->val_below = nextafter(least, 1);
}

static int put_document(struct prepare *p, enum data_split split, const char *text, size_t len)
{
	int ret;

	if (len > PREPARE_DOCUMENT_MAX)
		return fail(-EFBIG, "a document of %zu bytes (limit %zu): say --separator or "
			    "--piece-bytes", len, PREPARE_DOCUMENT_MAX);
	p->ids.nr = 0;
	ret = tokenizer_encode(p->tok, text, len, &p->ids);
	if (!ret)
		ret = token_list_add(&p->ids, tokenizer_eot(p->tok));
	if (!ret)
		ret = put_tokens(p, split);
	if (ret)
		return ret;
	p->m->split[split].documents++;
	p->m->split[split].bytes += len;
	return 0;
}

static int put_source(struct prepare *p, const struct source *src, bool is_val)
{
	struct cutter c = cutter_begin(src, p->separator, p->m->piece_bytes);
	char tokens[FORMAT_MAX];
	const char *text;
	size_t len;
	int ret = 0;

	while (!ret && cutter_next(&c, &text, &len)) {
		uint64_t key = document_key(text, len);
		enum data_split split = DATA_VAL;

		if (p->opt->stop && *p->opt->stop)
			return fail(-EINTR, "interrupted: nothing was written to %s", p->out);
		if (is_val)
			ret = keep_val_key(p, key);
		else
			split = p->opt->nr_val ? DATA_TRAIN : choose_split(p, key);
		if (!is_val && p->opt->nr_val && is_val_key(p, key))
			p->m->duplicates++;
		else if (!ret)
			ret = put_document(p, split, text, len);
		if (ret)
			return fail_in(ret, "%s", src->path);
		progress_update(p->progress, p->bytes_done + (text + len - src->text),
				"%s tokens",
				format_count(tokens, (double)p->m->split[split].tokens +
						     (double)p->side[split].in_shard));
	}
	p->bytes_done += src->len;
	return ret;
}

static int put_sources(struct prepare *p)
{
	int nr_input = p->opt->nr_input, ret = 0;

	/* Validation files first, to know what training may not contain. */
	for (int i = nr_input; i < p->nr_sources && !ret; i++)
		ret = put_source(p, &p->sources[i], true);
	if (p->nr_val_keys)
		qsort(p->val_keys, p->nr_val_keys, sizeof(*p->val_keys), by_value);
	for (int i = 0; i < nr_input && !ret; i++)
		ret = put_source(p, &p->sources[i], false);
	for (int s = 0; s < DATA_SPLITS && !ret; s++)
		if (p->side[s].w)
			ret = end_shard(p, s);
	return ret;
}

/* ---- before and after ------------------------------------------------------------- */

/* Files of one side only: between the sides copies are left out and counted. */
static void warn_of_twin(const struct prepare *p, int at)
{
	int begin = at < p->opt->nr_input ? 0 : p->opt->nr_input;

	for (int i = begin; i < at; i++)
		if (!strcmp(p->sources[i].hash, p->sources[at].hash)) {
			log_warn("%s: duplicate: the same text as %s, which counts twice",
				 p->sources[at].path, p->sources[i].path);
			return;
		}
}

static int open_sources(struct prepare *p)
{
	const struct prepare_options *opt = p->opt;
	int nr = opt->nr_input + opt->nr_val;

	p->sources = calloc(nr + 1, sizeof(*p->sources));
	if (!p->sources)
		return fail_nomem(nr * sizeof(*p->sources), "sources");
	for (int i = 0; i < nr; i++) {
		const char *path = i < opt->nr_input ? opt->input[i] : opt->val[i - opt->nr_input];
		int ret = source_map(path, p->separator, &p->sources[i]);

		if (ret)
			return ret;
		p->nr_sources++;
		warn_of_twin(p, i);
		p->bytes_total += p->sources[i].len;
	}
	return 0;
}

static int list_source(struct prepare *p, const struct source *src, const char *split)
{
	struct manifest_source *info = manifest_add_source(p->m);

	if (!info)
		return fail_nomem(sizeof(*info), "sources");
	info->file = strdup(src->path);
	info->split = strdup(split);
	if (!info->file || !info->split)
		return fail_nomem(strlen(src->path), "sources");
	info->bytes = src->len;
	info->documents = src->documents;
	memcpy(info->hash, src->hash, sizeof(info->hash));
	return 0;
}

static int list_sources(struct prepare *p)
{
	const char *input_split = p->opt->nr_val ? "train" : "both";
	int ret = 0;

	for (int i = 0; i < p->nr_sources && !ret; i++)
		ret = list_source(p, &p->sources[i], i < p->opt->nr_input ? input_split : "val");
	return ret;
}

/* One document cannot be on both sides: cut it, a short one into shorter pieces. */
static void choose_pieces(struct prepare *p)
{
	uint64_t documents = 0;
	size_t piece = p->bytes_total / PREPARE_PIECES;

	for (int i = 0; i < p->nr_sources; i++)
		documents += p->sources[i].documents;
	p->m->piece_bytes = p->opt->piece_bytes;
	if (documents != 1 || p->opt->nr_val || p->opt->piece_bytes)
		return;
	if (piece > PREPARE_PIECE_BYTES)
		piece = PREPARE_PIECE_BYTES;
	else if (piece < PREPARE_PIECE_MIN)
		piece = PREPARE_PIECE_MIN;
	p->m->piece_bytes = piece;
	log_info("%s: one document only: cut at paragraphs into pieces of about %zu bytes, which "
		 "are divided like documents", p->sources[0].path, piece);
}

static int fill_manifest(struct prepare *p)
{
	struct manifest *m = p->m;

	m->format = strdup(MANIFEST_FORMAT);
	m->tokenizer = strdup(tokenizer_name(p->tok));
	m->separator = strdup(p->separator);
	if (!m->format || !m->tokenizer || !m->separator)
		return fail_nomem(64, "a manifest");
	memcpy(m->tokenizer_hash, tokenizer_hash(p->tok), sizeof(m->tokenizer_hash));
	m->vocab = tokenizer_vocab(p->tok);
	m->eot = tokenizer_eot(p->tok);
	m->seed = p->opt->seed;
	m->val_fraction = p->opt->nr_val ? 0 : p->opt->val_fraction;
	return list_sources(p);
}

static int check_sides(const struct prepare *p)
{
	const struct manifest *m = p->m;
	unsigned long long train = m->split[DATA_TRAIN].documents;
	unsigned long long val = m->split[DATA_VAL].documents;

	if (train && val)
		return 0;
	if (!train && !val)
		return fail(-EINVAL, "%s: no text in it, only blanks", p->sources[0].path);
	if (p->opt->nr_val)
		return fail(-EINVAL, "%s", !val ? "no text in the --val files" : m->duplicates ?
			    "every --input document is also in the --val files" :
			    "no text in the --input files");
	return fail(-EINVAL, "%sall %llu documents are %s documents: give --val files, or another "
		    "--val-fraction, --seed or --piece-bytes",
		    p->bytes_total < PREPARE_TINY_BYTES ? "too small: " : "", train + val,
		    train ? "training" : "validation");
}

static int write_all(struct prepare *p)
{
	char *path;
	int ret;

	find_val_below(p);
	p->progress = progress_begin("tokenize", p->bytes_total);
	ret = put_sources(p);
	progress_end(p->progress);
	if (!ret)
		ret = check_sides(p);
	if (!ret)
		ret = tokenizer_save(p->tok, p->dir);
	if (ret)
		return ret;
	path = path_join(p->dir, MANIFEST_FILE);
	ret = path ? manifest_write(p->m, path) : fail_nomem(64, "a path");
	free(path);
	if (!ret && p->opt->stop && *p->opt->stop)
		ret = fail(-EINTR, "interrupted: nothing was written to %s", p->out);
	return ret ? ret : publish_folder(p);
}

static int check_options(const struct prepare *p)
{
	const struct prepare_options *opt = p->opt;

	if (opt->nr_input < 1)
		return fail(-EINVAL, "no input files");
	if (!*p->separator)
		return fail(-EINVAL, "the separator is empty");
	if (!opt->nr_val && !(opt->val_fraction > 0 && opt->val_fraction < 1))
		return fail(-EINVAL, "a validation fraction of %g is not between 0 and 1",
			    opt->val_fraction);
	if (p->shard_tokens > SHARD_TOKENS_MAX)
		return fail(-EINVAL, "%llu tokens per shard are more than the format's %d",
			    (unsigned long long)p->shard_tokens, SHARD_TOKENS_MAX);
	return 0;
}

static void prepare_release(struct prepare *p)
{
	for (int s = 0; s < DATA_SPLITS; s++)
		shard_abort(p->side[s].w);
	for (int i = 0; i < p->nr_sources; i++)
		source_unmap(&p->sources[i]);
	tokenizer_free(p->tok);
	token_list_free(&p->ids);
	free(p->sources);
	free(p->val_keys);
	free(p->dir);
	free(p->out);
}

/* Remove what was written, without losing why. Return: @ret. */
static int drop_folder(const struct prepare *p, int ret)
{
	char *why = strdup(fail_message());

	if (dir_remove_tree(p->dir))
		log_warn("%s", fail_message());
	ret = fail(ret, "%s", why ? why : "");
	free(why);
	return ret;
}

int prepare_data(const struct prepare_options *opt, struct manifest *m)
{
	struct prepare p = {
		.opt = opt,
		.m = m,
		.separator = opt->separator ? opt->separator : TOKENIZER_EOT,
		.shard_tokens = opt->shard_tokens ? opt->shard_tokens : PREPARE_SHARD_TOKENS,
	};
	int ret;

	*m = (struct manifest){ 0 };
	ret = check_options(&p);
	if (!ret)
		ret = check_folder(&p);
	if (!ret)
		ret = tokenizer_open(opt->tokenizer, &p.tok);
	if (!ret)
		ret = open_sources(&p);
	if (ret)
		goto out;
	choose_pieces(&p);
	ret = fill_manifest(&p);
	if (ret)
		goto out;
	ret = begin_folder(&p);
	if (ret)
		goto out;
	ret = write_all(&p);
	if (ret)
		ret = drop_folder(&p, ret);
out:
	prepare_release(&p);
	if (ret)
		manifest_free(m);
	return ret;
}
