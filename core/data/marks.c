// SPDX-License-Identifier: MIT
#include "data/marks.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/normalizer.h"
#include "data/tokenizer.h"
#include "data/trie.h"
#include "data/utf8.h"

struct marks {
	struct trie trie[2];		/* as it is, normalized */
	bool first[2][256];		/* does one begin with this byte? */
};

static int add_mark(struct tokenizer *tok, struct marks *m, uint32_t id, struct strbuf *sb)
{
	bool normalized = tok->flags[id] & MARK_NORMALIZED;
	const char *text = tok->bytes + tok->start[id];
	size_t len = tok->start[id + 1] - tok->start[id];
	int ret;

	if (tok->spelled) {
		text = tok->spelled + tok->spelled_start[id];
		len = tok->spelled_start[id + 1] - tok->spelled_start[id];
	}
	if (normalized && !(tok->flags[id] & MARK_SPELLED) && tok->normalizer) {
		ret = normalizer_run(tok->normalizer, NORM_EARLY, true, text, len, sb);
		if (ret)
			return ret;
		text = sb->s;
		len = sb->len;
	}
	if (!len)
		return 0;
	m->first[normalized][(unsigned char)*text] = true;
	return trie_add(&m->trie[normalized], text, len, id);
}

int marks_new(struct tokenizer *tok)
{
	struct marks *m = calloc(1, sizeof(*m));
	struct strbuf sb;
	int ret = 0;

	if (!m)
		return fail_nomem(sizeof(*m), "special tokens");
	tok->marks = m;
	strbuf_init(&sb);
	for (uint32_t id = 0; id < tok->vocab && !ret; id++)
		if (tok->special[id] || tok->type[id] == TOKEN_USER_DEFINED)
			ret = add_mark(tok, m, id, &sb);
	strbuf_free(&sb);
	return ret;
}

void marks_free(struct marks *m)
{
	if (!m)
		return;
	trie_free(&m->trie[0]);
	trie_free(&m->trie[1]);
	free(m);
}

bool marks_any(const struct tokenizer *tok, bool normalized)
{
	return tok->marks && tok->marks->trie[normalized].nr;
}

/* The longest mark at @at. */
static bool mark_at(const struct tokenizer *tok, const struct trie *t, bool special,
		    const char *text, size_t len, size_t at, struct mark *mark)
{
	uint32_t node = TRIE_ROOT;
	bool found = false;

	for (size_t i = at; i < len; i++) {
		uint32_t id;

		node = trie_step(t, node, text[i]);
		if (node == TRIE_ROOT)
			break;
		id = t->values[node];
		if (id == TRIE_NONE || (tok->special[id] && !special))
			continue;
		*mark = (struct mark){ .begin = at, .end = i + 1, .id = id };
		found = true;
	}
	return found;
}

static void strip(const struct tokenizer *tok, const char *text, size_t len, size_t from,
		  struct mark *mark)
{
	size_t n;

	if (tok->flags[mark->id] & MARK_LSTRIP)
		while (mark->begin > from &&
		       (n = utf8_blank_before(text + from, mark->begin - from)))
			mark->begin -= n;
	if (tok->flags[mark->id] & MARK_RSTRIP)
		while ((n = utf8_blank(text + mark->end, len - mark->end)))
			mark->end += n;
}

bool marks_next(const struct tokenizer *tok, bool normalized, bool special, const char *text,
		size_t len, size_t from, struct mark *mark)
{
	const struct marks *m = tok->marks;

	if (!marks_any(tok, normalized))
		return false;
	for (size_t at = from; at < len; at++) {
		if (!m->first[normalized][(unsigned char)text[at]])
			continue;
		if (!mark_at(tok, &m->trie[normalized], special, text, len, at, mark))
			continue;
		strip(tok, text, len, from, mark);
		return true;
	}
	return false;
}
