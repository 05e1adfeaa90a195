// SPDX-License-Identifier: MIT
/*
 * knlp data prepare - text files to token shards.
 */
#include "data/prepare.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "data/dataset.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/data/report.h"
#include "tools/json-out.h"

#define VAL_TOKENS_FEW 10000

static struct {
	struct option_list input, val;
	const char *tokenizer, *out, *separator;
	double val_fraction;
	int shard_tokens, seed, piece_bytes;
	bool force;
} opt = { .val_fraction = -1, .shard_tokens = PREPARE_SHARD_TOKENS, .seed = 1 };

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number)
{
	stopped = signal_number;
}

/* What was written so far is removed; a second signal ends the program at once. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)	/* nohup stays nohup */
			sigaction(signals[i], &stop, NULL);
	}
	/* A file size limit is then an error of write(), and is cleaned up after. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

/* "\n", "\t" and "\\" in a separator are what they are in C. */
static char *unescape(const char *s)
{
	char *text = malloc(strlen(s) + 1), *out = text;

	if (!text)
		return NULL;
	for (; *s; s++) {
		if (*s == '\\' && (s[1] == 'n' || s[1] == 't' || s[1] == '\\')) {
			s++;
			*out++ = *s == 'n' ? '\n' : *s == 't' ? '\t' : '\\';
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return text;
}

static bool given_fraction(void)
{
	return opt.val_fraction >= 0;
}

static int check_usage(int argc)
{
	if (!opt.input.nr && !argc)
		return usage_error("data prepare: --input is missing");
	if (!opt.tokenizer)
		return usage_error("data prepare: --tokenizer is missing");
	if (!opt.out)
		return usage_error("data prepare: --out is missing");
	if (argc && opt.val.nr)
		return usage_error("data prepare: with --val, say --input or --val before each "
				   "file");
	if (opt.val.nr && given_fraction())
		return usage_error("data prepare: --val and --val-fraction exclude each other");
	if (!opt.val.nr && given_fraction() && !(opt.val_fraction > 0 && opt.val_fraction < 1))
		return usage_error("data prepare: --val-fraction must be between 0 and 1");
	return 0;
}

/* The files of --input, then those that follow without an option (--input *.txt). */
static const char **collect_inputs(int argc, char **argv)
{
	const char **files = calloc(opt.input.nr + argc + 1, sizeof(*files));

	if (!files)
		return NULL;
	for (int i = 0; i < opt.input.nr; i++)
		files[i] = opt.input.item[i];
	for (int i = 0; i < argc; i++)
		files[opt.input.nr + i] = argv[i];
	return files;
}

/* Opened once more, as training will: what cannot be read back was not prepared. */
static int report(const struct manifest *m)
{
	struct dataset *ds;
	int ret;

	ret = dataset_open(opt.out, &ds);
	if (ret)
		return ret;
	if (m->split[DATA_VAL].tokens < VAL_TOKENS_FEW)
		log_warn("only %llu tokens for validation: a loss on them says little "
			 "(--val-fraction)", (unsigned long long)m->split[DATA_VAL].tokens);
	if (config_options.json)
		ret = report_json(m, opt.out, dataset_hash(ds));
	else
		report_text(m, opt.out);
	dataset_close(ds);
	return ret;
}

static int prepare(const char *const *input, int nr_input, const char *separator)
{
	struct prepare_options options = {
		.input = input,
		.nr_input = nr_input,
		.val = opt.val.item,
		.nr_val = opt.val.nr,
		.tokenizer = opt.tokenizer,
		.out = opt.out,
		.separator = separator,
		.val_fraction = given_fraction() ? opt.val_fraction : PREPARE_VAL_FRACTION,
		.shard_tokens = opt.shard_tokens,
		.seed = opt.seed,
		.piece_bytes = opt.piece_bytes,
		.force = opt.force,
		.stop = &stopped,
	};
	struct manifest m;
	int ret;

	catch_signals();
	ret = prepare_data(&options, &m);
	if (ret)
		return ret;
	ret = report(&m);
	manifest_free(&m);
	return ret;
}

static int prepare_run(int argc, char **argv)
{
	const char **input;
	char *separator;
	int ret;

	ret = check_usage(argc);
	if (!ret)
		ret = output_from_options();
	if (ret)
		return ret;
	input = collect_inputs(argc, argv);
	separator = opt.separator ? unescape(opt.separator) : NULL;
	if (!input || (opt.separator && !separator))
		ret = fail_nomem(64, "options");
	else
		ret = prepare(input, opt.input.nr + argc, separator);
	free(separator);
	free(input);
	return ret;
}

static const struct option options[] = {
	OPTION_LIST('i', "input", "FILE", &opt.input, "text to divide into training and "
		    "validation documents; - is standard input; may be repeated"),
	OPTION_STRING('t', "tokenizer", "KIND", &opt.tokenizer, "byte, gpt2:DIR (encoder.json and "
		      "vocab.bpe) or a tokenizer.json"),
	OPTION_STRING('o', "out", "DIR", &opt.out, "folder to make"),
	OPTION_LIST(0, "val", "FILE", &opt.val, "validation text; then all of --input is training "
		    "text; may be repeated"),
	OPTION_FLOAT(0, "val-fraction", "F", &opt.val_fraction, 0, 1,
		     "part of the documents for validation (default 0.1)"),
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647,
		   "another seed, another division (default 1)"),
	OPTION_STRING(0, "separator", "TEXT", &opt.separator, "what stands between documents "
		      "(default <|endoftext|>); \\n and \\t are understood"),
	OPTION_COUNT(0, "piece-bytes", "N", &opt.piece_bytes, 64, 1 << 28,
		   "cut documents into pieces of about N bytes (default: only a single "
		   "document, 4096 or less)"),
	OPTION_COUNT(0, "shard-tokens", "N", &opt.shard_tokens, PREPARE_SHARD_MIN, 2147483647,
		   "most tokens in a shard (default 100000000)"),
	OPTION_BOOL(0, "force", &opt.force, "replace DIR if it is a data folder"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "data prepare",
	.group = "Data",
	.summary = "make token shards for training from text files",
	.usage = (const char *const []){
		"--input=FILE... --tokenizer=KIND --out=DIR [--val=FILE...] [--json]", NULL
	},
	.description =
		"Divides text files into documents at <|endoftext|> marks (a file without a mark "
		"is one document), tokenizes them and writes training and validation shards, the "
		"tokenizer and a manifest into folder DIR. Which side a document is on follows "
		"from a hash of its contents and the seed, so that copies of a document are "
		"never on both sides. DIR appears when it is complete; after an error or an "
		"interrupt nothing is left.",
	.options = options,
	.max_args = COMMAND_ANY_ARGS,
	.run = prepare_run,
};
COMMAND_REGISTER(command);
