// SPDX-License-Identifier: MIT
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/rng.h"
#include "data/shard.h"

struct dataset {
	char *dir;
	struct manifest m;
	struct shard *shards[DATA_SPLITS];	/* (nr_shards) */
	uint64_t *start[DATA_SPLITS];		/* (nr_shards + 1) position in the stream */
	size_t nr_open[DATA_SPLITS];
	struct tokenizer *tok;			/* NULL until it is asked for */
	uint32_t *token_bytes;			/* likewise; (vocab) */
	char hash[HASH_HEX];
	bool random;				/* no shards: tokens are drawn */
};

static int open_shard(struct dataset *ds, const struct manifest_shard *info, struct shard *shard)
{
	char *path = path_join(ds->dir, info->file);
	int ret;

	if (!path)
		return fail_nomem(strlen(info->file), "a path");
	ret = shard_open(path, shard);
	if (!ret && shard->nr != info->tokens) {
		ret = fail(-EINVAL, "%s: holds %llu tokens, the manifest says %llu", path,
			   (unsigned long long)shard->nr, (unsigned long long)info->tokens);
		shard_close(shard);
	}
	free(path);
	return ret;
}

static int open_split(struct dataset *ds, enum data_split split)
{
	const struct manifest_split *info = &ds->m.split[split];
	size_t nr = info->nr_shards;

	ds->shards[split] = calloc(nr + 1, sizeof(*ds->shards[split]));
	ds->start[split] = calloc(nr + 1, sizeof(*ds->start[split]));
	if (!ds->shards[split] || !ds->start[split])
		return fail_nomem(nr * sizeof(*ds->shards[split]), "shards");
	for (size_t i = 0; i < nr; i++) {
		int ret = open_shard(ds, &info->shards[i], &ds->shards[split][i]);

		if (ret)
			return ret;
		ds->nr_open[split]++;
		ds->start[split][i + 1] = ds->start[split][i] + info->shards[i].tokens;
	}
	return 0;
}

static int hash_contents(struct dataset *ds)
{
	struct hash h;
	int ret;

	ret = hash_begin(&h);
	if (ret)
		return ret;
	hash_update(&h, ds->m.tokenizer_hash, HASH_HEX);
	for (int s = 0; s < DATA_SPLITS; s++) {
		hash_update(&h, data_split_name(s), strlen(data_split_name(s)) + 1);
		for (size_t i = 0; i < ds->m.split[s].nr_shards; i++)
			hash_update(&h, ds->m.split[s].shards[i].hash, HASH_HEX);
	}
	hash_end(&h, ds->hash);
	return 0;
}

static bool dir_holds(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool holds = path && file_exists(path);

	free(path);
	return holds;
}

bool dataset_is_folder(const char *dir)
{
	/* Neither side may be empty, so that its first shard is always there. */
	return dir_holds(dir, MANIFEST_FILE) && dir_holds(dir, "val_000000.bin");
}

static int no_data_folder(const char *dir)
{
	if (!file_exists(dir))
		return fail(-ENOENT, "%s: no such data folder", dir);
	if (dir_holds(dir, "checkpoints") || dir_holds(dir, "model.safetensors"))
		return fail(-EINVAL, "%s: a run or model folder, not a data folder", dir);
	if (!dir_holds(dir, MANIFEST_FILE))
		return fail(-ENOENT, "%s: not a data folder: it has no %s (`knlp data prepare` "
			    "makes one)", dir, MANIFEST_FILE);
	return 0;
}

static int read_manifest(struct dataset *ds)
{
	char *path = path_join(ds->dir, MANIFEST_FILE);
	int ret;

	if (!path)
		return fail_nomem(strlen(ds->dir), "a path");
	ret = no_data_folder(ds->dir);
	if (!ret)
		ret = manifest_read(path, &ds->m);
	if (!ret && ds->m.vocab > INT32_MAX)
		ret = fail(-EINVAL, "%s: a vocabulary of %llu tokens", path,
			   (unsigned long long)ds->m.vocab);
	free(path);
	return ret;
}

int dataset_open(const char *dir, struct dataset **out)
{
	struct dataset *ds = calloc(1, sizeof(*ds));
	int ret;

	if (ds)
		ds->dir = strdup(dir);
	if (!ds || !ds->dir) {
		ret = fail_nomem(sizeof(*ds), "a data set");
		goto out_dataset;
	}
	ret = read_manifest(ds);
	for (int s = 0; s < DATA_SPLITS && !ret; s++)
		ret = open_split(ds, s);
	if (!ret)
		ret = hash_contents(ds);
	if (ret)
		goto out_dataset;
	*out = ds;
	return 0;
out_dataset:
	dataset_close(ds);
	return ret;
}

