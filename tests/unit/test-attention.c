// SPDX-License-Identifier: MIT
/*
 * Attention in graphs: views, a cache, and what a query may not see.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kv/cache.h"
#include "ops/attention.h"
#include "ops/rope.h"
#include "ops/slice.h"
#include "ops/split-dim.h"
#include "tensor/plan.h"
#include "tests/unit/test.h"

enum { B = 2, T = 70, H = 4, KV = 2, D = 8, QKV = (H + 2 * KV) * D };

static const struct attention_attr causal = { .causal = true };

/* A graph with one input (B, T, QKV), heads as views of it, and what is needed to run it. */
struct setup {
	struct device *dev;
	struct graph *g;
	struct plan *plan;
	struct tensor *qkv, *q, *k, *v, *o;
	struct buffer *in;
};

static struct tensor *heads(struct graph *g, struct tensor *qkv, int first, int nr)
{
	return op_split_dim(g, op_slice(g, qkv, 2, first * D, nr * D), 2, D);
}

static void begin(struct setup *s, int tokens)
{
	const int64_t n[3] = { B, tokens, QKV };

	memset(s, 0, sizeof(*s));
	check_ok(device_open("cpu", &s->dev));
	s->g = graph_new();
	s->qkv = graph_tensor(s->g, TENSOR_INPUT, "qkv", DT_F32, 3, n, NULL);
	check_ok(device_alloc(s->dev, layout_bytes(&s->qkv->max), "a test", &s->in));
	tensor_bind(s->qkv, s->in, 0);
	s->q = heads(s->g, s->qkv, 0, H);
	s->k = heads(s->g, s->qkv, H, KV);
	s->v = heads(s->g, s->qkv, H + KV, KV);
}

static void end(struct setup *s)
{
	plan_free(s->plan);
	graph_free(s->g);
	buffer_free(s->in);
	device_close(s->dev);
}

static float *numbers(int64_t count)
{
	struct rng r = rng_stream(5, "test/attention", 0);
	float *x = malloc(count * sizeof(*x));

	for (int64_t i = 0; i < count; i++)
		x[i] = rng_normal(&r, i);
	return x;
}

static float *read_all(const struct tensor *t)
{
	float *x = malloc(layout_bytes(&t->max));

	check_ok(tensor_read(t, x, layout_bytes(&t->max)));
	return x;
}

/* Tokens [first, first + nr) of all sequences. */
static float *some_tokens(const float *x, int first, int nr, int width)
{
	float *part = malloc((size_t)B * nr * width * sizeof(*part));

	for (int b = 0; b < B; b++)
		memcpy(part + (size_t)b * nr * width, x + ((size_t)b * T + first) * width,
		       (size_t)nr * width * sizeof(*part));
	return part;
}

static void run(struct setup *s, const float *qkv)
{
	check_ok(tensor_write(s->qkv, qkv, layout_bytes(&s->qkv->max)));
	check_ok(plan_run(s->plan));
}

static bool has_op(const struct graph *g, const char *op)
{
	for (int i = 0; i < g->nr_nodes; i++)
		if (!strcmp(g->nodes[i]->op->name, op))
			return true;
	return false;
}

/* The whole sequence at once: o, and behind it the gradient of its sum. */
static float *whole(const float *qkv, bool copies)
{
	struct setup s;
	float *o;

	begin(&s, T);
	if (copies) {
		s.q = graph_op(s.g, op_find("contiguous"), NULL, &s.q, 1);
		s.k = graph_op(s.g, op_find("contiguous"), NULL, &s.k, 1);
		s.v = graph_op(s.g, op_find("contiguous"), NULL, &s.v, 1);
	}
	s.o = op_attention(s.g, s.q, s.k, s.v, NULL, &causal);
	graph_want_grad(s.qkv);
	check_ok(graph_backward(s.g, s.o, NULL));
	CHECK(has_op(s.g, "concat") == copies && has_op(s.g, "attention_grad_packed") != copies);
	graph_output(s.o);
	graph_output(s.qkv->grad);
	check_ok(graph_plan(s.g, s.dev, false, &s.plan));
	run(&s, qkv);
	o = malloc(layout_bytes(&s.o->max) + layout_bytes(&s.qkv->grad->max));
	check_ok(tensor_read(s.o, o, layout_bytes(&s.o->max)));
	check_ok(tensor_read(s.qkv->grad, o + layout_count(&s.o->max),
			     layout_bytes(&s.qkv->grad->max)));
	end(&s);
	return o;
}

static void attention_views(void)
{
	float *qkv = numbers(B * T * QKV), *a = whole(qkv, false), *b = whole(qkv, true);

	CHECK(!memcmp(a, b, (size_t)B * T * (H * D + QKV) * sizeof(*a)));
	free(qkv);
	free(a);
	free(b);
}
TEST_REGISTER(attention_views);

