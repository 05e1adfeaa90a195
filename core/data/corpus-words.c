// SPDX-License-Identifier: MIT
#include "data/corpus-words.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/progress.h"
#include "base/thread.h"
#include "data/words.h"
#include "data/sources.h"
#include "data/tokenizer.h"

#define WAVE	16	/* tiles at once: enough for any number of threads to share */

/* struct stretch - text in which no word goes beyond the ends. */
struct stretch {
	const char *text;
	size_t len;
};

/* struct tile - short documents, or a part of a long one. */
struct tile {
	struct stretch *stretches;
	size_t nr, cap, bytes;
	struct words *words;
	struct word_counts counts;
	int ret;
};

struct counting {
	struct corpus *corpus;
	struct word_counts *all;
	size_t tile_bytes;
	struct tile tiles[WAVE];
	int nr;			/* tiles begun; the last one may have room */
	uint64_t before;	/* bytes of earlier files */
	bool progress;
};

static int count_word(void *ctx, const char *word, size_t len)
{
	return word_counts_add(ctx, word, len, 1);
}

static int count_stretches(struct tile *t)
{
	int ret = 0;

	for (size_t i = 0; i < t->nr && !ret; i++)
		ret = words_each(t->words, t->stretches[i].text, t->stretches[i].len, count_word,
				 &t->counts);
	return ret;
}

static void count_tile(void *ctx, long i)
{
	struct counting *c = ctx;

	c->tiles[i].ret = count_stretches(&c->tiles[i]);
}

/* Count what has been put into tiles; in their order, so that words keep theirs. */
static int end_wave(struct counting *c)
{
	char words[FORMAT_MAX];
	int ret = 0;

	threads_run(c->nr, count_tile, c);
	for (int i = 0; i < c->nr && !ret; i++) {
		struct tile *t = &c->tiles[i];

		if (!t->ret)
			ret = word_counts_merge(c->all, &t->counts);
		else if (!(ret = count_stretches(t)))	/* its message is in another thread */
			ret = fail(t->ret, "counting words");
		c->corpus->bytes += t->bytes;
		word_counts_free(&t->counts);
		t->nr = 0;
		t->bytes = 0;
	}
	c->nr = 0;
	progress_update(c->progress, c->corpus->bytes - c->before, "%s different words",
			format_count(words, c->all->nr));
	return ret;
}

static int put_stretch(struct counting *c, const char *text, size_t len)
{
	struct tile *t = c->nr ? &c->tiles[c->nr - 1] : NULL;
	struct stretch *more;

	if (!t || t->bytes >= c->tile_bytes)
		t = &c->tiles[c->nr++];
	if (t->nr == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		more = realloc(t->stretches, t->cap * sizeof(*more));
		if (!more)
			return fail_nomem(t->cap * sizeof(*more), "documents");
		t->stretches = more;
	}
	t->stretches[t->nr++] = (struct stretch){ text, len };
	t->bytes += len;
	return 0;
}

static bool is_graph(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Where a long text may be divided: behind the first line at or after @size that ends so. */
static size_t cut(const char *s, size_t len, size_t size)
{
	size_t i = size > 2 ? size : 2;

	while (i < len) {
		const char *end = memchr(s + i - 1, '\n', len - i);

		if (!end)
			return len;
		i = end - s + 1;
		if (is_graph(end[-1]) && is_graph(s[i]))
			return i;
		i++;
	}
	return len;
}

static int put_document(struct counting *c, const char *text, size_t len)
{
	int ret = 0;

	while (len && !ret) {
		size_t n = len;

		if (c->corpus->lines_apart && len > c->tile_bytes)
			n = cut(text, len, c->tile_bytes);
		ret = put_stretch(c, text, n);
		if (!ret && c->nr == WAVE && c->tiles[WAVE - 1].bytes >= c->tile_bytes)
			ret = end_wave(c);
		text += n;
		len -= n;
	}
	return ret;
}

static int count_source(struct counting *c, const struct source *src)
{
	struct cutter cutter = cutter_begin(src, TOKENIZER_EOT, 0);
	const char *text;
	size_t len;
	int ret = 0;

	while (!ret && cutter_next(&cutter, &text, &len)) {
		c->corpus->documents++;
		ret = put_document(c, text, len);
	}
	/* The tiles point into the file, which is about to be closed. */
	return ret ? ret : end_wave(c);
}

static int count_sources(struct counting *c)
{
	int ret = 0;

	for (int i = 0; i < c->corpus->nr_input && !ret; i++) {
		struct source src;

		ret = source_map(c->corpus->input[i], TOKENIZER_EOT, &src);
		if (ret)
			return ret;
		c->before = c->corpus->bytes;
		c->progress = progress_begin("words", src.len);
		ret = count_source(c, &src);
		progress_end(c->progress);
		if (ret)
			ret = fail_in(ret, "%s", src.path);
		source_unmap(&src);
	}
	return ret;
}

int corpus_words(struct corpus *corpus, struct word_counts *words)
{
	struct counting c = {
		.corpus = corpus,
		.all = words,
		.tile_bytes = corpus->tile_bytes ? corpus->tile_bytes : CORPUS_TILE_BYTES,
	};
	int ret = 0;

	for (int i = 0; i < WAVE && !ret; i++)
		ret = words_new("--pattern", &corpus->pattern, !!corpus->pattern,
				&c.tiles[i].words);
	if (!ret)
		ret = count_sources(&c);
	for (int i = 0; i < WAVE; i++) {
		words_free(c.tiles[i].words);
		word_counts_free(&c.tiles[i].counts);
		free(c.tiles[i].stretches);
	}
	return ret;
}
