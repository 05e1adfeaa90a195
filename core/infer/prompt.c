// SPDX-License-Identifier: MIT
#include "infer/prompt.h"

#include <string.h>

#include "data/tokenizer.h"

int prompt_encode(struct tokenizer *tok, const char *text, struct token_list *ids)
{
	int ret = tokenizer_encode(tok, text, strlen(text), ids);

	return ret || ids->nr ? ret : token_list_add(ids, tokenizer_eot(tok));
}

int prompt_encode_marked(struct tokenizer *tok, const char *text, size_t len, bool first,
			 struct token_list *ids)
{
	(void)first;
	return tokenizer_encode(tok, text, len, ids);
}

bool prompt_ends(const struct tokenizer *tok, uint32_t id)
{
	return id == tokenizer_eot(tok);
}