int dataset_random(uint32_t vocab, uint64_t tokens, struct dataset **out)
{
	struct dataset *ds = calloc(1, sizeof(*ds));

	if (ds)
		ds->dir = strdup("random tokens");
	if (!ds || !ds->dir) {
		dataset_close(ds);
		return fail_nomem(sizeof(*ds), "a data set");
	}
	ds->random = true;
	ds->m.vocab = vocab;
	ds->m.eot = vocab - 1;
	for (int s = 0; s < DATA_SPLITS; s++) {
		ds->m.split[s].tokens = tokens;
		ds->m.split[s].documents = 1;
	}
	*out = ds;
	return 0;
}

void dataset_close(struct dataset *ds)
{
	if (!ds)
		return;
	for (int s = 0; s < DATA_SPLITS; s++) {
		for (size_t i = 0; i < ds->nr_open[s]; i++)
			shard_close(&ds->shards[s][i]);
		free(ds->shards[s]);
		free(ds->start[s]);
	}
	tokenizer_free(ds->tok);
	free(ds->token_bytes);
	manifest_free(&ds->m);
	free(ds->dir);
	free(ds);
}

static int verify_shard(const struct dataset *ds, enum data_split split, size_t i)
{
	const struct shard *shard = &ds->shards[split][i];
	const char *want = ds->m.split[split].shards[i].hash;
	char hash[HASH_HEX];
	int ret = hash_file(shard->path, hash);

	if (!ret && strcmp(hash, want))
		ret = fail(-EINVAL, "%s: damaged: its hash is %s, the manifest says %s",
			   shard->path, hash, want);
	return ret;
}

int dataset_verify_hashes(const struct dataset *ds)
{
	uint64_t total = 0, done = 0;
	bool bar;
	int ret = 0;

	for (int s = 0; s < DATA_SPLITS; s++)
		total += ds->m.split[s].tokens;
	bar = progress_begin("verify", total);
	for (int s = 0; s < DATA_SPLITS; s++) {
		for (size_t i = 0; i < ds->m.split[s].nr_shards && !ret; i++) {
			ret = verify_shard(ds, s, i);
			done += ds->m.split[s].shards[i].tokens;
			progress_update(bar, done, "%s", "");
		}
	}
	progress_end(bar);
	return ret;
}

static int verify_split(const struct dataset *ds, enum data_split split)
{
	const struct manifest_split *info = &ds->m.split[split];
	uint64_t *starts, nr;
	int ret = 0;

	for (size_t i = 0; i < info->nr_shards && !ret; i++) {
		ret = verify_shard(ds, split, i);
		if (!ret)
			ret = shard_check(&ds->shards[split][i], ds->m.vocab);
	}
	if (!ret)
		ret = dataset_document_starts(ds, split, &starts, &nr);
	if (ret)
		return ret;
	free(starts);
	if (nr != info->documents)
		return fail(-EINVAL, "%s: %llu %s documents, the manifest says %llu", ds->dir,
			    (unsigned long long)nr, data_split_name(split),
			    (unsigned long long)info->documents);
	return 0;
}

int dataset_verify(struct dataset *ds)
{
	struct tokenizer *tok;
	int ret = 0;

	for (int s = 0; s < DATA_SPLITS && !ret; s++)
		ret = verify_split(ds, s);
	return ret ? ret : dataset_tokenizer(ds, &tok);
}

const char *dataset_dir(const struct dataset *ds)
{
	return ds->dir;
}

const struct manifest *dataset_manifest(const struct dataset *ds)
{
	return &ds->m;
}

uint32_t dataset_vocab(const struct dataset *ds)
{
	return ds->m.vocab;
}

uint32_t dataset_eot(const struct dataset *ds)
{
	return ds->m.eot;
}

uint64_t dataset_tokens(const struct dataset *ds, enum data_split split)
{
	return ds->m.split[split].tokens;
}

const char *dataset_hash(const struct dataset *ds)
{
	return ds->hash;
}

