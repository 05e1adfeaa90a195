// SPDX-License-Identifier: MIT
#include "data/merges.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/trie.h"

/* struct ranked - a merge and what decides about its place. */
struct ranked {
	float score;
	struct token_merge merge;
};

struct ranking {
	const struct tokenizer *tok;
	struct trie by_text;
	struct ranked *list;
	size_t nr, cap;
};

static bool is_text(const struct tokenizer *tok, uint32_t id)
{
	return tok->type[id] == TOKEN_NORMAL || tok->type[id] == TOKEN_USER_DEFINED ||
	       tok->type[id] == TOKEN_UNUSED;
}

static uint32_t find(const struct trie *t, const char *s, uint32_t len)
{
	uint32_t node = TRIE_ROOT;

	for (uint32_t i = 0; i < len; i++) {
		node = trie_step(t, node, s[i]);
		if (node == TRIE_ROOT)
			return TRIE_NONE;
	}
	return t->values[node];
}

static int add(struct ranking *r, uint32_t left, uint32_t right, uint32_t result)
{
	if (r->nr == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 1024;
		struct ranked *list = realloc(r->list, cap * sizeof(*list));

		if (!list)
			return fail_nomem(cap * sizeof(*list), "merges");
		r->list = list;
		r->cap = cap;
	}
	r->list[r->nr++] = (struct ranked){
		.score = r->tok->scores[result], .merge = { left, right, result } };
	return 0;
}

static int add_ways(struct ranking *r, uint32_t id)
{
	const char *s = r->tok->spelled + r->tok->spelled_start[id];
	uint32_t len = r->tok->spelled_start[id + 1] - r->tok->spelled_start[id];
	uint32_t node = TRIE_ROOT;

	for (uint32_t n = 1; n < len; n++) {
		uint32_t left, right;
		int ret;

		node = trie_step(&r->by_text, node, s[n - 1]);
		if (node == TRIE_ROOT)
			break;
		left = r->by_text.values[node];
		if (left == TRIE_NONE)
			continue;
		right = find(&r->by_text, s + n, len - n);
		if (right == TRIE_NONE)
			continue;
		ret = add(r, left, right, id);
		if (ret)
			return ret;
	}
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->merge.result != y->merge.result)
		return x->merge.result < y->merge.result ? -1 : 1;
	if (x->merge.left != y->merge.left)
		return x->merge.left < y->merge.left ? -1 : 1;
	return x->merge.right < y->merge.right ? -1 : x->merge.right > y->merge.right;
}

int merges_from_scores(const struct tokenizer *tok, struct token_merge **merges, uint32_t *nr)
{
	struct ranking r = { .tok = tok };
	int ret = 0;

	for (uint32_t id = 0; id < tok->vocab && !ret; id++)
		if (is_text(tok, id))
			ret = trie_add(&r.by_text, tok->spelled + tok->spelled_start[id],
				       tok->spelled_start[id + 1] - tok->spelled_start[id], id);
	for (uint32_t id = 0; id < tok->vocab && !ret; id++)
		if (is_text(tok, id))
			ret = add_ways(&r, id);
	*merges = ret ? NULL : malloc((r.nr + 1) * sizeof(**merges));
	if (!ret && !*merges)
		ret = fail_nomem(r.nr * sizeof(**merges), "merges");
	if (!ret && r.nr)
		qsort(r.list, r.nr, sizeof(*r.list), order);
	for (size_t i = 0; i < r.nr && !ret; i++)
		(*merges)[i] = r.list[i].merge;
	*nr = r.nr;
	trie_free(&r.by_text);
	free(r.list);
	return ret;
}