/* Who wants the gradient of a part gets it, and that of the whole is as it was. */
static void attention_part_gradient(void)
{
	const int64_t o = (int64_t)B * T * H * D;
	float *qkv = numbers(B * T * QKV), *all = whole(qkv, false), *dk, *dqkv;
	struct setup s;

	begin(&s, T);
	s.o = op_attention(s.g, s.q, s.k, s.v, NULL, &causal);
	graph_want_grad(s.qkv);
	graph_want_grad(s.k);
	check_ok(graph_backward(s.g, s.o, NULL));
	CHECK(!has_op(s.g, "attention_grad_packed"));
	graph_output(s.k->grad);
	graph_output(s.qkv->grad);
	check_ok(graph_plan(s.g, s.dev, false, &s.plan));
	run(&s, qkv);
	dk = read_all(s.k->grad);
	dqkv = read_all(s.qkv->grad);
	CHECK(!memcmp(dqkv, all + o, (size_t)B * T * QKV * sizeof(*all)));
	for (int t = 0; t < B * T; t++)
		CHECK(!memcmp(dk + t * KV * D, all + o + t * QKV + H * D, KV * D * sizeof(*dk)));
	end(&s);
	free(qkv);
	free(all);
	free(dk);
	free(dqkv);
}
TEST_REGISTER(attention_part_gradient);

/* o with q and k turned by attention or by op_rope() before it, and the gradient behind it. */
static float *turned(const float *qkv, const struct rope_attr *rope, bool inside)
{
	struct attention_attr attr = causal;
	struct attention_mask mask = { 0 };
	struct buffer *buf;
	struct tensor *positions;
	int32_t at[B * T];
	struct setup s;
	float *o;

	for (int i = 0; i < B * T; i++)
		at[i] = i < T ? i : 5 * (i - T);	/* 5 * 69 is beyond what tables hold */
	begin(&s, T);
	positions = graph_tensor(s.g, TENSOR_INPUT, "positions", DT_I32, 2, (int64_t[]){ B, T },
				 NULL);
	check_ok(device_alloc(s.dev, sizeof(at), "a test", &buf));
	tensor_bind(positions, buf, 0);
	if (inside) {
		attr.rope = *rope;
		mask.positions = positions;
	} else {
		s.q = op_rope(s.g, s.q, positions, rope);
		s.k = op_rope(s.g, s.k, positions, rope);
	}
	s.o = op_attention(s.g, s.q, s.k, s.v, &mask, &attr);
	graph_want_grad(s.qkv);
	check_ok(graph_backward(s.g, s.o, NULL));
	CHECK(has_op(s.g, "rope") != inside && has_op(s.g, "attention_grad_packed") == inside);
	graph_output(s.o);
	graph_output(s.qkv->grad);
	check_ok(graph_plan(s.g, s.dev, false, &s.plan));
	check_ok(tensor_write(positions, at, sizeof(at)));
	run(&s, qkv);
	o = malloc(layout_bytes(&s.o->max) + layout_bytes(&s.qkv->grad->max));
	check_ok(tensor_read(s.o, o, layout_bytes(&s.o->max)));
	check_ok(tensor_read(s.qkv->grad, o + layout_count(&s.o->max),
			     layout_bytes(&s.qkv->grad->max)));
	buffer_free(buf);
	end(&s);
	return o;
}

static void attention_rope(void)
{
	static const struct rope_attr ropes[] = {
		{ .base = 10000 }, { .base = 500, .rotary_dims = 6 },
		{ .base = 100, .adjacent = true, .inverse = true },
	};
	float *qkv = numbers(B * T * QKV);

	for (int i = 0; i < 3; i++) {
		float *a = turned(qkv, &ropes[i], true), *b = turned(qkv, &ropes[i], false);

		CHECK(!memcmp(a, b, (size_t)B * T * (H * D + QKV) * sizeof(*a)));
		free(a);
		free(b);
	}
	free(qkv);
}
TEST_REGISTER(attention_rope);

/* A changed token changes nothing before it, to the last bit, and something after it. */
static void attention_is_causal(void)
{
	const int t = 37;
	float *qkv = numbers(B * T * QKV), *a = whole(qkv, false), *b, *x, *y;

	for (int i = 0; i < QKV; i++)
		qkv[t * QKV + i] += 1;
	b = whole(qkv, false);
	x = some_tokens(a, 0, t, H * D);
	y = some_tokens(b, 0, t, H * D);
	CHECK(!memcmp(x, y, (size_t)B * t * H * D * sizeof(*x)));
	for (int i = t; i < T; i++)
		CHECK(memcmp(a + i * H * D, b + i * H * D, H * D * sizeof(*a)));
	free(qkv);
	free(a);
	free(b);
	free(x);
	free(y);
}
TEST_REGISTER(attention_is_causal);

static int cache_new(struct device *dev, enum dtype dtype, int capacity, struct kv_cache **cache)
{
	const struct kv_layer layers[2] = { { KV, { D, D } }, { KV, { D, D } } };
	const struct kv_layout layout = { 2, B, capacity, dtype, layers };

	return kv_cache_new(dev, &layout, cache);
}

