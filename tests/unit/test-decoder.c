// SPDX-License-Identifier: MIT
/* Decoding with a cache against the whole sequence at once, as training computes it. */
#include <math.h>

#include "infer/decoder.h"
#include "infer/forward.h"
#include "infer/generate.h"
#include "infer/sampler.h"
#include "infer/session.h"
#include "nn/model.h"
#include "tensor/plan.h"
#include "tests/unit/train-helper.h"

#define LENGTH	150	/* more than a chunk of the prompt */
#define VOCAB	61

static const char *const models[] = {
	"MODEL_FAMILY=gpt2",
	"MODEL_FAMILY=llama MODEL_KV_HEADS=1",
	"MODEL_FAMILY=llama MODEL_POSITION=rope_adjacent MODEL_QK_NORM=y MODEL_GATE=head",
	"MODEL_FAMILY=qwen2 MODEL_KV_HEADS=1 MODEL_ROPE_SCALING=llama3 MODEL_ROPE_ORIGINAL=64",
	"MODEL_FAMILY=qwen3 MODEL_HEAD_DIM=24 MODEL_TIED=yes",
	("MODEL_FAMILY=gemma3 MODEL_ATTENTION=window,full MODEL_WINDOW=9 MODEL_ATTN_SCALE=0.3 "
	 "MODEL_ROPE_SCALING=linear"),
	"MODEL_FAMILY=gpt2 MODEL_ATTENTION=window,full MODEL_WINDOW=7 MODEL_GATE=element",
	"MODEL_FAMILY=gpt2 MODEL_ATTN_SOFTCAP=2 MODEL_LOGIT_SOFTCAP=3 MODEL_POSITION=none",
};

#define NR_MODELS ((int)(sizeof(models) / sizeof(models[0])))

/* struct forward - the graph of all logits of a sequence. */
struct forward {
	struct graph *g;
	struct plan *plan;
	struct tensor *ids, *positions, *logits;
	struct buffer *buffer[2];
};

struct bench {
	struct config *cfg;
	struct device *dev;
	struct model *m;
	struct forward f;
	int32_t tokens[LENGTH];
};

static struct tensor *input(struct bench *b, const char *name, struct buffer **buf)
{
	int64_t n[2] = { 1, LENGTH };
	struct tensor *t = graph_tensor(b->f.g, TENSOR_INPUT, name, DT_I32, 2, n, NULL);

	check_ok(device_alloc(b->dev, LENGTH * sizeof(int32_t), name, buf));
	tensor_bind(t, *buf, 0);
	return t;
}

static void build(struct bench *b)
{
	struct builder builder = { .model = b->m };
	struct forward *f = &b->f;

	f->g = builder.graph = graph_new();
	builder.ids = f->ids = input(b, "ids", &f->buffer[0]);
	builder.positions = f->positions = input(b, "positions", &f->buffer[1]);
	f->logits = model_logits(&builder, model_hidden(&builder));
	check_ok(graph_error(f->g));
	graph_output(f->logits);
	check_ok(graph_plan(f->g, b->dev, false, &f->plan));
}

/* Weights far from zero, so that every part of the model matters. */
static void begin_on(struct bench *b, const char *settings, const char *device)
{
	char *text = str_printf("MODEL_LAYERS=2 MODEL_WIDTH=32 MODEL_HEADS=2 MODEL_CONTEXT=150 "
				"MODEL_INIT_STD=0.3 %s", settings), *save = NULL;
	struct rng r = rng_stream(1, "test", 0);
	struct model_spec spec;

	memset(b, 0, sizeof(*b));
	b->cfg = config_new();
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		check_ok(config_set(b->cfg, a));
	free(text);
	check_ok(spec_from_config(b->cfg, VOCAB, &spec));
	check_ok(device_open(device, &b->dev));
	check_ok(model_new(&spec, NULL, &b->m));
	check_ok(model_alloc(b->m, b->dev));
	check_ok(model_init(b->m, 1));
	for (int i = 0; i < LENGTH; i++)
		b->tokens[i] = (int32_t)rng_below(&r, i, VOCAB);
	build(b);
}

static void begin(struct bench *b, const char *settings)
{
	begin_on(b, settings, "cpu");
}

