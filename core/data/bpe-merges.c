// SPDX-License-Identifier: MIT
#include "data/bpe-merges.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define EDGE	UINT32_MAX		/* between two words */
#define INSIDE	(UINT32_MAX - 1)	/* neither the first nor the last slot of a token */
#define FEW	2

/* struct pair - two tokens next to each other. */
struct pair {
	uint64_t key;			/* left << 32 | right */
	int64_t count;			/* weighted with the counts of the words */
	union {
		uint32_t few[FEW];	/* most pairs occur once or twice */
		uint32_t *many;		/* (cap) if cap is not 0 */
	} at;				/* (nr) slots */
	uint32_t nr, cap;
	uint32_t touched;		/* number of the merge that last added to it */
};

/* struct candidate - a pair in the heap; its count may have become less since. */
struct candidate {
	int64_t count;
	uint64_t key;
	uint32_t pair;
};

struct bpe_merges {
	const struct word_counts *words;
	int64_t min_count;
	uint32_t *slots;		/* (nr_slots) */
	uint32_t *word;			/* (nr_slots) the word a slot belongs to */
	uint32_t nr_slots;
	uint32_t *length;		/* (vocab) bytes */
	struct pair *pairs;
	uint32_t nr, cap;
	uint32_t *index;		/* (mask + 1) numbers of pairs; WORD_NONE: free */
	uint32_t mask;
	struct candidate *heap;
	size_t nr_heap, cap_heap;
	uint32_t *touched;		/* pairs that the merge at hand added to */
	size_t nr_touched, cap_touched;
	uint32_t merge;			/* number of the merge at hand */
};

/* ---- the heap: most frequent first, then the smaller ids -------------------------- */

