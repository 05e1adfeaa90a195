// SPDX-License-Identifier: MIT
/*
 * knlp tokenize - text to token ids and back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bzip2.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/mapping.h"
#include "data/text-file.h"
#include "data/tokenizer.h"
#include "formats/source.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define STDIN_MAX	((size_t)1 << 34)

static struct {
	const char *tokenizer, *model, *file;
	bool pieces, count, decode, add_special, parse_special, replace_invalid, null;
} opt;

/* struct input - the text; @mapping or @read, or the arguments with spaces between. */
struct input {
	const char *text;
	size_t len;
	struct mapping mapping;
	char *read;
};

/* struct report - the tokens so far. */
struct report {
	const struct tokenizer *tok;
	size_t nr;
	struct json_out *ids, *pieces;
};

static int check_usage(int argc)
{
	if (opt.tokenizer && opt.model)
		return usage_error("tokenize: --tokenizer and --model exclude each other");
	if (!opt.tokenizer && !opt.model)
		return usage_error("tokenize: say --tokenizer or --model");
	if (argc && opt.file)
		return usage_error("tokenize: text and --file");
	if (opt.pieces + opt.count + opt.decode > 1)
		return usage_error("tokenize: only one of --pieces, --count and --decode");
	if (opt.null && (opt.decode || config_options.json))
		return usage_error("tokenize: --null goes with neither --decode nor --json");
	if (opt.decode && (opt.add_special || opt.replace_invalid))
		return usage_error("tokenize: --decode takes no options that encode");
	return 0;
}

static int take_tokenizer(struct model_source *src, struct tokenizer **tok)
{
	int ret = src->tokenizer ? 0 : fail(-ENOENT, "%s: no tokenizer is in it, nor beside it",
					    src->path);

	*tok = src->tokenizer;
	src->tokenizer = NULL;
	source_close(src);
	return ret;
}

/* Some models have it beside them, such as those of llama2.c. */
static int open_of_model(const char *path, struct tokenizer **tok)
{
	struct model_source *src;
	char *message;
	int ret = tokenizer_open(path, tok);

	if (!ret || !IS_ENABLED(CONFIG_FORMATS))
		return ret;
	message = strdup(fail_message());
	if (!message)
		return fail_nomem(0, "a message");
	ret = source_describe(path, &src) ? fail(ret, "%s", message) : take_tokenizer(src, tok);
	free(message);
	return ret;
}

static int open_tokenizer(struct tokenizer **tok)
{
	return opt.model ? open_of_model(opt.model, tok) : tokenizer_open(opt.tokenizer, tok);
}

/* ---- where text comes from -------------------------------------------------------------- */

static int input_join(struct input *src, int argc, char **argv)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	for (int i = 0; i < argc; i++) {
		strbuf_adds(&sb, i ? " " : "");
		strbuf_adds(&sb, argv[i]);
	}
	ret = strbuf_ok(&sb);
	src->len = sb.len;
	src->text = src->read = strbuf_detach(&sb);
	return ret;
}

/* A file is mapped: it may be bigger than the memory.  Nothing, or a pipe, cannot be. */
static bool input_map(struct input *src, const char *path)
{
	if (text_is_stdin(path) || mapping_open(path, 1, "a text", &src->mapping))
		return false;
	src->text = (const char *)src->mapping.bytes;
	src->len = src->mapping.size;
	if (bzip2_is(src->text, src->len))
		mapping_close(&src->mapping);
	return src->mapping.bytes;
}

static int input_open(struct input *src, int argc, char **argv)
{
	const char *path = opt.file ? opt.file : TEXT_STDIN;
	int ret;

	if (argc)
		return input_join(src, argc, argv);
	if (input_map(src, path))
		return text_refuse(path, src->text, src->len);
	ret = text_read(path, STDIN_MAX, &src->read, &src->len);
	src->text = src->read;
	return ret;
}