/* Tokens come in chunks through layer 1 of a cache. */
static float *in_chunks(const float *qkv, int chunk, enum dtype dtype)
{
	float *o = malloc((size_t)B * T * H * D * sizeof(*o));
	struct kv_cache *cache = NULL;
	struct device *dev;

	check_ok(device_open("cpu", &dev));
	check_ok(cache_new(dev, dtype, T + 3, &cache));
	for (int t = 0; t < T; t += chunk) {
		int nr = T - t < chunk ? T - t : chunk;
		float *in = some_tokens(qkv, t, nr, QKV), *out;
		struct attention_mask mask = { 0 };
		struct setup s;

		begin(&s, nr);
		device_close(s.dev);
		s.dev = dev;
		s.in->device = dev;
		s.k = kv_cache_append(cache, s.g, 1, KV_KEYS, s.k);
		s.v = kv_cache_append(cache, s.g, 1, KV_VALUES, s.v);
		mask.kv_length = kv_cache_lengths(cache, s.g);
		s.o = op_attention(s.g, s.q, s.k, s.v, &mask, &causal);
		graph_output(s.o);
		check_ok(graph_error(s.g));
		check_ok(graph_plan(s.g, dev, false, &s.plan));
		check_ok(kv_cache_begin(cache, nr));
		run(&s, in);
		out = read_all(s.o);
		for (int b = 0; b < B; b++)
			memcpy(o + ((size_t)b * T + t) * H * D, out + (size_t)b * nr * H * D,
			       (size_t)nr * H * D * sizeof(*o));
		plan_free(s.plan);
		graph_free(s.g);
		buffer_free(s.in);
		free(in);
		free(out);
	}
	CHECK(kv_cache_count(cache, 0) == T && kv_cache_length(cache) == T);
	kv_cache_free(cache);
	device_close(dev);
	return o;
}

/* Prefill and decoding agree whatever the size of the chunks. */
static void attention_with_cache(void)
{
	static const int chunks[] = { 1, 3, 64, T };
	float *qkv = numbers(B * T * QKV), *want = whole(qkv, false);

	for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
		float *got = in_chunks(qkv, chunks[c], DT_F32);

		for (int i = 0; i < B * T * H * D; i++)
			ck_assert_msg(got[i] == want[i], "chunks of %d: element %d is %.9g, not "
				      "%.9g", chunks[c], i, got[i], want[i]);
		free(got);
	}
	free(qkv);
	free(want);
}
TEST_REGISTER(attention_with_cache);

/* A bf16 cache is the f32 cache with rounded keys and values. */
static void attention_with_bf16_cache(void)
{
	float *qkv = numbers(B * T * QKV), *got = in_chunks(qkv, 7, DT_BF16), *want;

	for (int t = 0; t < B * T; t++)
		for (int i = H * D; i < QKV; i++)
			qkv[t * QKV + i] = bf16_to_f32(f32_to_bf16(qkv[t * QKV + i]));
	want = whole(qkv, false);
	CHECK(!memcmp(got, want, (size_t)B * T * H * D * sizeof(*got)));
	free(qkv);
	free(got);
	free(want);
}
TEST_REGISTER(attention_with_bf16_cache);

static void kv_cache_lengths_and_bytes(void)
{
	const struct kv_layer odd[2] = { { 3, { 5, 0 } }, { 1, { 7, 9 } } };
	const struct kv_layout layout = { 2, 3, 11, DT_F32, odd };
	const struct kv_layout wrong = { 2, 3, 11, DT_U16, odd };
	struct kv_cache *cache = NULL;
	struct device *dev;
	size_t before;

	check_ok(device_open("cpu", &dev));
	check_fails(kv_cache_new(dev, &wrong, &cache), -EINVAL, "type u16");
	before = dev->bytes_used;
	check_ok(kv_cache_new(dev, &layout, &cache));
	CHECK(dev->bytes_used - before == kv_cache_bytes(&layout) + 64);
	CHECK(kv_cache_bytes(&layout) == 1984 + 960 + 1216);
	check_ok(kv_cache_begin(cache, 10));
	check_fails(kv_cache_begin(cache, 2), -ENOSPC, "sequence 0");
	check_ok(kv_cache_truncate(cache, 1, 4));
	check_fails(kv_cache_truncate(cache, 1, 5), -EINVAL, "cannot be cut");
	check_ok(kv_cache_begin(cache, 1));
	CHECK(kv_cache_count(cache, 0) == 11 && kv_cache_count(cache, 1) == 5);
	check_fails(kv_cache_begin(cache, 1), -ENOSPC, "11 of 11");
	check_ok(kv_cache_reset(cache));
	CHECK(kv_cache_length(cache) == 0);
	kv_cache_free(cache);
	CHECK(dev->bytes_used == before);
	device_close(dev);
}
TEST_REGISTER(kv_cache_lengths_and_bytes);
