// SPDX-License-Identifier: MIT
/*
 * knlp prune - drop weights of a model.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/file.h"
#include "prune/mask-file.h"
#include "prune/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "tools/prune/report.h"

static struct {
	const char *criterion, *sparsity, *scope, *alloc, *calib, *update, *include, *exclude;
	const char *out, *data, *fim, *initial, *type, *sparse, *device;
	int seed, sequences, length;
	bool list, force;
} opt = { .device = "cpu", .seed = -1 };

/** struct setting - an option that sets a parameter. */
struct setting {
	enum param_id id;
	const char *const *text;
};

static const struct setting settings[] = {
	{ PARAM_PRUNE_CRITERION, &opt.criterion }, { PARAM_PRUNE_SPARSITY, &opt.sparsity },
	{ PARAM_PRUNE_SCOPE, &opt.scope },	   { PARAM_PRUNE_ALLOC, &opt.alloc },
	{ PARAM_PRUNE_CALIB, &opt.calib },	   { PARAM_PRUNE_UPDATE, &opt.update },
	{ PARAM_PRUNE_INCLUDE, &opt.include },	   { PARAM_PRUNE_EXCLUDE, &opt.exclude },
};

static int put_number(struct config *cfg, enum param_id id, int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", value);
	return config_put(cfg, id, text);
}

static int put_settings(struct config *cfg)
{
	int ret = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && !ret; i++)
		if (*settings[i].text)
			ret = config_put(cfg, settings[i].id, *settings[i].text)
			    ? usage_error("prune: %s", fail_message()) : 0;
	if (!ret && opt.seed >= 0)
		ret = put_number(cfg, PARAM_PRUNE_SEED, opt.seed);
	if (!ret && opt.sequences)
		ret = put_number(cfg, PARAM_PRUNE_SEQUENCES, opt.sequences);
	if (!ret && opt.length)
		ret = put_number(cfg, PARAM_PRUNE_LENGTH, opt.length);
	return ret;
}

static int read_type(enum dtype *dtype)
{
	int type = opt.type ? dtype_from_name(opt.type) : DT_COUNT;

	if (type != DT_F32 && type != DT_F16 && type != DT_BF16 && type != DT_COUNT)
		return usage_error("prune: --type is f32, f16 or bf16, not '%s'", opt.type);
	*dtype = type;
	return 0;
}

static int read_sparse(enum write_sparse *how)
{
	int found = opt.sparse ? write_sparse_from_name(opt.sparse) : WRITE_DENSE;

	if (found < 0)
		return usage_error("prune: --sparse is auto, mask or 2:4, not '%s'", opt.sparse);
	*how = found;
	return 0;
}

static int prune(const struct config *cfg, struct prune_files *files)
{
	const struct prune_result *results;
	struct prune_settings s;
	struct pruning *p = NULL;
	int ret = prune_settings_read(cfg, &s);

	if (!ret)
		ret = device_open(opt.device, &files->dev);
	if (!ret)
		ret = pruning_new(&s, files, &p);
	if (!ret && opt.force)
		ret = dir_remove_tree(opt.out);
	if (!ret)
		ret = pruning_run(p, &results);
	if (!ret)
		ret = prune_report(files->model, &s, results);
	if (p)
		pruning_free(p);
	device_close(files->dev);
	return ret;
}

/* Only what this command wrote is replaced, and only when it is asked to. */
static int check_out(void)
{
	char *masks = path_join(opt.out, MASK_FILE);
	bool ours = masks && file_exists(masks);

	free(masks);
	if (!file_exists(opt.out) || (opt.force && ours))
		return 0;
	if (opt.force)
		return fail(-EEXIST, "%s: no model that knlp prune wrote (it has no %s), so it is "
			    "not replaced", opt.out, MASK_FILE);
	return fail(-EEXIST, "%s: exists already", opt.out);
}

