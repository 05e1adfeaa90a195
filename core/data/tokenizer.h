/* SPDX-License-Identifier: MIT */
/*
 * Tokenizers: text to token ids and back.
 *
 *	byte		one token per byte, id = its value, and EOT = 256; vocabulary 257
 *	gpt2:DIR	OpenAI's encoder.json and vocab.bpe in folder DIR
 *	FILE or DIR	what other programs use: a tokenizer.json of Hugging Face (BPE or
 *			Unigram), a tokenizer.model of SentencePiece, a GGUF file, a
 *			tokenizer.bin of llama2.c, or a folder with one of the first two
 *
 * Each gives the ids that the program gives which its file belongs to: a tokenizer.json
 * those of Hugging Face's tokenizers, a GGUF file those of llama.cpp, and so on.  Where
 * such a tokenizer is lossless (byte-level BPE without a normalizer, in which every byte
 * has a token), it is so for any bytes: decoding all ids of encode(x) in order gives x.
 * SentencePiece puts a space in front of a text, which tokenizer_text() takes away again,
 * and writes spaces as U+2581, which is read back as a space.
 *
 * Text that looks like a special token ("<|endoftext|>") is encoded as the letters it
 * consists of, unless the caller asks for something else: a document cannot forge the end
 * of itself.  Tokens that users have added and that stand for text, such as a run of
 * blanks, are found in any text.
 *
 * A tokenizer is known by its contents and not by where it came from: tokenizer_hash()
 * and tokenizer_name() are the same for gpt2:DIR, for the tokenizer.json written from it
 * and for the one that Hugging Face distributes.
 *
 * A kind is one file that ends with TOKENIZER_REGISTER().  How text becomes ids:
 *
 *	tokenizer-encode.c	special and added tokens are taken out (marks.h), the rest
 *				is normalized (normalizer.h) and given to ->encode() of
 *	bpe-encode.c		byte-level BPE, words by regexes (words.h)
 *	bpe-text.c		BPE over characters, by merges or by scores
 *	unigram.c		the most probable pieces
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
#define TOKENIZER_CONFIG	"tokenizer_config.json"
#define TOKENIZER_EOT	"<|endoftext|>"
#define TOKENIZER_BYTES_MAX	((size_t)256 << 20)	/* of one of its files */

/**
 * struct token_list - a growing array of ids; start with { 0 }.
 * @flush: NULL, or takes the ids that have come and sets @nr to 0; called while a text is
 *	encoded whenever there are many, so that a long text needs no room for all
 */
struct token_list {
	uint32_t *ids;
	size_t nr;
	size_t cap;
	int (*flush)(struct token_list *list);
	void *ctx;
};

#define TOKEN_LIST_MANY	((size_t)1 << 16)

/** token_list_flush() - hand over what has come, if it is much. */
static inline int token_list_flush(struct token_list *list)
{
	return list->flush && list->nr >= TOKEN_LIST_MANY ? list->flush(list) : 0;
}

/** token_list_reserve() - room for @extra more ids. Return: 0 or -ENOMEM. */
int token_list_reserve(struct token_list *list, size_t extra);
int token_list_add(struct token_list *list, uint32_t id);
void token_list_free(struct token_list *list);

/**
 * token_list_read() - append the ids that @text spells, with blanks, commas or brackets between.
 * @where: where it comes from, for messages
 * Return: 0; -EINVAL naming what is no id; -ENOMEM.
 */
int token_list_read(const char *where, const char *text, size_t len, struct token_list *list);

struct tokenizer;
struct gguf;
struct gguf_writer;

#define TOKEN_NONE	UINT32_MAX	/* no such token */

/** enum token_type - what a token is; the numbers of GGUF. */
enum token_type {
	TOKEN_NORMAL = 1,
	TOKEN_UNKNOWN,		/* stands for what the vocabulary lacks */
	TOKEN_CONTROL,		/* BOS, EOS, ...: stands for no text */
	TOKEN_USER_DEFINED,	/* text that is never cut */
	TOKEN_UNUSED,
	TOKEN_BYTE,		/* <0x41>: a byte, where the vocabulary lacks a character */
};

/**
 * tokenizer_open() - make the tokenizer that @spec describes (see the top of this file).
 *
 * Return: 0; -errno with a message that names the file and the entry that is wrong.
 */
int tokenizer_open(const char *spec, struct tokenizer **tok);

/**
 * tokenizer_load() - the tokenizer that tokenizer_save() put into folder @dir.
 *
 * A tokenizer_config.json beside it, if there is one, tells which tokens begin and end a
 * text; it has no part in the hash.
 */
int tokenizer_load(const char *dir, struct tokenizer **tok);

/**
 * tokenizer_save() - write @dir/tokenizer.json, which Hugging Face tokenizers opens too.
 * One that was read from a tokenizer.json is written as it was, byte for byte.
 */
