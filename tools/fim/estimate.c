// SPDX-License-Identifier: MIT
/*
 * knlp fim estimate - estimate the Fisher information of a model.
 */
#include "fim/estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/log.h"
#include "base/registry.h"
#include "data/dataset.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	const char *data, *out, *device, *labels, *unit, *store, *shrink;
	int sequences, positions, draws, batch, seed, context, first;
	bool halves, doc_mask;
} opt = { .device = "cpu", .store = "diag", .seed = -1 };

/* ---- options ------------------------------------------------------------------------- */

struct part_name {
	const char *name;
	enum fim_part part;
};

static const struct part_name part_names[] = {
	{ "diag", FIM_DIAGONAL }, { "row", FIM_ROW }, { "column", FIM_COLUMN },
	{ "sum", FIM_SUM },
};

static int read_part(const char *word, unsigned int *parts)
{
	for (size_t i = 0; i < sizeof(part_names) / sizeof(part_names[0]); i++)
		if (!strcmp(word, part_names[i].name)) {
			*parts |= 1 << part_names[i].part;
			return 0;
		}
	return usage_error("fim estimate: --store '%s': there are diag, row, column and sum",
			   word);
}

static int read_store(unsigned int *parts)
{
	char *copy = strdup(opt.store), *save = NULL;
	int ret = copy ? 0 : fail_nomem(strlen(opt.store), "--store");

	*parts = opt.halves ? 1 << FIM_HALF : 0;
	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && !ret;
	     w = strtok_r(NULL, ",", &save))
		ret = read_part(w, parts);
	free(copy);
	if (!ret && !(*parts & ~(1U << FIM_HALF)))
		ret = usage_error("fim estimate: --store '%s': there is nothing to store",
				  opt.store);
	if (!ret && opt.halves && !(*parts & 1 << FIM_DIAGONAL))
		ret = usage_error("fim estimate: --halves are of diagonals: --store has no diag");
	return ret;
}

static int read_shrink(double *shrink)
{
	*shrink = FIM_SHRINK_NONE;
	if (!opt.shrink)
		return 0;
	if (!strcmp(opt.shrink, "auto"))
		*shrink = FIM_SHRINK_AUTO;
	else if (str_to_double(opt.shrink, shrink) || *shrink < 0 || *shrink > 1)
		return usage_error("fim estimate: --shrink '%s': must be auto or in 0..1",
				   opt.shrink);
	return 0;
}

static int put_number(struct config *cfg, enum param_id id, int value)
{
	char text[16];

	if (value < 0 || (!value && id != PARAM_FIM_SEED))
		return 0;
	snprintf(text, sizeof(text), "%d", value);
	return config_put(cfg, id, text);
}

/* An option and the parameter of its name are one: the option counts more. */
static int put_options(struct config *cfg)
{
	int ret = opt.labels ? config_put(cfg, PARAM_FIM_LABELS, opt.labels) : 0;

	if (!ret && opt.unit)
		ret = config_put(cfg, PARAM_FIM_UNIT, opt.unit);
	if (ret)
		return fail_in(COMMAND_USAGE, "fim estimate");
	ret = put_number(cfg, PARAM_FIM_SEQUENCES, opt.sequences);
	if (!ret)
		ret = put_number(cfg, PARAM_FIM_POSITIONS, opt.positions);
	if (!ret)
		ret = put_number(cfg, PARAM_FIM_DRAWS, opt.draws);
	if (!ret)
		ret = put_number(cfg, PARAM_FIM_BATCH, opt.batch);
	if (!ret && opt.halves)
		ret = config_put(cfg, PARAM_FIM_HALVES, "y");
	if (!ret)
		ret = put_number(cfg, PARAM_FIM_SEED, opt.seed);
	opt.halves = config_bool(cfg, PARAM_FIM_HALVES);
	return ret;
}

/* An option that the unit or the labels have no use for was not meant so. */
static int check_options(const char *unit, bool sampled)
{
	if (opt.draws && !sampled)
		return usage_error("fim estimate: --draws is of sampled labels: they are observed");
	if (opt.positions && strcmp(unit, "token"))
		return usage_error("fim estimate: --positions is for unit token, not %s", unit);
	if (opt.batch && strcmp(unit, "batch"))
		return usage_error("fim estimate: --batch is for unit batch, not %s", unit);
	return 0;
}

/* One command line may serve several units, where a configuration chooses: no error then. */
static void tell_ignored(const struct fim_unit *unit)
{
	const struct {
		const char *name;
		bool given;
	} list[] = {
		{ "data", opt.data }, { "sequences", opt.sequences }, { "seed", opt.seed >= 0 },
		{ "first", opt.first }, { "context", opt.context }, { "doc-mask", opt.doc_mask },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]) && !unit->from_data; i++)
		if (list[i].given)
			log_warn("unit %s looks at no text: --%s is ignored", unit->name,
				 list[i].name);
}

