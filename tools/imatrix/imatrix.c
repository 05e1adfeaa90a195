// SPDX-License-Identifier: MIT
/*
 * knlp imatrix - measure how much the columns of a model's matrices matter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "data/loader.h"
#include "eval/ppl.h"
#include "fim/fim.h"
#include "nn/model.h"
#include "quant/importance.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "train/calibrate.h"
#include "train/load.h"

#define CONTEXT_USUAL 512

static struct {
	const char *file, *data, *fim, *out, *device;
	int context, chunks;
} opt = { .device = "cpu" };

static int check_usage(void)
{
	if (!opt.out)
		return usage_error("imatrix: --out is missing");
	if (!!opt.file + !!opt.data + !!opt.fim != 1)
		return usage_error("imatrix: one of --file, --data and --fim says what to go by");
	if (opt.fim && (opt.context || opt.chunks))
		return usage_error("imatrix: --%s is of text: --fim has none",
				   opt.context ? "context" : "chunks");
	return 0;
}

/* What would fail after an hour had better fail now. */
static int check_out(void)
{
	int ret = file_check_place(opt.out);

	if (!ret && file_exists(opt.out))
		ret = fail(-EEXIST, "%s: exists already", opt.out);
	return ret;
}

/* ---- text ---------------------------------------------------------------------------- */

static int read_chunk(void *ctx, int64_t i, int32_t *tokens)
{
	const struct ppl_cut *c = ctx;

	memcpy(tokens, c->seqs[i].tokens, c->seqs[i].nr * sizeof(*tokens));
	return 0;
}

static int from_file(const char *model, struct device *dev, struct imatrix_sums *s)
{
	struct ppl_options o = { .protocol = PPL_LLAMA, .context = opt.context,
				 .limit = opt.chunks };
	struct eval_text text = { 0 };
	struct eval_model em = { 0 };
	struct ppl_cut cut = { 0 };
	int ret = eval_text_read(opt.file, &text);

	if (!ret)
		ret = eval_model_open(model, "f32", dev, &em);
	if (!ret)
		ret = ppl_cut(&em, &text, &o, &cut);
	if (!ret) {
		struct calib_text t = { (int64_t)cut.nr_seqs, cut.options.context, read_chunk,
					&cut };

		ret = importance_of_inputs(em.loaded.model, dev, &t, s);
	}
	ppl_cut_free(&cut);
	eval_model_close(&em);
	eval_text_free(&text);
	return ret;
}

static int read_window(void *ctx, int64_t i, int32_t *tokens)
{
	return loader_fill(ctx, i, 1, tokens, NULL, NULL);
}

static int read_windows(struct loaded *l, struct device *dev, struct dataset *data,
			struct imatrix_sums *s)
{
	int context = l->model->spec.context;
	int length = opt.context ? opt.context : context < CONTEXT_USUAL ? context : CONTEXT_USUAL;
	struct loader loader;
	struct calib_text t = { .length = length, .read = read_window, .ctx = &loader };
	int ret;

	if (length > context)
		return fail(-EINVAL, "a context of %d: that of %s is %d", length, l->dir, context);
	ret = loader_init(&loader, data, DATA_TRAIN, length, false, 0);
	if (ret)
		return ret;
	t.sequences = (int64_t)loader.windows;
	if (opt.chunks && opt.chunks < t.sequences)
		t.sequences = opt.chunks;
	return importance_of_inputs(l->model, dev, &t, s);
}

static int from_data(const char *model, struct device *dev, struct imatrix_sums *s)
{
	struct dataset *data = NULL;
	struct loaded l = { 0 };
	int ret = dataset_open(opt.data, &data);

	if (ret)
		return ret;
	ret = model_load(model, dev, &l);
	if (!ret) {
		ret = model_check_ids(model, l.tokenizer, data);
		if (!ret)
			ret = read_windows(&l, dev, data, s);
		model_unload(&l);
	}
	dataset_close(data);
	return ret;
}

/* ---- Fisher information ---------------------------------------------------------------- */

static int check_model(const struct fim *f, const char *model)
{
	char hash[HASH_HEX];
	int ret = model_weights_hash(model, hash);

	if (!ret && strcmp(hash, f->facts.model))
		ret = fail(-EINVAL, "%s: the Fisher information of another model than %s", f->path,
			   model);
	return ret;
}

