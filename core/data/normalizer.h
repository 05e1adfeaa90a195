/* SPDX-License-Identifier: MIT */
/*
 * What tokenizers do to text before they look for tokens: steps, each from text to text.
 * Early steps see text between special tokens, late ones text between all marks (marks.h).
 * Bytes that are no UTF-8 pass through all of them.
 */
#ifndef DATA_NORMALIZER_H
#define DATA_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "base/strbuf.h"
#include "data/tokenizer.h"

#define NORM_STEPS_MAX	8
#define SPACE_SYMBOL	"\xe2\x96\x81"	/* U+2581, SentencePiece's space */

enum norm_phase { NORM_EARLY, NORM_LATE };

/**
 * enum norm_kind - a step.
 * @NORM_NFC: Unicode's canonical composition
 * @NORM_PREPEND: @to in front of text that is not empty
 * @NORM_REPLACE: @to for each @from
 * @NORM_SQUEEZE: @to for two or more spaces in a row
 * @NORM_STRIP: no blanks at the ends (@left, @right)
 * @NORM_BLANKS: a space for each run of blanks, none at the ends
 * @NORM_CHARSMAP: SentencePiece's precompiled_charsmap, which is @from
 * @NORM_SPACES: SentencePiece's: no more than one space in a row and none at the ends
 *	(@merge), one in front (@prefix), then U+2581 for each, but none at the end, not
 *	even what was one in the text (@right)
 * @NORM_METASPACE: @to for each space, and in front (@prefix) unless it is there
 */
enum norm_kind {
	NORM_NFC, NORM_PREPEND, NORM_REPLACE, NORM_SQUEEZE, NORM_STRIP, NORM_BLANKS,
	NORM_CHARSMAP, NORM_SPACES, NORM_METASPACE
};

struct norm_step {
	enum norm_kind kind;
	enum norm_phase phase;
	const char *from, *to;		/* normalizer_add() copies them */
	size_t from_len, to_len;
	bool left, right, merge;
	enum space_prefix prefix;
};

/**
 * struct normalizer - the steps.
 * @keep: NORM_CHARSMAP leaves alone what users have added to this tokenizer; or NULL
 */
struct normalizer {
	struct norm_step steps[NORM_STEPS_MAX];
	int nr;
	const struct tokenizer *keep;
};

/**
 * normalizer_add() - append a step to *@n, which is made if it is NULL.
 * @path: for messages
 * Return: 0; -EINVAL for a charsmap that is none; -ENOTSUP for too many steps; -ENOMEM.
 */
int normalizer_add(const char *path, struct normalizer **n, const struct norm_step *step);

#ifdef CONFIG_TOKENIZER_BPE

void normalizer_free(struct normalizer *n);

/**
 * normalizer_run() - the steps of @phase on @text, to @out, which is cleared before.
 * @first: the text begins here
 */
int normalizer_run(const struct normalizer *n, enum norm_phase phase, bool first,
		   const char *text, size_t len, struct strbuf *out);

/** normalizer_has() - is there a step in @phase? */
bool normalizer_has(const struct normalizer *n, enum norm_phase phase);

/** normalizer_find() - the first step of this kind, or NULL. */
const struct norm_step *normalizer_find(const struct normalizer *n, enum norm_kind kind);

/** normalizer_hash() - add everything that decides about text. */
void normalizer_hash(const struct normalizer *n, struct hash *h);

#else

static inline void normalizer_free(struct normalizer *n) { }

static inline int normalizer_run(const struct normalizer *n, enum norm_phase phase, bool first,
				 const char *text, size_t len, struct strbuf *out)
{
	return 0;
}

static inline bool normalizer_has(const struct normalizer *n, enum norm_phase phase)
{
	return false;
}

static inline const struct norm_step *normalizer_find(const struct normalizer *n,
						      enum norm_kind kind)
{
	return NULL;
}

static inline void normalizer_hash(const struct normalizer *n, struct hash *h) { }

#endif
#endif