/* Wrong usage of what the parameters say together. */
static int check_usage(const struct config *cfg)
{
	const char *name = config_text(cfg, PARAM_FIM_UNIT);
	const struct fim_unit *unit = registry_find(fim_units(), name);
	bool sampled = !strcmp(config_text(cfg, PARAM_FIM_LABELS), "sampled");

	if (!unit)
		return 0;	/* fim_estimate() says so */
	if (sampled && !unit->has_labels)
		return usage_error("fim estimate: unit %s has no sampled labels", name);
	if (unit->from_data && !opt.data)
		return usage_error("fim estimate: --data is missing");
	if (!unit->is_diagonal && (opt.halves || opt.shrink || strcmp(opt.store, "diag")))
		return usage_error("fim estimate: --store, --halves and --shrink are for "
				   "diagonals, unit %s has none", name);
	if (!unit->has_halves && (opt.halves || (opt.shrink && !strcmp(opt.shrink, "auto"))))
		return usage_error("fim estimate: unit %s: its sample cannot be halved", name);
	tell_ignored(unit);
	return check_options(name, sampled);
}

/* ---- the answer ------------------------------------------------------------------------ */

static double relative_error(const struct fim_facts *f)
{
	return sqrt(2 / (double)f->squares);
}

static int print_json(const struct fim_job *j, double seconds)
{
	const struct fim_facts *f = &j->facts;
	struct json_out *o = json_out_new();

	json_out_text(o, "file", opt.out);
	json_out_text(o, "unit", f->unit);
	json_out_text(o, "labels", f->labels);
	json_out_int(o, "sequences", f->sequences);
	json_out_int(o, "positions", f->positions);
	json_out_int(o, "draws", f->draws);
	json_out_int(o, "batch", f->batch);
	json_out_int(o, "context", f->context);
	json_out_int(o, "tokens", f->tokens);
	json_out_int(o, "squares", f->squares);
	json_out_number(o, "relative_error", relative_error(f));
	json_out_text(o, "scale", FIM_SCALE);
	json_out_number(o, "sum", j->unit->is_diagonal ? j->total : NAN);
	json_out_number(o, "loss", j->unit->from_data ? j->loss : NAN);
	json_out_int(o, "memory", (long long)j->memory);
	json_out_number(o, "seconds", seconds);
	return json_out_print(o);
}

static int report(const struct fim_job *j, double seconds)
{
	const struct fim_facts *f = &j->facts;
	char count[FORMAT_MAX], tokens[FORMAT_MAX], memory[FORMAT_MAX], time[FORMAT_MAX];

	if (config_options.json)
		return print_json(j, seconds);
	printf("%-10s %s\n", "written", opt.out);
	printf("%-10s %s, labels %s\n", "unit", f->unit, f->labels);
	if (f->step)
		printf("%-10s as much as %lld steps, by how the decay weighs %lld of them: "
		       "%s tokens\n", "sample", (long long)f->squares, (long long)f->step,
		       format_grouped(tokens, f->tokens));
	else
		printf("%-10s %s tokens of %lld sequences\n", "sample",
		       format_grouped(tokens, f->tokens), (long long)f->sequences);
	if (j->unit->is_diagonal) {
		printf("%-10s %.6g " FIM_SCALE "\n", "sum", j->total);
		printf("%-10s about %.3g %% of an element: sqrt(2 / %s), as if its squares were\n"
		       "%-10s independent and of Gaussian gradients; heavy tails make it more\n",
		       "error", 100 * relative_error(f), format_grouped(count, f->squares), "");
	}
	if (j->unit->from_data)
		printf("%-10s %s, %s\n", "cost", format_duration(time, seconds),
		       format_bytes(memory, j->memory));
	return 0;
}

static int estimate(struct fim_job *j, const struct config *cfg)
{
	double start = clock_seconds();
	int ret = opt.data ? dataset_open(opt.data, &j->data) : 0;

	if (!ret)
		ret = device_open(opt.device, &j->dev);
	if (!ret)
		ret = fim_estimate(j, cfg);
	if (!ret)
		ret = report(j, clock_seconds() - start);
	return ret;
}

