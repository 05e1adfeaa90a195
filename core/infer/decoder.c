// SPDX-License-Identifier: MIT
#include "infer/decoder.h"

#include <stdlib.h>

#include "base/fail.h"
#include "kv/cache.h"
#include "nn/model.h"
#include "tensor/plan.h"

#define CHUNK 128	/* tokens of a prompt at once */

/** struct stage - a graph that takes up to @length tokens. */
struct stage {
	int length;
	struct graph *graph;
	struct plan *plan;
	struct buffer *ids, *positions;
	int extent;
	struct tensor *logits;		/* (1, 1, V); NULL when prefilling */
};

struct decoder {
	struct model *model;
	struct kv_cache *cache;
	struct stage prefill, decode;
};

static struct tensor *token_input(struct stage *s, struct device *dev, const char *name,
				  struct buffer **buf)
{
	int64_t n[2] = { 1, s->length };
	int ids[2] = { -1, s->extent };
	struct tensor *t;

	if (device_alloc(dev, s->length * sizeof(int32_t), "tokens", buf))
		return NULL;
	t = graph_tensor(s->graph, TENSOR_INPUT, name, DT_I32, 2, n, ids);
	if (t)
		tensor_bind(t, *buf, 0);
	return t;
}

/*
 * The prefill graph has no output: what it does is to fill the cache, and the planner
 * drops what does not serve that.
 */
static int build(struct decoder *d, struct stage *s, int length, struct device *dev)
{
	struct builder b = { .model = d->model, .cache = d->cache };
	struct tensor *hidden;

	s->length = length;
	s->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	s->extent = graph_extent(b.graph, "time", length);
	b.ids = token_input(s, dev, "ids", &s->ids);
	b.positions = token_input(s, dev, "positions", &s->positions);
	if (!b.ids || !b.positions)
		return graph_error(b.graph) ? graph_error(b.graph) : -ENOMEM;
	hidden = model_hidden(&b);
	if (s == &d->decode) {
		s->logits = model_logits(&b, hidden);
		graph_output(s->logits);
	}
	return graph_plan(b.graph, dev, false, &s->plan);
}

static int make_cache(struct decoder *d, struct device *dev, int capacity)
{
	const struct model_spec *s = &d->model->spec;
	struct kv_layer *layers = calloc(s->layers, sizeof(*layers));
	struct kv_layout layout = {
		.layers = s->layers, .batch = 1, .capacity = capacity,
		.dtype = d->model->compute,
		.layer = layers,
	};
	int ret;

	if (!layers)
		return fail_nomem(s->layers * sizeof(*layers), "the KV cache");
	for (int i = 0; i < s->layers; i++)
		layers[i] = (struct kv_layer){
			s->layer[i].kv_heads, { s->layer[i].head_dim, s->layer[i].head_dim }
		};
	ret = kv_cache_new(dev, &layout, &d->cache);
	free(layers);
	return ret;
}

int decoder_new(struct model *m, struct device *dev, int capacity, struct decoder **out)
{
	struct decoder *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return fail_nomem(sizeof(*d), "a decoder");
	d->model = m;
	ret = make_cache(d, dev, capacity);
	if (!ret)
		ret = build(d, &d->prefill, capacity < CHUNK ? capacity : CHUNK, dev);
	if (!ret)
		ret = build(d, &d->decode, 1, dev);
	if (ret)
		decoder_free(d);
	else
		*out = d;
	return ret;
}

static void free_stage(struct stage *s)
{
	plan_free(s->plan);
	graph_free(s->graph);
	buffer_free(s->ids);
	buffer_free(s->positions);
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	free_stage(&d->prefill);
	free_stage(&d->decode);
	kv_cache_free(d->cache);
	free(d);
}

int decoder_length(const struct decoder *d)
{
	return kv_cache_length(d->cache);
}

int decoder_reset(struct decoder *d)
{
	return kv_cache_reset(d->cache);
}

static int run(struct decoder *d, struct stage *s, const int32_t *tokens, int nr)
{
	int32_t positions[CHUNK];
	int ret;

	for (int i = 0; i < nr; i++)
		positions[i] = kv_cache_length(d->cache) + i;
	ret = kv_cache_begin(d->cache, nr);
	if (!ret)
		ret = device_write(s->ids, 0, tokens, nr * sizeof(*tokens));
	if (!ret)
		ret = device_write(s->positions, 0, positions, nr * sizeof(*positions));
	if (!ret)
		ret = plan_set_extent(s->plan, s->extent, nr);
	return ret ? ret : plan_run(s->plan);
}

int decoder_feed(struct decoder *d, const int32_t *tokens, int nr, float *logits)
{
	int ret = 0;

	BUG_ON(nr < 1);
	while (nr > 1 && !ret) {
		int some = nr - 1 < d->prefill.length ? nr - 1 : d->prefill.length;

		ret = run(d, &d->prefill, tokens, some);
		tokens += some;
		nr -= some;
	}
	if (!ret)
		ret = run(d, &d->decode, tokens, 1);
	if (!ret)
		ret = tensor_read(d->decode.logits, logits,
				  d->model->spec.vocab * sizeof(*logits));
	return ret;
}
