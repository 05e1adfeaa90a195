// SPDX-License-Identifier: MIT
#include "eval/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "eval/table.h"
#include "eval/text.h"
#include "nn/model.h"

int eval_model_open(const char *path, const char *act, struct device *dev,
		    struct eval_model *em)
{
	int ret;

	*em = (struct eval_model){ .path = path, .act = act, .dev = dev };
	ret = model_load(path, dev, &em->loaded);
	if (!ret)
		ret = model_weights_hash(path, em->hash);
	if (!ret)
		em->loaded.model->act_round = strcmp(act, "q8") ? ACT_ROUND_NONE
								 : ACT_ROUND_Q8;
	if (ret)
		eval_model_close(em);
	return ret;
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
	(void)em;
	return false;
}

uint32_t eval_prefix_token(const struct eval_model *em)
{
	return tokenizer_eot(em->loaded.tokenizer);
}

int eval_encode(struct eval_model *em, const char *text, size_t len, bool special,
		struct token_list *ids)
{
	size_t first = ids->nr;
	int ret = 0;

	if (special && eval_adds_bos(em))
		ret = token_list_add(ids, eval_prefix_token(em));
	if (!ret)
		ret = tokenizer_encode(em->loaded.tokenizer, text, len, ids);
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