/* The shard that holds position @at of the stream: the last one that starts there or before. */
static size_t find_shard(const struct dataset *ds, enum data_split split, uint64_t at)
{
	const uint64_t *start = ds->start[split];
	size_t low = 0, high = ds->nr_open[split];

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (start[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int check_tokens(const struct dataset *ds, const struct shard *shard, uint64_t at,
			size_t nr, const int32_t *tokens)
{
	for (size_t i = 0; i < nr; i++)
		if ((uint32_t)tokens[i] >= ds->m.vocab)
			return fail(-ERANGE, "%s: token %u at position %llu is not below the "
				    "vocabulary of %llu", shard->path, (uint32_t)tokens[i],
				    (unsigned long long)(at + i),
				    (unsigned long long)ds->m.vocab);
	return 0;
}

static int draw(const struct dataset *ds, enum data_split split, uint64_t at, size_t nr,
		int32_t *out)
{
	struct rng r = rng_stream(0, "data/random", split);

	for (size_t i = 0; i < nr; i++)
		out[i] = (int32_t)rng_below(&r, at + i, ds->m.vocab);
	return 0;
}

int dataset_read(const struct dataset *ds, enum data_split split, uint64_t at, size_t nr,
		 int32_t *out)
{
	uint64_t total = ds->m.split[split].tokens;

	if (at > total || nr > total - at)
		return fail(-ERANGE, "%s: tokens %llu to %llu are beyond the %llu %s tokens",
			    ds->dir, (unsigned long long)at, (unsigned long long)(at + nr),
			    (unsigned long long)total, data_split_name(split));
	if (ds->random)
		return draw(ds, split, at, nr, out);
	for (size_t i = nr ? find_shard(ds, split, at) : 0; nr; i++) {
		const struct shard *shard = &ds->shards[split][i];
		uint64_t offset = at - ds->start[split][i];
		size_t n = nr < shard->nr - offset ? nr : shard->nr - offset;
		int ret;

		ret = shard_read(shard, offset, n, (uint32_t *)out);
		if (!ret)
			ret = check_tokens(ds, shard, offset, n, out);
		if (ret)
			return ret;
		at += n;
		out += n;
		nr -= n;
	}
	return 0;
}

static int check_tokenizer(const struct dataset *ds, const struct tokenizer *tok)
{
	if (strcmp(tokenizer_hash(tok), ds->m.tokenizer_hash))
		return fail(-EINVAL, "%s/%s: not the tokenizer '%s' that the manifest names",
			    ds->dir, TOKENIZER_FILE, ds->m.tokenizer);
	if (tokenizer_vocab(tok) != ds->m.vocab || tokenizer_eot(tok) != ds->m.eot)
		return fail(-EINVAL, "%s/%s: %u tokens with end of text %u, the manifest says "
			    "%llu with %llu", ds->dir, TOKENIZER_FILE, tokenizer_vocab(tok),
			    tokenizer_eot(tok), (unsigned long long)ds->m.vocab,
			    (unsigned long long)ds->m.eot);
	return 0;
}

int dataset_tokenizer(struct dataset *ds, struct tokenizer **tok)
{
	struct tokenizer *loaded;
	int ret;

	if (ds->random)
		return fail(-EINVAL, "random tokens have no tokenizer");
	if (!ds->tok) {
		ret = tokenizer_load(ds->dir, &loaded);
		if (ret)
			return ret;
		ret = check_tokenizer(ds, loaded);
		if (ret) {
			tokenizer_free(loaded);
			return ret;
		}
		ds->tok = loaded;
	}
	*tok = ds->tok;
	return 0;
}

int dataset_token_bytes(struct dataset *ds, const uint32_t **bytes)
{
	struct tokenizer *tok;
	uint32_t *table;
	int ret;

	*bytes = ds->token_bytes;
	if (*bytes)
		return 0;
	ret = dataset_tokenizer(ds, &tok);
	if (ret)
		return ret;
	table = calloc(ds->m.vocab, sizeof(*table));
	if (!table)
		return fail_nomem(ds->m.vocab * sizeof(*table), "bytes per token");
	for (uint32_t id = 0; id < ds->m.vocab; id++) {
		const char *text;
		size_t len = 0;

		if (!tokenizer_is_special(tok, id))
			tokenizer_decode(tok, id, &text, &len);
		table[id] = len;
	}
	ds->token_bytes = table;
	*bytes = table;
	return 0;
}

/* Count documents, or with @starts write where they begin. */
static int walk_documents(const struct dataset *ds, enum data_split split, uint64_t *starts,
			  uint64_t *nr)
{
	uint64_t total = dataset_tokens(ds, split), next = 0;
	int32_t tokens[4096];

	*nr = 0;
	for (uint64_t at = 0; at < total;) {
		size_t n = total - at < 4096 ? total - at : 4096;
		int ret = dataset_read(ds, split, at, n, tokens);

		if (ret)
			return ret;
		for (size_t i = 0; i < n; i++) {
			if (at + i == next) {
				if (starts)
					starts[*nr] = next;
				++*nr;
			}
			if ((uint32_t)tokens[i] == ds->m.eot)
				next = at + i + 1;
		}
		at += n;
	}
	return 0;
}

int dataset_document_starts(const struct dataset *ds, enum data_split split, uint64_t **starts,
			    uint64_t *nr)
{
	int ret;

	ret = walk_documents(ds, split, NULL, nr);
	if (ret)
		return ret;
	*starts = calloc(*nr + 1, sizeof(**starts));
	if (!*starts)
		return fail_nomem((*nr + 1) * sizeof(**starts), "document starts");
	ret = walk_documents(ds, split, *starts, nr);
	if (ret)
		free(*starts);
	else
		(*starts)[*nr] = dataset_tokens(ds, split);
	return ret;
}
