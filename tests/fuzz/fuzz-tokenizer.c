// SPDX-License-Identifier: MIT
/* Tokenizers: tokenizer.json, tokenizer.model, tokenizer.bin and GGUF, and text through them. */
#include <stdlib.h>

#include "base/strbuf.h"
#include "data/tokenizer.h"
#include "tests/fuzz/fuzz.h"

/* Some of everything that the steps in front of the tokens look for. */
static const char text[] =
	"The \xe2\x96\x81 wire's 12 345\n\n  <s>a</s><unk> e\xcc\x81\xe1\x84\x80\xe1\x85\xa1"
	"\xe1\x86\xa8\xf0\x9f\xa6\x99\xff\xe2\x82 <|endoftext|>\t\xc2\xa0\xef\xac\x81 qq"
	"\xcc\xa3\xcc\x87 <0x0A> x";

static void use(struct tokenizer *tok)
{
	static const struct encode_options options[] = {
		{ 0 }, { .add_special = true, .parse_special = true }, { .replace_invalid = true },
	};
	struct strbuf sb;

	strbuf_init(&sb);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct token_list list = { 0 };

		if (!tokenizer_encode_with(tok, text, sizeof(text) - 1, &options[i], &list) &&
		    !tokenizer_text(tok, list.ids, list.nr, i, &sb))
			fuzz_look(sb.s, sb.len);
		token_list_free(&list);
		strbuf_clear(&sb);
	}
	tokenizer_describe(tok, &sb);
	fuzz_look(sb.s, sb.len);
	strbuf_free(&sb);
}

static void one(const char *kind, const char *name, const uint8_t *data, size_t len)
{
	char *spec = str_printf("%s%s", kind, fuzz_file(name, data, len));
	struct tokenizer *tok;

	if (!tokenizer_open(spec, &tok)) {
		use(tok);
		tokenizer_free(tok);
	}
	free(spec);
}

static void one_json(const uint8_t *data, size_t len)
{
	one("json:", "tokenizer.json", data, len);
}
FUZZ_REGISTER(tokenizer_json, one_json);

static void one_spm(const uint8_t *data, size_t len)
{
	one("spm:", "tokenizer.model", data, len);
}
FUZZ_REGISTER(tokenizer_spm, one_spm);

static void one_llama2c(const uint8_t *data, size_t len)
{
	one("llama2c:", "tokenizer.bin", data, len);
}
FUZZ_REGISTER(tokenizer_llama2c, one_llama2c);

static void one_gguf(const uint8_t *data, size_t len)
{
	one("gguf:", "x.gguf", data, len);
}
FUZZ_REGISTER(tokenizer_gguf, one_gguf);