static int from_fim(const char *model, struct device *dev, struct imatrix_sums *s)
{
	struct fim *f = NULL;
	struct loaded l = { 0 };
	int ret = fim_open(opt.fim, &f);

	if (ret)
		return ret;
	ret = check_model(f, model);
	if (!ret)
		ret = model_load(model, dev, &l);
	if (!ret) {
		ret = importance_of_fim(l.model, f, s);
		model_unload(&l);
	}
	fim_close(f);
	return ret;
}

/* ---- the answer ------------------------------------------------------------------------ */

static int report(const struct imatrix_sums *s, int64_t columns, int64_t raised)
{
	char tokens[FORMAT_MAX], all[FORMAT_MAX], few[FORMAT_MAX];
	struct json_out *o;

	if (!config_options.json) {
		printf("%-10s %s\n", "written", opt.out);
		printf("%-10s %s, %s tokens of %lld sequences\n", "of",
		       opt.fim ? "Fisher information" : "activations",
		       format_grouped(tokens, s->count), (long long)s->chunks);
		printf("%-10s %d\n", "matrices", s->nr);
		printf("%-10s %s, %s of them raised to the floor of %g of their matrix's mean\n",
		       "columns", format_grouped(all, columns), format_grouped(few, raised),
		       IMATRIX_FLOOR);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "file", opt.out);
	json_out_text(o, "of", opt.fim ? "fim" : "inputs");
	json_out_text(o, "dataset", s->dataset);
	json_out_int(o, "chunks", s->chunks);
	json_out_int(o, "chunk_size", s->chunk);
	json_out_int(o, "tokens", s->count);
	json_out_int(o, "matrices", s->nr);
	json_out_int(o, "columns", columns);
	json_out_int(o, "raised", raised);
	return json_out_print(o);
}

static int write_out(struct imatrix_sums *s)
{
	int64_t columns = 0, raised = 0;
	int ret;

	s->dataset = opt.fim ? opt.fim : opt.file ? opt.file : opt.data;
	for (int i = 0; i < s->nr; i++) {
		columns += s->of[i].row;
		raised += imatrix_floor(&s->of[i], s->count);
	}
	ret = imatrix_write(s, opt.out);
	return ret ? ret : report(s, columns, raised);
}

static int imatrix_run(int argc, char **argv)
{
	struct imatrix_sums s = { 0 };
	struct device *dev = NULL;
	struct config *cfg = NULL;
	int ret = check_usage();

	(void)argc;
	if (!ret)
		ret = config_from_options(&cfg);
	if (!ret)
		ret = check_out();
	if (!ret)
		ret = device_open(opt.device, &dev);
	if (!ret)
		ret = opt.fim ? from_fim(argv[0], dev, &s) :
		      opt.file ? from_file(argv[0], dev, &s) : from_data(argv[0], dev, &s);
	if (!ret)
		ret = write_out(&s);
	imatrix_sums_free(&s);
	device_close(dev);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('f', "file", "FILE", &opt.file, "text to read, plain or packed by bzip2; - "
		      "is standard input"),
	OPTION_STRING('d', "data", "DIR", &opt.data, "data folder whose training text to read"),
	OPTION_STRING(0, "fim", "F", &opt.fim, "Fisher information of MODEL in place of text: "
		      "knlp fim estimate"),
	OPTION_STRING('o', "out", "FILE", &opt.out, "GGUF file to write; must not exist yet"),
	OPTION_INT(0, "context", "N", &opt.context, 4, 1048576, "tokens of a chunk (default 512, "
		   "or the model's context)"),
	OPTION_COUNT(0, "chunks", "N", &opt.chunks, 1, 2147483647, "only the first N chunks"),
	OPTION_STRING(0, "device", "NAME", &opt.device, "where to compute (default cpu)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "imatrix",
	.group = "Models",
	.summary = "measure how much the columns of a model's matrices matter",
	.usage = (const char *const []){
		"MODEL --file=FILE --out=F.gguf [--context=N] [--chunks=N]",
		"MODEL --data=DIR --out=F.gguf [--context=N] [--chunks=N]",
		"MODEL --fim=F --out=F.gguf", NULL
	},
	.description =
		"Writes an importance matrix for `knlp quantize --imatrix` and for "
		"llama-quantize: for each matrix the mean square of what its columns are "
		"multiplied with when MODEL reads a text, as llama-imatrix has it, or the mean "
		"Fisher information of its columns.",
	.options = options,
	.params = "RUN_",
	.args = "MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = imatrix_run,
};
COMMAND_REGISTER(command);
