// SPDX-License-Identifier: MIT
/*
 * tokenizer.model of SentencePiece: a protocol buffer (sentencepiece_model.proto) of pieces
 * with scores, read here as far as it is needed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/marks.h"
#include "data/normalizer.h"
#include "data/token-source.h"

enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };
enum { MODEL_PIECES = 1, MODEL_TRAINER, MODEL_NORMALIZER };
enum { PIECE_TEXT = 1, PIECE_SCORE, PIECE_TYPE };
enum {
	TRAINER_TYPE = 3, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35, TRAINER_UNK = 40, TRAINER_BOS,
	TRAINER_EOS, TRAINER_PAD,
};
enum { NORMALIZER_MAP = 2, NORMALIZER_PREFIX, NORMALIZER_MERGE, NORMALIZER_ESCAPE };
enum { TYPE_UNIGRAM = 1, TYPE_BPE };

static const struct tokenizer_kind spm;

/* struct message - what is left of one; struct field - its next field. */
struct message {
	const char *s;
	size_t len;
};

struct field {
	uint64_t nr;
	int wire;
	uint64_t value;			/* of a varint or 32 bits */
	struct message bytes;
};

/* struct spm_facts - what the specs say. */
struct spm_facts {
	uint64_t type;
	int64_t unk, bos, eos, pad;
	bool bytes, suffix, prefix, merge, escape;
	struct message map;
};

static bool read_varint(struct message *m, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64 && m->len; shift += 7) {
		unsigned char c = *m->s++;

		m->len--;
		*value |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool take(struct message *m, size_t n, struct message *out)
{
	if (n > m->len)
		return false;
	*out = (struct message){ m->s, n };
	m->s += n;
	m->len -= n;
	return true;
}

/* false at the end, or where the message is broken, in which case m->s is NULL. */
static bool next_field(struct message *m, struct field *f)
{
	uint64_t key, n = 0;
	bool ok;

	if (!m->len)
		return false;
	*f = (struct field){ 0 };
	ok = read_varint(m, &key);
	f->nr = key >> 3;
	f->wire = key & 7;
	if (ok && f->wire == WIRE_VARINT)
		ok = read_varint(m, &f->value);
	else if (ok && f->wire == WIRE_BYTES)
		ok = read_varint(m, &n) && n <= m->len && take(m, n, &f->bytes);
	else if (ok && (f->wire == WIRE_32 || f->wire == WIRE_64))
		ok = take(m, f->wire == WIRE_32 ? 4 : 8, &f->bytes);
	else
		ok = false;
	if (!ok || !f->nr)
		m->s = NULL;
	return m->s;
}

/* A whole message that is well-formed, so that later walks need not ask. */
static bool is_message(struct message m)
{
	struct field f;

	while (next_field(&m, &f))
		;
	return m.s;
}

static float field_float(const struct field *f)
{
	const unsigned char *s = (const unsigned char *)f->bytes.s;
	uint32_t bits = s[0] | s[1] << 8 | s[2] << 16 | (uint32_t)s[3] << 24;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int read_piece(struct token_source *src, uint32_t id, struct message m)
{
	struct message text = { "", 0 };
	struct token_def t = { .type = TOKEN_NORMAL };
	struct field f;
	int ret;

	if (!is_message(m))
		return fail(-EINVAL, "%s: piece %u is damaged", src->path, id);
	while (next_field(&m, &f)) {
		if (f.nr == PIECE_TEXT && f.wire == WIRE_BYTES)
			text = f.bytes;
		else if (f.nr == PIECE_SCORE && f.wire == WIRE_32)
			t.score = field_float(&f);
		else if (f.nr == PIECE_TYPE && f.wire == WIRE_VARINT)
			t.type = f.value >= TOKEN_NORMAL && f.value <= TOKEN_BYTE ? f.value : 0;
	}
	if (!t.type)
		return fail(-EINVAL, "%s: piece %u is of an unknown type", src->path, id);
	ret = token_source_put(src, id, text.s, text.len);
	if (ret)
		return ret;
	src->tokens[id].score = t.score;
	src->tokens[id].type = t.type;
	if (t.type == TOKEN_USER_DEFINED)
		src->tokens[id].flags = MARK_NORMALIZED | MARK_SPELLED;
	return 0;
}

static void read_trainer(struct spm_facts *facts, struct message m)
{
	struct field f;

	while (next_field(&m, &f)) {
		if (f.wire != WIRE_VARINT)
			continue;
		switch (f.nr) {
		case TRAINER_TYPE:
			facts->type = f.value;
			break;
		case TRAINER_SUFFIX:
			facts->suffix = f.value;
			break;
		case TRAINER_BYTES:
			facts->bytes = f.value;
			break;
		case TRAINER_UNK:
			facts->unk = (int32_t)f.value;
			break;
		case TRAINER_BOS:
			facts->bos = (int32_t)f.value;
			break;
		case TRAINER_EOS:
			facts->eos = (int32_t)f.value;
			break;
		case TRAINER_PAD:
			facts->pad = (int32_t)f.value;
			break;
		}
	}
}

static void read_normalizer(struct spm_facts *facts, struct message m)
{
	struct field f;

	while (next_field(&m, &f)) {
		if (f.nr == NORMALIZER_MAP && f.wire == WIRE_BYTES)
			facts->map = f.bytes;
		else if (f.nr == NORMALIZER_PREFIX && f.wire == WIRE_VARINT)
			facts->prefix = f.value;
		else if (f.nr == NORMALIZER_MERGE && f.wire == WIRE_VARINT)
			facts->merge = f.value;
		else if (f.nr == NORMALIZER_ESCAPE && f.wire == WIRE_VARINT)
			facts->escape = f.value;
	}
}

static int check_facts(const char *path, const struct spm_facts *facts)
{
	if (facts->type != TYPE_UNIGRAM && facts->type != TYPE_BPE)
		return fail(-ENOTSUP, "%s: a model of type %llu (BPE and unigram are supported)",
			    path, (unsigned long long)facts->type);
	if (facts->suffix)
		return fail(-ENOTSUP, "%s: treat_whitespace_as_suffix is not supported", path);
	if (!facts->escape)
		return fail(-ENOTSUP, "%s: spaces that are no U+2581 are not supported", path);
	return 0;
}

static uint32_t token_id(int64_t id)
{
	return id < 0 ? TOKEN_NONE : (uint32_t)id;
}

static int add_steps(struct token_source *src, const struct spm_facts *facts)
{
	int ret = 0;

	if (facts->map.len)
		ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_CHARSMAP, .from = facts->map.s, .from_len = facts->map.len });
	if (ret)
		return ret;
	if (facts->merge)
		return normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_SPACES, .merge = true, .right = true,
			.prefix = facts->prefix ? SPACE_FIRST : SPACE_NEVER });
	if (facts->prefix)
		ret = normalizer_add(src->path, &src->normalizer, &(struct norm_step){
			.kind = NORM_PREPEND, .to = SPACE_SYMBOL, .to_len = strlen(SPACE_SYMBOL) });
	return ret ? ret : normalizer_add(src->path, &src->normalizer, &(struct norm_step){
		.kind = NORM_REPLACE, .from = " ", .from_len = 1, .to = SPACE_SYMBOL,
		.to_len = strlen(SPACE_SYMBOL) });
}