static void end(struct bench *b)
{
	plan_free(b->f.plan);
	graph_free(b->f.g);
	buffer_free(b->f.buffer[0]);
	buffer_free(b->f.buffer[1]);
	model_free(b->m);
	device_close(b->dev);
	config_free(b->cfg);
}

/* logits: (LENGTH, VOCAB) */
static float *forward(struct bench *b)
{
	float *logits = malloc(LENGTH * VOCAB * sizeof(*logits));
	int32_t positions[LENGTH];

	for (int i = 0; i < LENGTH; i++)
		positions[i] = i;
	check_ok(tensor_write(b->f.ids, b->tokens, sizeof(b->tokens)));
	check_ok(tensor_write(b->f.positions, positions, sizeof(positions)));
	check_ok(plan_run(b->f.plan));
	check_ok(tensor_read(b->f.logits, logits, LENGTH * VOCAB * sizeof(*logits)));
	return logits;
}

static void compare(const float *got, const float *want, int at)
{
	for (int v = 0; v < VOCAB; v++)
		ck_assert_msg(fabsf(got[v] - want[v]) <= 1e-4f,
			      "token %d, logit %d: %g, not %g", at, v, got[v], want[v]);
}

/* Feed the sequence @chunk tokens at a time and look at the logits after each. */
static void feed(struct bench *b, struct decoder *d, int chunk, const float *want)
{
	float got[VOCAB];

	for (int at = 0; at < LENGTH; at += chunk) {
		int nr = LENGTH - at < chunk ? LENGTH - at : chunk;

		check_ok(decoder_feed(d, b->tokens + at, nr, got));
		ck_assert_int_eq(decoder_length(d), at + nr);
		compare(got, want + (size_t)(at + nr - 1) * VOCAB, at + nr - 1);
	}
}

START_TEST(chunks)
{
	static const int sizes[] = { 1, 3, 40, 64, LENGTH };
	struct decoder *d;
	struct bench b;
	float *want, got[VOCAB];

	begin(&b, models[_i]);
	want = forward(&b);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .chunk = 40 }, &d));
	for (int i = 0; i < 5; i++) {
		feed(&b, d, sizes[i], want);
		check_fails(decoder_feed(d, b.tokens, 1, got), -ENOSPC, "");
		check_ok(decoder_reset(d));
		ck_assert_int_eq(decoder_length(d), 0);
	}
	decoder_free(d);
	free(want);
	end(&b);
}
END_TEST

/* A prompt that is read at once against one that comes in small parts, token by token too. */
START_TEST(prefill_is_decode)
{
	static const int sizes[] = { 1, 3, 64 };
	float *prefill = malloc(LENGTH * VOCAB * sizeof(*prefill));
	struct decoder *d;
	struct bench b;

	begin(&b, models[_i]);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .chunk = LENGTH }, &d));
	check_ok(decoder_feed_all(d, b.tokens, LENGTH, prefill));
	for (int i = 0; i < 3; i++) {
		check_ok(decoder_reset(d));
		feed(&b, d, sizes[i], prefill);
	}
	decoder_free(d);
	free(prefill);
	end(&b);
}
END_TEST

START_TEST(all_positions)
{
	struct decoder *d;
	struct bench b;
	float *want, *got = malloc(LENGTH * VOCAB * sizeof(*got));

	begin(&b, models[_i]);
	want = forward(&b);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .chunk = 64 }, &d));
	check_ok(decoder_feed_all(d, b.tokens, 70, got));
	check_ok(decoder_feed_all(d, b.tokens + 70, LENGTH - 70, got + 70 * VOCAB));
	for (int i = 0; i < LENGTH; i++)
		compare(got + i * VOCAB, want + i * VOCAB, i);
	decoder_free(d);
	free(want);
	free(got);
	end(&b);
}
END_TEST

