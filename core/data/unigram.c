// SPDX-License-Identifier: MIT
#include "data/unigram.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/marks.h"
#include "data/pieces.h"
#include "data/words.h"
#include "data/token-source.h"
#include "data/trie.h"

#define UNKNOWN_PENALTY	10.0

/* struct best - the best way to a place in the text. */
struct best {
	double score;
	uint32_t from;		/* place before the last token ... */
	uint32_t id;		/* ... which is this; TOKEN_NONE: a character without one */
};

struct unigram {
	struct tokenizer tok;		/* first */
	struct trie pieces;
	uint32_t of_byte[256];
	double *scores;			/* (vocab) */
	double unknown;			/* score of a character without a token */
	struct words *words;
	struct pieces cut;
	struct best *best;		/* scratch: (best_cap) */
	size_t best_cap;
	double before;			/* sum in front of the piece, if single precision */
};

static bool is_text(const struct tokenizer *tok, uint32_t id)
{
	return tok->type[id] == TOKEN_NORMAL || tok->type[id] == TOKEN_USER_DEFINED ||
	       tok->type[id] == TOKEN_UNUSED;
}

static int add_token(struct unigram *u, const char *path, uint32_t id)
{
	const struct tokenizer *tok = &u->tok;
	uint32_t node = TRIE_ROOT, begin = tok->spelled_start[id];
	uint32_t end = tok->spelled_start[id + 1], i;

	if (tok->type[id] == TOKEN_BYTE) {
		u->of_byte[(unsigned char)tok->bytes[tok->start[id]]] = id;
		return 0;
	}
	if (!is_text(tok, id))
		return 0;
	for (i = begin; i < end; i++) {
		node = trie_step(&u->pieces, node, tok->spelled[i]);
		if (node == TRIE_ROOT)
			break;
	}
	if (i == end && u->pieces.values[node] != TRIE_NONE)
		return fail(-EINVAL, "%s: tokens %u and %u are the same text", path,
			    u->pieces.values[node], id);
	pieces_learn(&u->cut, tok->spelled + begin, end - begin);
	return trie_add(&u->pieces, tok->spelled + begin, end - begin, id);
}

/*
 * What users have added costs nothing, and SentencePiece likes it the better the longer it
 * is; but a tokenizer.json has a score for it.
 */
static double added_score(const struct tokenizer *tok, uint32_t id)
{
	uint32_t len = tok->spelled_start[id + 1] - tok->spelled_start[id];

	if (tok->flags[id] & MARK_SPELLED)
		return (float)((len - 1) * 0.1);
	return tok->raw_added ? 0 : (double)tok->scores[id];
}

static void set_scores(struct unigram *u)
{
	const struct tokenizer *tok = &u->tok;
	float worst = FLT_MAX;

	for (uint32_t id = 0; id < tok->vocab; id++) {
		if (tok->type[id] != TOKEN_NORMAL)
			continue;
		worst = tok->scores[id] < worst ? tok->scores[id] : worst;
	}
	for (uint32_t id = 0; id < tok->vocab; id++)
		u->scores[id] = tok->type[id] == TOKEN_USER_DEFINED ? added_score(tok, id)
								    : (double)tok->scores[id];
	u->unknown = (worst == FLT_MAX ? 0 : worst) - UNKNOWN_PENALTY;
}

static int reserve(struct unigram *u, size_t len)
{
	size_t cap = u->best_cap ? u->best_cap : 256;
	struct best *best;

	if (len <= u->best_cap)
		return 0;
	while (cap < len)
		cap *= 2;
	best = realloc(u->best, cap * sizeof(*best));
	if (!best)
		return fail_nomem(cap * sizeof(*best), "a long text");
	u->best = best;
	u->best_cap = cap;
	return 0;
}

static void offer(const struct unigram *u, struct best *to, double score, uint32_t from,
		  uint32_t id)
{
	if (u->tok.single)
		score = (float)score;
	if (score > to->score)
		*to = (struct best){ .score = score, .from = from, .id = id };
}

