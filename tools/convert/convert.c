// SPDX-License-Identifier: MIT
/*
 * knlp convert - write a model in the format of another program.
 */
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "formats/source.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct {
	const char *format, *type, *shard, *sparse;
	int version;
} opt;

static int read_type(enum dtype *dtype)
{
	int type = opt.type ? dtype_from_name(opt.type) : DT_COUNT;

	if (type != DT_F32 && type != DT_F16 && type != DT_BF16 && type != DT_COUNT)
		return usage_error("convert: --type is f32, f16 or bf16, not '%s'", opt.type);
	*dtype = type;
	return 0;
}

static int read_shard(uint64_t *bytes)
{
	long long n;

	if (!opt.shard)
		return 0;
	if (str_to_count(opt.shard, &n) || n < 1)
		return usage_error("convert: --shard-bytes '%s' is no number such as 500M or 5G",
				   opt.shard);
	*bytes = n;
	return 0;
}

static int read_sparse(enum write_sparse *how)
{
	int found = opt.sparse ? write_sparse_from_name(opt.sparse) : WRITE_DENSE;

	if (found < 0)
		return usage_error("convert: --sparse is auto, mask or 2:4, not '%s'", opt.sparse);
	*how = found;
	return 0;
}

static int report(const struct model_source *from, const char *path)
{
	struct model_source *to;
	struct json_out *o;
	int ret = source_describe(path, &to);

	if (ret)
		return ret;
	log_info("%s (%s) to %s (%s): %d tensors", from->path, from->format->name, path,
		 to->format->name, to->nr_tensors);
	if (config_options.json) {
		o = json_out_new();
		json_out_text(o, "from", from->path);
		json_out_text(o, "from_format", from->format->name);
		json_out_text(o, "to", path);
		json_out_text(o, "to_format", to->format->name);
		json_out_int(o, "tensors", to->nr_tensors);
		ret = json_out_print(o);
	}
	source_close(to);
	return ret;
}

static int convert_run(int argc, char **argv)
{
	struct write_options o = { .llama2c_version = opt.version };
	struct model_source *src;
	int ret = output_from_options();

	(void)argc;
	if (!ret)
		ret = read_type(&o.dtype);
	if (!ret)
		ret = read_shard(&o.shard_bytes);
	if (!ret)
		ret = read_sparse(&o.sparse);
	if (!ret && opt.format && !model_format_find(opt.format))
		return usage_error("convert: --format: %s", fail_message());
	if (!ret && !strcmp(argv[1], "-"))
		return usage_error("convert: OUT is a file or folder, not standard output");
	if (!ret)
		ret = source_open(argv[0], &src);
	if (ret)
		return ret;
	ret = source_write(src, argv[1], opt.format, &o);
	if (!ret)
		ret = report(src, argv[1]);
	source_close(src);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('f', "format", "NAME", &opt.format, "gguf, hf, llama2c or knlp (default: by "
		      "the name of OUT: x.gguf, x.bin, else hf)"),
	OPTION_STRING('t', "type", "TYPE", &opt.type, "type of the matrices: f32, f16 or bf16 "
		      "(default: as they are; blocks become f32 where OUT has none)"),
	OPTION_INT(0, "llama2c-version", "N", &opt.version, 0, 1, "version of a file for llama2.c: "
		   "0, which its run.c reads, or 1 (default 0)"),
	OPTION_STRING(0, "shard-bytes", "N", &opt.shard, "most bytes of weights in one file of a "
		      "folder of Hugging Face (default 5G)"),
	OPTION_STRING(0, "sparse", "HOW", &opt.sparse, "of matrices with zeros only the rest, in a "
		      "folder of Hugging Face for knlp: mask, 2:4 or auto, the smallest"),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "convert",
	.group = "Models",
	.summary = "write a model in the format of another program",
	.usage = (const char *const []){ "IN OUT [--format=NAME] [--type=TYPE] [options]", NULL },
	.description =
		"IN is a run or model folder of knlp, a folder of Hugging Face, a GGUF file or a "
		".bin of llama2.c; OUT must not exist yet. Weights, tokenizer and chat template "
		"go along. What OUT cannot hold is refused by name, and nothing is written.",
	.options = options,
	.args = "IN OUT",
	.min_args = 2,
	.max_args = 2,
	.run = convert_run,
};
COMMAND_REGISTER(command);
