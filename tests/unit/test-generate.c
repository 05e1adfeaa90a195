// SPDX-License-Identifier: MIT
/* Text from models that do not fit their tokenizer, or whose weights are damaged. */
#include <math.h>

#include "block/block.h"
#include "formats/source.h"
#include "infer/generate.h"
#include "infer/load.h"
#include "nn/model.h"
#include "tensor/arch.h"
#include "tests/unit/data-helper.h"

#define VOCAB 12	/* of the model; the tokenizer has 257 */

struct bench {
	struct model_source *src;
	struct device *dev;
	struct tokenizer *tok;
	struct token_list ids;
};

static void begin(struct bench *b)
{
	char *path = tree_path("tests/data/formats/llama");

	*b = (struct bench){ 0 };
	check_ok(source_open(path, &b->src));
	ck_assert_int_eq(b->src->spec.vocab, VOCAB);
	check_ok(device_open("cpu", &b->dev));
	check_ok(tokenizer_open("byte", &b->tok));
	free(path);
}

static void end(struct bench *b)
{
	token_list_free(&b->ids);
	tokenizer_free(b->tok);
	device_close(b->dev);
	source_close(b->src);
}

static int emit(void *ctx, uint32_t id)
{
	return 0;
}

static int write_tokens(struct bench *b, uint32_t first, const struct sampling *how)
{
	const struct generation g = {
		.tokens = 60, .model = "the file", .tokenizer = b->tok, .sampling = *how,
		.emit = emit,
	};
	struct model *m;
	int ret;

	check_ok(model_from_source(b->src, b->dev, &m));
	b->ids.nr = 0;
	check_ok(token_list_add(&b->ids, first));
	ret = generate(m, b->dev, DT_F32, &g, &b->ids);
	model_free(m);
	return ret;
}

/* Only tokens that have logits are drawn, and read. */
static void generate_more_tokens(void)
{
	static const struct sampling how[] = {
		{ .temperature = 0 }, { .temperature = 100, .seed = 1 },
		{ .temperature = 100, .repeat_penalty = 100, .repeat_last = 64, .seed = 2 },
	};
	struct bench b;

	begin(&b);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		check_ok(write_tokens(&b, VOCAB - 1, &how[i]));
		ck_assert_uint_eq(b.ids.nr, 61);
		for (size_t k = 0; k < b.ids.nr; k++)
			ck_assert_uint_lt(b.ids.ids[k], VOCAB);
	}
	check_fails(write_tokens(&b, VOCAB, &how[0]), -EINVAL, "the file: the text has token 12 "
		    "of its tokenizer, the model has 12 tokens");
	end(&b);
}
TEST_REGISTER(generate_more_tokens);

/* The gain of the last norm: one bad element makes every logit bad. */
static void generate_not_numbers(void)
{
	static const float bad[] = { NAN, INFINITY, -INFINITY };
	static const struct sampling how[] = { { .temperature = 0 }, { .temperature = 1 } };
	struct bench b;

	begin(&b);
	for (size_t i = 0; i < 6; i++) {
		struct source_tensor *t = (struct source_tensor *)source_find(b.src,
									      "model.norm.weight");
		const struct source_tensor was = *t;
		float gain[64];

		CHECK(t->shape[0] <= 64);
		check_ok(dtype_decode(t->dtype, t->data, 0, t->shape[0], gain));
		gain[3] = bad[i / 2];
		t->data = gain;
		t->dtype = DT_F32;
		t->bytes = t->shape[0] * sizeof(*gain);
		check_fails(write_tokens(&b, 1, &how[i % 2]), -EDOM, "the file: behind 1 tokens "
			    "the largest logit is");
		*t = was;
	}
	end(&b);
}
TEST_REGISTER(generate_not_numbers);
