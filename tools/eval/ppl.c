// SPDX-License-Identifier: MIT
/*
 * knlp eval ppl - perplexity of a model on a text.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/ppl.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/eval/options.h"
#include "train/load.h"

static struct {
	const char *protocol;
	int context, stride;
} opt = { .protocol = "llama" };

/* Of two models each is to see as much of the text as the other, if the user does not say. */
static int common_context(const struct eval_model *em, struct ppl_options *o)
{
	int most = eval_model_context(em), ret;
	struct loaded l;

	ret = model_load(eval_options.vs, em->dev, &l);
	if (ret)
		return ret;
	if (l.model->spec.context < most)
		most = l.model->spec.context;
	o->context = ppl_context(o->protocol, most);
	model_unload(&l);
	return 0;
}

static int measure(struct eval_model *em, const struct eval_text *text, void *ctx,
		   struct eval_table **t)
{
	struct ppl_options *o = ctx;
	int ret = eval_options.vs && !o->context ? common_context(em, o) : 0;

	return ret ? ret : ppl_run(em, text, o, t);
}

static int find_protocol(enum ppl_protocol *protocol)
{
	for (int i = 0; i < PPL_PROTOCOLS; i++)
		if (!strcmp(opt.protocol, ppl_protocol_names[i])) {
			*protocol = i;
			return 0;
		}
	return usage_error("eval ppl: --protocol '%s': there are llama, sliding and document",
			   opt.protocol);
}

static int eval_ppl_run(int argc, char **argv)
{
	static const char *const units[] = { "chunks", "windows", "documents" };
	struct ppl_options o = { .context = opt.context, .stride = opt.stride,
				 .limit = eval_options.limit };
	int ret = find_protocol(&o.protocol);

	(void)argc;
	if (ret)
		return ret;
	if (opt.stride && o.protocol != PPL_SLIDING)
		return usage_error("eval ppl: --stride belongs to --protocol=sliding");
	return eval_answer("eval ppl", argv[0], units[o.protocol], measure, &o);
}

static void protocol_words(struct strbuf *sb)
{
	strbuf_adds(sb, "llama, sliding, document");
}

static const struct option options[] = {
	OPTION_WORD('p', "protocol", "NAME", &opt.protocol, protocol_words, "llama (as "
		    "llama-perplexity), sliding (windows that overlap) or document (each for "
		    "itself) (default llama)"),
	OPTION_INT(0, "context", "N", &opt.context, 1, 1048576, "tokens of a chunk or window "
		   "(default 512; document: what the models take)"),
	OPTION_INT(0, "stride", "N", &opt.stride, 1, 1048576, "sliding: tokens from one window to "
		   "the next (default: half of the context)"),
	OPTION_TABLE(option_table_eval),
	OPTION_TABLE(option_table_vs),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "eval ppl",
	.group = "Models",
	.summary = "perplexity of a model on a text",
	.usage = (const char *const []){
		"--file=FILE [--protocol=NAME] [--context=N] [--stride=N] [--vs=MODEL2] "
		"[--limit=N] [--dump=FILE] [--act=KIND] [--json] MODEL",
		NULL
	},
	.description =
		"Computes the mean of -ln p over tokens of FILE, and its exponential, the "
		"perplexity, by the protocol of llama-perplexity, in overlapping windows as "
		"Hugging Face's guide does, or document by document as lm-eval does. Errors are "
		"standard errors with chunks, windows or documents as units. With --vs another "
		"model is measured as well and the difference is paired.",
	.options = options,
	.params = "RUN_",
	.args = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = eval_ppl_run,
};
COMMAND_REGISTER(command);
