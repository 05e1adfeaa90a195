// SPDX-License-Identifier: MIT
/*
 * Weights in stored types: a model that is bound to them against one that has the same
 * numbers as floats in its segments.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "block/block.h"
#include "formats/source.h"
#include "infer/decoder.h"
#include "infer/forward.h"
#include "infer/load.h"
#include "nn/model.h"
#include "tests/unit/train-helper.h"
#include "train/evaluate.h"

#define LENGTH 80
#define VOCAB 61

static const struct {
	const char *settings;
	enum dtype matrix, vector;
} cases[] = {
	{ "MODEL_FAMILY=gpt2", DT_F32, DT_F32 },
	{ "MODEL_FAMILY=gpt2 MODEL_ACTIVATION=relu2", DT_F16, DT_F32 },
	{ "MODEL_FAMILY=llama MODEL_KV_HEADS=1", DT_BF16, DT_BF16 },
	{ "MODEL_FAMILY=qwen2 MODEL_TIED=yes", DT_Q8_0, DT_F16 },
	{ "MODEL_FAMILY=qwen3 MODEL_GATE=head MODEL_POSITION=rope_adjacent", DT_Q4_0, DT_F32 },
	{ "MODEL_FAMILY=gemma3 MODEL_ATTENTION=window,full MODEL_WINDOW=9", DT_Q8_0, DT_F32 },
	{ "MODEL_FAMILY=gpt2 MODEL_ACTIVATION=silu", DT_Q8_0, DT_F32 },
};

#define NR_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* struct stored - tensors as a file would hold them, each against the end of its pages. */
struct stored {
	struct model_source src;
	struct device *dev;
	struct config *cfg;
	void *pages[64];
	size_t page_bytes[64];
};

/* Memory whose last byte is the last one that may be read. */
static void *take_pages(struct stored *s, int i, size_t bytes)
{
	size_t page = getpagesize(), whole = (bytes + page - 1) / page * page;
	char *at = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	CHECK(at != MAP_FAILED && !mprotect(at + whole, page, PROT_NONE));
	s->pages[i] = at;
	s->page_bytes[i] = whole + page;
	return at + whole - bytes;
}

/* Random numbers of about the size of weights. */
static void fill(void *data, enum dtype dtype, int64_t count, float base, struct rng *r)
{
	const struct dtype_info *info = dtype_info(dtype);

	for (int64_t i = 0; i < count && !dtype_is_block(dtype); i++)
		dtype_put(dtype, data, i, base + 0.3 * rng_normal(r, i));
	for (int64_t i = 0; i < count / info->block && dtype_is_block(dtype); i++) {
		unsigned char *block = (unsigned char *)data + i * info->size;
		uint16_t scale = f32_to_f16(dtype == DT_Q8_0 ? 0.004f : 0.06f);

		for (size_t k = 0; k < info->size; k++)
			block[k] = (unsigned char)rng_below(r, i * 64 + k, 256);
		memcpy(block, &scale, sizeof(scale));
	}
}

static void store(struct stored *s, int i, const struct param_info *p, int which)
{
	struct source_tensor *t = &s->src.tensors[i];
	int64_t count = p->n[0] * (p->nd == 2 ? p->n[1] : 1);
	struct rng r = rng_stream(1, p->name, 0);

	*t = (struct source_tensor){ .name = strdup(p->name), .nd = p->nd };
	memcpy(t->shape, p->n, sizeof(t->shape));
	t->dtype = p->nd == 2 ? cases[which].matrix : cases[which].vector;
	t->bytes = dtype_bytes(t->dtype, count);
	t->data = take_pages(s, i, t->bytes);
	fill((void *)t->data, t->dtype, count, p->kind == WEIGHT_NORM ? 1 : 0, &r);
}

static void begin_vocab(struct stored *s, int which, const char *device, int vocab)
{
	char *text = str_printf("MODEL_LAYERS=2 MODEL_WIDTH=64 MODEL_HEADS=2 MODEL_CONTEXT=80 "
				"MODEL_MLP_WIDTH=96 MODEL_VOCAB=%d MODEL_ROPE_BASE=auto %s",
				vocab, cases[which].settings), *save = NULL;
	struct model_spec spec;
	struct model *m;

	memset(s, 0, sizeof(*s));
	s->cfg = config_new();
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		check_ok(config_set(s->cfg, a));
	free(text);
	check_ok(device_open(device, &s->dev));
	check_ok(spec_from_config(s->cfg, 0, &spec));
	check_ok(spec_from_config(s->cfg, 0, &s->src.spec));
	check_ok(model_new(&spec, NULL, &m));
	s->src.path = "here";
	s->src.nr_tensors = m->nr_params;
	CHECK(m->nr_params <= 64);
	s->src.tensors = calloc(m->nr_params, sizeof(*s->src.tensors));
	for (int i = 0; i < m->nr_params; i++)
		store(s, i, &m->params[i], which);
	model_free(m);
}

