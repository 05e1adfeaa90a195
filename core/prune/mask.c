// SPDX-License-Identifier: MIT
#include "prune/mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/thread.h"

/* Words of a tile: 64 Ki weights. */
#define TILE 1024

uint64_t *mask_new(int64_t nr)
{
	int64_t words = mask_words(nr);
	uint64_t *mask = malloc((words + 1) * sizeof(*mask));

	if (!mask) {
		fail_nomem(words * sizeof(*mask), "a mask");
		return NULL;
	}
	memset(mask, 0xff, words * sizeof(*mask));
	if (nr % MASK_WORD)
		mask[words - 1] = ((uint64_t)1 << (nr % MASK_WORD)) - 1;
	return mask;
}

/* ---- counting --------------------------------------------------------------------- */

int64_t mask_kept(const uint64_t *mask, int64_t nr)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < mask_words(nr); i++)
		sum += __builtin_popcountll(mask[i]);
	return sum;
}

int64_t mask_changed(const uint64_t *a, const uint64_t *b, int64_t nr)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < mask_words(nr); i++)
		sum += __builtin_popcountll(a[i] ^ b[i]);
	return sum;
}

int64_t mask_regrown(const uint64_t *before, const uint64_t *now, int64_t nr)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < mask_words(nr); i++)
		sum += __builtin_popcountll(now[i] & ~before[i]);
	return sum;
}

int64_t mask_common(const uint64_t *a, const uint64_t *b, int64_t nr)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < mask_words(nr); i++)
		sum += __builtin_popcountll(a[i] & b[i]);
	return sum;
}

double mask_jaccard(int64_t kept_a, int64_t kept_b, int64_t common)
{
	int64_t any = kept_a + kept_b - common;

	return any ? (double)common / (double)any : 1;
}

/* ---- applying --------------------------------------------------------------------- */

struct apply {
	const uint64_t *mask;
	int64_t nr;
	size_t size;
	unsigned char *weights;
};

/*
 * All bits of the weight, or none: nothing is multiplied, so that NaN and -0 stay.  Each lane
 * looks at its own bit, which is what vectors without shifts by lane can do.
 */
static void apply_words(const uint64_t *mask, int64_t nr, uint32_t *w)
{
	uint32_t bit[32];

	for (int i = 0; i < 32; i++)
		bit[i] = (uint32_t)1 << i;
	for (int64_t at = 0; at + 32 <= nr; at += 32) {
		uint32_t half = (uint32_t)(mask[at / MASK_WORD] >> at % MASK_WORD);

		for (int i = 0; i < 32; i++)
			w[at + i] &= -(uint32_t)((half & bit[i]) == bit[i]);
	}
	for (int64_t i = nr / 32 * 32; i < nr; i++)
		w[i] &= -(uint32_t)mask_get(mask, i);
}

static void apply_halves(const uint64_t *mask, int64_t nr, uint16_t *w)
{
	uint16_t bit[16];

	for (int i = 0; i < 16; i++)
		bit[i] = (uint16_t)(1 << i);
	for (int64_t at = 0; at + 16 <= nr; at += 16) {
		uint16_t quarter = (uint16_t)(mask[at / MASK_WORD] >> at % MASK_WORD);

		for (int i = 0; i < 16; i++)
			w[at + i] &= (uint16_t)-(uint16_t)((quarter & bit[i]) == bit[i]);
	}
	for (int64_t i = nr / 16 * 16; i < nr; i++)
		w[i] &= (uint16_t)-(uint16_t)mask_get(mask, i);
}

static void apply_bytes(const uint64_t *mask, int64_t nr, size_t size, unsigned char *w)
{
	for (int64_t i = 0; i < nr; i++)
		if (!mask_get(mask, i))
			memset(w + i * size, 0, size);
}

static void apply_tile(void *ctx, long tile)
{
	const struct apply *a = ctx;
	int64_t at = (int64_t)tile * TILE * MASK_WORD, nr = a->nr - at;
	const uint64_t *mask = a->mask + (int64_t)tile * TILE;
	unsigned char *w = a->weights + at * a->size;

	if (nr > (int64_t)TILE * MASK_WORD)
		nr = (int64_t)TILE * MASK_WORD;
	if (a->size == sizeof(uint32_t) && !((uintptr_t)w % sizeof(uint32_t)))
		apply_words(mask, nr, (uint32_t *)w);
	else if (a->size == sizeof(uint16_t) && !((uintptr_t)w % sizeof(uint16_t)))
		apply_halves(mask, nr, (uint16_t *)w);
	else
		apply_bytes(mask, nr, a->size, w);
}

void mask_apply(const uint64_t *mask, int64_t nr, enum dtype dtype, void *weights)
{
	struct apply a = { mask, nr, dtype_size(dtype), weights };

	threads_run((mask_words(nr) + TILE - 1) / TILE, apply_tile, &a);
}
