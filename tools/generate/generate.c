// SPDX-License-Identifier: MIT
/*
 * knlp generate - write text with a model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/tokenizer.h"
#include "infer/decoder.h"
#include "infer/sampler.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "train/load.h"

static struct {
	const char *prompt, *device;
	int tokens, seed;
	double temperature;
} opt = { .prompt = "", .device = "cpu", .tokens = 100, .seed = 1, .temperature = 1 };

/** struct writing - a text under way. */
struct writing {
	struct loaded *model;
	struct decoder *decoder;
	struct token_list ids;		/* the prompt, then what was drawn */
	struct strbuf text;		/* what was drawn */
	float *logits;
};

/* Text goes out as it is made, unless it goes into JSON. */
static int emit(struct writing *w, uint32_t id)
{
	const char *bytes;
	size_t len;
	int ret = tokenizer_decode(w->model->tokenizer, id, &bytes, &len);

	if (ret || tokenizer_is_special(w->model->tokenizer, id))
		return ret;
	strbuf_add(&w->text, bytes, len);
	if (!config_options.json) {
		fwrite(bytes, 1, len, stdout);
		fflush(stdout);
	}
	return strbuf_ok(&w->text);
}

/* Without a prompt the text begins where a document does: after the end of another. */
static int encode_prompt(struct writing *w)
{
	int ret = tokenizer_encode(w->model->tokenizer, opt.prompt, strlen(opt.prompt), &w->ids);

	if (!ret && !w->ids.nr)
		ret = token_list_add(&w->ids, tokenizer_eot(w->model->tokenizer));
	return ret;
}

/*
 * The context is full: keep its newer half and read it again, as positions are absolute.
 */
static int slide(struct writing *w)
{
	int context = w->model->model->spec.context, keep = context > 1 ? context / 2 : 1;
	int ret = decoder_reset(w->decoder);

	if (ret)
		return ret;
	return decoder_feed(w->decoder, (const int32_t *)w->ids.ids + w->ids.nr - keep, keep,
			    w->logits);
}

static int write_tokens(struct writing *w)
{
	int context = w->model->model->spec.context, vocab = tokenizer_vocab(w->model->tokenizer);
	size_t prompt = w->ids.nr, first = prompt > (size_t)context ? prompt - context : 0;
	int ret = decoder_feed(w->decoder, (const int32_t *)w->ids.ids + first,
			       (int)(prompt - first), w->logits);

	for (int i = 0; i < opt.tokens && !ret; i++) {
		int32_t id = sample_token(w->logits, vocab, opt.temperature, opt.seed, i);

		ret = token_list_add(&w->ids, id);
		if (!ret && (uint32_t)id == tokenizer_eot(w->model->tokenizer))
			break;
		if (!ret)
			ret = emit(w, id);
		if (ret || i + 1 == opt.tokens)
			break;
		ret = decoder_length(w->decoder) == context
		    ? slide(w) : decoder_feed(w->decoder, &id, 1, w->logits);
	}
	return ret;
}

static int report(const struct writing *w, size_t prompt)
{
	struct json_out *o, *ids;

	if (!config_options.json) {
		putchar('\n');
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "prompt", opt.prompt);
	json_out_bytes(o, "text", w->text.s, w->text.len);
	ids = json_out_array(o, "tokens");
	for (size_t i = prompt; i < w->ids.nr; i++)
		json_out_int(ids, NULL, w->ids.ids[i]);
	return json_out_print(o);
}

static int generate(struct loaded *l, struct device *dev)
{
	struct writing w = { .model = l };
	size_t prompt = 0;
	int ret;

	strbuf_init(&w.text);
	w.logits = calloc(l->model->spec.vocab, sizeof(*w.logits));
	ret = w.logits ? encode_prompt(&w) : fail_nomem(l->model->spec.vocab, "logits");
	prompt = w.ids.nr;
	if (!ret)
		ret = decoder_new(l->model, dev, l->model->spec.context, &w.decoder);
	if (!ret && !config_options.json)
		fputs(opt.prompt, stdout);
	if (!ret)
		ret = write_tokens(&w);
	if (!ret)
		ret = report(&w, prompt);
	decoder_free(w.decoder);
	token_list_free(&w.ids);
	strbuf_free(&w.text);
	free(w.logits);
	return ret;
}

static int generate_run(int argc, char **argv)
{
	struct device *dev = NULL;
	struct config *cfg = NULL;
	struct loaded l = { 0 };
	int ret = config_from_options(&cfg);

	(void)argc;
	if (!ret)
		ret = device_open(opt.device, &dev);
	if (!ret)
		ret = model_load(argv[0], dev, &l);
	if (!ret)
		ret = generate(&l, dev);
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
	OPTION_FLOAT(0, "temperature", "T", &opt.temperature, 0, 100, "0: always the most probable "
		     "token; 1: as the model says (default 1)"),
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
		"[--prompt=TEXT] [--tokens=N] [--seed=S] [--temperature=T] [--json] RUN|MODEL",
		NULL
	},
	.description =
		"Prints the prompt and goes on from it, token by token, drawn from the model. The "
		"text follows from model, prompt, seed and temperature alone. RUN stands for its "
		"newest checkpoint. When the model's context is full, its newer half is read again "
		"and the text goes on.",
	.options = options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = generate_run,
};
COMMAND_REGISTER(command);
