/* SPDX-License-Identifier: MIT */
/*
 * A data folder, opened: manifest, shards, tokenizer.
 *
 * Each split is one stream of tokens over all its shards: document, EOT, document, EOT ...
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/manifest.h"
#include "data/tokenizer.h"

struct dataset;

/**
 * dataset_open() - open the folder that `knlp data prepare` made.
 *
 * Reads the manifest and checks the header and size of every shard; contents are checked
 * when they are read (each token against the vocabulary), or by dataset_verify().
 * Return: 0; -errno with a message that names the file and what is wrong with it.
 */
int dataset_open(const char *dir, struct dataset **ds);
void dataset_close(struct dataset *ds);

/**
 * dataset_random() - data without files: random tokens below @vocab, for measuring speed.
 * @tokens: of the training split; the held-out one has as many
 *
 * It can be read like any other, but has no tokenizer.
 */
int dataset_random(uint32_t vocab, uint64_t tokens, struct dataset **ds);

/** dataset_is_folder() - does @dir look like a data folder? For messages. */
bool dataset_is_folder(const char *dir);

/** dataset_verify() - checksums of all shards, every token, the tokenizer, the documents. */
int dataset_verify(struct dataset *ds);

/**
 * dataset_verify_hashes() - checksums of all shards alone, at the speed of the disk: what
 * training asks for when it begins. Shows progress.
 */
int dataset_verify_hashes(const struct dataset *ds);

const char *dataset_dir(const struct dataset *ds);
const struct manifest *dataset_manifest(const struct dataset *ds);
uint32_t dataset_vocab(const struct dataset *ds);
uint32_t dataset_eot(const struct dataset *ds);
uint64_t dataset_tokens(const struct dataset *ds, enum data_split split);

/**
 * dataset_hash() - one hash for all contents: tokenizer, order and hashes of the shards.
 * Two runs saw the same data if it is equal, wherever the folder lies.
 */
const char *dataset_hash(const struct dataset *ds);

/**
 * dataset_read() - tokens [@at, @at + @nr) of a split's stream.
 *
 * Return: 0; -ERANGE with a message if the range is beyond the stream or a token is not
 * below the vocabulary; -errno if a shard cannot be read.  May be called by several
 * threads at once.
 */
int dataset_read(const struct dataset *ds, enum data_split split, uint64_t at, size_t nr,
		 int32_t *out);

/**
 * dataset_tokenizer() - the folder's tokenizer, which belongs to @ds.
 *
 * Loaded by the first call (not for two threads at once).  -EINVAL if it is not the one
 * that the manifest names, or if this program was built without its kind.
 */
int dataset_tokenizer(struct dataset *ds, struct tokenizer **tok);

/**
 * dataset_token_bytes() - bytes of text per token, (vocab); special tokens have 0.
 *
 * So nats per byte = sum of losses / sum of the bytes of the targets, whatever the
 * tokenizer.  Loads the tokenizer.
 */
int dataset_token_bytes(struct dataset *ds, const uint32_t **bytes);

/**
 * dataset_document_starts() - where documents begin in a split's stream.
 * @starts: (nr + 1) ascending; the last one is the length of the stream; caller frees it
 *
 * Reads the whole split: meant for validation data and for bootstraps over documents.
 */
int dataset_document_starts(const struct dataset *ds, enum data_split split, uint64_t **starts,
			    uint64_t *nr);

#endif
