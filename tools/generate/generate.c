// SPDX-License-Identifier: MIT
/*
 * knlp generate - write text with a model.
 */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "data/text-file.h"
#include "data/tokenizer.h"
#include "infer/chat.h"
#include "infer/generate.h"
#include "infer/prompt.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/generate/interactive.h"
#include "tools/generate/stream.h"
#include "tools/infer-options.h"
#include "tools/json-out.h"
#include "train/load.h"

#define TOKENS_USUAL 100
#define PROMPT_MAX ((size_t)1 << 28)

static struct {
	const char *prompt, *file, *system, *template;
	int tokens, seed, top_k, repeat_last, context;
	double temperature, top_p, min_p, repeat_penalty;
	bool interactive, chat, parse_special;
} opt = {
	.seed = 1, .temperature = 1, .top_p = 1,
	.repeat_penalty = 1, .repeat_last = 64,
};

/**
 * struct writing - a text under way.
 * @started: there is text in front
 * @text: what was drawn
 */
struct writing {
	const struct tokenizer *tokenizer;
	struct stream stream;
	bool started;
	struct strbuf text;
};

/* Text goes out as it is made, unless it goes into JSON. */
static int emit(void *ctx, uint32_t id)
{
	struct writing *w = ctx;
	size_t before = w->text.len;
	int ret = prompt_text(w->tokenizer, id, !w->started, &w->text);

	w->started = true;
	return ret || config_options.json ? ret
	     : stream_add(&w->stream, w->text.s + before, w->text.len - before);
}