/* Three sequences that read, decode and rest at different times are what each is alone. */
START_TEST(batches)
{
	static const int reads[][3] = { { 5, 90, 0 }, { 0, 1, 7 }, { 1, 1, 1 }, { 1, 50, 1 },
					{ 0, 8, 0 }, { 33, 0, 140 }, { 1, 0, 1 }, { 1, 0, 0 } };
	float got[3 * VOCAB];
	struct decoder *d;
	struct bench b;
	float *want;

	begin_on(&b, models[_i % NR_MODELS], _i < NR_MODELS ? "cpu" : "remote");
	want = forward(&b);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .batch = 3, .chunk = 40 }, &d));
	for (size_t k = 0; k < sizeof(reads) / sizeof(reads[0]); k++) {
		struct decoder_input in[3];

		for (int s = 0; s < 3; s++)
			in[s] = (struct decoder_input){
				b.tokens + decoder_count(d, s), reads[k][s] };
		check_ok(decoder_run(d, in, got));
		for (int s = 0; s < 3; s++)
			if (in[s].nr)
				compare(got + s * VOCAB,
					want + (decoder_count(d, s) - 1) * VOCAB,
					decoder_count(d, s) - 1);
	}
	ck_assert_int_eq(decoder_count(d, 1), LENGTH);
	ck_assert_int_eq(decoder_count(d, 2), LENGTH);
	check_ok(decoder_truncate(d, 1, 3));
	check_ok(decoder_run(d, (struct decoder_input[]){ { 0 }, { b.tokens + 3, 9 }, { 0 } },
			     got));
	compare(got + VOCAB, want + 11 * VOCAB, 11);
	check_fails(decoder_run(d, (struct decoder_input[]){ { 0 }, { 0 }, { b.tokens, 1 } }, got),
		    -ENOSPC, "sequence 2");
	decoder_free(d);
	free(want);
	end(&b);
}
END_TEST

/* Keys and values that are rounded to 11 or 8 bits change logits by about as much. */
START_TEST(small_caches)
{
	static const struct {
		enum dtype dtype;
		float most;
	} types[] = { { DT_F16, 0.02f }, { DT_BF16, 0.16f } };
	float got[VOCAB];
	struct decoder *d;
	struct bench b;
	float *want;

	begin(&b, models[_i]);
	want = forward(&b);
	for (int k = 0; k < 2; k++) {
		const struct decoder_options o = { .cache = types[k].dtype };
		float worst = 0;

		check_ok(decoder_new(b.m, b.dev, &o, &d));
		for (int at = 0; at < LENGTH; at += 10) {
			check_ok(decoder_feed(d, b.tokens + at, 9, got));
			check_ok(decoder_feed(d, b.tokens + at + 9, 1, got));
			for (int v = 0; v < VOCAB; v++)
				worst = fmaxf(worst, fabsf(got[v] - want[(at + 9) * VOCAB + v]));
		}
		ck_assert_msg(worst > 0 && worst <= types[k].most, "%s: %g",
			      dtype_info(types[k].dtype)->name, worst);
		decoder_free(d);
	}
	free(want);
	end(&b);
}
END_TEST

/* Another token leaves everything before it as it was, to the bit, and changes its own. */
START_TEST(causal)
{
	static const int places[] = { 0, 1, 31, 64, 127, 128, LENGTH - 1 };
	float *before, *after;
	struct bench b;

	begin(&b, models[_i]);
	before = forward(&b);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int at = places[i];
		size_t first = (size_t)at * VOCAB;

		b.tokens[at] = (b.tokens[at] + 1) % VOCAB;
		after = forward(&b);
		ck_assert(!memcmp(before, after, first * sizeof(*before)));
		ck_assert(memcmp(before + first, after + first, VOCAB * sizeof(*before)));
		b.tokens[at] = (b.tokens[at] + VOCAB - 1) % VOCAB;
		free(after);
	}
	free(before);
	end(&b);
}
END_TEST

/* The same with a cache: what was read before a token knows nothing of it. */
START_TEST(causal_cache)
{
	static const int places[] = { 0, 1, 63, 64, 100, LENGTH - 1 };
	float *before = malloc(LENGTH * VOCAB * sizeof(*before));
	float *after = malloc(LENGTH * VOCAB * sizeof(*after));
	struct decoder *d;
	struct bench b;

	begin(&b, models[_i]);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .cache = DT_F16 }, &d));
	check_ok(decoder_feed_all(d, b.tokens, LENGTH, before));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int at = places[i];
		size_t first = (size_t)at * VOCAB;

		b.tokens[at] = (b.tokens[at] + 1) % VOCAB;
		check_ok(decoder_reset(d));
		check_ok(decoder_feed_all(d, b.tokens, LENGTH, after));
		ck_assert(!memcmp(before, after, first * sizeof(*before)));
		ck_assert(memcmp(before + first, after + first, VOCAB * sizeof(*before)));
		b.tokens[at] = (b.tokens[at] + VOCAB - 1) % VOCAB;
	}
	decoder_free(d);
	free(before);
	free(after);
	end(&b);
}
END_TEST

