// SPDX-License-Identifier: MIT
#include "data/pieces.h"

#include <stdlib.h>

#include "base/fail.h"

int pieces_init(struct pieces *p)
{
	p->neighbours = calloc(1, NEIGHBOURS / 8);
	p->cache = calloc(WORD_SLOTS, sizeof(*p->cache));
	if (!p->neighbours || !p->cache)
		return fail_nomem(WORD_SLOTS * sizeof(*p->cache), "a cache of words");
	return 0;
}

void pieces_free(struct pieces *p)
{
	free(p->neighbours);
	free(p->cache);
}

static uint32_t char_at(const char *s, size_t n)
{
	uint32_t c = 0;

	for (size_t i = 0; i < n; i++)
		c = c << 8 | (unsigned char)s[i];
	return c;
}

static uint32_t neighbour_bit(uint32_t left, uint32_t right)
{
	return (((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u) >> 43;
}

void pieces_learn(struct pieces *p, const char *text, size_t len)
{
	uint32_t before = 0;

	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c, bit;

		n = piece_char(text + i, len - i);
		c = char_at(text + i, n);
		bit = neighbour_bit(before, c);
		if (i)
			p->neighbours[bit / 8] |= 1 << bit % 8;
		before = c;
	}
}

static int encode_cached(struct pieces *p, const char *text, size_t len, struct token_list *out)
{
	size_t before = out->nr;
	struct word_slot *slot;
	int ret;

	if (len > WORD_BYTES || p->fresh)
		return p->encode(p->ctx, text, len, out);
	slot = word_slot(p->cache, text, len);
	if (word_is(slot, text, len))
		return word_recall(slot, out);
	ret = p->encode(p->ctx, text, len, out);
	if (!ret)
		word_keep(slot, text, len, out->ids + before, out->nr - before);
	return ret;
}

static int add_piece(struct pieces *p, const char *text, size_t len, struct token_list *out,
		     size_t from)
{
	size_t before = out->nr;
	int ret = encode_cached(p, text, len, out);

	if (ret || p->unk == TOKEN_NONE || before == from || out->nr == before)
		return ret;
	if (out->ids[before] == p->unk && out->ids[before - 1] == p->unk) {
		memmove(out->ids + before, out->ids + before + 1,
			(out->nr - before - 1) * sizeof(*out->ids));
		out->nr--;
	}
	return 0;
}

int pieces_encode(struct pieces *p, const char *text, size_t len, struct token_list *out)
{
	size_t begin = 0, from = out->nr;
	uint32_t before = 0;

	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c, bit;
		int ret;

		n = piece_char(text + i, len - i);
		c = char_at(text + i, n);
		bit = neighbour_bit(before, c);
		before = c;
		if (i == begin || (p->neighbours[bit / 8] >> bit % 8 & 1 && i - begin < PIECE_MAX))
			continue;
		ret = add_piece(p, text + begin, i - begin, out, from);
		/* An unknown token that may still grow stays here. */
		if (!ret && out->nr > from && out->ids[out->nr - 1] != p->unk) {
			ret = token_list_flush(out);
			from = out->nr < from ? out->nr : from;
		}
		if (ret)
			return ret;
		begin = i;
	}
	return begin < len ? add_piece(p, text + begin, len - begin, out, from) : 0;
}
