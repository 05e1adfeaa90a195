// SPDX-License-Identifier: MIT
/* BPE over characters: SentencePiece's, by scores, and Hugging Face's, by merges. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/bpe-private.h"

/* ---- by scores (SentencePiece, bpe_model.cc) ---------------------------------- */

/* High scores first, then left ones: an order of floats in an integer. */
static uint64_t offer_key(float score, uint32_t at)
{
	uint32_t bits;

	memcpy(&bits, &score, sizeof(bits));
	bits = bits >> 31 ? ~bits : bits | 1u << 31;	/* as the scores, ascending */
	return (uint64_t)~bits << 32 | at;
}

static void offer_score(struct bpe *bpe, const char *text, uint32_t at, size_t *nr)
{
	struct text_symbol *sym = bpe->symbols, *s = &sym[at];
	size_t len;

	s->pair = NO_TOKEN;
	if (s->next == NO_TOKEN)
		return;
	len = s->len + sym[s->next].len;
	if (len > bpe->longest)
		return;
	s->pair = bpe_find(bpe, text + s->begin, len);
	if (s->pair != NO_TOKEN)
		bpe_push(bpe->heap, nr, offer_key(bpe->tok.scores[s->pair], at));
}

static void merge_scores(struct bpe *bpe, const char *text, size_t nr_symbols)
{
	struct text_symbol *sym = bpe->symbols;
	size_t nr = 0;

	for (uint32_t i = 0; i + 1 < nr_symbols; i++)
		offer_score(bpe, text, i, &nr);
	while (nr) {
		uint64_t best = bpe_pop(bpe->heap, &nr);
		uint32_t i = (uint32_t)best, next;
		struct text_symbol *s = &sym[i];

		/* An offer is stale when a merge has changed either side since. */
		if (!s->len || s->pair == NO_TOKEN ||
		    offer_key(bpe->tok.scores[s->pair], i) != best)
			continue;
		next = s->next;
		s->id = s->pair;
		s->len += sym[next].len;
		s->next = sym[next].next;
		if (s->next != NO_TOKEN)
			sym[s->next].prev = i;
		sym[next].len = 0;
		offer_score(bpe, text, i, &nr);
		if (s->prev != NO_TOKEN)
			offer_score(bpe, text, s->prev, &nr);
	}
}

static void add_unknown(struct bpe *bpe, const char *text, size_t len,
			struct token_list *out, size_t from)
{
	struct tokenizer *tok = &bpe->tok;
	bool all = true;

	for (size_t i = 0; i < len; i++)
		all = all && bpe->of_byte[(unsigned char)text[i]] != NO_TOKEN;
	for (size_t i = 0; i < len && all; i++)
		out->ids[out->nr++] = bpe->of_byte[(unsigned char)text[i]];
	tok->lost |= !all && tok->unk == NO_TOKEN;
	if (all || tok->unk == NO_TOKEN)
		return;
	if (!tok->fuse_unk || out->nr == from || out->ids[out->nr - 1] != tok->unk)
		out->ids[out->nr++] = tok->unk;
}

static int encode_scores(struct bpe *bpe, const char *text, size_t len, struct token_list *out)
{
	size_t nr = 0, from = out->nr;
	struct text_symbol *sym;
	int ret = bpe_reserve(bpe, len);

	if (ret)
		return ret;
	sym = bpe->symbols;
	for (size_t i = 0, n; i < len; i += n, nr++) {
		n = piece_char(text + i, len - i);
		sym[nr] = (struct text_symbol){
			.begin = i, .len = n, .prev = nr ? nr - 1 : NO_TOKEN, .next = nr + 1,
			.id = bpe_find(bpe, text + i, n), .pair = NO_TOKEN,
		};
	}
	sym[nr - 1].next = NO_TOKEN;
	merge_scores(bpe, text, nr);
	for (uint32_t i = 0; i != NO_TOKEN; i = sym[i].next)
		if (sym[i].id != NO_TOKEN)
			out->ids[out->nr++] = sym[i].id;
		else
			add_unknown(bpe, text + sym[i].begin, sym[i].len, out, from);
	return 0;
}

/* ---- by merges ------------------------------------------------------------------ */

static int encode_merges(struct bpe *bpe, const char *text, size_t len, struct token_list *out)
{
	size_t from = out->nr, nr;
	struct symbol *sym;
	int ret = bpe_reserve(bpe, len);

	if (ret)
		return ret;
	/* The ids of the characters first, in the place of the result. */
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t id;

		n = piece_char(text + i, len - i);
		id = bpe_find(bpe, text + i, n);
		if (id != NO_TOKEN)
			out->ids[out->nr++] = id;
		else
			add_unknown(bpe, text + i, n, out, from);
	}
	nr = out->nr - from;
	if (!nr)
		return 0;
	sym = bpe->symbols;
	for (size_t i = 0; i < nr; i++)
		sym[i] = (struct symbol){
			.id = out->ids[from + i],
			.prev = i ? i - 1 : NO_TOKEN,
			.next = i + 1 < nr ? i + 1 : NO_TOKEN,
		};
	bpe_merge(bpe, nr);
	out->nr = from;
	for (uint32_t i = 0; i != NO_TOKEN; i = sym[i].next)
		out->ids[out->nr++] = sym[i].id;
	return 0;
}

/* ---- stretches of text ------------------------------------------------------------ */

int bpe_text_piece(void *ctx, const char *text, size_t len, struct token_list *out)
{
	struct bpe *bpe = ctx;
	int ret = token_list_reserve(out, len);

	if (ret)
		return ret;
	if (bpe->tok.method == METHOD_SCORE_BPE)
		return encode_scores(bpe, text, len, out);
	return encode_merges(bpe, text, len, out);
}

/* struct encoding - where ids go. */
struct encoding {
	struct bpe *bpe;
	struct token_list *out;
};

static int encode_stretch(void *ctx, const char *text, size_t len)
{
	const struct encoding *e = ctx;

	if (e->bpe->tok.ignore_merges) {
		uint32_t id = bpe_find(e->bpe, text, len);

		if (id != NO_TOKEN)
			return token_list_add(e->out, id);
	}
	return pieces_encode(&e->bpe->pieces, text, len, e->out);
}

int bpe_text_encode(struct tokenizer *tok, const char *text, size_t len,
		    struct token_list *out)
{
	struct encoding e = { (struct bpe *)tok, out };

	if (tok->nr_splits)
		return words_each(e.bpe->words, text, len, encode_stretch, &e);
	return len ? encode_stretch(&e, text, len) : 0;
}
