// SPDX-License-Identifier: MIT
/* The byte tokenizer: a token is a byte, and one more ends a document. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/marks.h"
#include "data/tokenizer.h"

enum { BYTE_EOT = 256, BYTE_VOCAB };

static const struct tokenizer_kind byte;

static int byte_open(const char *arg, struct tokenizer **out)
{
	struct token_text tokens[BYTE_VOCAB];
	struct tokenizer *tok;
	char values[256];
	int ret;

	if (arg)
		return fail(-EINVAL, "tokenizer 'byte:%s': byte takes no argument", arg);
	tok = calloc(1, sizeof(*tok));
	if (!tok)
		return fail_nomem(sizeof(*tok), "a tokenizer");
	tok->kind = &byte;
	tok->method = METHOD_BYTE;
	tok->eot = tok->eos = BYTE_EOT;
	tok->bos = tok->unk = tok->pad = TOKEN_NONE;
	strcpy(tok->name, "byte");
	for (int i = 0; i < 256; i++) {
		values[i] = i;
		tokens[i] = (struct token_text){ .bytes = values + i, .len = 1 };
	}
	tokens[BYTE_EOT] = (struct token_text){
		.bytes = TOKENIZER_EOT, .len = strlen(TOKENIZER_EOT), .special = true,
	};
	ret = tokenizer_set_tokens(tok, tokens, BYTE_VOCAB);
	if (!ret)
		ret = marks_new(tok);
	if (!ret)
		ret = tokenizer_seal(tok);
	if (ret) {
		tokenizer_free(tok);
		return ret;
	}
	*out = tok;
	return 0;
}

/* Compared with what we write: a build without a JSON parser knows its own file again. */
static int byte_parse(const char *path, const char *text, size_t len, struct tokenizer **out)
{
	struct tokenizer *tok;
	struct strbuf sb;
	int ret;

	ret = byte_open(NULL, &tok);
	if (ret)
		return ret;
	strbuf_init(&sb);
	tokenizer_describe(tok, &sb);
	ret = strbuf_ok(&sb);
	if (!ret && (sb.len != len || memcmp(sb.s, text, len)))
		ret = 1;
	strbuf_free(&sb);
	if (ret)
		tokenizer_free(tok);
	else
		*out = tok;
	return ret;
}

static int byte_encode(struct tokenizer *tok, const char *text, size_t len,
		       struct token_list *out)
{
	int ret = token_list_reserve(out, len);

	if (ret)
		return ret;
	for (size_t i = 0; i < len; i++)
		out->ids[out->nr++] = (unsigned char)text[i];
	return 0;
}

static void byte_release(struct tokenizer *tok)
{
	free(tok);
}

static const struct tokenizer_kind byte = {
	.name = "byte",
	.help = "byte: the 256 byte values and an end-of-text mark",
	.open = byte_open,
	.parse = byte_parse,
	.rank = 0,
	.encode = byte_encode,
	.release = byte_release,
};
TOKENIZER_REGISTER(byte);
