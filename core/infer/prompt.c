// SPDX-License-Identifier: MIT
#include "infer/prompt.h"

#include <string.h>

#include "data/tokenizer.h"

int prompt_encode(struct tokenizer *tok, const char *text, bool marks, struct token_list *ids)
{
	const struct encode_options o = { .add_special = true, .parse_special = marks };
	int ret = tokenizer_encode_with(tok, text, strlen(text), &o, ids);

	if (ids->nr && tokenizer_adds_eos(tok) && ids->ids[ids->nr - 1] == tokenizer_eos(tok))
		ids->nr--;	/* the text goes on */
	return ret || ids->nr ? ret : token_list_add(ids, tokenizer_eot(tok));
}

int prompt_encode_marked(struct tokenizer *tok, const char *text, size_t len, bool first,
			 struct token_list *ids)
{
	const struct encode_options o = { .add_special = first, .parse_special = true };

	return tokenizer_encode_with(tok, text, len, &o, ids);
}

int prompt_text(const struct tokenizer *tok, uint32_t id, bool first, struct strbuf *sb)
{
	const char *bytes;
	size_t len;
	int ret;

	if (first)
		return tokenizer_text(tok, &id, 1, false, sb);
	ret = tokenizer_decode(tok, id, &bytes, &len);
	if (ret || tokenizer_is_special(tok, id))
		return ret;
	strbuf_add(sb, bytes, len);
	return strbuf_ok(sb);
}

bool prompt_ends(const struct tokenizer *tok, uint32_t id)
{
	return tokenizer_ends(tok, id);
}