/* What a step takes is there after the first one. */
START_TEST(no_allocation)
{
	struct decoder *d;
	struct bench b;
	float got[VOCAB];
	size_t bytes;

	begin(&b, models[_i]);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ 0 }, &d));
	check_ok(decoder_feed(d, b.tokens, 20, got));
	check_ok(decoder_feed(d, b.tokens + 20, 1, got));
	bytes = b.dev->bytes_used;
	b.dev->bytes_peak = bytes;
	for (int i = 21; i < LENGTH; i++)
		check_ok(decoder_feed(d, b.tokens + i, 1, got));
	ck_assert_uint_eq(b.dev->bytes_used, bytes);
	ck_assert_uint_eq(b.dev->bytes_peak, bytes);
	decoder_free(d);
	end(&b);
}
END_TEST

/* Memory is taken as it is needed, and the results are the same to the bit. */
START_TEST(growth)
{
	static const int reads[][3] = { { 5, 3, 0 }, { 1, 1, 1 }, { 0, 30, 2 }, { 1, 1, 1 },
					{ 90, 1, 1 }, { 0, 0, 60 }, { 1, 1, 1 }, { 1, 0, 0 } };
	struct decoder_options o = { .batch = 3, .chunk = 8 };
	float got[3 * VOCAB] = { 0 }, want[3 * VOCAB] = { 0 };
	struct decoder *all, *some;
	size_t before, large, small, saved = 0;
	struct bench b;

	begin_on(&b, models[_i % NR_MODELS], _i < NR_MODELS ? "cpu" : "remote");
	before = b.dev->bytes_used;
	check_ok(decoder_new(b.m, b.dev, &o, &all));
	large = b.dev->bytes_used - before;
	o.room = 1;
	check_ok(decoder_new(b.m, b.dev, &o, &some));
	small = b.dev->bytes_used - before - large;
	for (int i = 0; i < b.m->spec.layers; i++)
		saved += 2 * sizeof(float) * o.batch * (b.m->spec.context - o.chunk) *
			 b.m->spec.layer[i].kv_heads * b.m->spec.layer[i].head_dim;
	ck_assert_msg(small + saved <= large + 256 * b.m->spec.layers, "%zu bytes, not %zu less "
		      "than %zu", small, saved, large);
	for (size_t k = 0; k < sizeof(reads) / sizeof(reads[0]); k++) {
		struct decoder_input in[3];

		for (int i = 0; i < 3; i++)
			in[i] = (struct decoder_input){ b.tokens + decoder_count(all, i),
							reads[k][i] };
		check_ok(decoder_run(all, in, want));
		check_ok(decoder_run(some, in, got));
		ck_assert_msg(!memcmp(got, want, sizeof(got)), "run %zu", k);
	}
	decoder_free(all);
	decoder_free(some);
	end(&b);
}
END_TEST

START_TEST(small_capacity)
{
	struct decoder *d;
	struct bench b;
	float *want, got[VOCAB];

	begin(&b, models[_i]);
	want = forward(&b);
	check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .capacity = 1 }, &d));
	check_ok(decoder_feed(d, b.tokens, 1, got));
	compare(got, want, 0);
	check_fails(decoder_feed(d, b.tokens, 2, got), -ENOSPC, "");
	decoder_free(d);
	free(want);
	end(&b);
}
END_TEST

static int emit_into(void *ctx, uint32_t id)
{
	return token_list_add(ctx, id);
}

/* What a session writes behind its text. */
static void check_writes(struct session *s, struct tokenizer *tok, struct token_list *out)
{
	struct generation g = { .tokens = 5, .model = "it", .tokenizer = tok, .emit = emit_into,
				.ctx = out };

	check_ok(session_write(s, &g));
}

