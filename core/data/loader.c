// SPDX-License-Identifier: MIT
#include "data/loader.h"

#include <string.h>

#include "base/fail.h"
#include "base/rng.h"

int loader_init(struct loader *l, const struct dataset *ds, enum data_split split, int length,
		bool shuffle, uint64_t seed)
{
	uint64_t tokens = dataset_tokens(ds, split);

	if (length < 1)
		return fail(-EINVAL, "windows of %d tokens", length);
	if (tokens < (uint64_t)length + 1)
		return fail(-EINVAL, "%s: %llu %s tokens are too few for one window of %d and its "
			    "last target", dataset_dir(ds), (unsigned long long)tokens,
			    data_split_name(split), length);
	*l = (struct loader){
		.ds = ds, .split = split, .length = length, .shuffle = shuffle, .seed = seed,
		.windows = (tokens - 1) / length,
	};
	return 0;
}

uint64_t loader_window(const struct loader *l, uint64_t sample)
{
	struct rng r;

	if (!l->shuffle)
		return sample % l->windows;
	r = rng_stream(l->seed, "data/order", sample / l->windows);
	return rng_permute(&r, sample % l->windows, l->windows);
}

static void mark_documents(const struct loader *l, const int32_t *tokens, int32_t *doc_start)
{
	int32_t eot = dataset_eot(l->ds), start = 0;

	for (int i = 0; i < l->length; i++) {
		doc_start[i] = start;
		if (tokens[i] == eot)
			start = i + 1;
	}
}

void loader_noise(struct loader *l, double share, uint64_t first)
{
	l->noise = share;
	l->noise_first = first;
}

static void add_noise(const struct loader *l, uint64_t sample, int32_t *targets)
{
	struct rng which = rng_stream(l->seed, "data/noise", sample);
	struct rng token = rng_stream(l->seed, "data/noise/token", sample);

	for (int i = 0; i < l->length; i++)
		if (rng_uniform(&which, i) < l->noise)
			targets[i] = (int32_t)rng_below(&token, i, dataset_vocab(l->ds));
}

static int fill_targets(const struct loader *l, uint64_t at, const int32_t *tokens,
			int32_t *targets)
{
	memcpy(targets, tokens + 1, (l->length - 1) * sizeof(*targets));
	return dataset_read(l->ds, l->split, at + l->length, 1, targets + l->length - 1);
}

int loader_fill(const struct loader *l, uint64_t first, int nr, int32_t *tokens,
		int32_t *targets, int32_t *doc_start)
{
	for (int i = 0; i < nr; i++) {
		uint64_t at = loader_window(l, first + i) * l->length;
		size_t row = (size_t)i * l->length;
		int ret;

		ret = dataset_read(l->ds, l->split, at, l->length, tokens + row);
		if (!ret && targets)
			ret = fill_targets(l, at, tokens + row, targets + row);
		if (ret)
			return ret;
		if (targets && l->noise > 0 && first + i >= l->noise_first)
			add_noise(l, first + i, targets + row);
		if (doc_start)
			mark_documents(l, tokens + row, doc_start + row);
	}
	return 0;
}

uint64_t loader_unique_tokens(const struct loader *l, uint64_t samples)
{
	return (samples < l->windows ? samples : l->windows) * l->length;
}

double loader_epochs(const struct loader *l, uint64_t samples)
{
	return (double)samples / (double)l->windows;
}