static int prune_run(int argc, char **argv)
{
	struct prune_files files = {
		.model = argc ? argv[0] : NULL, .initial = opt.initial, .fim = opt.fim,
		.data = opt.data, .out = opt.out,
	};
	struct config *cfg = NULL;
	int ret;

	if (opt.list) {
		ret = output_from_options();
		return ret ? ret : prune_list();
	}
	if (!argc)
		return usage_error("prune: RUN|MODEL is missing");
	if (!opt.out)
		return usage_error("prune: --out is missing");
	ret = read_type(&files.dtype);
	if (!ret)
		ret = read_sparse(&files.sparse);
	if (!ret)
		ret = config_from_options(&cfg);
	if (!ret)
		ret = put_settings(cfg);
	if (!ret)
		ret = check_out();
	if (!ret)
		ret = prune(cfg, &files);
	config_free(cfg);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('k', "criterion", "NAME", &opt.criterion, "what says how important a weight "
		      "is (PRUNE_CRITERION; see --list)"),
	OPTION_STRING(0, "sparsity", "S", &opt.sparsity, "share to drop, 0.5, several as "
		      "0.3,0.5, or N:M (PRUNE_SPARSITY)"),
	OPTION_STRING('o', "out", "OUT", &opt.out, "new folder for the model; for several "
		      "sparsities one in it for each"),
	OPTION_STRING(0, "scope", "SCOPE", &opt.scope, "row, tensor, block or global "
		      "(PRUNE_SCOPE)"),
	OPTION_STRING(0, "alloc", "NAME", &opt.alloc, "how tensors share the sparsity "
		      "(PRUNE_ALLOC)"),
	OPTION_STRING(0, "include", "REGEX", &opt.include, "prune these tensors only "
		      "(PRUNE_INCLUDE)"),
	OPTION_STRING(0, "exclude", "REGEX", &opt.exclude, "leave these tensors alone "
		      "(PRUNE_EXCLUDE)"),
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards to calibrate with; the "
		      "training split is used"),
	OPTION_STRING(0, "calib", "HOW", &opt.calib, "sequential or dense (PRUNE_CALIB)"),
	OPTION_INT(0, "sequences", "N", &opt.sequences, 1, 1000000, "sequences for calibration "
		   "(PRUNE_SEQUENCES)"),
	OPTION_INT(0, "length", "N", &opt.length, 1, 1048576, "tokens of a sequence "
		   "(PRUNE_LENGTH)"),
	OPTION_STRING(0, "update", "HOW", &opt.update, "none or obs (PRUNE_UPDATE)"),
	OPTION_STRING(0, "fim", "FILE", &opt.fim, "Fisher information of the model"),
	OPTION_STRING(0, "initial", "MODEL", &opt.initial, "the model before its training"),
	OPTION_INT(0, "seed", "N", &opt.seed, 0, 2147483647, "of random masks and of the text "
		   "(PRUNE_SEED)"),
	OPTION_STRING(0, "type", "TYPE", &opt.type, "type of the matrices: f32, f16 or bf16 "
		      "(default: as they are; blocks become f32)"),
	OPTION_STRING(0, "sparse", "HOW", &opt.sparse, "store what is kept only: mask, 2:4 or "
		      "auto, the smallest"),
	OPTION_BOOL(0, "force", &opt.force, "replace OUT if it is a model that knlp prune "
		    "wrote"),
	OPTION_BOOL('l', "list", &opt.list, "explain criteria and allocations, and exit"),
	OPTION_STRING(0, "device", "NAME", &opt.device, "where to compute (default cpu)"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "prune",
	.group = "Models",
	.summary = "drop weights of a model",
	.usage = (const char *const []){
		"[--criterion=NAME] [--sparsity=S|N:M] --out=OUT [options] RUN|MODEL",
		"--list [--json]",
		NULL
	},
	.description =
		"Drops the least important weights of the matrices in a model's blocks and writes "
		"a model folder: zeros where weights were dropped, masks.safetensors beside "
		"them. Exactly as many are dropped as asked for. What is kept stays as it is, bit "
		"for bit, but for --update=obs. Criteria that read the optimizer's moments take "
		"them from a checkpoint of knlp; those that read the inputs of layers need "
		"--data.",
	.options = options,
	.params =
		"PRUNE_ALLOC PRUNE_CALIB PRUNE_COLUMNS PRUNE_CRITERION PRUNE_DAMP PRUNE_EPS "
		"PRUNE_EXCLUDE PRUNE_FLOOR PRUNE_INCLUDE PRUNE_LENGTH PRUNE_OWL PRUNE_POWER "
		"PRUNE_SCOPE PRUNE_SEED PRUNE_SEQUENCES PRUNE_SPARSITY PRUNE_TABLES PRUNE_UPDATE "
		"RUN_",
	.args = "RUN|MODEL",
	.max_args = 1,
	.run = prune_run,
};
COMMAND_REGISTER(command);
