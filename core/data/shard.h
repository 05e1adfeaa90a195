/* SPDX-License-Identifier: MIT */
/*
 * Token shards: the .bin files of llm.c (dev/data/data_common.py, write_datafile) and of
 * modded-nanogpt.  256 little-endian int32 of header, of which three are used (magic,
 * version, number of tokens), then the tokens:
 *
 *	magic 20240520, version 1: uint16, for vocabularies up to 65536
 *	magic 20240801, version 7: uint32
 *
 * Documentation/formats/shards.md has the whole format.
 */
#ifndef DATA_SHARD_H
#define DATA_SHARD_H

#include <stddef.h>
#include <stdint.h>

#define SHARD_HEADER_BYTES	1024
#define SHARD_TOKENS_MAX	INT32_MAX

/**
 * struct shard - an open shard; start with { 0 }.
 *
 * It is read and not mapped: a mapped file that somebody cuts short kills the process.
 */
struct shard {
	char *path;
	int fd;
	uint64_t nr;		/* tokens */
	int width;		/* bytes per token: 2 or 4 */
};

/**
 * shard_open() - open @path and check its header against its size.
 *
 * Return: 0; -EINVAL with a message that names the file if it is no shard, is truncated or
 * holds more than its header says; -errno.
 */
int shard_open(const char *path, struct shard *s);
void shard_close(struct shard *s);

/**
 * shard_read() - tokens [@at, @at + @nr) as uint32; the caller has checked the range.
 *
 * May be called by several threads at once.
 * Return: 0; -EIO with a message that names the file if it is shorter now than when it was
 * opened; -errno.
 */
int shard_read(const struct shard *s, uint64_t at, size_t nr, uint32_t *out);

/**
 * shard_check() - is every token below @vocab?
 * Return: 0; -ERANGE with a message that names file, token and position.
 */
int shard_check(const struct shard *s, uint32_t vocab);

/** shard_width() - bytes per token for a vocabulary of @vocab tokens. */
int shard_width(uint32_t vocab);

struct shard_writer;

/**
 * shard_create() - begin shard @path with tokens of @width bytes.
 *
 * It is written under a temporary name beside @path and gets its name in
 * shard_finish(), after it was synced.
 */
int shard_create(const char *path, int width, struct shard_writer **w);

/** shard_append() - add @nr tokens. -ERANGE if one does not fit; -EFBIG if it is full. */
int shard_append(struct shard_writer *w, const uint32_t *ids, size_t nr);

/** shard_finish() - complete the file; frees @w, also on error (then the file is gone). */
int shard_finish(struct shard_writer *w);

/** shard_abort() - remove what was written; frees @w. NULL is fine. */
void shard_abort(struct shard_writer *w);

#endif