int tokenizer_save(const struct tokenizer *tok, const char *dir);

/** tokenizer_json() - append what tokenizer_save() writes, for containers of files. */
void tokenizer_json(const struct tokenizer *tok, struct strbuf *sb);

/**
 * tokenizer_config_json() - append the text of a tokenizer_config.json, which tells
 * transformers which tokens begin and end a text.
 * @chat_template: NULL: none
 */
void tokenizer_config_json(const struct tokenizer *tok, const char *chat_template,
			   struct strbuf *sb);

/**
 * tokenizer_from_gguf() - the tokenizer in a GGUF file, which may be closed afterwards.
 *
 * Return: 0; -ENOENT if it has none; -EINVAL with a message that names file and key.
 */
int tokenizer_from_gguf(const struct gguf *g, struct tokenizer **tok);

/**
 * tokenizer_to_gguf() - put the keys tokenizer.ggml.* that llama.cpp wants.
 * @rows: of the model's token embedding: each needs a name; special tokens beyond are left out
 *
 * Return: 0; -ENOTSUP with a message if it has no name for how @tok cuts text.
 */
int tokenizer_to_gguf(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w);

void tokenizer_free(struct tokenizer *tok);

/**
 * struct encode_options - what else may become of a text; all false: tokenizer_encode().
 * @add_special: put BOS in front and EOS behind, if the tokenizer is one that does
 * @parse_special: text that spells a special token becomes that token
 * @replace_invalid: bytes that are no UTF-8 are U+FFFD each, as they are for llama.cpp
 *	and SentencePiece; otherwise they are kept
 */
struct encode_options {
	bool add_special;
	bool parse_special;
	bool replace_invalid;
};

/**
 * tokenizer_encode() - append the ids of @len bytes of @text to @out.
 *
 * Adds no EOT and no BOS.  Not for several threads at once with one @tok: it keeps a
 * cache of words and scratch memory.  The ids do not depend on what the cache holds.
 * Return: 0; -ENOMEM; -EINVAL if a pattern from a file costs too much to match.
 */
int tokenizer_encode(struct tokenizer *tok, const char *text, size_t len,
		     struct token_list *out);
int tokenizer_encode_with(struct tokenizer *tok, const char *text, size_t len,
			  const struct encode_options *options, struct token_list *out);

/**
 * tokenizer_decode() - bytes of one token; they belong to @tok and have no NUL.
 *
 * A special token gives its name ("<|endoftext|>"): who prints text leaves out ids for
 * which tokenizer_is_special() holds.  Return: 0; -EINVAL if @id is not a token.
 */
int tokenizer_decode(const struct tokenizer *tok, uint32_t id, const char **bytes,
		     size_t *len);

/**
 * tokenizer_text() - append the text that @ids stand for.
 * @specials: special tokens as their names; otherwise they are left out
 *
 * Unlike the tokens one by one, it leaves out the space that SentencePiece puts in front.
 */
int tokenizer_text(const struct tokenizer *tok, const uint32_t *ids, size_t nr, bool specials,
		   struct strbuf *sb);

/**
 * tokenizer_lost() - have bytes of a text that was encoded become nothing?  There are
 * vocabularies without all bytes and without an unknown token.
 */
bool tokenizer_lost(const struct tokenizer *tok);

/** tokenizer_find() - id of the special or user-defined token @text, or TOKEN_NONE. */
uint32_t tokenizer_find(const struct tokenizer *tok, const char *text, size_t len);

/** tokenizer_vocab() - number of tokens; ids are below it. */
uint32_t tokenizer_vocab(const struct tokenizer *tok);
/** tokenizer_eot() - id of the token that ends a document. */
uint32_t tokenizer_eot(const struct tokenizer *tok);
/** tokenizer_bos() ... - ids of tokens, or TOKEN_NONE; what a chat ends a turn with is EOS. */
uint32_t tokenizer_bos(const struct tokenizer *tok);
uint32_t tokenizer_eos(const struct tokenizer *tok);
uint32_t tokenizer_unk(const struct tokenizer *tok);
uint32_t tokenizer_pad(const struct tokenizer *tok);
/** tokenizer_adds_bos() - does add_special put BOS in front? */
bool tokenizer_adds_bos(const struct tokenizer *tok);
bool tokenizer_adds_eos(const struct tokenizer *tok);
/** tokenizer_ends() - does a model that makes @id stop there: EOS, EOT, end of a turn? */
bool tokenizer_ends(const struct tokenizer *tok, uint32_t id);
/** tokenizer_type() - of a token below tokenizer_vocab(). */
enum token_type tokenizer_type(const struct tokenizer *tok, uint32_t id);
/** tokenizer_scores() - (vocab) of SentencePiece, or NULL. */
const float *tokenizer_scores(const struct tokenizer *tok);
/** tokenizer_merges_by_score() - is it a BPE of SentencePiece? (Unigram has scores as well.) */
bool tokenizer_merges_by_score(const struct tokenizer *tok);
/** tokenizer_is_special() - is it a mark (EOT, BOS, ...) that stands for no text? */
bool tokenizer_is_special(const struct tokenizer *tok, uint32_t id);
/** tokenizer_name() - "byte", "gpt2", or "bpe-" and the beginning of the hash. */
const char *tokenizer_name(const struct tokenizer *tok);
/** tokenizer_hash() - hash of everything that decides about ids, as hex text. */
const char *tokenizer_hash(const struct tokenizer *tok);

