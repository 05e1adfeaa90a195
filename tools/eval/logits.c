// SPDX-License-Identifier: MIT
/*
 * knlp eval logits - write the logits of given tokens.
 */
#include "eval/logits.h"

#include <stdlib.h>

#include "base/file.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/infer-options.h"
#include "train/load.h"

#define TOKENS_BYTES_MAX ((size_t)64 << 20)

static struct {
	const char *tokens, *out;
} opt;

static int read_tokens(struct token_list *ids)
{
	char *text;
	size_t len;
	int ret = file_read_all(opt.tokens, TOKENS_BYTES_MAX, &text, &len);

	if (ret)
		return ret;
	ret = token_list_read(opt.tokens, text, len, ids);
	free(text);
	return ret;
}

static int eval_logits_run(int argc, char **argv)
{
	struct token_list ids = { 0 };
	struct device *dev = NULL;
	struct config *cfg = NULL;
	struct loaded l = { 0 };
	int ret;

	(void)argc;
	if (!opt.tokens || !opt.out)
		return usage_error("eval logits: --%s is missing", opt.tokens ? "out" : "tokens");
	ret = infer_options_check();
	if (!ret)
		ret = config_from_options(&cfg);
	if (!ret)
		ret = read_tokens(&ids);
	if (!ret)
		ret = device_open(infer_options.device, &dev);
	if (!ret)
		ret = model_load(argv[0], dev, &l);
	if (!ret)
		ret = logits_write(argv[0], l.model, dev, &ids, infer_options_apply(l.model),
				   opt.out);
	model_unload(&l);
	device_close(dev);
	token_list_free(&ids);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING(0, "tokens", "FILE", &opt.tokens, "token ids, with blanks, commas or "
		      "brackets between, as knlp tokenize prints them"),
	OPTION_STRING('o', "out", "FILE", &opt.out, "the file of NumPy to write"),
	OPTION_TABLE(option_table_infer),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_END
};

static const struct command command = {
	.name = "eval logits",
	.group = "Models",
	.summary = "write the logits of given tokens",
	.usage = (const char *const []){
		"--tokens=FILE --out=FILE [--act=f32|q8] [--kv=f32|f16|bf16] RUN|MODEL", NULL
	},
	.description =
		"Reads the tokens of a file as one sequence and writes what the model says of the "
		"token behind each of them: an array of f32, a row for each token, in the format "
		"of NumPy (.npy). To compare a model, number by number, with another program.",
	.options = options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = eval_logits_run,
};
COMMAND_REGISTER(command);
