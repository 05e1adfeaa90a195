// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe-private.h"

/* ---- a heap of rank << 32 | symbol: lowest rank first, leftmost of equals ---------- */

static void heap_push(uint64_t *heap, size_t *nr, uint64_t value)
{
	size_t i = (*nr)++;

	while (i && heap[(i - 1) / 2] > value) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = value;
}

static uint64_t heap_pop(uint64_t *heap, size_t *nr)
{
	uint64_t top = heap[0], last = heap[--*nr];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < *nr) {
		if (child + 1 < *nr && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= last)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

static int make_scratch(struct bpe *bpe, size_t len)
{
	size_t cap = bpe->scratch_cap ? bpe->scratch_cap : 256;
	struct symbol *symbols;
	uint64_t *heap;

	if (len <= bpe->scratch_cap)
		return 0;
	while (cap < len)
		cap *= 2;
	symbols = realloc(bpe->symbols, cap * sizeof(*symbols));
	if (!symbols)
		return fail_nomem(cap * sizeof(*symbols), "a long word");
	bpe->symbols = symbols;
	heap = realloc(bpe->heap, 3 * cap * sizeof(*heap));
	if (!heap)
		return fail_nomem(3 * cap * sizeof(*heap), "a long word");
	bpe->heap = heap;
	bpe->scratch_cap = cap;
	return 0;
}

/* Offer the pair of symbol @i and its right neighbour. */
static void offer(struct bpe *bpe, uint32_t i, size_t *nr)
{
	const struct symbol *s = &bpe->symbols[i];
	uint32_t rank;

	if (s->next == NO_TOKEN)
		return;
	rank = bpe_rank(bpe, s->id, bpe->symbols[s->next].id);
	if (rank != NO_TOKEN)
		heap_push(bpe->heap, nr, (uint64_t)rank << 32 | i);
}

static void merge_all(struct bpe *bpe, size_t len)
{
	struct symbol *sym = bpe->symbols;
	size_t nr = 0;

	for (uint32_t i = 0; i + 1 < len; i++)
		offer(bpe, i, &nr);
	while (nr) {
		uint64_t best = heap_pop(bpe->heap, &nr);
		const struct token_merge *m = &bpe->tok.merges[best >> 32];
		uint32_t i = (uint32_t)best, next = sym[i].next;

		/* An offer is stale when a merge has changed either side since. */
		if (sym[i].id != m->left || next == NO_TOKEN || sym[next].id != m->right)
			continue;
		sym[i].id = m->result;
		sym[i].next = sym[next].next;
		if (sym[i].next != NO_TOKEN)
			sym[sym[i].next].prev = i;
		sym[next].id = NO_TOKEN;
		offer(bpe, i, &nr);
		if (sym[i].prev != NO_TOKEN)
			offer(bpe, sym[i].prev, &nr);
	}
}

static int encode_word(struct bpe *bpe, const char *word, size_t len, struct token_list *out)
{
	struct symbol *sym;
	int ret;

	if (bpe->tok.ignore_merges) {
		uint32_t id = bpe_find(bpe, word, len);

		if (id != NO_TOKEN)
			return token_list_add(out, id);
	}
	ret = make_scratch(bpe, len);
	if (!ret)
		ret = token_list_reserve(out, len);
	if (ret)
		return ret;
	sym = bpe->symbols;
	for (size_t i = 0; i < len; i++)
		sym[i] = (struct symbol){
			.id = bpe->of_byte[(unsigned char)word[i]],
			.prev = i ? i - 1 : NO_TOKEN,
			.next = i + 1 < len ? i + 1 : NO_TOKEN,
		};
	merge_all(bpe, len);
	for (uint32_t i = 0; i != NO_TOKEN; i = sym[i].next)
		out->ids[out->nr++] = sym[i].id;
	return 0;
}

static int encode_cached(struct bpe *bpe, const char *word, size_t len, struct token_list *out)
{
	struct word_slot *slot;
	size_t before = out->nr;
	int ret;

	if (len == 1)
		return token_list_add(out, bpe->of_byte[(unsigned char)word[0]]);
	if (len > WORD_BYTES)
		return encode_word(bpe, word, len, out);
	slot = &bpe->cache[bpe_hash(word, len) % WORD_SLOTS];
	if (slot->len == len && !memcmp(slot->text, word, len)) {
		ret = token_list_reserve(out, WORD_IDS);
		if (ret)
			return ret;
		memcpy(out->ids + out->nr, slot->ids, sizeof(slot->ids));
		out->nr += slot->nr;
		return 0;
	}
	ret = encode_word(bpe, word, len, out);
	if (ret || out->nr - before > WORD_IDS)
		return ret;
	slot->len = len;
	slot->nr = out->nr - before;
	memcpy(slot->text, word, len);
	memcpy(slot->ids, out->ids + before, slot->nr * sizeof(*slot->ids));
	return 0;
}

/* struct encoding - where the ids of the words go. */
struct encoding {
	struct bpe *bpe;
	struct token_list *out;
};

static int encode_next(void *ctx, const char *word, size_t len)
{
	const struct encoding *e = ctx;

	return encode_cached(e->bpe, word, len, e->out);
}

int bpe_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out)
{
	struct bpe *bpe = (struct bpe *)tok;
	struct encoding e = { bpe, out };

	return words_each(bpe->words, text, len, encode_next, &e);
}
