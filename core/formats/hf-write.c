// SPDX-License-Identifier: MIT
/*
 * Models into folders of Hugging Face.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/tokenizer.h"
#include "formats/hf-internal.h"

/* What matrices become: safetensors files hold no blocks. */
static enum dtype matrix_type(const struct source_tensor *t, const struct write_options *o)
{
	if (o->dtype != DT_COUNT)
		return o->dtype;
	return dtype_is_block(t->dtype) ? DT_F32 : t->dtype;
}

/*
 * All tensors of such a folder have one type as a rule.  Norms that other formats hold as
 * f32 take the type of the matrices again, if that loses nothing.
 */
enum dtype hf_type_of(const struct model_source *src, const struct source_tensor *t, float add,
		      const struct write_options *o)
{
	enum dtype matrices = matrix_type(&src->tensors[0], o);

	if (t->nd == 2 || o->dtype != DT_COUNT)
		return matrix_type(t, o);
	return turn_holds(t, add, matrices) ? matrices : DT_F32;
}

/* Of what is written; f32 where types are mixed, so that nothing is rounded in reading. */
static enum dtype common_type(const struct outgoing *out)
{
	enum dtype type = out->turned[0].to;

	for (int i = 1; i < out->nr; i++)
		if (out->turned[i].to != type)
			return DT_F32;
	return type;
}

int hf_tokenizer_write(const struct model_source *src, const char *dir)
{
	struct strbuf sb;
	int ret;

	if (!src->tokenizer)
		return 0;
	ret = tokenizer_save(src->tokenizer, dir);
	if (ret)
		return ret;
	strbuf_init(&sb);
	tokenizer_config_json(src->tokenizer, src->chat_template, &sb);
	ret = folder_put(dir, TOKENIZER_CONFIG, &sb);
	strbuf_free(&sb);
	return ret;
}

static int write_config(const struct model_source *src, enum dtype type, bool sparse,
			const char *dir)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	ret = hf_config_write(src, type, sparse, &sb);
	if (!ret)
		ret = folder_put(dir, HF_CONFIG, &sb);
	strbuf_free(&sb);
	return ret;
}

static int write_all(const struct model_source *src, struct outgoing *out,
		     struct hf_packed *packed, const char *path, uint64_t shard_bytes)
{
	char *tmp = folder_begin(path);
	int ret;

	if (!tmp)
		return -ENOMEM;
	ret = write_config(src, common_type(out), packed, tmp);
	if (!ret)
		ret = hf_tokenizer_write(src, tmp);
	if (!ret)
		ret = hf_weights_write(out, packed, tmp, shard_bytes);
	return folder_end(tmp, path, ret);
}

int hf_write(const struct model_source *src, const char *path, const struct write_options *o)
{
	struct outgoing_rules rules = {
		.position = POS_ROPE, .norms = -hf_subtracted(&src->spec), .type = hf_type_of,
	};
	struct hf_packed *packed = NULL;
	struct outgoing out;
	int ret = spec_kind(path, &src->spec);

	if (ret < 0)
		return ret;
	ret = outgoing_make(src, &rules, o, &out);
	if (ret)
		return ret;
	if (o->sparse)
		ret = hf_packed_make(src, path, &out, o->sparse, &packed);
	if (!ret)
		ret = write_all(src, &out, packed, path,
				o->shard_bytes ? o->shard_bytes : HF_SHARD_BYTES);
	hf_packed_free(packed, out.nr);
	outgoing_free(&out);
	return ret;
}
