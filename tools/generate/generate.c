// SPDX-License-Identifier: MIT
/*
 * knlp generate - write text with a model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "data/tokenizer.h"
#include "infer/generate.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/generate/interactive.h"
#include "tools/json-out.h"
#include "train/load.h"

static struct {
	const char *prompt, *device;
	int tokens, seed, top_k;
	double temperature;
	bool interactive;
} opt = { .prompt = "", .device = "cpu", .tokens = 100, .seed = 1, .temperature = 1 };

/** struct writing - a text under way. */
struct writing {
	const struct tokenizer *tokenizer;
	struct strbuf text;		/* what was drawn */
};

/* Text goes out as it is made, unless it goes into JSON. */
static int emit(void *ctx, uint32_t id)
{
	struct writing *w = ctx;
	const char *bytes;
	size_t len;
	int ret = tokenizer_decode(w->tokenizer, id, &bytes, &len);

	if (ret || tokenizer_is_special(w->tokenizer, id))
		return ret;
	strbuf_add(&w->text, bytes, len);
	if (!config_options.json) {
		fwrite(bytes, 1, len, stdout);
		fflush(stdout);
	}
	return strbuf_ok(&w->text);
}

static int report(const struct writing *w, const struct token_list *ids, size_t prompt)
{
	bool ended = ids->nr > prompt && ids->ids[ids->nr - 1] == tokenizer_eot(w->tokenizer);
	struct json_out *o, *list;

	if (!config_options.json) {
		putchar('\n');
		fflush(stdout);
		if (ended)
			log_info("the model ended the document after %zu of at most %d tokens",
				 ids->nr - prompt - 1, opt.tokens);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "prompt", opt.prompt);
	json_out_bytes(o, "text", w->text.s, w->text.len);
	json_out_text(o, "stop", ended ? "end_of_document" : "tokens");
	list = json_out_array(o, "tokens");
	for (size_t i = prompt; i < ids->nr; i++)
		json_out_int(list, NULL, ids->ids[i]);
	return json_out_print(o);
}

static struct generation options_generation(const struct loaded *l)
{
	return (struct generation){
		.tokens = opt.tokens,
		.vocab = (int)tokenizer_vocab(l->tokenizer),
		.eot = tokenizer_eot(l->tokenizer),
		.temperature = opt.temperature,
		.top_k = opt.top_k,
		.seed = opt.seed,
	};
}

static int write_text(struct loaded *l, struct device *dev, struct generation g)
{
	struct writing w = { .tokenizer = l->tokenizer };
	struct token_list ids = { 0 };
	size_t prompt;
	int ret;

	g.emit = emit;
	g.ctx = &w;
	strbuf_init(&w.text);
	ret = generate_prompt(l->tokenizer, opt.prompt, &ids);
	prompt = ids.nr;
	if (!ret && !config_options.json)
		fputs(opt.prompt, stdout);
	if (!ret)
		ret = generate(l->model, dev, &g, &ids);
	if (!ret)
		ret = report(&w, &ids, prompt);
	token_list_free(&ids);
	strbuf_free(&w.text);
	return ret;
}

static int write_as_asked(struct loaded *l, struct device *dev)
{
	struct generation g = options_generation(l);

	if (opt.interactive)
		return generate_interactive(l, dev, opt.prompt, &g);
	return write_text(l, dev, g);
}

static int generate_run(int argc, char **argv)
{
	struct device *dev = NULL;
	struct config *cfg = NULL;
	struct loaded l = { 0 };
	int ret;

	(void)argc;
	if (opt.interactive && config_options.json)
		return usage_error("generate: --interactive and --json exclude each other");
	ret = config_from_options(&cfg);
	if (!ret)
		ret = device_open(opt.device, &dev);
	if (!ret)
		ret = model_load(argv[0], dev, &l);
	if (!ret)
		ret = write_as_asked(&l, dev);
	model_unload(&l);
	device_close(dev);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_TEXT('p', "prompt", "TEXT", &opt.prompt, "text to go on from (default: none, a "
		      "new document)"),
	OPTION_COUNT('n', "tokens", "N", &opt.tokens, 1, 1000000, "most tokens to write (default "
		   "100); the end of a document ends it"),
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647, "another seed, another text "
		   "(default 1)"),
	OPTION_FLOAT(0, "temperature", "T", &opt.temperature, 0,
		     TEMPERATURE_MAX, "0: always the most probable "
		     "token; 1: as the model says (default 1)"),
	OPTION_INT(0, "top-k", "K", &opt.top_k, 0, 2147483647, "draw from the K most probable "
		   "tokens (default 0: from all)"),
	OPTION_BOOL('i', "interactive", &opt.interactive, "read line after line and go on from "
		    "each; /help lists commands"),
	OPTION_STRING(0, "device", "NAME", &opt.device, "where to compute (default cpu)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "generate",
	.group = "Models",
	.summary = "write text with a model",
	.usage = (const char *const []){
		"[--prompt=TEXT] [--tokens=N] [--seed=S] [--temperature=T] [--top-k=K] "
		"[--json] RUN|MODEL",
		"--interactive [--tokens=N] [--seed=S] [--temperature=T] [--top-k=K] "
		"RUN|MODEL",
		NULL
	},
	.description =
		"Prints the prompt and goes on from it, token by token, drawn from the model. The "
		"text follows from model, prompt, seed, temperature and K alone. RUN stands for "
		"its newest checkpoint. When the model's context is full, its newer half is read "
		"again and the text goes on.",
	.options = options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.extra_arg = ": text goes into --prompt=TEXT",
	.run = generate_run,
};
COMMAND_REGISTER(command);
