// SPDX-License-Identifier: MIT
#include "data/census.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/shard.h"

#define BLOCK	((size_t)1 << 16)	/* tokens at a time */

/* Room for ids up to @id. */
static int make_room(struct census *c, uint32_t id)
{
	uint32_t vocab = c->vocab ? c->vocab : 1 << 10;
	uint64_t *counts;

	if (id < c->vocab)
		return 0;
	if (id >= CENSUS_VOCAB_MAX)
		return fail(-EFBIG, "token %u is beyond %u, more than any vocabulary", id,
			    CENSUS_VOCAB_MAX);
	while (vocab <= id)
		vocab *= 2;
	counts = realloc(c->counts, vocab * sizeof(*counts));
	if (!counts)
		return fail_nomem(vocab * sizeof(*counts), "counts");
	memset(counts + c->vocab, 0, (vocab - c->vocab) * sizeof(*counts));
	c->counts = counts;
	c->vocab = vocab;
	return 0;
}

static int add_tokens(struct census *c, const uint32_t *ids, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		int ret = make_room(c, ids[i]);

		if (ret)
			return ret;
		c->unique += !c->counts[ids[i]]++;
		if (ids[i] != c->eot) {
			c->open++;
			continue;
		}
		c->documents++;
		if (c->open > c->longest)
			c->longest = c->open;
		c->open = 0;
	}
	c->tokens += nr;
	return 0;
}

int census_split(const struct dataset *ds, enum data_split split, struct census *c)
{
	uint64_t total = dataset_tokens(ds, split);
	uint32_t *ids = malloc(BLOCK * sizeof(*ids));
	int ret = 0;

	*c = (struct census){ .eot = dataset_eot(ds) };
	if (!ids)
		return fail_nomem(BLOCK * sizeof(*ids), "tokens");
	for (uint64_t at = 0; at < total && !ret; at += BLOCK) {
		size_t n = total - at < BLOCK ? total - at : BLOCK;

		ret = dataset_read(ds, split, at, n, (int32_t *)ids);
		if (!ret)
			ret = add_tokens(c, ids, n);
	}
	free(ids);
	if (ret)
		census_free(c);
	return ret;
}

static int read_shard(const struct shard *s, struct census *c)
{
	uint32_t *ids = malloc(BLOCK * sizeof(*ids));
	int ret = 0;

	if (!ids)
		return fail_nomem(BLOCK * sizeof(*ids), "tokens");
	for (uint64_t at = 0; at < s->nr && !ret; at += BLOCK) {
		size_t n = s->nr - at < BLOCK ? s->nr - at : BLOCK;

		ret = shard_read(s, at, n, ids);
		if (!ret)
			ret = add_tokens(c, ids, n);
	}
	free(ids);
	return ret;
}

int census_shard(const char *path, uint32_t eot, struct census *c)
{
	struct shard s = { 0 };
	int ret = shard_open(path, &s);

	*c = (struct census){ .eot = eot };
	if (ret)
		return ret;
	ret = read_shard(&s, c);
	while (c->vocab && !c->counts[c->vocab - 1])
		c->vocab--;
	shard_close(&s);
	if (ret) {
		census_free(c);
		ret = fail_in(ret, "%s", path);
	}
	return ret;
}

size_t census_top(const struct census *c, uint32_t *ids, size_t nr)
{
	size_t n = 0;

	for (uint32_t id = 0; id < c->vocab; id++) {
		size_t at = n < nr ? n : nr;

		if (!c->counts[id])
			continue;
		while (at && c->counts[ids[at - 1]] < c->counts[id]) {
			if (at < nr)
				ids[at] = ids[at - 1];
			at--;
		}
		if (at < nr)
			ids[at] = id;
		n += n < nr;
	}
	return n;
}

void census_free(struct census *c)
{
	free(c->counts);
	*c = (struct census){ 0 };
}
