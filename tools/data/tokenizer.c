// SPDX-License-Identifier: MIT
/*
 * knlp data tokenizer - train a tokenizer on text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "data/bpe-train.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define SUFFIX ".json"

static struct {
	struct option_list input, special;
	const char *out, *pattern;
	int vocab, min_count;
	bool force;
} opt = { .pattern = "gpt2", .min_count = 2 };

static int check_usage(int argc)
{
	if (!opt.input.nr && !argc)
		return usage_error("data tokenizer: --input is missing");
	if (!opt.vocab)
		return usage_error("data tokenizer: --vocab is missing");
	if (!opt.out)
		return usage_error("data tokenizer: --out is missing");
	return 0;
}

/* FILE.json, or tokenizer.json in a folder: a path to free, NULL with a message. */
static char *out_path(bool *is_dir)
{
	size_t len = strlen(opt.out), suffix = strlen(SUFFIX);
	char *path;

	*is_dir = len <= suffix || strcmp(opt.out + len - suffix, SUFFIX);
	path = *is_dir ? path_join(opt.out, TOKENIZER_FILE) : strdup(opt.out);
	if (!path)
		fail_nomem(len, "a path");
	return path;
}

static int report_json(const struct tokenizer *tok, const struct bpe_trained *info,
		       const char *path)
{
	struct json_out *o = json_out_new();
	uint32_t merges;

	tokenizer_merges(tok, &merges);
	json_out_text(o, "file", path);
	json_out_text(o, "name", tokenizer_name(tok));
	json_out_text(o, "hash", tokenizer_hash(tok));
	json_out_int(o, "vocab", tokenizer_vocab(tok));
	json_out_int(o, "merges", merges);
	json_out_int(o, "documents", (long long)info->documents);
	json_out_int(o, "bytes", (long long)info->bytes);
	json_out_int(o, "words", (long long)info->words);
	json_out_int(o, "different_words", info->different_words);
	return json_out_print(o);
}

static void report_text(const struct tokenizer *tok, const struct bpe_trained *info,
			const char *path)
{
	char bytes[FORMAT_MAX], words[FORMAT_MAX], different[FORMAT_MAX];
	uint32_t merges;

	tokenizer_merges(tok, &merges);
	printf("text: %s in %llu document%s, %s words, %s different ones\n",
	       format_bytes(bytes, info->bytes), (unsigned long long)info->documents,
	       info->documents == 1 ? "" : "s", format_count(words, (double)info->words),
	       format_count(different, info->different_words));
	printf("tokenizer %s: vocabulary %u, %u merge%s; %s\n", tokenizer_name(tok),
	       tokenizer_vocab(tok), merges, merges == 1 ? "" : "s", path);
}

static int write_out(const struct tokenizer *tok, const char *path, bool is_dir)
{
	struct strbuf sb;
	int ret = is_dir ? dir_make(opt.out) : 0;

	if (ret)
		return ret;
	strbuf_init(&sb);
	tokenizer_json(tok, &sb);
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = file_write_atomic(path, sb.s, sb.len);
	strbuf_free(&sb);
	return ret;
}

static int train(const char *const *input, int nr_input, const char *path, bool is_dir)
{
	struct bpe_training training = {
		.input = input, .nr_input = nr_input,
		.special = opt.special.item, .nr_special = opt.special.nr,
		.pattern = opt.pattern, .vocab = opt.vocab, .min_count = opt.min_count,
	};
	struct bpe_trained info;
	struct tokenizer *tok;
	int ret = bpe_train(&training, &info, &tok);

	if (ret)
		return ret;
	if (tokenizer_vocab(tok) < training.vocab)
		log_warn("a vocabulary of %u and not of %d: no pair is left that occurs %d times "
			 "(more text, or --min-count)", tokenizer_vocab(tok), opt.vocab,
			 opt.min_count);
	ret = write_out(tok, path, is_dir);
	if (!ret && config_options.json)
		ret = report_json(tok, &info, path);
	else if (!ret)
		report_text(tok, &info, path);
	tokenizer_free(tok);
	return ret;
}

static int train_to(const char *path, bool is_dir, int argc, char **argv)
{
	const char **input;
	int ret;

	if (file_exists(path) && !opt.force)
		return fail(-EEXIST, "%s: exists already (--force replaces it)", path);
	input = calloc(opt.input.nr + argc, sizeof(*input));
	if (!input)
		return fail_nomem(argc * sizeof(*input), "options");
	for (int i = 0; i < opt.input.nr; i++)
		input[i] = opt.input.item[i];
	for (int i = 0; i < argc; i++)
		input[opt.input.nr + i] = argv[i];
	ret = train(input, opt.input.nr + argc, path, is_dir);
	free(input);
	return ret;
}

static int tokenizer_run(int argc, char **argv)
{
	struct config *cfg = NULL;
	bool is_dir;
	char *path;
	int ret = check_usage(argc);

	if (!ret)
		ret = config_from_options(&cfg);
	if (ret)
		return ret;
	path = out_path(&is_dir);
	ret = path ? train_to(path, is_dir, argc, argv) : -ENOMEM;
	free(path);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_LIST('i', "input", "FILE", &opt.input, "text to train on; - is standard input; may "
		    "be repeated"),
	OPTION_COUNT('n', "vocab", "N", &opt.vocab, 1, 4194304, "tokens wanted: 256 bytes, special "
		     "tokens and merges"),
	OPTION_STRING('o', "out", "FILE|DIR", &opt.out, "a name that ends in .json, or a folder "
		      "for tokenizer.json"),
	OPTION_WORD(0, "pattern", "NAME", &opt.pattern, bpe_pattern_names, "how text is cut into "
		    "words: gpt2, llama3 or regex:TEXT (default gpt2)"),
	OPTION_LIST(0, "special", "TEXT", &opt.special, "a special token besides <|endoftext|>; "
		    "may be repeated"),
	OPTION_COUNT(0, "min-count", "N", &opt.min_count, 1, 2147483647, "do not merge pairs that "
		     "occur less often (default 2)"),
	OPTION_BOOL(0, "force", &opt.force, "replace the file if it is there"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "data tokenizer",
	.group = "Data",
	.summary = "train a tokenizer on text",
	.usage = (const char *const []){
		"--input=FILE... --vocab=N --out=FILE|DIR [--pattern=NAME] [--special=TEXT...] "
		"[--json]",
		NULL
	},
	.description =
		"Byte-level byte-pair encoding: text is cut into words, and the most frequent pair "
		"of neighbouring tokens becomes a token, until there are N. Writes a "
		"tokenizer.json that Hugging Face tokenizers reads, and `knlp data prepare "
		"--tokenizer`. The result follows from the text and the options alone.",
	.options = options,
	.params = "RUN_",
	.max_args = COMMAND_ANY_ARGS,
	.run = tokenizer_run,
};
COMMAND_REGISTER(command);
