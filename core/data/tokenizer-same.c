// SPDX-License-Identifier: MIT
/*
 * Are two tokenizers from files of different formats the same one?
 */
#include "data/tokenizer.h"

#include <string.h>

static bool same_token(const struct tokenizer *a, const struct tokenizer *b, uint32_t id)
{
	uint32_t len = a->start[id + 1] - a->start[id];

	return len == b->start[id + 1] - b->start[id] &&
	       !memcmp(a->bytes + a->start[id], b->bytes + b->start[id], len);
}

/* GGUF names rows of the model that are no token, or leaves marks out that have no row. */
static bool makes_no_text(const struct tokenizer *tok, uint32_t from)
{
	for (uint32_t id = from; id < tok->vocab; id++)
		if (!tok->special[id] && tok->type[id] != TOKEN_UNUSED)
			return false;
	return true;
}

static bool same_vocabulary(const struct tokenizer *a, const struct tokenizer *b)
{
	uint32_t nr = a->vocab < b->vocab ? a->vocab : b->vocab;

	for (uint32_t id = 0; id < nr; id++)
		if (!same_token(a, b, id))
			return false;
	return makes_no_text(a, nr) && makes_no_text(b, nr);
}

static bool same_merges(const struct tokenizer *a, const struct tokenizer *b)
{
	if (a->nr_merges != b->nr_merges)
		return false;
	for (uint32_t i = 0; i < a->nr_merges; i++)
		if (a->merges[i].left != b->merges[i].left ||
		    a->merges[i].right != b->merges[i].right)
			return false;
	return true;
}

static bool same_scores(const struct tokenizer *a, const struct tokenizer *b)
{
	uint32_t nr = a->vocab < b->vocab ? a->vocab : b->vocab;

	for (uint32_t id = 0; id < nr; id++)
		if (a->type[id] == TOKEN_NORMAL && b->type[id] == TOKEN_NORMAL &&
		    a->scores[id] != b->scores[id])
			return false;
	return true;
}

/* SentencePiece's BPE has scores in some files and in others the merges that follow from them. */
static bool is_text_bpe(const struct tokenizer *tok)
{
	return tok->method == METHOD_TEXT_BPE || tok->method == METHOD_SCORE_BPE;
}

bool tokenizer_same(const struct tokenizer *a, const struct tokenizer *b)
{
	if (!strcmp(a->hash, b->hash))
		return true;
	if (!same_vocabulary(a, b))
		return false;
	if (a->method != b->method)
		return is_text_bpe(a) && is_text_bpe(b);
	if (a->method == METHOD_SCORE_BPE || a->method == METHOD_UNIGRAM)
		return same_scores(a, b);
	return same_merges(a, b);
}
