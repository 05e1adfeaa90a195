// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe-private.h"

/* ---- a heap of rank << 32 | symbol: lowest rank first, leftmost of equals ---------- */

void bpe_push(uint64_t *heap, size_t *nr, uint64_t value)
{
	size_t i = (*nr)++;

	while (i && heap[(i - 1) / 2] > value) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = value;
}

uint64_t bpe_pop(uint64_t *heap, size_t *nr)
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

int bpe_reserve(struct bpe *bpe, size_t len)
{
	size_t cap = bpe->scratch_cap ? bpe->scratch_cap : 256;
	size_t size = bpe->tok.method == METHOD_SCORE_BPE ? sizeof(struct text_symbol)
							  : sizeof(struct symbol);
	void *symbols;
	uint64_t *heap;

	if (len <= bpe->scratch_cap)
		return 0;
	while (cap < len)
		cap *= 2;
	symbols = realloc(bpe->symbols, cap * size);
	if (!symbols)
		return fail_nomem(cap * size, "a long word");
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
	const struct symbol *sym = bpe->symbols, *s = &sym[i];
	uint32_t rank;

	if (s->next == NO_TOKEN)
		return;
	rank = bpe_rank(bpe, s->id, sym[s->next].id);
	if (rank != NO_TOKEN)
		bpe_push(bpe->heap, nr, (uint64_t)rank << 32 | i);
}

static uint32_t result(const struct bpe *bpe, uint32_t left, uint32_t right)
{
	uint32_t rank = bpe_rank(bpe, left, right);

	return rank == NO_TOKEN ? NO_TOKEN : bpe->tok.merges[rank].result;
}

void bpe_merge(struct bpe *bpe, size_t len)
{
	struct symbol *sym = bpe->symbols;
	size_t nr = 0;

	for (uint32_t i = 0; i + 1 < len; i++)
		offer(bpe, i, &nr);
	while (nr) {
		uint64_t best = bpe_pop(bpe->heap, &nr);
		const struct token_merge *m = &bpe->tok.merges[best >> 32];
		uint32_t i = (uint32_t)best, next = sym[i].next;

		if (sym[i].id == NO_TOKEN || next == NO_TOKEN)
			continue;
		/*
		 * An offer is stale when a merge has changed either side since.  But the
		 * references compare what it makes only, so that one is good for another
		 * pair that makes the same token.
		 */
		if ((sym[i].id != m->left || sym[next].id != m->right) &&
		    result(bpe, sym[i].id, sym[next].id) != m->result)
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
	size_t nr = 0;
	int ret;

	if (bpe->tok.ignore_merges) {
		uint32_t id = bpe_find(bpe, word, len);

		if (id != NO_TOKEN)
			return token_list_add(out, id);
	}
	ret = bpe_reserve(bpe, len);
	if (!ret)
		ret = token_list_reserve(out, len);
	if (ret)
		return ret;
	sym = bpe->symbols;
	for (size_t i = 0; i < len; i++) {
		uint32_t id = bpe->of_byte[(unsigned char)word[i]];

		/* One without a token: llama.cpp still keeps its neighbours apart. */
		if (id != NO_TOKEN || bpe->tok.raw_added)
			sym[nr++].id = id;
		bpe->tok.lost |= id == NO_TOKEN;
	}
	if (!nr)
		return 0;
	for (size_t i = 0; i < nr; i++) {
		sym[i].prev = i ? i - 1 : NO_TOKEN;
		sym[i].next = i + 1 < nr ? i + 1 : NO_TOKEN;
	}
	bpe_merge(bpe, nr);
	for (uint32_t i = 0; i != NO_TOKEN; i = sym[i].next)
		if (sym[i].id != NO_TOKEN)
			out->ids[out->nr++] = sym[i].id;
	return 0;
}

static int encode_cached(struct bpe *bpe, const char *word, size_t len, struct token_list *out)
{
	struct word_slot *slot;
	size_t before = out->nr;
	int ret;

	if (len > WORD_BYTES)
		return encode_word(bpe, word, len, out);
	slot = word_slot(bpe->pieces.cache, word, len);
	if (word_is(slot, word, len))
		return word_recall(slot, out);
	ret = encode_word(bpe, word, len, out);
	if (!ret)
		word_keep(slot, word, len, out->ids + before, out->nr - before);
	return ret;
}

/* struct encoding - where the ids of the words go. */
struct encoding {
	struct bpe *bpe;
	struct token_list *out;
};

static int encode_next(void *ctx, const char *word, size_t len)
{
	const struct encoding *e = ctx;
	int ret = encode_cached(e->bpe, word, len, e->out);

	return ret ? ret : token_list_flush(e->out);
}

int bpe_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out)
{
	struct bpe *bpe = (struct bpe *)tok;
	struct encoding e = { bpe, out };

	return words_each(bpe->words, text, len, encode_next, &e);
}