static void begin(struct stored *s, int which, const char *device)
{
	begin_vocab(s, which, device, VOCAB);
}

static void end(struct stored *s)
{
	for (int i = 0; i < s->src.nr_tensors; i++) {
		free((char *)s->src.tensors[i].name);
		munmap(s->pages[i], s->page_bytes[i]);
	}
	free(s->src.tensors);
	spec_free(&s->src.spec);
	device_close(s->dev);
	config_free(s->cfg);
}

/* (LENGTH, V) */
static float *logits(struct model *m, struct device *dev)
{
	const struct forward_options o = { 1, LENGTH };
	float *out = malloc(LENGTH * m->spec.vocab * sizeof(*out));
	int32_t tokens[LENGTH];
	struct forward *f;
	int length = LENGTH;

	for (int i = 0; i < LENGTH; i++)
		tokens[i] = i * i % VOCAB;
	check_ok(forward_new(m, dev, &o, &f));
	check_ok(forward_run(f, tokens, LENGTH, 1, &length));
	check_ok(forward_logits(f, 0, 0, LENGTH, out));
	forward_free(f);
	return out;
}

static void compare(const float *a, const float *b, int nr, double tolerance)
{
	float max = 0;

	for (int i = 0; i < nr; i++)
		max = fmaxf(max, fabsf(a[i]));
	for (int i = 0; i < nr; i++)
		ck_assert_msg(fabsf(a[i] - b[i]) <= tolerance * max, "%d: %g and %g", i, a[i],
			      b[i]);
}

static const char *const devices[] = { "cpu", "remote" };

START_TEST(stored_types)
{
	struct model *bound, *floats;
	struct model_spec spec;
	struct stored s;
	float *a, *b;

	begin(&s, _i % NR_CASES, devices[_i / NR_CASES]);
	check_ok(model_from_source(&s.src, s.dev, &bound));
	check_ok(spec_from_config(s.cfg, 0, &spec));
	check_ok(model_new(&spec, NULL, &floats));
	check_ok(model_alloc(floats, s.dev));
	check_ok(model_fill(floats, &s.src));
	a = logits(bound, s.dev);
	b = logits(floats, s.dev);
	compare(a, b, LENGTH * VOCAB, 1e-5);
	free(a);
	bound->act_round = ACT_ROUND_Q8;	/* close, and not the same */
	a = logits(bound, s.dev);
	if (cases[_i % NR_CASES].matrix != DT_F32) {
		CHECK(memcmp(a, b, LENGTH * VOCAB * sizeof(*a)));
		compare(a, b, LENGTH * VOCAB, 0.2);
	}
	free(a);
	free(b);
	model_free(bound);
	model_free(floats);
	end(&s);
}
END_TEST

/* (LENGTH, VOCAB): what a decoder says that is fed so many tokens at a time. */
static float *decoded(struct model *m, struct device *dev, const int32_t *tokens, int chunk)
{
	float *out = malloc(LENGTH * VOCAB * sizeof(*out));
	struct decoder *d;

	check_ok(decoder_new(m, dev, &(struct decoder_options){ .chunk = LENGTH }, &d));
	for (int at = 0; at < LENGTH; at += chunk)
		check_ok(decoder_feed_all(d, tokens + at, LENGTH - at < chunk ? LENGTH - at : chunk,
					  out + at * VOCAB));
	decoder_free(d);
	return out;
}

static void count_up(int32_t tokens[LENGTH])
{
	for (int i = 0; i < LENGTH; i++)
		tokens[i] = (i * i + 3) % VOCAB;
}

/* The largest difference of a logit between all tokens at once and so many at a time. */
static float chunk_difference(struct model *m, struct device *dev, int chunk)
{
	int32_t tokens[LENGTH];
	float *all, *some, most = 0;

	count_up(tokens);
	all = decoded(m, dev, tokens, LENGTH);
	some = decoded(m, dev, tokens, chunk);
	for (int i = 0; i < LENGTH * VOCAB; i++)
		most = fmaxf(most, fabsf(all[i] - some[i]));
	free(all);
	free(some);
	return most;
}

/*
 * Few rows and many are multiplied with stored weights by different kernels.  Where the same
 * numbers as floats, by the kernels of training, differ as much, it is the model that makes
 * much of a rounding: the weights here are large, and some tokens attend on a knife's edge.
 */
