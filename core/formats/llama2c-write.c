// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "data/tokenizer.h"
#include "formats/llama2c.h"

/* ---- what llama2.c lacks -------------------------------------------------------------- */

static const char *lacks(const struct model_spec *s)
{
	const struct layer_spec *l = &s->layer[0];

	if (s->bias)
		return "biases";
	if (l->activation != ACT_SWIGLU)
		return "another activation than SwiGLU";
	if (l->heads * l->head_dim != s->width)
		return "heads that do not make up its width";
	if (s->rope_base != LLAMA2C_BASE)
		return "another rotary base than 10000";
	if (s->rope_scaling.kind != ROPE_PLAIN)
		return "stretched rotary positions";
	if (s->norm_eps != LLAMA2C_EPS)
		return "another epsilon than 1e-5 in its norms";
	return spec_window(s) && spec_window(s) < s->context ? "windows" : NULL;
}

/* run.c knows these by their ids, and a byte by its place among the first tokens. */
static const char *tokenizer_lacks(const struct tokenizer *tok)
{
	if (!tokenizer_merges_by_score(tok))
		return "no scores by which pairs merge";
	if (tokenizer_unk(tok) != 0 || tokenizer_bos(tok) != 1 || tokenizer_eos(tok) != 2)
		return "other special tokens than <unk> 0, <s> 1, </s> 2";
	for (uint32_t byte = 0; byte < 256; byte++)
		if (3 + byte >= tokenizer_vocab(tok) ||
		    tokenizer_type(tok, 3 + byte) != TOKEN_BYTE)
			return "no bytes in its tokens 3 to 258";
	return NULL;
}

static int check(const struct model_source *src, const char *path, const struct write_options *o)
{
	int kind = spec_kind(path, &src->spec);
	const char *what;

	if (kind < 0)
		return kind;
	if (o->dtype != DT_COUNT && o->dtype != DT_F32)
		return fail(-ENOTSUP, "%s: files of llama2.c hold f32, not %s", path,
			    dtype_info(o->dtype)->name);
	if (kind != KIND_LLAMA && kind != KIND_MISTRAL)
		return fail(-ENOTSUP, "%s: llama2.c has Llama only, this is %s", path, src->arch);
	what = lacks(&src->spec);
	if (what)
		return fail(-ENOTSUP, "%s: the model has %s, which llama2.c cannot have", path,
			    what);
	what = src->tokenizer ? tokenizer_lacks(src->tokenizer) : NULL;
	if (what)
		return fail(-ENOTSUP, "%s: the tokenizer has %s, which llama2.c cannot read",
			    path, what);
	return 0;
}

/* ---- the tokenizer -------------------------------------------------------------------- */

static void add_number(struct strbuf *sb, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		strbuf_addc(sb, (char)(n >> 8 * i));
}

/* A token as llama2.c's tokenizer.py writes it: with a space for U+2581, special ones on a line. */
static void add_text(const struct tokenizer *tok, uint32_t id, struct strbuf *sb)
{
	bool mark = id == tokenizer_bos(tok) || id == tokenizer_eos(tok);
	struct strbuf spelled;

	strbuf_init(&spelled);
	tokenizer_spelling(tok, id, &spelled);
	strbuf_adds(sb, mark ? "\n" : "");
	for (size_t i = 0; i < spelled.len; i++)
		if (!strncmp(spelled.s + i, "\xe2\x96\x81", 3)) {
			strbuf_addc(sb, ' ');
			i += 2;
		} else {
			strbuf_addc(sb, spelled.s[i]);
		}
	strbuf_adds(sb, mark ? "\n" : "");
	strbuf_free(&spelled);
}

/* Special tokens that the model has no row for are left out. */
static void add_tokens(const struct tokenizer *tok, uint32_t rows, struct strbuf *sb)
{
	const float *scores = tokenizer_scores(tok);
	uint32_t longest = 0, bits;
	struct strbuf text;

	add_number(sb, 0);
	strbuf_init(&text);
	for (uint32_t id = 0; id < tokenizer_vocab(tok) && id < rows; id++) {
		strbuf_clear(&text);
		add_text(tok, id, &text);
		memcpy(&bits, &scores[id], sizeof(bits));
		add_number(sb, bits);
		add_number(sb, (uint32_t)text.len);
		strbuf_add(sb, text.s, text.len);
		longest = text.len > longest ? (uint32_t)text.len : longest;
	}
	strbuf_free(&text);
	if (!sb->failed)
		for (int i = 0; i < 4; i++)
			sb->s[i] = (char)(longest >> 8 * i);
}

static bool holds(const char *path, const struct strbuf *text)
{
	char *bytes = NULL;
	size_t len;
	bool same = !file_read_all(path, text->len, &bytes, &len) && len == text->len &&
		    !memcmp(bytes, text->s, len);

	free(bytes);
	return same;
}

