// SPDX-License-Identifier: MIT
/* A tokenizer into the keys of a GGUF file. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/normalizer.h"
#include "data/pre-tokenizers.h"
#include "data/token-source.h"
#include "io/gguf.h"

#define KEY(name)	"tokenizer.ggml." name

/* struct spellings - many texts in one buffer. */
struct spellings {
	struct strbuf text;
	size_t *start;
	struct gguf_string *items;
};

static int put_spellings(struct gguf_writer *w, const char *key, struct spellings *s,
			 uint32_t nr)
{
	int ret = strbuf_ok(&s->text);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < nr; i++)
		s->items[i] = (struct gguf_string){
			s->text.s + s->start[i], s->start[i + 1] - s->start[i] };
	gguf_put_strings(w, key, s->items, nr);
	return 0;
}

static int spellings_new(struct spellings *s, uint32_t nr)
{
	strbuf_init(&s->text);
	s->start = calloc((size_t)nr + 1, sizeof(*s->start));
	s->items = calloc((size_t)nr + 1, sizeof(*s->items));
	return s->start && s->items ? 0 : fail_nomem(nr * sizeof(*s->items), "a vocabulary");
}

static void spellings_free(struct spellings *s)
{
	strbuf_free(&s->text);
	free(s->start);
	free(s->items);
}

/* Rows behind the last token get names that no text has, as convert_hf_to_gguf.py does. */
static int put_tokens(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	struct spellings s;
	int ret = spellings_new(&s, rows);

	for (uint32_t id = 0; id < rows && !ret; id++) {
		if (id < tok->vocab)
			tokenizer_spelling(tok, id, &s.text);
		else
			strbuf_addf(&s.text, "[PAD%u]", id);
		s.start[id + 1] = s.text.len;
	}
	if (!ret)
		ret = put_spellings(w, KEY("tokens"), &s, rows);
	spellings_free(&s);
	return ret;
}

static int put_merges(const struct tokenizer *tok, struct gguf_writer *w)
{
	struct spellings s;
	int ret = spellings_new(&s, tok->nr_merges);

	for (uint32_t i = 0; i < tok->nr_merges && !ret; i++) {
		tokenizer_spelling(tok, tok->merges[i].left, &s.text);
		strbuf_addc(&s.text, ' ');
		tokenizer_spelling(tok, tok->merges[i].right, &s.text);
		s.start[i + 1] = s.text.len;
	}
	if (!ret)
		ret = put_spellings(w, KEY("merges"), &s, tok->nr_merges);
	spellings_free(&s);
	return ret;
}

static int put_types(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	int32_t *types = malloc((rows + (size_t)1) * sizeof(*types));

	if (!types)
		return fail_nomem(rows * sizeof(*types), "a vocabulary");
	for (uint32_t id = 0; id < rows; id++)
		types[id] = id < tok->vocab ? tok->type[id] : TOKEN_UNUSED;
	gguf_put_i32s(w, KEY("token_type"), types, rows);
	free(types);
	return 0;
}

/* llama.cpp merges by scores: those of SentencePiece, or the ranks of merges, best first. */
static int put_scores(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	float *scores = malloc((rows + (size_t)1) * sizeof(*scores));

	if (!scores)
		return fail_nomem(rows * sizeof(*scores), "scores");
	for (uint32_t id = 0; id < rows; id++)
		scores[id] = tok->scores && id < tok->vocab ? tok->scores[id] : -(float)TOKENS_MAX;
	for (uint32_t i = tok->scores ? 0 : tok->nr_merges; i-- > 0;)
		if (tok->merges[i].result < rows)
			scores[tok->merges[i].result] = -(float)i;
	gguf_put_f32s(w, KEY("scores"), scores, rows);
	free(scores);
	return 0;
}

static void put_id(struct gguf_writer *w, const char *key, uint32_t id)
{
	if (id != TOKEN_NONE)
		gguf_put_u32(w, key, id);
}

