// SPDX-License-Identifier: MIT
#include "prune/select.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/thread.h"
#include "prune/mask.h"

/*
 * Keys are 32 bits, decided 11, 11 and 10 at a time.  0 is a weight that is dropped already,
 * 1 is NaN.
 */
#define KEY_DROPPED 0u
#define KEY_NAN 1u
#define LEVELS 3
#define BINS 2048

static const int level_shift[LEVELS] = { 21, 10, 0 };
static const int level_bits[LEVELS] = { 11, 11, 10 };

/* Scores in a tile, whole words of masks. */
#define TILE ((int64_t)1 << 17)

static inline uint32_t key_of(float score)
{
	float plain = score + 0.0f;	/* -0 becomes 0 */
	uint32_t bits;

	memcpy(&bits, &plain, sizeof(bits));
	return (bits & 0x7fffffff) > 0x7f800000
	     ? KEY_NAN : bits ^ ((uint32_t)-(int32_t)(bits >> 31) | 0x80000000);
}

uint32_t select_key(float score)
{
	return key_of(score);
}

/*
 * The keys of up to a word of weights: most of the time goes by here, so that the loop is one
 * that compilers vectorize.
 */
static inline void load_keys(const struct select_part *p, int64_t at, int nr, uint32_t *key)
{
	const float *score = p->score + at;

	if (nr == MASK_WORD)
		for (int i = 0; i < MASK_WORD; i++)
			key[i] = key_of(score[i]);
	else
		for (int i = 0; i < nr; i++)
			key[i] = key_of(score[i]);
	for (int i = 0; p->before && i < nr; i++)
		if (!mask_get(p->before, at + i))
			key[i] = KEY_DROPPED;
}

static inline int word_of(int64_t at, int64_t end)
{
	return end - at < MASK_WORD ? (int)(end - at) : MASK_WORD;
}

/* ---- the threshold ------------------------------------------------------------------ */

/**
 * struct threshold - keys below @key are dropped, and the first @equal of those equal to it.
 */
struct threshold {
	uint32_t key;
	int64_t equal;
};

/* The bin in which number @t->equal (from 0) of the sorted keys lies. */
static void narrow(const int64_t *bins, int level, struct threshold *t)
{
	uint32_t bin = 0;

	while (t->equal >= bins[bin])
		t->equal -= bins[bin++];
	t->key |= bin << level_shift[level];
}

static void narrow_row(const uint32_t *bins, int level, struct threshold *t)
{
	uint32_t bin = 0;

	while (t->equal >= bins[bin])
		t->equal -= bins[bin++];
	t->key |= bin << level_shift[level];
}

/* Does @key begin with what is decided of @t before @level? */
static inline bool is_inside(uint32_t key, uint32_t prefix, int level)
{
	return !level || !((key ^ prefix) >> level_shift[level - 1]);
}

static inline uint32_t bin_of(uint32_t key, int level)
{
	return key >> level_shift[level] & ((1u << level_bits[level]) - 1);
}

/* ---- over all parts ----------------------------------------------------------------- */

struct choice {
	const struct select_part *parts;
	int nr_parts;
	long *first_tile;		/* (nr_parts + 1) */
	int level;
	struct threshold t;
	int64_t *bins;			/* (BINS), of all tiles */
	int64_t *equal;			/* (tiles): keys equal to the threshold */
};

struct span {
	const struct select_part *p;
	int64_t begin, end;
};

static struct span span_of(const struct choice *c, long tile)
{
	struct span s;
	int part = 0;

	while (c->first_tile[part + 1] <= tile)
		part++;
	s.p = &c->parts[part];
	s.begin = (tile - c->first_tile[part]) * TILE;
	s.end = s.p->nr - s.begin < TILE ? s.p->nr : s.begin + TILE;
	return s;
}

/* Neighbours often share a bin: two tables let one add while the other is still being stored. */
static void count_first(const struct span *s, uint32_t bins[2][BINS])
{
	uint32_t key[MASK_WORD];

	for (int64_t at = s->begin; at < s->end; at += MASK_WORD) {
		int nr = word_of(at, s->end);

		load_keys(s->p, at, nr, key);
		for (int i = 0; i < nr; i++)
			bins[i % 2][key[i] >> level_shift[0]]++;
	}
}

static void count_later(const struct span *s, uint32_t prefix, int level, uint32_t *bins)
{
	uint32_t key[MASK_WORD];

	for (int64_t at = s->begin; at < s->end; at += MASK_WORD) {
		int nr = word_of(at, s->end);

		load_keys(s->p, at, nr, key);
		for (int i = 0; i < nr; i++)
			if (is_inside(key[i], prefix, level))
				bins[bin_of(key[i], level)]++;
	}
}

