/* SPDX-License-Identifier: MIT */
/*
 * manifest.yaml of a data folder: what the shards hold and where they came from.
 *
 * It is YAML, but read and written here and not through libyaml, so that the smallest
 * build, which has no libraries, can train on bytes.  The reader takes exactly the form
 * that the writer makes: two blanks per level, no flow style, no key twice, none missing.
 * Documentation/formats/shards.md lists the keys.
 */
#ifndef DATA_MANIFEST_H
#define DATA_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define MANIFEST_FILE	"manifest.yaml"
#define MANIFEST_FORMAT	"knlp data 1"

/** enum data_split - which part of the data. */
enum data_split { DATA_TRAIN, DATA_VAL, DATA_SPLITS };

/** data_split_name() - "train" or "val". */
const char *data_split_name(enum data_split split);

struct manifest_source {
	char *file;
	char *split;		/* "train", "val", or "both": divided by document */
	uint64_t bytes;
	uint64_t documents;
	char hash[HASH_HEX];	/* of the whole file, as xxh128sum prints it */
	unsigned int seen;	/* keys read so far; so below */
};

struct manifest_shard {
	char *file;		/* in the folder of the manifest */
	uint64_t tokens;
	char hash[HASH_HEX];
	unsigned int seen;
};

struct manifest_split {
	uint64_t documents;
	uint64_t tokens;	/* with one end-of-text token per document */
	uint64_t bytes;		/* of text, before tokenizing */
	struct manifest_shard *shards;
	size_t nr_shards;
	unsigned int seen;
};

struct manifest {
	char *format;
	char *tokenizer;	/* name */
	char tokenizer_hash[HASH_HEX];
	uint64_t vocab, eot;
	uint64_t seed;		/* of the split */
	double val_fraction;	/* asked for; 0: validation files were given */
	char *separator;
	uint64_t piece_bytes;	/* documents were cut to about this size; 0: not cut */
	uint64_t duplicates;	/* training documents left out: they are in the validation files */
	struct manifest_source *sources;
	size_t nr_sources;
	struct manifest_split split[DATA_SPLITS];
	unsigned int seen;
};

/** manifest_add_source(), manifest_add_shard() - a new zeroed entry, NULL: out of memory. */
struct manifest_source *manifest_add_source(struct manifest *m);
struct manifest_shard *manifest_add_shard(struct manifest_split *s);

/** manifest_write() - write @path, all or nothing. */
int manifest_write(const struct manifest *m, const char *path);

/** manifest_read() - fill @m. -EINVAL names file, line and key; then @m is empty. */
int manifest_read(const char *path, struct manifest *m);

void manifest_free(struct manifest *m);

#endif