/*
 * Beside the model, where llama2.c looks for it, and where that of another model may be.
 * Return: 1: written, 0: there already, -errno
 */
static int write_tokenizer(const struct tokenizer *tok, uint32_t rows, const char *path)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	add_tokens(tok, rows, &sb);
	ret = strbuf_ok(&sb);
	if (!ret && file_exists(path)) {
		if (!holds(path, &sb))
			ret = fail(-EEXIST, "%s: exists already, and holds another tokenizer",
				   path);
	} else if (!ret) {
		ret = file_write_atomic(path, sb.s, sb.len);
		ret = ret ? ret : 1;
	}
	strbuf_free(&sb);
	return ret;
}

/* ---- the model ------------------------------------------------------------------------ */

static void fill_header(const struct model_spec *s, int version, unsigned char *to)
{
	const struct layer_spec *l = &s->layer[0];
	int32_t n[7] = { s->width, l->mlp_width, s->layers, l->heads, l->kv_heads, s->vocab,
			 s->context };
	uint32_t mark[2] = { LLAMA2C_MAGIC, 1 };

	if (version) {
		memcpy(to, mark, sizeof(mark));
		to += sizeof(mark);
		to[sizeof(n)] = s->tied;
	} else if (!s->tied) {
		n[5] = -n[5];
	}
	memcpy(to, n, sizeof(n));
}

/* What export.py writes there: cosines of all positions, then sines. */
static int write_tables(const struct model_spec *s, FILE *f)
{
	int half = s->layer[0].head_dim / 2;

	for (int k = 0; k < 2; k++)
		for (int p = 0; p < s->context; p++)
			for (int i = 0; i < half; i++) {
				double angle = p * pow(LLAMA2C_BASE, -(double)i / half);
				float x = (float)(k ? sin(angle) : cos(angle));

				if (fwrite(&x, sizeof(x), 1, f) != 1)
					return fail_errno("write");
			}
	return 0;
}

static struct turned *find(struct outgoing *out, enum llama2c_tensor t, int layer)
{
	enum llama2c_tensor found;
	int of;

	for (int i = 0; i < out->nr; i++)
		if (!llama2c_locate(out->turned[i].from->name, &found, &of) && found == t &&
		    of == layer)
			return &out->turned[i];
	return NULL;
}

static int write_entry(const struct model_spec *s, struct outgoing *out, enum llama2c_tensor t,
		       FILE *f)
{
	int layers = llama2c_entries[t].layered ? s->layers : 1, ret = 0;

	if (t == L2C_TABLES)
		return write_tables(s, f);
	if (!llama2c_floats(s, t))
		return 0;
	for (int i = 0; i < layers && !ret; i++)
		ret = turned_write(find(out, t, i), f);
	return ret;
}

struct job {
	const struct model_spec *spec;
	struct outgoing *out;
	int version;
};

static int write_model(void *ctx, FILE *f)
{
	const struct job *job = ctx;
	unsigned char header[HEADER_V1] = { 0 };
	size_t len = job->version ? HEADER_V1 : HEADER_V0;
	int ret = 0;

	fill_header(job->spec, job->version, header);
	if (fwrite(header, 1, len, f) != len)
		return fail_errno("write");
	for (int i = 0; i < LLAMA2C_ENTRIES && !ret; i++) {
		enum llama2c_tensor t = llama2c_order[job->version][i];

		if (t == LLAMA2C_ENTRIES)
			break;
		ret = write_entry(job->spec, job->out, t, f);
	}
	return ret;
}

static enum dtype type_of(const struct model_source *src, const struct source_tensor *t, float add,
			  const struct write_options *o)
{
	return DT_F32;
}

static int write_both(const struct model_source *src, struct outgoing *out, const char *path,
		      int version)
{
	struct job job = { &src->spec, out, version };
	char *dir = path_dir(path), *beside = dir ? path_join(dir, LLAMA2C_TOKENIZER) : NULL;
	int made = 0, ret = beside ? 0 : fail_nomem(strlen(path), "a path");

	if (!ret && src->tokenizer)
		ret = made = write_tokenizer(src->tokenizer, (uint32_t)src->spec.vocab, beside);
	if (ret < 0)
		goto out_beside;
	outgoing_begin(out);
	ret = file_write_stream(path, write_model, &job);
	outgoing_end(out);
	if (!ret)
		ret = source_written(path);
	if (ret && made)
		remove(beside);
out_beside:
	free(beside);
	free(dir);
	return ret;
}

int llama2c_write(const struct model_source *src, const char *path,
		  const struct write_options *o)
{
	struct outgoing_rules rules = { .position = POS_ROPE_ADJACENT, .type = type_of };
	struct outgoing out;
	int ret = check(src, path, o);

	if (!ret)
		ret = outgoing_make(src, &rules, o, &out);
	if (ret)
		return ret;
	ret = write_both(src, &out, path, o->llama2c_version);
	outgoing_free(&out);
	return ret;
}