START_TEST(stored_chunks)
{
	static const int chunks[] = { 1, 3, 64 };
	struct model *bound, *floats;
	struct model_spec spec;
	struct stored s;

	begin(&s, _i, "cpu");
	check_ok(model_from_source(&s.src, s.dev, &bound));
	check_ok(spec_from_config(s.cfg, 0, &spec));
	check_ok(model_new(&spec, NULL, &floats));
	check_ok(model_alloc(floats, s.dev));
	check_ok(model_fill(floats, &s.src));
	for (int k = 0; k < 3; k++) {
		float most = chunk_difference(bound, s.dev, chunks[k]);
		float same = chunk_difference(floats, s.dev, chunks[k]);

		ck_assert_msg(most <= fmaxf(1e-4f, 2 * same), "%d at a time: %g, as floats %g",
			      chunks[k], most, same);
	}
	model_free(bound);
	model_free(floats);
	end(&s);
}
END_TEST

/* Another token leaves what comes before it as it was, to the bit; rounded activations, too. */
START_TEST(stored_causal)
{
	static const int places[] = { 0, 1, 7, 8, 63, 64, LENGTH - 1 };
	static const int chunks[] = { 1, 3, LENGTH };
	int32_t tokens[LENGTH];
	struct model *m;
	struct stored s;

	begin(&s, _i % NR_CASES, "cpu");
	check_ok(model_from_source(&s.src, s.dev, &m));
	m->act_round = _i < NR_CASES ? ACT_ROUND_NONE : ACT_ROUND_Q8;
	count_up(tokens);
	for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
		float *before = decoded(m, s.dev, tokens, chunks[k]);

		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			int at = places[i], old = tokens[at];
			float *after;

			tokens[at] = (old + 1) % VOCAB;
			after = decoded(m, s.dev, tokens, chunks[k]);
			CHECK(!memcmp(before, after, at * VOCAB * sizeof(*before)));
			CHECK(memcmp(before + at * VOCAB, after + at * VOCAB,
				     VOCAB * sizeof(*before)));
			tokens[at] = old;
			free(after);
		}
		free(before);
	}
	model_free(m);
	end(&s);
}
END_TEST

static struct eval_result loss_of(struct model *m, struct device *dev, struct dataset *data)
{
	struct eval_result r;
	struct evaluator *e;

	check_ok(evaluator_new(m, dev, 2, LENGTH, false, false, &e));
	check_ok(evaluator_run(e, data, 1000, &r));
	evaluator_free(e);
	return r;
}

/* The loss on a data set, as training measures it. */
START_TEST(stored_loss)
{
	struct lab lab = { .scratch = scratch_make() };
	struct model *bound, *floats;
	struct eval_result a, b;
	struct model_spec spec;
	struct stored s;

	lab_data(&lab);
	begin_vocab(&s, _i, "cpu", 257);
	check_ok(model_from_source(&s.src, s.dev, &bound));
	check_ok(spec_from_config(s.cfg, 0, &spec));
	check_ok(model_new(&spec, NULL, &floats));
	check_ok(model_alloc(floats, s.dev));
	check_ok(model_fill(floats, &s.src));
	a = loss_of(bound, s.dev, lab.data);
	b = loss_of(floats, s.dev, lab.data);
	ck_assert_int_eq(a.tokens, 1000);
	ck_assert_int_eq(b.tokens, 1000);
	ck_assert_msg(fabs(a.nats / b.nats - 1) < 1e-5, "%g and %g", a.nats, b.nats);
	model_free(bound);
	model_free(floats);
	end(&s);
	dataset_close(lab.data);
	scratch_remove(lab.scratch);
}
END_TEST

/* What the processor can read where it lies is not copied. */
START_TEST(stored_in_place)
{
	struct model *m;
	struct stored s;

	begin(&s, _i, "cpu");
	check_ok(model_from_source(&s.src, s.dev, &m));
	for (int i = 0; i < m->nr_params; i++)
		if (m->params[i].nd == 2)
			CHECK(m->params[i].place->address == s.src.tensors[i].data);
	model_free(m);
	end(&s);
}
END_TEST

START_TEST(stored_refused)
{
	struct source_tensor *t;
	struct model *m;
	struct stored s;

	begin(&s, 2, "cpu");
	t = &s.src.tensors[s.src.nr_tensors - 1];
	t->shape[0]++;
	check_fails(model_from_source(&s.src, s.dev, &m), -EINVAL, t->name);
	s.src.nr_tensors--;
	check_fails(model_from_source(&s.src, s.dev, &m), -EINVAL, "is missing");
	s.src.nr_tensors++;
	end(&s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, stored_types, 0, 2 * NR_CASES);
	tcase_add_loop_test(tc, stored_chunks, 0, NR_CASES);
	tcase_add_loop_test(tc, stored_causal, 0, 2 * NR_CASES);
	tcase_add_loop_test(tc, stored_loss, 0, NR_CASES);
	tcase_add_loop_test(tc, stored_in_place, 0, NR_CASES);
	tcase_add_test(tc, stored_refused);
}
TEST_REGISTER(load, add);
