// SPDX-License-Identifier: MIT
#include "eval/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "eval/table.h"
#include "eval/text.h"
#include "formats/source.h"
#include "nn/model.h"

/* Names, types and bytes: the same model in another container has another hash. */
static int hash_source(const struct model_source *src, char hex[HASH_HEX])
{
	struct hash h;
	int ret = hash_begin(&h);

	if (ret)
		return ret;
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct source_tensor *t = &src->tensors[i];

		hash_update(&h, t->name, strlen(t->name) + 1);
		hash_update(&h, &t->dtype, sizeof(t->dtype));
		hash_update(&h, t->data, t->bytes);
	}
	hash_end(&h, hex);
	return 0;
}

int eval_model_open(const char *path, const char *act, struct device *dev,
		    struct eval_model *em)
{
	int ret;

	*em = (struct eval_model){ .path = path, .act = act, .dev = dev };
	ret = model_load(path, dev, &em->loaded);
	if (!ret && !em->loaded.tokenizer)
		ret = fail(-EINVAL, "%s: a model without a tokenizer cannot read a text", path);
	if (!ret)
		ret = em->loaded.source ? hash_source(em->loaded.source, em->hash)
					: model_weights_hash(path, em->hash);
	if (ret) {
		eval_model_close(em);
		return ret;
	}
	em->loaded.model->act_round = strcmp(act, "q8") ? ACT_ROUND_NONE : ACT_ROUND_Q8;
	return 0;
}

void eval_model_close(struct eval_model *em)
{
	model_unload(&em->loaded);
}

int eval_model_context(const struct eval_model *em)
{
	return em->loaded.model->spec.context;
}

bool eval_adds_bos(const struct eval_model *em)
{
	return tokenizer_adds_bos(em->loaded.tokenizer);
}

uint32_t eval_prefix_token(const struct eval_model *em)
{
	uint32_t bos = tokenizer_bos(em->loaded.tokenizer);

	return bos != TOKEN_NONE ? bos : tokenizer_eot(em->loaded.tokenizer);
}

int eval_encode(struct eval_model *em, const char *text, size_t len, bool special,
		struct token_list *ids)
{
	struct encode_options options = { .add_special = special };
	size_t first = ids->nr;
	int ret;

	ret = tokenizer_encode_with(em->loaded.tokenizer, text, len, &options, ids);
	for (size_t i = first; i < ids->nr && !ret; i++)
		if (ids->ids[i] >= (uint32_t)em->loaded.model->spec.vocab)
			ret = fail(-EINVAL, "%s: its tokenizer has a token %u, the model only %d",
				   em->path, ids->ids[i], em->loaded.model->spec.vocab);
	return ret;
}

size_t eval_token_bytes(const struct eval_model *em, int32_t token)
{
	const struct tokenizer *tok = em->loaded.tokenizer;
	const char *bytes;
	size_t len;

	if ((uint32_t)token >= tokenizer_vocab(tok) || tokenizer_is_special(tok, token) ||
	    tokenizer_decode(tok, token, &bytes, &len))
		return 0;
	return len;
}

int eval_table_facts(struct eval_table *t, const struct eval_model *em,
		     const struct eval_text *text, const char *task, char *options)
{
	t->task = strdup(task);
	t->options = options;
	t->data = strdup(text->path);
	t->model = strdup(em->path);
	if (!t->task || !t->options || !t->data || !t->model)
		return fail_nomem(0, "a table");
	memcpy(t->data_hash, text->hash, HASH_HEX);
	memcpy(t->model_hash, em->hash, HASH_HEX);
	memcpy(t->tokenizer_hash, tokenizer_hash(em->loaded.tokenizer), HASH_HEX);
	strcpy(t->act, em->act);
	return 0;
}