/* What the specs say, once the pieces are there. */
static int use_facts(struct token_source *src, const struct spm_facts *facts)
{
	bool bpe = facts->type == TYPE_BPE;

	src->method = bpe ? METHOD_SCORE_BPE : METHOD_UNIGRAM;
	src->single = !bpe;
	src->byte_fallback = facts->bytes;
	src->fuse_unk = true;
	src->strip_space = facts->prefix;
	src->unk = token_id(facts->unk);
	src->bos = token_id(facts->bos);
	src->eos = token_id(facts->eos);
	src->pad = token_id(facts->pad);
	src->add_bos = bpe;
	src->add_eos = !bpe;
	return add_steps(src, facts);
}

static int read_pieces(struct token_source *src, struct message m)
{
	uint32_t id = 0;
	struct field f;
	int ret = 0;

	while (!ret && next_field(&m, &f))
		if (f.nr == MODEL_PIECES && f.wire == WIRE_BYTES)
			ret = read_piece(src, id++, f.bytes);
	return ret;
}

static int read_model(struct token_source *src, struct message m, struct tokenizer **tok)
{
	struct spm_facts facts = {
		.type = TYPE_UNIGRAM, .bos = 1, .eos = 2, .pad = -1, .prefix = true, .merge = true,
		.escape = true,
	};
	struct message rest = m;
	size_t nr = 0;
	struct field f;
	int ret;

	while (next_field(&rest, &f)) {
		nr += f.nr == MODEL_PIECES && f.wire == WIRE_BYTES;
		if (f.wire != WIRE_BYTES || (f.nr != MODEL_TRAINER && f.nr != MODEL_NORMALIZER))
			continue;
		if (!is_message(f.bytes))
			return fail(-EINVAL, "%s: damaged: its specs are no messages", src->path);
		if (f.nr == MODEL_TRAINER)
			read_trainer(&facts, f.bytes);
		else
			read_normalizer(&facts, f.bytes);
	}
	ret = check_facts(src->path, &facts);
	if (!ret)
		ret = token_source_alloc(src, nr, 0);
	if (!ret)
		ret = read_pieces(src, m);
	if (!ret)
		ret = use_facts(src, &facts);
	return ret ? ret : token_source_make(&spm, src, tok);
}

static int spm_parse(const char *path, const char *text, size_t len, struct tokenizer **tok)
{
	struct token_source src = { .path = path, .merges_path = path };
	struct message m = { text, len };
	int ret;

	if (!len || *text != (MODEL_PIECES << 3 | WIRE_BYTES))
		return 1;
	if (!is_message(m))
		return fail(-EINVAL, "%s: damaged, or no model of SentencePiece", path);
	ret = read_model(&src, m, tok);
	token_source_free(&src);
	return ret;
}

static int spm_open(const char *arg, struct tokenizer **tok)
{
	size_t len;
	char *text;
	int ret;

	if (!arg || !*arg)
		return fail(-EINVAL, "tokenizer 'spm': name the tokenizer.model");
	ret = file_read_all(arg, TOKENIZER_BYTES_MAX, &text, &len);
	if (ret)
		return ret;
	ret = spm_parse(arg, text, len, tok);
	free(text);
	return ret > 0 ? fail(-EINVAL, "%s: damaged, or no model of SentencePiece", arg) : ret;
}

static const struct tokenizer_kind spm = {
	.name = "spm",
	.help = "FILE: a tokenizer.model of SentencePiece, of type BPE or unigram",
	.open = spm_open,
	.parse = spm_parse,
	.rank = 20,
	.suffix = ".model",
	.encode = tokenizer_run,
	.release = tokenizer_release,
};
TOKENIZER_REGISTER(spm);