static void count_tile(void *ctx, long tile)
{
	struct choice *c = ctx;
	struct span s = span_of(c, tile);
	uint32_t bins[2][BINS] = { 0 };

	if (c->level)
		count_later(&s, c->t.key, c->level, bins[0]);
	else
		count_first(&s, bins);
	for (int i = 0; i < BINS; i++)
		if (bins[0][i] + bins[1][i])
			__atomic_fetch_add(&c->bins[i], (int64_t)bins[0][i] + bins[1][i],
					   __ATOMIC_RELAXED);
}

/* Bytes of 0 and 1 to bits: the product moves each to its place in the highest byte. */
static inline uint64_t pack_bits(const uint8_t flag[MASK_WORD])
{
	uint64_t word = 0;

	for (int i = 0; i < MASK_WORD; i += 8) {
		uint64_t eight;

		memcpy(&eight, flag + i, sizeof(eight));
		word |= (eight * 0x0102040810204080 >> 56) << i;
	}
	return word;
}

/* Bits of the keys above @limit; *@equal counts those that are equal to it. */
static inline uint64_t above(const uint32_t *key, int nr, uint32_t limit, int64_t *equal)
{
	uint8_t flag[MASK_WORD] = { 0 };
	uint32_t same = 0;

	if (nr == MASK_WORD) {
		for (int i = 0; i < MASK_WORD; i++)
			flag[i] = key[i] > limit;
		for (int i = 0; i < MASK_WORD; i++)
			same += key[i] == limit;
	} else {
		for (int i = 0; i < nr; i++) {
			flag[i] = key[i] > limit;
			same += key[i] == limit;
		}
	}
	*equal += same;
	return pack_bits(flag);
}

/* What is above the threshold is kept; of what equals it the tile counts how many there are. */
static void write_tile(void *ctx, long tile)
{
	struct choice *c = ctx;
	struct span s = span_of(c, tile);
	uint32_t key[MASK_WORD];
	int64_t equal = 0;

	for (int64_t at = s.begin; at < s.end; at += MASK_WORD) {
		int nr = word_of(at, s.end);

		load_keys(s.p, at, nr, key);
		s.p->mask[at / MASK_WORD] = above(key, nr, c->t.key, &equal);
	}
	c->equal[tile] = equal;
}

/* Of those that equal the threshold, keep all but the first @drop. */
static void keep_equal(const struct choice *c, long tile, int64_t drop)
{
	struct span s = span_of(c, tile);
	uint32_t key[MASK_WORD];

	for (int64_t at = s.begin; at < s.end; at += MASK_WORD) {
		int nr = word_of(at, s.end);

		load_keys(s.p, at, nr, key);
		for (int i = 0; i < nr; i++)
			if (key[i] == c->t.key && drop-- <= 0)
				mask_set(s.p->mask, at + i, true);
	}
}

static void decide_equal(struct choice *c, long tiles)
{
	int64_t drop = c->t.equal;

	for (long i = 0; i < tiles; i++) {
		int64_t equal = c->equal[i];

		if (equal > drop)
			keep_equal(c, i, drop);
		drop -= equal < drop ? equal : drop;
	}
}

static int64_t count_dropped(const struct select_part *p)
{
	return p->before ? p->nr - mask_kept(p->before, p->nr) : 0;
}

static void find_threshold(struct choice *c, int64_t drop)
{
	long tiles = c->first_tile[c->nr_parts];

	c->t = (struct threshold){ .equal = drop };
	for (c->level = 0; c->level < LEVELS; c->level++) {
		memset(c->bins, 0, BINS * sizeof(*c->bins));
		threads_run(tiles, count_tile, c);
		narrow(c->bins, c->level, &c->t);
	}
}

/* Return: weights of all parts. */
static int64_t count_tiles(struct choice *c, int64_t *dropped)
{
	int64_t total = 0;

	*dropped = 0;
	c->first_tile[0] = 0;
	for (int i = 0; i < c->nr_parts; i++) {
		const struct select_part *p = &c->parts[i];

		c->first_tile[i + 1] = c->first_tile[i] + (long)((p->nr + TILE - 1) / TILE);
		*dropped += count_dropped(p);
		total += p->nr;
	}
	return total;
}

static void drop_all(const struct choice *c)
{
	for (int i = 0; i < c->nr_parts; i++)
		memset(c->parts[i].mask, 0, mask_words(c->parts[i].nr) * sizeof(uint64_t));
}

static int choice_begin(struct choice *c)
{
	c->first_tile = calloc(c->nr_parts + 1, sizeof(*c->first_tile));
	c->bins = malloc(BINS * sizeof(*c->bins));
	if (c->first_tile && c->bins)
		return 0;
	return fail_nomem(BINS * sizeof(*c->bins), "a histogram");
}

static void choice_end(struct choice *c)
{
	free(c->equal);
	free(c->bins);
	free(c->first_tile);
}

