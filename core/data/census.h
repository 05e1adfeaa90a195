/* SPDX-License-Identifier: MIT */
/* Which tokens a stream holds, and how often. */
#ifndef DATA_CENSUS_H
#define DATA_CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"

#define CENSUS_NO_EOT	UINT32_MAX
#define CENSUS_VOCAB_MAX	(1u << 24)

/** struct census - see census_split(), census_shard(); free it with census_free(). */
struct census {
	uint64_t *counts;	/* (vocab) */
	uint32_t vocab;		/* ids are below it; of a shard: one above the largest */
	uint32_t unique;	/* different ids seen */
	uint32_t eot;
	uint64_t tokens;
	uint64_t documents;	/* end-of-text tokens; 0 if nobody knows which one that is */
	uint64_t longest;	/* tokens of the longest document, without its end */
	uint64_t open;		/* tokens behind the last end-of-text token */
};

/** census_split() - read one split of @ds. 0 or -errno. */
int census_split(const struct dataset *ds, enum data_split split, struct census *c);

/**
 * census_shard() - read the single shard @path.
 * @eot: the token that ends a document, or CENSUS_NO_EOT
 * Return: 0; -EINVAL with a message if it is no shard; -EFBIG if an id is beyond
 * CENSUS_VOCAB_MAX; -errno.
 */
int census_shard(const char *path, uint32_t eot, struct census *c);

/** census_top() - the @nr most frequent ids, the smaller ones of equals first; how many. */
size_t census_top(const struct census *c, uint32_t *ids, size_t nr);

void census_free(struct census *c);

#endif
