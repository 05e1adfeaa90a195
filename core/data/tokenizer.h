/* SPDX-License-Identifier: MIT */
/*
 * Tokenizers: text to token ids and back.
 *
 *	byte		one token per byte, id = its value, and EOT = 256; vocabulary 257
 *	gpt2:DIR	OpenAI's encoder.json and vocab.bpe in folder DIR
 *	FILE or DIR	a tokenizer.json of Hugging Face, of type BPE with ByteLevel
 *
 * Every kind is lossless: decoding all ids of encode(x) in order gives x back, for any
 * bytes x.  Text that looks like a special token ("<|endoftext|>") is encoded as the
 * letters it consists of: a document cannot forge the end of itself.
 *
 * A tokenizer is known by its contents and not by where it came from: tokenizer_hash()
 * and tokenizer_name() are the same for gpt2:DIR, for the tokenizer.json written from it
 * and for the one that Hugging Face distributes.
 *
 * A kind is one file that ends with TOKENIZER_REGISTER().
 */
#ifndef DATA_TOKENIZER_H
#define DATA_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/section.h"
#include "base/strbuf.h"

#define TOKENIZER_FILE	"tokenizer.json"
#define TOKENIZER_EOT	"<|endoftext|>"
#define TOKENIZER_BYTES_MAX	((size_t)256 << 20)	/* of one of its files */

/** struct token_list - a growing array of ids; start with { 0 }. */
struct token_list {
	uint32_t *ids;
	size_t nr;
	size_t cap;
};

/** token_list_reserve() - room for @extra more ids. Return: 0 or -ENOMEM. */
int token_list_reserve(struct token_list *list, size_t extra);
int token_list_add(struct token_list *list, uint32_t id);
void token_list_free(struct token_list *list);

struct tokenizer;

/**
 * tokenizer_open() - make the tokenizer that @spec describes (see the top of this file).
 *
 * Return: 0; -errno with a message that names the file and the entry that is wrong.
 */
int tokenizer_open(const char *spec, struct tokenizer **tok);

/** tokenizer_load() - the tokenizer that tokenizer_save() put into folder @dir. */
int tokenizer_load(const char *dir, struct tokenizer **tok);

/**
 * tokenizer_save() - write @dir/tokenizer.json, which Hugging Face tokenizers opens too.
 * One that was read from a tokenizer.json is written as it was, byte for byte.
 */
int tokenizer_save(const struct tokenizer *tok, const char *dir);

/** tokenizer_json() - append what tokenizer_save() writes, for containers of files. */
void tokenizer_json(const struct tokenizer *tok, struct strbuf *sb);

void tokenizer_free(struct tokenizer *tok);

/**
 * tokenizer_encode() - append the ids of @len bytes of @text to @out.
 *
 * Adds no EOT and no BOS.  Not for several threads at once with one @tok: it keeps a
 * cache of words and scratch memory.  The ids do not depend on what the cache holds.
 * Return: 0; -ENOMEM; -EINVAL if a pattern from a file costs too much to match.
 */
int tokenizer_encode(struct tokenizer *tok, const char *text, size_t len,
		     struct token_list *out);

/**
 * tokenizer_decode() - bytes of one token; they belong to @tok and have no NUL.
 *
 * A special token gives its name ("<|endoftext|>"): who prints text leaves out ids for
 * which tokenizer_is_special() holds.  Return: 0; -EINVAL if @id is not a token.
 */
int tokenizer_decode(const struct tokenizer *tok, uint32_t id, const char **bytes,
		     size_t *len);

/** tokenizer_vocab() - number of tokens; ids are below it. */
uint32_t tokenizer_vocab(const struct tokenizer *tok);
/** tokenizer_eot() - id of the token that ends a document. */
uint32_t tokenizer_eot(const struct tokenizer *tok);
/** tokenizer_is_special() - is it a mark (EOT, BOS, ...) that stands for no text? */
bool tokenizer_is_special(const struct tokenizer *tok, uint32_t id);
/** tokenizer_name() - "byte", "gpt2", or "bpe-" and the beginning of the hash. */
const char *tokenizer_name(const struct tokenizer *tok);
/** tokenizer_hash() - hash of everything that decides about ids, as hex text. */
const char *tokenizer_hash(const struct tokenizer *tok);

/** struct token_merge - one BPE merge; its place in the list is its rank. */
struct token_merge {
	uint32_t left, right;	/* these two, next to each other, ... */
	uint32_t result;	/* ... become this one */
};

/** tokenizer_merges() - the merges by rank (NULL for byte); for writing other formats. */
const struct token_merge *tokenizer_merges(const struct tokenizer *tok, uint32_t *nr);

/**
 * tokenizer_spelling() - append token @id as tokenizer.json and GGUF spell it: special
 * tokens as they are, others with each byte as a printable character ("Ġthe").
 */
void tokenizer_spelling(const struct tokenizer *tok, uint32_t id, struct strbuf *sb);

/* ---- for the kinds ------------------------------------------------------------ */

/** struct tokenizer_kind - one way to make a tokenizer. */
struct tokenizer_kind {
	const char *name;
	const char *help;	/* one line: the spec and what it means */
	/** @open: make it from what follows "name:" in the spec; @arg NULL if nothing does. */
	int (*open)(const char *arg, struct tokenizer **tok);
	/**
	 * @parse: make it from the text of a tokenizer.json.  Return: 0; 1 if it is not of
	 * this kind; -errno.  NULL: cannot.  @rank orders the attempts, low first.
	 */
	int (*parse)(const char *path, const char *text, size_t len, struct tokenizer **tok);
	int rank;
	int (*encode)(struct tokenizer *tok, const char *text, size_t len,
		      struct token_list *out);
	/** @release: free what this kind added, and the memory of @tok itself. */
	void (*release)(struct tokenizer *tok);
};

SECTION_DECLARE(knlp_tokenizers, struct tokenizer_kind);
#define TOKENIZER_REGISTER(var)	SECTION_ENTRY(knlp_tokenizers, struct tokenizer_kind, var)

/** struct tokenizer - what all kinds share; a kind puts it first in its own struct. */
struct tokenizer {
	const struct tokenizer_kind *kind;
	uint32_t vocab;
	uint32_t eot;
	char *bytes;			/* all tokens, one after the other */
	uint32_t *start;		/* (vocab + 1): token id is [start[id], start[id + 1]) */
	bool *special;			/* (vocab) */
	struct token_merge *merges;	/* (nr_merges) */
	uint32_t nr_merges;
	const char *pattern;		/* regex that cuts text into words; NULL: no cut */
	bool ignore_merges;		/* a word that is a token needs no merges to get there */
	char *json;			/* the tokenizer.json it came from, or NULL */
	size_t json_len;
	char name[24];
	char hash[HASH_HEX];
};

/** struct token_text - a token as a kind hands it to tokenizer_set_tokens(). */
struct token_text {
	const char *bytes;
	uint32_t len;
	bool special;
};

/** tokenizer_set_tokens() - fill vocab, bytes, start and special. 0 or -ENOMEM. */
int tokenizer_set_tokens(struct tokenizer *tok, const struct token_text *tokens, uint32_t nr);

/** tokenizer_seal() - all fields are set: compute hash and name (unless it has one). */
int tokenizer_seal(struct tokenizer *tok);

/** tokenizer_describe() - write a tokenizer.json from the tables alone. */
void tokenizer_describe(const struct tokenizer *tok, struct strbuf *sb);

/** GPT2_PATTERN - the regex of GPT-2's encoder.py, line 53. */
#define GPT2_PATTERN	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|" \
			"\\s+(?!\\S)|\\s+"

#endif