static void search(struct unigram *u, const char *text, uint32_t len)
{
	struct best *best = u->best;

	for (uint32_t i = 0; i <= len; i++)
		best[i] = (struct best){ .score = i ? -DBL_MAX : u->before, .id = TOKEN_NONE };
	for (uint32_t at = 0, n; at < len; at += n) {
		uint32_t node = TRIE_ROOT;
		bool whole = false;

		n = piece_char(text + at, len - at);
		for (uint32_t end = at; end < len;) {
			node = trie_step(&u->pieces, node, text[end++]);
			if (node == TRIE_ROOT)
				break;
			if (u->pieces.values[node] == TRIE_NONE)
				continue;
			offer(u, &best[end], best[at].score + u->scores[u->pieces.values[node]], at,
			      u->pieces.values[node]);
			whole = whole || end - at == n;
		}
		if (!whole)
			offer(u, &best[at + n], best[at].score + u->unknown, at, TOKEN_NONE);
	}
}

static int encode_piece(void *ctx, const char *text, size_t len, struct token_list *out)
{
	struct unigram *u = ctx;
	const struct tokenizer *tok = &u->tok;
	size_t nr = 0;
	int ret = reserve(u, len + 1);

	if (!ret)
		ret = token_list_reserve(out, len);
	if (ret)
		return ret;
	search(u, text, len);
	if (tok->single)
		u->before = u->best[len].score;
	/* From the end to the beginning, at the end of the room; then to its place. */
	for (uint32_t at = len; at; at = u->best[at].from) {
		uint32_t id = u->best[at].id, from = u->best[at].from;
		uint32_t *ids = out->ids + out->nr + len;
		bool bytes = id == TOKEN_NONE && tok->byte_fallback;

		for (uint32_t i = from; i < at && bytes; i++)
			bytes = u->of_byte[(unsigned char)text[i]] != TOKEN_NONE;
		for (uint32_t i = at; i > from && bytes; i--)
			*(ids - ++nr) = u->of_byte[(unsigned char)text[i - 1]];
		if (id != TOKEN_NONE)
			*(ids - ++nr) = id;
		else if (!bytes && !(nr && *(ids - nr) == tok->unk))
			*(ids - ++nr) = tok->unk;
	}
	memmove(out->ids + out->nr, out->ids + out->nr + len - nr, nr * sizeof(*out->ids));
	out->nr += nr;
	return 0;
}

static int build(struct unigram *u, const struct token_source *src)
{
	int ret = token_source_fill(src, &u->tok);

	if (ret)
		return ret;
	memset(u->of_byte, 0xff, sizeof(u->of_byte));
	u->scores = calloc(u->tok.vocab + 1, sizeof(*u->scores));
	if (!u->scores)
		return fail_nomem(u->tok.vocab * sizeof(*u->scores), "scores");
	u->cut = (struct pieces){
		.encode = encode_piece, .ctx = u, .unk = src->unk, .fresh = src->single,
	};
	ret = pieces_init(&u->cut);
	if (ret)
		return ret;
	if (src->unk == TOKEN_NONE)
		return fail(-EINVAL, "%s: no unknown token", src->path);
	set_scores(u);
	for (uint32_t id = 0; id < u->tok.vocab && !ret; id++)
		ret = add_token(u, src->path, id);
	return ret ? ret : words_new(src->path, src->splits, src->nr_splits, &u->words);
}

int unigram_new(const struct tokenizer_kind *kind, const struct token_source *src,
		struct tokenizer **tok)
{
	struct unigram *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return fail_nomem(sizeof(*u), "a tokenizer");
	u->tok.kind = kind;
	ret = build(u, src);
	if (ret) {
		u->tok.method = METHOD_UNIGRAM;
		tokenizer_free(&u->tok);
		return ret;
	}
	*tok = &u->tok;
	return 0;
}

void unigram_release(struct tokenizer *tok)
{
	struct unigram *u = (struct unigram *)tok;

	trie_free(&u->pieces);
	words_free(u->words);
	free(u->scores);
	pieces_free(&u->cut);
	free(u->best);
	free(u);
}

struct encoding {
	struct unigram *u;
	struct token_list *out;
};

static int encode_word(void *ctx, const char *text, size_t len)
{
	const struct encoding *e = ctx;

	return pieces_encode(&e->u->cut, text, len, e->out);
}

int unigram_encode(struct tokenizer *tok, const char *text, size_t len, struct token_list *out)
{
	struct encoding e = { (struct unigram *)tok, out };

	e.u->before = 0;
	if (tok->nr_splits)
		return words_each(e.u->words, text, len, encode_word, &e);
	return len ? encode_word(&e, text, len) : 0;
}