static int drop_lowest(struct choice *c, int64_t drop)
{
	long tiles = c->first_tile[c->nr_parts];

	c->equal = calloc(tiles + 1, sizeof(*c->equal));
	if (!c->equal)
		return fail_nomem(tiles * sizeof(*c->equal), "a histogram");
	find_threshold(c, drop);
	threads_run(tiles, write_tile, c);
	decide_equal(c, tiles);
	return 0;
}

int select_lowest(const struct select_part *parts, int nr_parts, int64_t drop)
{
	struct choice c = { .parts = parts, .nr_parts = nr_parts };
	int64_t total, dropped;
	int ret = choice_begin(&c);

	if (!ret) {
		total = count_tiles(&c, &dropped);
		drop = drop < dropped ? dropped : drop;
		if (drop >= total)
			drop_all(&c);
		else
			ret = drop_lowest(&c, drop);
	}
	choice_end(&c);
	return ret;
}

static float score_of_key(uint32_t key)
{
	uint32_t bits = key & 0x80000000 ? key & 0x7fffffff : ~key;
	float score;

	memcpy(&score, &bits, sizeof(score));
	return score;
}

int select_value(const struct select_part *parts, int nr_parts, int64_t at, float *value)
{
	struct choice c = { .parts = parts, .nr_parts = nr_parts };
	int64_t dropped;
	int ret = choice_begin(&c);

	if (!ret) {
		count_tiles(&c, &dropped);
		find_threshold(&c, at);
		*value = c.t.key == KEY_NAN ? NAN : score_of_key(c.t.key);
	}
	choice_end(&c);
	return ret;
}

/* ---- rows ---------------------------------------------------------------------------- */

/* So many keys are sorted out without counting them. */
#define FEW 256

#define ROWS_TILE 32768		/* weights, if rows allow it */

struct rows {
	const struct select_part *p;
	int64_t cols, drop;
	int64_t per_tile;	/* rows: a tile begins with a whole word of the mask */
};

/* Count the keys of a row by what @level decides of them. */
static void count_row(const struct select_part *p, int64_t begin, int64_t end, int level,
		      uint32_t prefix, uint32_t count[BINS])
{
	uint32_t key[MASK_WORD];

	memset(count, 0, BINS * sizeof(*count));
	for (int64_t at = begin; at < end; at += MASK_WORD) {
		int nr = word_of(at, end);

		load_keys(p, at, nr, key);
		for (int i = 0; i < nr; i++)
			if (is_inside(key[i], prefix, level))
				count[bin_of(key[i], level)]++;
	}
}

/* The keys of a row that begin with @prefix, up to the end of level 0. */
static int gather(const struct select_part *p, int64_t begin, int64_t end, uint32_t prefix,
		  uint32_t few[FEW])
{
	uint32_t key[MASK_WORD];
	int found = 0;

	for (int64_t at = begin; at < end; at += MASK_WORD) {
		int nr = word_of(at, end);

		load_keys(p, at, nr, key);
		for (int i = 0; i < nr; i++)
			if (is_inside(key[i], prefix, 1))
				few[found++] = key[i];
	}
	return found;
}

/* Number @at of @nr keys in order, which are moved about (Hoare's selection). */
static uint32_t nth_key(uint32_t *key, int nr, int at)
{
	int low = 0, high = nr - 1;

	while (low < high) {
		uint32_t pivot = key[low + (high - low) / 2];
		int i = low, k = high;

		while (i <= k) {
			while (key[i] < pivot)
				i++;
			while (key[k] > pivot)
				k--;
			if (i <= k) {
				uint32_t swapped = key[i];

				key[i++] = key[k];
				key[k--] = swapped;
			}
		}
		if (at <= k)
			high = k;
		else if (at >= i)
			low = i;
		else
			break;
	}
	return key[at];
}

static void decide_few(const struct select_part *p, int64_t begin, int64_t end,
		       struct threshold *t)
{
	uint32_t few[FEW] = { 0 };
	int nr = gather(p, begin, end, t->key, few), below = 0;

	t->key = nth_key(few, nr, (int)t->equal);
	for (int i = 0; i < nr; i++)
		below += few[i] < t->key;
	t->equal -= below;
}

static struct threshold row_threshold(const struct select_part *p, int64_t begin, int64_t end,
				      int64_t drop)
{
	struct threshold t = { .equal = drop };
	uint32_t count[BINS];

	for (int level = 0; level < LEVELS; level++) {
		count_row(p, begin, end, level, t.key, count);
		narrow_row(count, level, &t);
		if (!level && count[bin_of(t.key, 0)] <= FEW) {
			decide_few(p, begin, end, &t);
			break;
		}
	}
	return t;
}