/* A full context loses whole turns, the oldest first, and never what it is to keep. */
START_TEST(session_turns)
{
	enum { KEEP = 7, TURN = 40, CONTEXT = 120 };
	struct token_list got = { 0 }, want = { 0 };
	const uint32_t *text;
	struct session *s[2];
	struct tokenizer *tok;
	struct bench b;

	begin(&b, "MODEL_POSITION=rope");
	text = (const uint32_t *)b.tokens;
	check_ok(tokenizer_open("byte", &tok));
	for (int k = 0; k < 2; k++)
		check_ok(session_new(b.m, b.dev, CONTEXT, DT_F32, &s[k]));
	check_ok(session_add(s[0], text, KEEP));
	session_keep(s[0], KEEP);
	for (int turn = 0; turn < 3; turn++) {
		check_ok(session_turn(s[0], KEEP + turn * TURN));
		check_ok(session_add(s[0], text + KEEP + turn * TURN, TURN));
	}
	check_writes(s[0], tok, &got);
	ck_assert_uint_eq(session_forgotten(s[0]), 2 * TURN);
	check_ok(session_add(s[1], text, KEEP));
	check_ok(session_add(s[1], text + KEEP + 2 * TURN, TURN));
	check_writes(s[1], tok, &want);
	ck_assert_uint_eq(session_forgotten(s[1]), 0);
	CHECK(got.nr == want.nr && got.nr &&
	      !memcmp(got.ids, want.ids, got.nr * sizeof(*got.ids)));
	for (int k = 0; k < 2; k++)
		session_free(s[k]);
	token_list_free(&got);
	token_list_free(&want);
	tokenizer_free(tok);
	end(&b);
}
END_TEST

START_TEST(sampling)
{
	static const float logits[4] = { 0, 2, 2, -INFINITY };
	const struct sampling one = { .temperature = 1, .seed = 1 };
	const struct sampling cold = { .temperature = 1e-3, .seed = 1 };
	int counts[4] = { 0 };

	ck_assert_int_eq(sample_token(logits, 4, &(struct sampling){ .seed = 1 }, 0), 1);
	for (int i = 0; i < 20000; i++) {
		int t = sample_token(logits, 4, &one, i);

		ck_assert_int_eq(sample_token(logits, 4, &one, i), t);
		counts[t]++;
	}
	/* exp(0) : exp(2) : exp(2) is 1268 : 9366 : 9366 of 20000; five sigma is 350 */
	ck_assert_int_lt(abs(counts[0] - 1268), 350);
	ck_assert_int_lt(abs(counts[1] - 9366), 350);
	ck_assert_int_lt(abs(counts[2] - 9366), 350);
	ck_assert_int_eq(counts[3], 0);
	for (int i = 0; i < 1000; i++)	/* hardly any temperature */
		ck_assert_int_ne(sample_token(logits, 4, &cold, i), 0);
}
END_TEST