/**
 * tokenizer_same() - do ids of @a and @b mean the same texts, and are words cut alike?
 *
 * Files of different formats say the same tokenizer with other types, flags, and names of
 * patterns, so that hashes differ.  Here vocabularies are compared, and merges or scores where
 * both have them; tokens that no text becomes may be missing at the end of one.
 */
bool tokenizer_same(const struct tokenizer *a, const struct tokenizer *b);

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
	/** @suffix: of the names of its files (".model"), or NULL; opens those with @open. */
	const char *suffix;
	/**
	 * @config: take from the tokenizer_config.json at @path which tokens begin and end a
	 * text.  NULL: cannot.
	 */
	int (*config)(struct tokenizer *tok, const char *path);
	int (*encode)(struct tokenizer *tok, const char *text, size_t len,
		      struct token_list *out);
	/** @release: free what this kind added, and the memory of @tok itself. */
	void (*release)(struct tokenizer *tok);
};

SECTION_DECLARE(knlp_tokenizers, struct tokenizer_kind);
#define TOKENIZER_REGISTER(var)	SECTION_ENTRY(knlp_tokenizers, struct tokenizer_kind, var)

/** enum token_method - how words become ids. */
enum token_method {
	METHOD_BYTE,		/* a token per byte */
	METHOD_BYTE_BPE,	/* merges by rank over bytes */
	METHOD_TEXT_BPE,	/* merges by rank over characters, bytes where they lack a token */
	METHOD_SCORE_BPE,	/* the same by the score of the result */
	METHOD_UNIGRAM,		/* the sum of scores is the highest */
};

/** enum space_prefix - where SentencePiece puts a space in front. */
enum space_prefix {
	SPACE_NEVER,
	SPACE_FIRST,		/* of the text */
	SPACE_EACH,		/* of the text, and of text behind a special token */
};

#define TOKEN_SPLITS_MAX	8

struct marks;
struct normalizer;

/** struct tokenizer - what all kinds share; a kind puts it first in its own struct. */
struct tokenizer {
	const struct tokenizer_kind *kind;
	enum token_method method;
	uint32_t vocab;
	uint32_t eot, bos, eos, unk, pad;
	bool add_bos, add_eos;
	char *bytes;			/* all tokens, one after the other */
	uint32_t *start;		/* (vocab + 1): token id is [start[id], start[id + 1]) */
	char *spelled;			/* as the file spells them; NULL: byte-level */
	uint32_t *spelled_start;
	bool *special;			/* (vocab) */
	uint8_t *type;			/* (vocab) enum token_type */
	uint8_t *flags;			/* (vocab) MARK_LSTRIP, ...; see marks.h */
	float *scores;			/* (vocab) or NULL */
	struct token_merge *merges;	/* (nr_merges) */
	uint32_t nr_merges;
	const char *splits[TOKEN_SPLITS_MAX];	/* regexes that cut text, one after the other */
	int nr_splits;
	bool ignore_merges;		/* a word that is a token needs no merges to get there */
	bool fuse_unk;
	bool byte_fallback;
	bool lost;			/* a text had bytes for which there is no token */
	bool strip_space;		/* the decoder takes a space off the front */
	bool single;			/* scores are summed in single precision */
	bool raw_added;			/* user-defined tokens keep their U+2581 */
	struct normalizer *normalizer;	/* NULL: text is taken as it is */
	struct marks *marks;		/* special and added tokens */
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

/** tokenizer_set_tokens() - fill vocab, bytes, start, special, type and flags. 0 or -ENOMEM. */
int tokenizer_set_tokens(struct tokenizer *tok, const struct token_text *tokens, uint32_t nr);

/** tokenizer_seal() - all fields are set: compute hash and name (unless it has one). */
int tokenizer_seal(struct tokenizer *tok);

/** tokenizer_has_own() - does it have types or ids that tokenizer.json has no place for? */
bool tokenizer_has_own(const struct tokenizer *tok);

/** tokenizer_describe() - write a tokenizer.json from the tables alone. */
void tokenizer_describe(const struct tokenizer *tok, struct strbuf *sb);

/** GPT2_PATTERN - the regex of GPT-2's encoder.py, line 53. */
#define GPT2_PATTERN	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|" \
			"\\s+(?!\\S)|\\s+"

#endif