static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static int push(struct bpe_merges *m, uint32_t pair)
{
	struct candidate c = { m->pairs[pair].count, m->pairs[pair].key, pair };
	struct candidate *heap;
	size_t i;

	if (c.count < m->min_count)
		return 0;
	if (m->nr_heap == m->cap_heap) {
		m->cap_heap = m->cap_heap ? 2 * m->cap_heap : 1 << 12;
		heap = realloc(m->heap, m->cap_heap * sizeof(*heap));
		if (!heap)
			return fail_nomem(m->cap_heap * sizeof(*heap), "pairs");
		m->heap = heap;
	}
	for (i = m->nr_heap++; i && before(&c, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = c;
	return 0;
}

/* Put @c in the place of the first one, or below. */
static void sift(struct bpe_merges *m, struct candidate c)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->nr_heap) {
		if (child + 1 < m->nr_heap && before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!before(&m->heap[child], &c))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = c;
}

long bpe_merges_best(struct bpe_merges *m, uint32_t *left, uint32_t *right)
{
	while (m->nr_heap) {
		struct candidate c = m->heap[0], last;
		int64_t count = m->pairs[c.pair].count;

		if (c.count != count && count >= m->min_count) {
			c.count = count;
			sift(m, c);
			continue;
		}
		last = m->heap[--m->nr_heap];
		if (m->nr_heap)
			sift(m, last);
		if (count < m->min_count)
			continue;
		m->pairs[c.pair].count = 0;	/* a second entry for it is worth nothing */
		*left = c.key >> 32;
		*right = (uint32_t)c.key;
		return c.pair;
	}
	return -1;
}

/* ---- the table of pairs ----------------------------------------------------------- */

static uint32_t find_slot(const struct bpe_merges *m, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15u;
	uint32_t slot = (h ^ h >> 32) & m->mask;

	while (m->index[slot] != WORD_NONE && m->pairs[m->index[slot]].key != key)
		slot = (slot + 1) & m->mask;
	return slot;
}

static int grow(struct bpe_merges *m)
{
	uint32_t cap = m->cap ? 2 * m->cap : 1 << 15;
	struct pair *pairs;
	uint32_t *index;

	if (cap > 1u << 30)
		return fail(-EFBIG, "more than %u different pairs of tokens", cap / 2);
	pairs = realloc(m->pairs, cap * sizeof(*pairs));
	if (!pairs)
		return fail_nomem(cap * sizeof(*pairs), "pairs");
	m->pairs = pairs;
	index = malloc(2 * (size_t)cap * sizeof(*index));
	if (!index)
		return fail_nomem(2 * (size_t)cap * sizeof(*index), "pairs");
	free(m->index);
	m->index = index;
	m->cap = cap;
	m->mask = 2 * cap - 1;
	memset(index, 0xff, 2 * (size_t)cap * sizeof(*index));
	for (uint32_t i = 0; i < m->nr; i++)
		index[find_slot(m, pairs[i].key)] = i;
	return 0;
}

/* Return: the pair, added if it is new; NULL: out of memory, with a message. */
static struct pair *get_pair(struct bpe_merges *m, uint32_t left, uint32_t right)
{
	uint64_t key = (uint64_t)left << 32 | right;
	uint32_t slot;

	if (m->nr == m->cap && grow(m))
		return NULL;
	slot = find_slot(m, key);
	if (m->index[slot] == WORD_NONE) {
		m->index[slot] = m->nr;
		m->pairs[m->nr++] = (struct pair){ .key = key, .touched = WORD_NONE };
	}
	return &m->pairs[m->index[slot]];
}

static int add_place(struct pair *p, uint32_t at)
{
	uint32_t room = p->cap ? p->cap : FEW;

	if (p->nr == room) {
		uint32_t cap = 4 * room;
		uint32_t *many = realloc(p->cap ? p->at.many : NULL, cap * sizeof(*many));

		if (!many)
			return fail_nomem(cap * sizeof(*many), "places of pairs");
		if (!p->cap)
			memcpy(many, p->at.few, sizeof(p->at.few));
		p->at.many = many;
		p->cap = cap;
	}
	(p->cap ? p->at.many : p->at.few)[p->nr++] = at;
	return 0;
}

static void drop_places(struct pair *p)
{
	if (p->cap)
		free(p->at.many);
	p->nr = 0;
	p->cap = 0;
}

static int gain(struct bpe_merges *m, uint32_t left, uint32_t right, uint32_t at, int64_t weight)
{
	struct pair *p = get_pair(m, left, right);
	uint32_t *touched;

	if (!p)
		return -ENOMEM;
	p->count += weight;
	if (p->touched != m->merge) {
		p->touched = m->merge;
		if (m->nr_touched == m->cap_touched) {
			m->cap_touched = m->cap_touched ? 2 * m->cap_touched : 1 << 10;
			touched = realloc(m->touched, m->cap_touched * sizeof(*touched));
			if (!touched)
				return fail_nomem(m->cap_touched * sizeof(*touched), "pairs");
			m->touched = touched;
		}
		m->touched[m->nr_touched++] = p - m->pairs;
	}
	return add_place(p, at);
}

static void lose(struct bpe_merges *m, uint32_t left, uint32_t right, int64_t weight)
{
	uint32_t slot = find_slot(m, (uint64_t)left << 32 | right);
	struct pair *p = &m->pairs[m->index[slot]];

	p->count -= weight;
	if (!p->count)
		drop_places(p);
}

/* ---- merging ---------------------------------------------------------------------- */

/* The pair that begins in slot @i becomes @id, unless it is no longer there. */
static int merge_at(struct bpe_merges *m, uint32_t left, uint32_t right, uint32_t id, uint32_t i)
{
	uint32_t middle = i + m->length[left], end = middle + m->length[right] - 1;
	uint32_t previous, next;
	int64_t weight;
	int ret = 0;

	if (m->slots[i] != left || m->slots[middle] != right)
		return 0;
	weight = (int64_t)m->words->words[m->word[i]].count;
	previous = m->slots[i - 1];
	next = m->slots[end + 1];
	m->slots[middle - 1] = INSIDE;
	m->slots[middle] = INSIDE;
	m->slots[i] = id;
	m->slots[end] = id;
	if (previous != EDGE) {
		lose(m, previous, left, weight);
		ret = gain(m, previous, id, i - m->length[previous], weight);
	}
	if (!ret && next != EDGE) {
		lose(m, right, next, weight);
		ret = gain(m, id, next, i, weight);
	}
	return ret;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int bpe_merges_apply(struct bpe_merges *m, long number, uint32_t id)
{
	/* A copy: the table may move, and what it held is of no more use there. */
	struct pair p = m->pairs[number];
	uint32_t left = p.key >> 32, right = (uint32_t)p.key;
	uint32_t *at = p.cap ? p.at.many : p.at.few;
	int ret = 0;

	m->pairs[number].cap = 0;
	m->pairs[number].nr = 0;
	m->length[id] = m->length[left] + m->length[right];
	m->merge++;
	m->nr_touched = 0;
	if (left == right)	/* of aaa the left two: it is the order that decides */
		qsort(at, p.nr, sizeof(*at), by_value);
	for (uint32_t i = 0; i < p.nr && !ret; i++)
		ret = merge_at(m, left, right, id, at[i]);
	drop_places(&p);
	m->pairs[number].count = 0;
	drop_places(&m->pairs[number]);
	for (size_t i = 0; i < m->nr_touched && !ret; i++)
		ret = push(m, m->touched[i]);
	return ret;
}

/* ---- before the first merge ------------------------------------------------------- */

static int lay_out(struct bpe_merges *m, const uint32_t *of_byte)
{
	const struct word_counts *words = m->words;
	size_t total = 1;
	uint32_t at = 1;

	for (uint32_t i = 0; i < words->nr; i++)
		total += words->words[i].len + 1;
	if (total >= INSIDE)
		return fail(-EFBIG, "the different words have %zu bytes together, more than "
			    "%u: train on less text", total, INSIDE);
	m->slots = malloc(total * sizeof(*m->slots));
	m->word = malloc(total * sizeof(*m->word));
	if (!m->slots || !m->word)
		return fail_nomem(2 * total * sizeof(*m->slots), "words");
	m->slots[0] = EDGE;
	for (uint32_t i = 0; i < words->nr; i++) {
		const char *text = word_counts_text(words, i);

		for (uint32_t k = 0; k < words->words[i].len; k++) {
			m->word[at] = i;
			m->slots[at++] = of_byte[(unsigned char)text[k]];
		}
		m->slots[at++] = EDGE;
	}
	m->nr_slots = at;
	return 0;
}

static int count_pairs(struct bpe_merges *m)
{
	int ret = 0;

	for (uint32_t i = 1; i + 1 < m->nr_slots && !ret; i++)
		if (m->slots[i] != EDGE && m->slots[i + 1] != EDGE)
			ret = gain(m, m->slots[i], m->slots[i + 1], i,
				   (int64_t)m->words->words[m->word[i]].count);
	for (uint32_t i = 0; i < m->nr && !ret; i++)
		ret = push(m, i);
	return ret;
}

int bpe_merges_new(const struct word_counts *words, const uint32_t *of_byte, uint32_t vocab,
		   uint64_t min_count, struct bpe_merges **out)
{
	struct bpe_merges *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return fail_nomem(sizeof(*m), "pairs");
	*out = m;
	m->words = words;
	m->min_count = min_count ? (int64_t)min_count : 1;
	m->length = calloc(vocab, sizeof(*m->length));
	if (!m->length)
		ret = fail_nomem(vocab * sizeof(*m->length), "a vocabulary");
	else
		ret = lay_out(m, of_byte);
	for (int i = 0; i < 256 && !ret; i++)
		m->length[of_byte[i]] = 1;
	if (!ret)
		ret = count_pairs(m);
	if (ret) {
		bpe_merges_free(m);
		*out = NULL;
	}
	return ret;
}

void bpe_merges_free(struct bpe_merges *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->nr; i++)
		drop_places(&m->pairs[i]);
	free(m->slots);
	free(m->word);
	free(m->length);
	free(m->pairs);
	free(m->index);
	free(m->heap);
	free(m->touched);
	free(m);
}