static void input_close(struct input *src)
{
	mapping_close(&src->mapping);
	free(src->read);
}

/* ---- from text to ids ---------------------------------------------------------------------- */

/* One line for each token, whatever is in it. */
static void print_piece(const struct tokenizer *tok, uint32_t id)
{
	const char *bytes;
	size_t len;

	if (tokenizer_decode(tok, id, &bytes, &len))
		return;
	printf("%u\t", id);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = bytes[i];

		if (c == '\n' || c == '\t' || c == '\r')
			printf("\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (c == '\\')
			fputs("\\\\", stdout);
		else if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static void print_id(uint32_t id, bool first)
{
	char digits[12], *at = digits + sizeof(digits);

	do
		*--at = '0' + id % 10;
	while (id /= 10);
	if (!first)
		*--at = ' ';
	fwrite(at, 1, digits + sizeof(digits) - at, stdout);
}

static void add_json(struct report *r, uint32_t id)
{
	const char *bytes;
	size_t len;

	json_out_int(r->ids, NULL, id);
	if (r->pieces && !tokenizer_decode(r->tok, id, &bytes, &len))
		json_out_bytes(r->pieces, NULL, bytes, len);
}

/* Ids are printed as they come, so that a long text needs no memory for all of them. */
static int take(struct token_list *list)
{
	struct report *r = list->ctx;

	for (size_t i = 0; i < list->nr; i++) {
		if (config_options.json) {
			if (r->ids)
				add_json(r, list->ids[i]);
		} else if (opt.pieces) {
			print_piece(r->tok, list->ids[i]);
		} else if (!opt.count) {
			print_id(list->ids[i], !(r->nr + i));
		}
	}
	r->nr += list->nr;
	list->nr = 0;
	return ferror(stdout) ? fail(-EIO, "standard output: cannot write") : 0;
}

static int encode(struct tokenizer *tok, const struct input *src, struct report *r)
{
	const struct encode_options options = {
		.add_special = opt.add_special, .parse_special = opt.parse_special,
		.replace_invalid = opt.replace_invalid,
	};
	struct token_list list = { .flush = take, .ctx = r };
	int ret = tokenizer_encode_with(tok, src->text, src->len, &options, &list);

	if (!ret)
		ret = take(&list);
	token_list_free(&list);
	return ret;
}

static int encode_json(struct tokenizer *tok, const struct input *src)
{
	struct json_out *o = json_out_new();
	struct report r = { .tok = tok };
	int ret;

	json_out_text(o, "tokenizer", tokenizer_name(tok));
	json_out_text(o, "hash", tokenizer_hash(tok));
	json_out_int(o, "bytes", (long long)src->len);
	if (!opt.count)
		r.ids = json_out_array(o, "ids");
	if (opt.pieces)
		r.pieces = json_out_array(o, "pieces");
	ret = encode(tok, src, &r);
	if (ret) {
		json_out_free(o);
		return ret;
	}
	json_out_int(o, "tokens", (long long)r.nr);
	return json_out_print(o);
}

static int encode_text(struct tokenizer *tok, const struct input *src)
{
	struct report r = { .tok = tok };
	int ret = encode(tok, src, &r);

	if (ret)
		return ret;
	if (opt.count)
		printf("%zu\n", r.nr);
	else if (!opt.pieces || opt.null)
		putchar('\n');
	return 0;
}

/* Many texts in one file, with a NUL behind each. */
static int encode_texts(struct tokenizer *tok, const struct input *src)
{
	struct input one = *src;
	const char *end = src->text + src->len;
	int ret = 0;

	while (!ret && one.text < end) {
		const char *nul = memchr(one.text, 0, end - one.text);

		one.len = (nul ? nul : end) - one.text;
		ret = encode_text(tok, &one);
		one.text += one.len + 1;
	}
	return ret;
}

/* ---- and back ---------------------------------------------------------------------------- */

static int decode(const struct tokenizer *tok, const struct input *src)
{
	struct token_list list = { 0 };
	struct strbuf sb;
	int ret = token_list_read("--decode", src->text, src->len, &list);

	strbuf_init(&sb);
	if (!ret)
		ret = tokenizer_text(tok, list.ids, list.nr, opt.parse_special, &sb);
	if (!ret && config_options.json) {
		struct json_out *o = json_out_new();

		json_out_text(o, "tokenizer", tokenizer_name(tok));
		json_out_int(o, "tokens", (long long)list.nr);
		json_out_bytes(o, "text", sb.s, sb.len);
		ret = json_out_print(o);
	} else if (!ret) {
		fwrite(sb.s, 1, sb.len, stdout);
	}
	strbuf_free(&sb);
	token_list_free(&list);
	return ret;
}

static int run(struct tokenizer *tok, int argc, char **argv)
{
	struct input src = { 0 };
	int ret = input_open(&src, argc, argv);

	if (ret)
		goto out;
	if (opt.decode)
		ret = decode(tok, &src);
	else if (config_options.json)
		ret = encode_json(tok, &src);
	else if (opt.null)
		ret = encode_texts(tok, &src);
	else
		ret = encode_text(tok, &src);
	if (!ret && tokenizer_lost(tok))
		log_warn("%s has no tokens for some bytes of the text: these are left out",
			 opt.model ? opt.model : opt.tokenizer);
out:
	input_close(&src);
	return ret;
}

static int tokenize_run(int argc, char **argv)
{
	struct tokenizer *tok;
	int ret = check_usage(argc);

	if (!ret)
		ret = output_from_options();
	if (!ret)
		ret = open_tokenizer(&tok);
	if (ret)
		return ret;
	ret = run(tok, argc, argv);
	tokenizer_free(tok);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('t', "tokenizer", "SPEC", &opt.tokenizer, "byte, gpt2:DIR, a tokenizer.json, "
		      "tokenizer.model, GGUF file, tokenizer.bin of llama2.c, or a folder"),
	OPTION_STRING('m', "model", "MODEL", &opt.model, "the tokenizer of this model: what `knlp "
		      "info` reads, or a file with nothing but a tokenizer"),
	OPTION_STRING('f', "file", "FILE", &opt.file, "text to read, plain or packed by bzip2; - "
		      "is standard input"),
	OPTION_BOOL(0, "pieces", &opt.pieces, "print a line for each token: id, tab, text"),
	OPTION_BOOL(0, "count", &opt.count, "print the number of tokens"),
	OPTION_BOOL('d', "decode", &opt.decode, "the text is token ids: print what they stand "
		    "for"),
	OPTION_BOOL(0, "add-special", &opt.add_special, "add BOS and EOS, if the tokenizer is one "
		    "that does"),
	OPTION_BOOL(0, "parse-special", &opt.parse_special, "special tokens are read (--decode: "
		    "printed) by their names"),
	OPTION_BOOL(0, "replace-invalid", &opt.replace_invalid, "each byte that is no UTF-8 "
		    "becomes U+FFFD"),
	OPTION_BOOL(0, "null", &opt.null, "many texts, each ends with a NUL byte: answer each on "
		    "a line of its own"),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "tokenize",
	.group = "Data",
	.summary = "text to token ids and back",
	.usage = (const char *const []){
		"--tokenizer=SPEC|--model=MODEL [--pieces|--count] [--file=FILE] [--json] "
		"[TEXT...]",
		"--tokenizer=SPEC|--model=MODEL --decode [--file=FILE] [--json] [ID...]",
		NULL
	},
	.description =
		"Prints the token ids of a text, which is TEXT, a file or standard input. Text "
		"that looks like a special token is letters, unless --parse-special is given.",
	.options = options,
	.args = "TEXT",
	.may_be_empty = true,
	.max_args = COMMAND_ANY_ARGS,
	.run = tokenize_run,
};
COMMAND_REGISTER(command);