static int fim_estimate_run(int argc, char **argv)
{
	struct fim_job j = { .model = argv[0], .context = opt.context, .first = opt.first,
			     .doc_mask = opt.doc_mask, .out.path = opt.out };
	struct config *cfg = NULL;
	int ret;

	(void)argc;
	if (!opt.out)
		return usage_error("fim estimate: --out is missing");
	ret = config_from_options(&cfg);
	if (!ret)
		ret = put_options(cfg);
	if (!ret)
		ret = read_store(&j.out.parts);
	if (!ret)
		ret = read_shrink(&j.out.shrink);
	if (!ret)
		ret = check_usage(cfg);
	if (!ret)
		ret = fim_check_out(opt.out);	/* not after an hour */
	if (!ret)
		ret = estimate(&j, cfg);
	fim_job_free(&j);
	device_close(j.dev);
	dataset_close(j.data);
	config_free(cfg);
	return ret;
}

static void label_words(struct strbuf *sb)
{
	strbuf_adds(sb, "observed, sampled");
}

static void unit_words(struct strbuf *sb)
{
	const struct fim_unit *u;

	registry_for_each(fim_units(), u)
		strbuf_addf(sb, "%s%s", sb->len ? ", " : "", u->name);
}

static void store_words(struct strbuf *sb)
{
	strbuf_adds(sb, "diag, row, column, sum");
}

static const struct option options[] = {
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards; the training split is used"),
	OPTION_WORD('l', "labels", "LABELS", &opt.labels, label_words, "observed, those of the "
		    "text, or sampled from the model (FIM_LABELS)"),
	OPTION_WORD('u', "unit", "UNIT", &opt.unit, unit_words, "of what a gradient is taken: "
		    "token, sequence, batch, position; or adam, kfac, attention (FIM_UNIT)"),
	OPTION_STRING('o', "out", "FILE", &opt.out, "where to write"),
	OPTION_COUNT('n', "sequences", "N", &opt.sequences, 1, 1000000000, "of the sample "
		     "(FIM_SEQUENCES)"),
	OPTION_INT(0, "positions", "K", &opt.positions, 1, 1048576, "token: of each sequence "
		   "(FIM_POSITIONS)"),
	OPTION_INT(0, "draws", "N", &opt.draws, 1, 1000000, "sampled: how often labels are drawn "
		   "(FIM_DRAWS)"),
	OPTION_INT(0, "batch", "B", &opt.batch, 1, 1048576, "batch: sequences in one (FIM_BATCH)"),
	OPTION_INT(0, "seed", "S", &opt.seed, 0, 2147483647, "of the sample and the labels "
		   "(FIM_SEED)"),
	OPTION_COUNT(0, "first", "N", &opt.first, 0, 1000000000, "number of the first sample, for "
		     "estimates that are to be merged (default 0)"),
	OPTION_INT(0, "context", "N", &opt.context, 1, 1048576, "tokens in a sequence (default: "
		   "the model's context)"),
	OPTION_BOOL(0, "doc-mask", &opt.doc_mask, "attention does not cross document boundaries"),
	OPTION_WORD(0, "store", "PARTS", &opt.store, store_words, "what is in the file: diag, row, "
		    "column, sum, with commas between (default diag)"),
	OPTION_BOOL(0, "halves", &opt.halves, "store the estimate of the first half of the sample "
		    "as well, so that `knlp fim compare` knows how reliable it is"),
	OPTION_STRING(0, "shrink", "S", &opt.shrink, "move elements towards the mean of their "
		      "tensor: 0 leaves them, 1 leaves only the mean, auto estimates it"),
	OPTION_STRING(0, "device", "NAME", &opt.device, "where to compute (default cpu)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "fim estimate",
	.group = "Fisher information",
	.summary = "estimate the Fisher information of a model",
	.usage = (const char *const []){
		"--out=FILE [--data=DIR] [--labels=LABELS] [--unit=UNIT] [--sequences=N] "
		"[--positions=K] [--draws=N] [--batch=B] [--seed=S] [--first=N] [--context=N] "
		"[--store=PARTS] [--halves] [--shrink=S] [--json] RUN|MODEL", NULL
	},
	.description =
		"Estimates the diagonal of the Fisher information of each weight, the expected "
		"square of the gradient of the loss, in nats^2 per token, on text to train on. "
		"With observed labels it is the empirical one, with labels sampled from the model "
		"the true one. Unit adam reads the optimizer's second moments from a checkpoint; "
		"kfac makes the factors of linear layers, attention describes the rows of "
		"attention. "
		"RUN stands for its newest checkpoint; MODEL is a model of any format.",
	.options = options,
	.params = "FIM_ RUN_",
	.args = "RUN|MODEL",
	.min_args = 1,
	.max_args = 1,
	.run = fim_estimate_run,
};
COMMAND_REGISTER(command);