/* A whole word; the first of those that equal the threshold are dropped. */
static uint64_t row_word(const uint32_t *key, struct threshold *t)
{
	int64_t equal = 0;
	uint64_t word = above(key, MASK_WORD, t->key, &equal);

	for (int i = 0; equal && i < MASK_WORD; i++)
		if (key[i] == t->key && t->equal-- <= 0)
			word |= (uint64_t)1 << i;
	return word;
}

static void write_row(const struct select_part *p, int64_t begin, int64_t end, struct threshold t)
{
	bool is_aligned = !(begin % MASK_WORD) && !(end % MASK_WORD);
	uint32_t key[MASK_WORD];

	for (int64_t at = begin; at < end; at += MASK_WORD) {
		int nr = word_of(at, end);

		load_keys(p, at, nr, key);
		if (is_aligned)
			p->mask[at / MASK_WORD] = row_word(key, &t);
		for (int i = 0; !is_aligned && i < nr; i++)
			mask_set(p->mask, at + i,
				 key[i] > t.key || (key[i] == t.key && t.equal-- <= 0));
	}
}

static void select_row(const struct rows *r, int64_t begin)
{
	int64_t drop = r->drop, dropped = 0, end = begin + r->cols;
	struct threshold t = { UINT32_MAX, r->cols };

	for (int64_t i = begin; r->p->before && i < end; i++)
		dropped += !mask_get(r->p->before, i);
	if (drop < dropped)
		drop = dropped;
	if (drop < r->cols)
		t = row_threshold(r->p, begin, end, drop);
	write_row(r->p, begin, end, t);
}

static void rows_tile(void *ctx, long tile)
{
	const struct rows *r = ctx;
	int64_t rows = r->p->nr / r->cols, at = tile * r->per_tile;
	int64_t end = rows - at < r->per_tile ? rows : at + r->per_tile;

	for (; at < end; at++)
		select_row(r, at * r->cols);
}

/* So many rows that whole words are full: two threads never write one word. */
static int64_t aligned_rows(int64_t cols)
{
	int64_t rows = MASK_WORD;

	while (rows > 1 && rows * cols > ROWS_TILE && !(rows / 2 * cols % MASK_WORD))
		rows /= 2;
	return rows;
}

void select_rows(const struct select_part *p, int64_t cols, int64_t drop)
{
	struct rows r = { p, cols, drop, aligned_rows(cols) };
	int64_t rows = p->nr / cols;

	threads_run((rows + r.per_tile - 1) / r.per_tile, rows_tile, &r);
}

/* ---- groups -------------------------------------------------------------------------- */

#define GROUP_TILE ((int64_t)1 << 10)	/* groups; whole words, whatever their size */

struct groups {
	const struct select_part *p;
	int keep, of;
};

/* A weight is kept if fewer than @keep of its group come before it; the later of equals does. */
static inline uint64_t select_group(const uint32_t *key, int keep, int of)
{
	uint64_t bits = 0;

	for (int i = 0; i < of; i++) {
		int better = 0;

		for (int k = 0; k < of; k++)
			better += k > i ? key[k] >= key[i] : key[k] > key[i];
		bits |= (uint64_t)(better < keep && key[i] != KEY_DROPPED) << i;
	}
	return bits;
}

/* Groups of a size that the compiler knows, a word of them at a time. */
static inline void select_known(const struct groups *g, int64_t at, int64_t end, int of)
{
	uint32_t key[MASK_WORD];

	for (; at < end; at += MASK_WORD) {
		int nr = word_of(at, end);
		uint64_t word = 0;

		load_keys(g->p, at, nr, key);
		for (int i = 0; i < nr; i += of)
			word |= select_group(key + i, g->keep, of) << i;
		g->p->mask[at / MASK_WORD] = word;
	}
}

static void select_any(const struct groups *g, int64_t at, int64_t end)
{
	uint32_t key[SELECT_GROUP_MAX];

	for (; at < end; at += g->of) {
		uint64_t bits;

		load_keys(g->p, at, g->of, key);
		bits = select_group(key, g->keep, g->of);
		for (int i = 0; i < g->of; i++)
			mask_set(g->p->mask, at + i, bits >> i & 1);
	}
}

static void groups_tile(void *ctx, long tile)
{
	const struct groups *g = ctx;
	int64_t at = tile * GROUP_TILE * g->of, end = at + GROUP_TILE * g->of;

	end = g->p->nr < end ? g->p->nr : end;
	if (g->of == 4)
		select_known(g, at, end, 4);
	else if (g->of == 8)
		select_known(g, at, end, 8);
	else
		select_any(g, at, end);
}

void select_groups(const struct select_part *p, int keep, int of)
{
	struct groups g = { p, keep, of };
	int64_t groups = p->nr / of;

	threads_run((groups + GROUP_TILE - 1) / GROUP_TILE, groups_tile, &g);
}