static int report(struct writing *w, const struct token_list *ids, size_t prompt)
{
	bool ended = ids->nr > prompt && prompt_ends(w->tokenizer, ids->ids[ids->nr - 1]);
	struct json_out *o, *list;

	if (!config_options.json) {
		stream_end(&w->stream);
		putchar('\n');
		fflush(stdout);
		if (ended)
			log_info("the model ended the document after %zu tokens",
				 ids->nr - prompt - 1);
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

/*
 * An answer ends where the model ends its turn; one that never does ends when the context is
 * full for the first time.
 */
static int most_tokens(const struct loaded *l)
{
	if (opt.tokens)
		return opt.tokens < 0 ? INT_MAX : opt.tokens;
	if (!opt.chat)
		return TOKENS_USUAL;
	return opt.context ? opt.context : l->model->spec.context;
}

static struct generation options_generation(const struct loaded *l)
{
	return (struct generation){
		.tokens = most_tokens(l),
		.context = opt.context,
		.model = l->dir,
		.tokenizer = l->tokenizer,
		.sampling = {
			.temperature = opt.temperature, .top_k = opt.top_k,
			.top_p = opt.top_p, .min_p = opt.min_p,
			.repeat_penalty = opt.repeat_penalty, .repeat_last = opt.repeat_last,
			.seed = opt.seed,
		},
	};
}

static void warn_of_long(const struct loaded *l, size_t tokens)
{
	int context = opt.context ? opt.context : l->model->spec.context;

	if (tokens > (size_t)context)
		log_warn("the prompt has %zu tokens, the context is %d: the model does not see the "
			 "first %zu", tokens, context, tokens - context);
}

static int write_text(struct loaded *l, struct device *dev, enum dtype cache,
		      struct generation g)
{
	struct writing w = { .tokenizer = l->tokenizer, .started = *opt.prompt };
	struct token_list ids = { 0 };
	size_t prompt;
	int ret;

	g.emit = emit;
	g.ctx = &w;
	strbuf_init(&w.text);
	stream_init(&w.stream, false);
	ret = prompt_encode(l->tokenizer, opt.prompt, opt.parse_special, &ids);
	prompt = ids.nr;
	if (!ret)
		warn_of_long(l, prompt);
	if (!ret && !config_options.json)
		fputs(opt.prompt, stdout);
	if (!ret)
		ret = generate(l->model, dev, cache, &g, &ids);
	if (!ret)
		ret = report(&w, &ids, prompt);
	token_list_free(&ids);
	strbuf_free(&w.text);
	stream_free(&w.stream);
	return ret;
}

/*
 * A line end that ends the file is none of the prompt, as with llama.cpp: echo and editors
 * put it there.
 */
static int read_prompt(char **text)
{
	size_t len;
	int ret;

	if (!opt.file) {
		opt.prompt = opt.prompt ? opt.prompt : "";
		return 0;
	}
	ret = text_read(opt.file, PROMPT_MAX, text, &len);
	if (ret)
		return ret;
	if (memchr(*text, '\0', len))
		return fail(-EINVAL, "%s: a NUL byte: is it text?", text_name(opt.file));
	if (len && (*text)[len - 1] == '\n')
		(*text)[len - 1] = '\0';
	opt.prompt = *text;
	return 0;
}

/* Whoever pipes a text into the program expects something to become of it. */
static void say_unread(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct stat st;

	if (!*opt.prompt && !fstat(STDIN_FILENO, &st) && S_ISFIFO(st.st_mode) &&
	    poll(&in, 1, 0) > 0 && in.revents & POLLIN)
		log_info("standard input is not read: --file=- makes it the prompt");
}

/* What the model wants around messages, or what the user says that it wants. */
static int find_template(const struct loaded *l, const struct chat_template **t)
{
	const char *text = opt.template ? opt.template : l->chat_template;

	if (!text)
		return fail(-EINVAL, "%s has no chat template: name one with --chat-template",
			    l->dir);
	*t = chat_template_find(text);
	return *t ? 0 : -ENOTSUP;
}

static int write_as_asked(struct loaded *l, struct device *dev)
{
	struct interaction i = { .first = opt.prompt, .system = opt.system,
				 .marks = opt.parse_special };
	struct generation g;
	int ret = 0;

	if (!l->tokenizer)
		return fail(-EINVAL, "%s has no tokenizer", l->dir);
	g = options_generation(l);
	i.cache = infer_options_apply(l->model);
	if (opt.context > l->model->spec.context)
		ret = fail(-EINVAL, "--context %d: the model's is %d", opt.context,
			   l->model->spec.context);
	if (!ret && opt.chat)
		ret = find_template(l, &i.template);
	if (ret)
		return ret;
	if (!opt.interactive && !opt.chat)
		say_unread();
	return opt.interactive || opt.chat ? generate_interactive(l, dev, &i, &g)
					   : write_text(l, dev, i.cache, g);
}

static int generate_run(int argc, char **argv)
{
	struct device *dev = NULL;
	struct config *cfg = NULL;
	struct loaded l = { 0 };
	char *text = NULL;
	int ret;

	(void)argc;
	if ((opt.interactive || opt.chat) && config_options.json)
		return usage_error("generate: --%s and --json exclude each other",
				   opt.chat ? "chat" : "interactive");
	if (opt.prompt && opt.file)
		return usage_error("generate: --prompt and --file exclude each other");
	if (opt.file && text_is_stdin(opt.file) && (opt.interactive || opt.chat))
		return usage_error("generate: --%s reads lines from standard input: --file=- "
				   "cannot", opt.chat ? "chat" : "interactive");
	if ((opt.system || opt.template) && !opt.chat)
		return usage_error("generate: --%s is for --chat",
				   opt.system ? "system" : "chat-template");
	ret = infer_options_check();
	if (!ret)
		ret = config_from_options(&cfg);
	if (!ret)
		ret = read_prompt(&text);
	if (!ret)
		ret = device_open(infer_options.device, &dev);
	if (!ret)
		ret = model_load(argv[0], dev, &l);
	if (!ret)
		ret = write_as_asked(&l, dev);
	if (ret == -ENOMEM)
		fail_in(ret, "%s", argv[0]);
	model_unload(&l);
	device_close(dev);
	config_free(cfg);
	free(text);
	return ret;
}

static const struct option options[] = {
	OPTION_TEXT('p', "prompt", "TEXT", &opt.prompt, "text to go on from (default: none, a "
		      "new document)"),
	OPTION_STRING('f', "file", "FILE", &opt.file, "the same from a file, plain or packed by "
		      "bzip2; - is standard input"),
	OPTION_COUNT('n', "tokens", "N", &opt.tokens, -1, 1000000, "most tokens to write, -1: "
		     "any number (default 100; in a chat: until the answer ends); the end of a "
		     "document ends it"),
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647, "another seed, another text "
		   "(default 1)"),
	OPTION_FLOAT(0, "temperature", "T", &opt.temperature, 0,
		     TEMPERATURE_MAX, "0: always the most probable "
		     "token; 1: as the model says (default 1)"),
	OPTION_INT(0, "top-k", "K", &opt.top_k, 0, 2147483647, "draw from the K most probable "
		   "tokens (default 0: from all)"),
	OPTION_FLOAT(0, "top-p", "P", &opt.top_p, TOP_P_MIN, 1, "draw from the most probable "
		     "tokens that make up this share, above 0 (default 1: from all)"),
	OPTION_FLOAT(0, "min-p", "P", &opt.min_p, 0, 1, "draw from tokens at least this times as "
		     "probable as the most probable one (default 0: from all)"),
	OPTION_FLOAT(0, "repeat-penalty", "R", &opt.repeat_penalty, 0.01, 100, "make tokens of the "
		     "last text less probable (default 1: do not)"),
	OPTION_INT(0, "repeat-last", "N", &opt.repeat_last, 0, 2147483647, "which are those of the "
		   "last N tokens (default 64)"),
	OPTION_INT(0, "context", "N", &opt.context, 1, 1048576, "tokens that the model sees at "
		   "most (default: as many as it can)"),
	OPTION_BOOL('i', "interactive", &opt.interactive, "read line after line and go on from "
		    "each; /help lists commands"),
	OPTION_BOOL(0, "chat", &opt.chat, "the same as a conversation, in the model's chat "
		    "template"),
	OPTION_STRING(0, "system", "TEXT", &opt.system, "what the model is told before a chat"),
	OPTION_STRING(0, "chat-template", "NAME", &opt.template, "the template, where the model "
		      "has none or another one"),
	OPTION_BOOL(0, "parse-special", &opt.parse_special, "special tokens in the prompt, or in "
		    "lines, are read by their names, as a chat's always are"),
	OPTION_TABLE(option_table_infer),
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
		"[--prompt=TEXT|--file=FILE] [--tokens=N] [--seed=S] [--temperature=T] [--top-k=K] "
		"[--top-p=P] [--min-p=P] [--repeat-penalty=R] [--act=f32|q8] [--kv=f32|f16|bf16] "
		"[--json] RUN|MODEL",
		"--interactive [--tokens=N] [--seed=S] [--temperature=T] [--top-k=K] RUN|MODEL",
		"--chat [--system=TEXT] [--tokens=N] [--seed=S] [--temperature=T] [--top-k=K] "
		"MODEL",
		NULL
	},
	.description =
		"Prints the prompt and goes on from it, token by token, drawn from the model. The "
		"text follows from model, prompt and options alone. RUN stands for its newest "
		"checkpoint; MODEL is a model folder, or a file or folder of another program. When "
		"the model's context is full, its newer half is read again and the text goes on.",
	.options = options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.extra_arg = ": text goes into --prompt=TEXT",
	.run = generate_run,
};
COMMAND_REGISTER(command);