/* The K most probable, of equals the first ones, as often as the others allow. */
START_TEST(sampling_top_k)
{
	static const float logits[6] = { 1, -0.f, 3, 1, -2, 1 };
	static const bool among[6][6] = {
		{ 0, 0, 1, 0, 0, 0 }, { 1, 0, 1, 0, 0, 0 }, { 1, 0, 1, 1, 0, 0 },
		{ 1, 0, 1, 1, 0, 1 }, { 1, 1, 1, 1, 0, 1 }, { 1, 1, 1, 1, 1, 1 },
	};
	const struct sampling some = { .temperature = 1, .top_k = _i + 1, .seed = 7 };
	const struct sampling all = { .temperature = 1, .seed = 7 };
	const struct sampling six = { .temperature = 1, .top_k = 6, .seed = 7 };
	int counts[6] = { 0 };
	double total = 0;

	for (int v = 0; v < 6; v++)
		total += among[_i][v] * exp(logits[v]);
	for (int i = 0; i < 20000; i++)
		counts[sample_token(logits, 6, &some, i)]++;
	for (int v = 0; v < 6; v++) {
		double p = among[_i][v] * exp(logits[v]) / total;

		ck_assert_int_le(fabs(counts[v] - 20000 * p), 5 * sqrt(20000 * p * (1 - p)));
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(sample_token(logits, 6, &all, i),
				 sample_token(logits, 6, &six, i));
}
END_TEST

/* Rows of different lengths: each is what it is alone, and what one graph says. */
START_TEST(forward_rows)
{
	static const int lengths[] = { 7, LENGTH, 1, 64 };
	const struct forward_options o = { 4, LENGTH };
	float got[3 * VOCAB], alone[3 * VOCAB], *want;
	int32_t tokens[4 * LENGTH];
	struct forward *f;
	struct bench b;

	begin(&b, models[_i]);
	want = forward(&b);
	for (int r = 0; r < 4; r++)
		memcpy(tokens + r * LENGTH, b.tokens, sizeof(b.tokens));
	check_ok(forward_new(b.m, b.dev, &o, &f));
	for (int r = 0; r < 4; r++) {
		int nr = lengths[r] < 3 ? lengths[r] : 3, first = lengths[r] - nr;

		check_ok(forward_run(f, tokens, LENGTH, 4, lengths));
		check_ok(forward_logits(f, r, first, nr, got));
		for (int i = 0; i < nr; i++)
			compare(got + i * VOCAB, want + (first + i) * VOCAB, first + i);
		check_ok(forward_run(f, tokens, LENGTH, 1, lengths + r));
		check_ok(forward_logits(f, 0, first, nr, alone));
		for (int i = 0; i < nr * VOCAB; i++)
			ck_assert(fabsf(got[i] - alone[i]) <= 1e-5f);
	}
	forward_free(f);
	free(want);
	end(&b);
}
END_TEST

/* Rounded keys and values: what a decoder with such a cache says. */
START_TEST(forward_rounded)
{
	static const enum dtype types[] = { DT_F16, DT_BF16 };
	float *got = malloc(LENGTH * VOCAB * sizeof(*got));
	float *want = malloc(LENGTH * VOCAB * sizeof(*want));
	int length = LENGTH;
	struct bench b;

	begin(&b, models[_i]);
	for (int k = 0; k < 2; k++) {
		const struct forward_options o = { 1, LENGTH, types[k] };
		struct decoder *d;
		struct forward *f;

		check_ok(decoder_new(b.m, b.dev, &(struct decoder_options){ .cache = types[k] },
				     &d));
		check_ok(decoder_feed_all(d, b.tokens, LENGTH, want));
		check_ok(forward_new(b.m, b.dev, &o, &f));
		check_ok(forward_run(f, b.tokens, LENGTH, 1, &length));
		check_ok(forward_logits(f, 0, 0, LENGTH, got));
		for (int i = 0; i < LENGTH; i++)
			compare(got + i * VOCAB, want + i * VOCAB, i);
		forward_free(f);
		decoder_free(d);
	}
	free(got);
	free(want);
	end(&b);
}
END_TEST

START_TEST(forward_targets)
{
	const struct forward_options o = { 1, LENGTH };
	struct token_score scores[LENGTH];
	int32_t targets[LENGTH];
	struct forward *f;
	struct bench b;
	float *want;
	int length = LENGTH;

	begin(&b, models[_i]);
	want = forward(&b);
	for (int i = 0; i < LENGTH; i++)
		targets[i] = i % 5 ? b.tokens[(i + 1) % LENGTH] : -1;
	check_ok(forward_new(b.m, b.dev, &o, &f));
	check_ok(forward_run(f, b.tokens, LENGTH, 1, &length));
	check_ok(forward_scores(f, 0, 0, LENGTH, targets, scores));
	for (int i = 0; i < LENGTH; i++) {
		const float *z = want + i * VOCAB;
		double sum = 0;

		for (int v = 0; v < VOCAB; v++)
			sum += exp(z[v]);
		for (int v = 0; v < VOCAB; v++)
			ck_assert(z[v] <= z[scores[i].best] + 1e-4f);
		if (targets[i] < 0)
			ck_assert(scores[i].log_p == 0);
		else
			ck_assert(fabs(scores[i].log_p - (z[targets[i]] - log(sum))) < 2e-4);
	}
	targets[3] = VOCAB;
	check_fails(forward_scores(f, 0, 0, LENGTH, targets, scores), -EINVAL, "target 61");
	forward_free(f);
	free(want);
	end(&b);
}
END_TEST

/*
 * What is left of the probabilities .4 .2 .2 .1 .06 .04 (in another order) by the steps of
 * the chain, worked out by hand.
 */
START_TEST(sampling_chain)
{
	static const double p[6] = { .04, .2, .4, .06, .2, .1 };
	static const struct {
		struct sampling how;
		int kept[6];
	} chain[] = {
		{ { .top_p = .39 }, { 0, 0, 1, 0, 0, 0 } },
		{ { .top_p = .41 }, { 0, 1, 1, 0, 0, 0 } },	/* the first of equals */
		{ { .top_p = .61 }, { 0, 1, 1, 0, 1, 0 } },
		{ { .top_p = .95 }, { 0, 1, 1, 1, 1, 1 } },
		{ { .top_p = .97 }, { 1, 1, 1, 1, 1, 1 } },
		{ { .min_p = .49 }, { 0, 1, 1, 0, 1, 0 } },
		{ { .min_p = .51 }, { 0, 0, 1, 0, 0, 0 } },
		{ { .min_p = .14 }, { 0, 1, 1, 1, 1, 1 } },
		/* Of the three that top-k leaves .4 is a half: shares are of what is left. */
		{ { .top_k = 3, .top_p = .49 }, { 0, 0, 1, 0, 0, 0 } },
		{ { .top_k = 3, .top_p = .51 }, { 0, 1, 1, 0, 0, 0 } },
		{ { .top_k = 5, .top_p = .9, .min_p = .2 }, { 0, 1, 1, 0, 1, 1 } },
	};
	struct sampling how = chain[_i].how;
	int counts[6] = { 0 };
	double total = 0;
	float logits[6];

	how.temperature = 2;	/* acts last: on what is left */
	for (int v = 0; v < 6; v++) {
		logits[v] = (float)log(p[v]) + 3;
		total += chain[_i].kept[v] * sqrt(p[v]);
	}
	for (int i = 0; i < 20000; i++)
		counts[sample_token(logits, 6, &how, i)]++;
	for (int v = 0; v < 6; v++) {
		double q = chain[_i].kept[v] * sqrt(p[v]) / total;

		ck_assert_msg(fabs(counts[v] - 20000 * q) <= 5 * sqrt(20000 * q * (1 - q)),
			      "%d: %d, not %g", v, counts[v], 20000 * q);
	}
}
END_TEST

START_TEST(sampling_penalty)
{
	static const uint32_t ids[] = { 5, 1, 2, 1, 4, 99 };
	const struct sampling how = { .repeat_penalty = 2, .repeat_last = 5 };
	float logits[6] = { 1, 3, -1, 2, 0, 7 };

	sample_penalize(logits, 6, &how, ids, 6);
	ck_assert(logits[0] == 1 && logits[1] == 1.5f && logits[2] == -2 && logits[3] == 2 &&
		  logits[4] == 0 && logits[5] == 7);
	sample_penalize(logits, 6, &(struct sampling){ .repeat_last = 5 }, ids, 6);
	sample_penalize(logits, 6, &(struct sampling){ .repeat_penalty = 2 }, ids, 6);
	ck_assert(logits[1] == 1.5f);
}
END_TEST

static void add(TCase *tc)
{
	const int nr = NR_MODELS;

	tcase_add_loop_test(tc, chunks, 0, nr);
	tcase_add_loop_test(tc, prefill_is_decode, 0, nr);
	tcase_add_loop_test(tc, all_positions, 0, nr);
	tcase_add_loop_test(tc, batches, 0, 2 * nr);
	tcase_add_loop_test(tc, growth, 0, 2 * nr);
	tcase_add_loop_test(tc, small_caches, 0, nr);
	tcase_add_loop_test(tc, causal, 0, nr);
	tcase_add_loop_test(tc, causal_cache, 0, nr);
	tcase_add_loop_test(tc, no_allocation, 0, nr);
	tcase_add_loop_test(tc, small_capacity, 0, nr);
	tcase_add_loop_test(tc, forward_rows, 0, nr);
	tcase_add_loop_test(tc, forward_rounded, 0, nr);
	tcase_add_loop_test(tc, forward_targets, 0, nr);
	tcase_add_test(tc, session_turns);
	tcase_add_test(tc, sampling);
	tcase_add_loop_test(tc, sampling_top_k, 0, 6);
	tcase_add_loop_test(tc, sampling_chain, 0, 11);
	tcase_add_test(tc, sampling_penalty);
}
TEST_REGISTER(decoder, add);
