// SPDX-License-Identifier: MIT
#include "infer/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/tokenizer.h"
#include "infer/decoder.h"
#include "infer/sampler.h"
#include "nn/model.h"

/* Read the last @nr tokens, at most a context of them, as if they were all. */
static int read_end(struct decoder *d, const struct token_list *ids, size_t nr, int context,
		    float *logits)
{
	size_t most = nr < (size_t)context ? nr : (size_t)context;
	int ret = decoder_reset(d);

	return ret ? ret : decoder_feed(d, (const int32_t *)ids->ids + ids->nr - most, (int)most,
					logits);
}

/* The logits behind the newest token. */
static int advance(struct decoder *d, const struct token_list *ids, int context, float *logits)
{
	int32_t newest = (int32_t)ids->ids[ids->nr - 1];

	if (decoder_length(d) == context)
		return read_end(d, ids, context > 1 ? context / 2 : 1, context, logits);
	return decoder_feed(d, &newest, 1, logits);
}

static int draw_all(struct decoder *d, int context, const struct generation *g,
		    struct token_list *ids, float *logits)
{
	int ret = read_end(d, ids, ids->nr, context, logits);

	for (int i = 0; i < g->tokens && !ret; i++) {
		uint32_t id = sample_token(logits, g->vocab, g->temperature, g->seed, i);

		ret = token_list_add(ids, id);
		if (ret || id == g->eot)
			break;
		ret = g->emit(g->ctx, id);
		if (!ret && i + 1 < g->tokens)
			ret = advance(d, ids, context, logits);
	}
	return ret;
}

int generate(struct model *m, struct device *dev, const struct generation *g,
	     struct token_list *ids)
{
	float *logits = calloc(m->spec.vocab, sizeof(*logits));
	struct decoder *d = NULL;
	int ret;

	if (!logits)
		return fail_nomem(m->spec.vocab * sizeof(*logits), "logits");
	ret = decoder_new(m, dev, m->spec.context, &d);
	if (!ret)
		ret = draw_all(d, m->spec.context, g, ids, logits);
	decoder_free(d);
	free(logits);
	return ret;
}

int generate_prompt(struct tokenizer *tok, const char *prompt, struct token_list *ids)
{
	int ret = tokenizer_encode(tok, prompt, strlen(prompt), ids);

	return ret || ids->nr ? ret : token_list_add(ids, tokenizer_eot(tok));
}

/** struct writing - a text under way. */
struct writing {
	const struct tokenizer *tok;
	struct strbuf *text;
};

static int add_token(void *ctx, uint32_t id)
{
	struct writing *w = ctx;
	const char *bytes;
	size_t len;
	int ret = tokenizer_decode(w->tok, id, &bytes, &len);

	if (ret || tokenizer_is_special(w->tok, id))
		return ret;
	strbuf_add(w->text, bytes, len);
	return strbuf_ok(w->text);
}

int generate_text(struct model *m, struct device *dev, struct tokenizer *tok,
		  const char *prompt, int tokens, uint64_t seed, struct strbuf *text)
{
	struct writing w = { .tok = tok, .text = text };
	struct generation g = {
		.tokens = tokens,
		.vocab = (int)tokenizer_vocab(tok),
		.eot = tokenizer_eot(tok),
		.temperature = 1,
		.seed = seed,
		.emit = add_token,
		.ctx = &w,
	};
	struct token_list ids = { 0 };
	int ret = generate_prompt(tok, prompt, &ids);

	if (!ret)
		ret = generate(m, dev, &g, &ids);
	token_list_free(&ids);
	return ret;
}