/* For missing ends llama.cpp takes tokens 11, 1 and 2, whatever those are. */
static void put_ids(const struct tokenizer *tok, struct gguf_writer *w)
{
	put_id(w, KEY("bos_token_id"), tok->bos == TOKEN_NONE ? tok->eot : tok->bos);
	put_id(w, KEY("eos_token_id"), tok->eos == TOKEN_NONE ? tok->eot : tok->eos);
	put_id(w, KEY("unknown_token_id"), tok->unk);
	put_id(w, KEY("padding_token_id"), tok->pad);
	gguf_put_bool(w, KEY("add_bos_token"), tok->add_bos);
	gguf_put_bool(w, KEY("add_eos_token"), tok->add_eos);
}

/* How SentencePiece treats spaces; what it does otherwise has no key. */
static int put_spaces(const struct tokenizer *tok, struct gguf_writer *w)
{
	const struct norm_step *map = normalizer_find(tok->normalizer, NORM_CHARSMAP);
	const struct norm_step *spaces = normalizer_find(tok->normalizer, NORM_SPACES);
	const struct norm_step *meta = normalizer_find(tok->normalizer, NORM_METASPACE);
	bool prefix = normalizer_find(tok->normalizer, NORM_PREPEND) ||
		      (spaces && spaces->prefix != SPACE_NEVER) ||
		      (meta && meta->prefix != SPACE_NEVER);
	bool squeeze = normalizer_find(tok->normalizer, NORM_SQUEEZE) ||
		       normalizer_find(tok->normalizer, NORM_BLANKS);

	if (normalizer_find(tok->normalizer, NORM_NFC))
		return fail(-ENOTSUP, "tokenizer '%s': GGUF has no key for its normalizer",
			    tok->name);
	gguf_put_bool(w, KEY("add_space_prefix"), prefix);
	if (tok->method != METHOD_UNIGRAM)
		return 0;
	gguf_put_bool(w, KEY("remove_extra_whitespaces"), squeeze || (spaces && spaces->merge));
	if (map)
		gguf_put_value(w, &(struct gguf_value){
			.key = { KEY("precompiled_charsmap"),
				 strlen(KEY("precompiled_charsmap")) },
			.type = GGUF_ARRAY, .item = GGUF_U8, .nr = map->from_len,
			.data = (const unsigned char *)map->from, .bytes = map->from_len });
	return 0;
}

static void put_name(struct gguf_writer *w, const char *key, const char *name)
{
	gguf_put_string(w, key, name, strlen(name));
}

/* Plain bytes are BPE without merges, to which no cut makes a difference. */
static int put_bpe(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	const char *pre = tok->method == METHOD_BYTE ? "gpt-2" : pre_tokenizer_of(tok);
	int ret;

	if (!pre)
		return fail(-ENOTSUP, "tokenizer '%s': llama.cpp has no name for how it cuts text "
			    "('%.80s')", tok->name, tok->nr_splits ? tok->splits[0] : "");
	put_name(w, KEY("model"), "gpt2");
	put_name(w, KEY("pre"), pre);
	ret = put_tokens(tok, rows, w);
	if (!ret)
		ret = put_types(tok, rows, w);
	return ret ? ret : put_merges(tok, w);
}

static int put_text(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	int ret;

	if (tok->method != METHOD_UNIGRAM && (!tok->byte_fallback || tok->ignore_merges))
		return fail(-ENOTSUP, "tokenizer '%s': llama.cpp has BPE over characters with "
			    "bytes only", tok->name);
	put_name(w, KEY("model"), tok->method == METHOD_UNIGRAM ? "t5" : "llama");
	put_name(w, KEY("pre"), "default");
	ret = put_tokens(tok, rows, w);
	if (!ret)
		ret = put_scores(tok, rows, w);
	if (!ret)
		ret = put_types(tok, rows, w);
	return ret ? ret : put_spaces(tok, w);
}

int tokenizer_to_gguf(const struct tokenizer *tok, uint32_t rows, struct gguf_writer *w)
{
	bool bytes = tok->method == METHOD_BYTE || tok->method == METHOD_BYTE_BPE;
	int ret = bytes ? put_bpe(tok, rows, w) : put_text(tok, rows, w);

	if (!ret)
		put_ids(tok, w);
	return ret;
}
