// SPDX-License-Identifier: MIT
/*
 * knlp eval loss - loss of a model on held-out text.
 */
#include <stdio.h>

#include "base/fail.h"
#include "base/format.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "train/evaluate.h"
#include "train/load.h"

static struct {
	const char *data, *device;
	int batch, context, tokens;
	bool doc_mask;
} opt = { .device = "cpu", .batch = 8 };

static int report(const char *model, const struct eval_result *r)
{
	char ppl[FORMAT_MAX];
	struct json_out *o;

	if (config_options.json) {
		o = json_out_new();
		json_out_text(o, "model", model);
		json_out_int(o, "tokens", r->tokens);
		json_out_int(o, "bytes", r->bytes);
		json_out_number(o, "loss", eval_loss(r));
		json_out_number(o, "ppl", eval_ppl(r));
		json_out_number(o, "nats_per_byte", eval_per_byte(r));
		return json_out_print(o);
	}
	printf("%-14s %lld\n", "tokens", (long long)r->tokens);
	printf("%-14s %.4f nats/token\n", "loss", eval_loss(r));
	printf("%-14s %.4f nats/byte\n", "", eval_per_byte(r));
	printf("%-14s %s\n", "perplexity", format_ppl(ppl, eval_ppl(r)));
	return 0;
}

/*
 * Another tokenizer of the same size would give numbers without meaning; rows of the
 * model beyond the tokenizer's tokens do no harm.
 */
static int check_tokenizer(const struct loaded *l, struct dataset *data)
{
	if (!l->tokenizer)
		return fail(-EINVAL, "%s has no tokenizer", l->dir);
	return model_check_ids(l->dir, l->tokenizer, data);
}

static int evaluate(struct loaded *l, struct dataset *data, struct device *dev,
		    struct eval_result *r)
{
	bool doc_mask = opt.doc_mask || config_bool(l->cfg, PARAM_DATA_DOC_MASK);
	int context = opt.context ? opt.context : l->model->spec.context, ret;
	struct evaluator *e;

	if (context > l->model->spec.context)
		return fail(-EINVAL, "--context %d: the model's is %d", context,
			    l->model->spec.context);
	ret = check_tokenizer(l, data);
	if (!ret)
		ret = evaluator_new(l->model, dev, opt.batch, context, doc_mask, false, &e);
	if (ret)
		return ret;
	ret = evaluator_run(e, data, opt.tokens, r);
	evaluator_free(e);
	return ret;
}

static int eval_loss_run(int argc, char **argv)
{
	struct dataset *data = NULL;
	struct device *dev = NULL;
	struct config *cfg = NULL;
	struct loaded l = { 0 };
	struct eval_result r;
	int ret;

	(void)argc;
	if (!opt.data)
		return usage_error("eval loss: --data is missing");
	ret = config_from_options(&cfg);
	if (!ret)
		ret = dataset_open(opt.data, &data);
	if (!ret)
		ret = device_open(opt.device, &dev);
	if (!ret)
		ret = model_load(argv[0], dev, &l);
	if (!ret)
		ret = evaluate(&l, data, dev, &r);
	if (!ret)
		ret = report(argv[0], &r);
	model_unload(&l);
	device_close(dev);
	dataset_close(data);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards; the validation split is used"),
	OPTION_INT('b', "batch", "N", &opt.batch, 1, 65536, "windows at once (default 8); the "
		   "result is the same"),
	OPTION_INT(0, "context", "N", &opt.context, 1, 1048576, "tokens in a window (default: the "
		   "model's context)"),
	OPTION_COUNT(0, "tokens", "N", &opt.tokens, 0, 2147483647, "count the first N targets only "
		   "(default: all)"),
	OPTION_BOOL(0, "doc-mask", &opt.doc_mask, "attention does not cross document boundaries"),
	OPTION_STRING(0, "device", "NAME", &opt.device, "where to compute (default cpu)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "eval loss",
	.group = "Models",
	.summary = "loss of a model on held-out text",
	.usage = (const char *const []){ "--data=DIR [--batch=N] [--json] RUN|MODEL", NULL },
	.description =
		"Computes the mean of -ln p over the tokens of the validation split of DIR, in "
		"windows of the model's context without overlap. RUN stands for its newest "
		"checkpoint; MODEL is any checkpoint folder. A model trained with DATA_DOC_MASK is "
		"evaluated with --doc-mask. The loss per byte does not depend on "
		"the tokenizer and can be compared between models.",
	.options = options,
	.params = "RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = eval_loss_run,
};
COMMAND_REGISTER(command);
