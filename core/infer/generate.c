// SPDX-License-Identifier: MIT
#include "infer/generate.h"

#include "base/fail.h"
#include "data/tokenizer.h"
#include "infer/prompt.h"
#include "infer/session.h"
#include "nn/model.h"

int generate(struct model *m, struct device *dev, enum dtype cache, const struct generation *g,
	     struct token_list *ids)
{
	struct session *s;
	size_t prompt = ids->nr, most = prompt + g->tokens;
	int context = g->context ? g->context : m->spec.context, ret;

	if (most < (size_t)context)
		context = (int)most;
	ret = session_new(m, dev, context, cache, &s);
	if (ret)
		return ret;
	ret = session_add(s, ids->ids, ids->nr);
	if (!ret)
		ret = session_write(s, g);
	for (size_t i = prompt; i < session_tokens(s)->nr && !ret; i++)
		ret = token_list_add(ids, session_tokens(s)->ids[i]);
	session_free(s);
	return ret;
}

/** struct writing - a text under way. */
struct writing {
	const struct tokenizer *tok;
	struct strbuf *text;
	bool started;		/* there is text in front */
};

static int add_token(void *ctx, uint32_t id)
{
	struct writing *w = ctx;
	bool first = !w->started;

	w->started = true;
	return prompt_text(w->tok, id, first, w->text);
}

int generate_text(struct model *m, struct device *dev, struct tokenizer *tok,
		  const char *prompt, int tokens, uint64_t seed, struct strbuf *text)
{
	struct writing w = { .tok = tok, .text = text, .started = *prompt };
	struct generation g = {
		.tokens = tokens,
		.model = "the model",
		.tokenizer = tok,
		.sampling = { .temperature = 1, .seed = seed },
		.emit = add_token,
		.ctx = &w,
	};
	struct token_list ids = { 0 };
	int ret = prompt_encode(tok, prompt, false, &ids);

	if (!ret)
		ret = generate(m, dev, m->compute, &g, &ids);
	token_list_free(&ids);
	return ret;
}
