// SPDX-License-Identifier: MIT
#include "infer/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "infer/head.h"
#include "kv/cache.h"
#include "nn/model.h"
#include "tensor/plan.h"

/** struct stage - a graph that takes up to @length tokens of each sequence. */
struct stage {
	int length;
	struct graph *graph;
	struct plan *plan;
	struct buffer *ids, *positions;
	int extent;
	struct tensor *hidden;		/* (B, T, width) */
};

enum { DECODE, PREFILL, STAGES };

struct decoder {
	struct model *model;
	struct device *dev;
	struct decoder_options o;
	struct kv_cache *cache;
	struct head *head;
	int head_rows;
	struct stage stage[STAGES];	/* made when they are first needed */
	int32_t *host;			/* (B, chunk) */
	int *took;			/* (B): tokens of a sequence in the run */
};

/* ---- making one --------------------------------------------------------------------- */

static struct tensor *token_input(struct decoder *d, struct stage *s, const char *name,
				  struct buffer **buf)
{
	int64_t n[2] = { d->o.batch, s->length };
	int extents[2] = { -1, s->extent };
	struct tensor *t;

	if (device_alloc(d->dev, n[0] * n[1] * sizeof(int32_t), "tokens", buf))
		return NULL;
	t = graph_tensor(s->graph, TENSOR_INPUT, name, DT_I32, 2, n, extents);
	if (t)
		tensor_bind(t, *buf, 0);
	return t;
}

static int build(struct decoder *d, struct stage *s, int length)
{
	struct builder b = { .model = d->model, .cache = d->cache };

	s->length = length;
	s->graph = b.graph = graph_new();
	if (!b.graph)
		return -ENOMEM;
	s->extent = graph_extent(b.graph, "time", length);
	b.ids = token_input(d, s, "ids", &s->ids);
	b.positions = token_input(d, s, "positions", &s->positions);
	if (!b.ids || !b.positions)
		return graph_error(b.graph) ? graph_error(b.graph) : -ENOMEM;
	s->hidden = model_hidden(&b);
	graph_output(s->hidden);
	return graph_plan(b.graph, d->dev, false, &s->plan);
}

static void free_stage(struct stage *s)
{
	plan_free(s->plan);
	graph_free(s->graph);
	buffer_free(s->ids);
	buffer_free(s->positions);
	*s = (struct stage){ 0 };
}

/* Sequences that rest while others read are padded: room for that behind their tokens. */
static int cache_capacity(const struct decoder *d, int room)
{
	return room + (d->o.batch > 1 ? d->o.chunk : 0);
}

/* Of an error for want of memory: what takes it, and what to do. */
static int explain(const struct decoder *d, int room, int ret)
{
	char text[FORMAT_MAX];

	if (ret != -ENOMEM)
		return ret;
	return fail(ret, "no memory for keys and values of %d tokens (%s each): a shorter "
		    "--context takes less, so does --kv f16", room,
		    format_bytes(text, (uint64_t)decoder_read_bytes(d, 1)));
}

static int make_cache(struct decoder *d)
{
	const struct model_spec *s = &d->model->spec;
	struct kv_layer *layers = calloc(s->layers, sizeof(*layers));
	struct kv_layout layout = {
		.layers = s->layers, .batch = d->o.batch, .capacity = cache_capacity(d, d->o.room),
		.dtype = d->o.cache,
		.layer = layers,
	};
	int ret;

	if (!layers)
		return fail_nomem(s->layers * sizeof(*layers), "the KV cache");
	for (int i = 0; i < s->layers; i++)
		layers[i] = (struct kv_layer){
			s->layer[i].kv_heads, { s->layer[i].head_dim, s->layer[i].head_dim }
		};
	ret = kv_cache_new(d->dev, &layout, &d->cache);
	free(layers);
	return explain(d, d->o.room, ret);
}

static int resolve_options(const struct model *m, const struct decoder_options *from,
			   struct decoder_options *o)
{
	*o = *from;
	o->batch = o->batch ? o->batch : 1;
	o->capacity = o->capacity ? o->capacity : m->spec.context;
	o->chunk = o->chunk ? o->chunk : DECODER_CHUNK;
	o->chunk = o->chunk < o->capacity ? o->chunk : o->capacity;
	o->room = o->room && o->room < o->chunk ? o->chunk : o->room;
	o->room = o->room && o->room < o->capacity ? o->room : o->capacity;
	if (o->batch < 1 || o->capacity < 1 || o->chunk < 1 || o->capacity > m->spec.context)
		return fail(-EINVAL, "%d sequences of %d tokens: the model's context is %d",
			    o->batch, o->capacity, m->spec.context);
	return 0;
}

static int make_memory(struct decoder *d)
{
	size_t tokens = (size_t)d->o.batch * d->o.chunk;

	d->host = calloc(tokens, sizeof(*d->host));
	d->took = calloc(d->o.batch, sizeof(*d->took));
	return d->host && d->took ? 0 : fail_nomem(tokens * sizeof(*d->host), "tokens");
}

int decoder_new(struct model *m, struct device *dev, const struct decoder_options *o,
		struct decoder **out)
{
	struct decoder *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return fail_nomem(sizeof(*d), "a decoder");
	d->model = m;
	d->dev = dev;
	ret = resolve_options(m, o, &d->o);
	if (!ret)
		ret = make_memory(d);
	if (!ret)
		ret = make_cache(d);
	d->head_rows = head_rows(m->spec.vocab);
	if (!ret)
		ret = head_new(m, dev, d->head_rows, &d->head);
	if (!ret)
		ret = build(d, &d->stage[DECODE], 1);
	if (ret)
		decoder_free(d);
	else
		*out = d;
	return ret;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	for (int i = 0; i < STAGES; i++)
		free_stage(&d->stage[i]);
	head_free(d->head);
	kv_cache_free(d->cache);
	free(d->host);
	free(d->took);
	free(d);
}

/* ---- the cache ---------------------------------------------------------------------- */

int decoder_length(const struct decoder *d)
{
	return kv_cache_length(d->cache);
}

int decoder_count(const struct decoder *d, int b)
{
	return kv_cache_count(d->cache, b);
}

int decoder_truncate(struct decoder *d, int b, int count)
{
	return kv_cache_truncate(d->cache, b, count);
}

int decoder_reset(struct decoder *d)
{
	return kv_cache_reset(d->cache);
}

double decoder_read_bytes(const struct decoder *d, int length)
{
	const struct model_spec *s = &d->model->spec;
	double elements = 0;

	for (int i = 0; i < s->layers; i++) {
		const struct layer_spec *l = &s->layer[i];
		int seen = l->window && l->window < length ? l->window : length;

		elements += 2.0 * l->kv_heads * l->head_dim * seen;
	}
	return elements * (double)dtype_size(d->o.cache);
}

void decoder_plans(struct decoder *d, struct plan *plans[DECODER_PLANS])
{
	plans[0] = d->stage[DECODE].plan;
	plans[1] = d->stage[PREFILL].plan;
	plans[2] = head_plan(d->head);
}

/* ---- running ------------------------------------------------------------------------ */

/*
 * The next tokens of each sequence, padded to @time of them; what is behind the end of a
 * sequence is never looked at, but its position must be one that the model has.
 */
static int put_tokens(struct decoder *d, struct stage *s, const struct decoder_input *in,
		      int time)
{
	size_t bytes = (size_t)d->o.batch * time * sizeof(*d->host);
	int ret;

	for (int b = 0; b < d->o.batch; b++)
		for (int t = 0; t < time; t++)
			d->host[b * time + t] = t < d->took[b] ? in[b].tokens[t] : 0;
	ret = device_write(s->ids, 0, d->host, bytes);
	for (int b = 0; b < d->o.batch; b++)
		for (int t = 0; t < time; t++) {
			int at = kv_cache_count(d->cache, b) + t, last = d->model->spec.context - 1;

			d->host[b * time + t] = at < last ? at : last;
		}
	return ret ? ret : device_write(s->positions, 0, d->host, bytes);
}

/* One run: up to a chunk of what is left of each input. */
static int run_stage(struct decoder *d, struct stage *s, const struct decoder_input *in, int time)
{
	int ret = put_tokens(d, s, in, time);

	if (!ret)
		ret = kv_cache_begin(d->cache, time);
	if (ret)
		return ret;
	for (int b = 0; b < d->o.batch && !ret; b++)
		if (d->took[b] < time)
			ret = kv_cache_truncate(d->cache, b, kv_cache_count(d->cache, b) -
						(time - d->took[b]));
	if (!ret)
		ret = plan_set_extent(s->plan, s->extent, time);
	return ret ? ret : plan_run(s->plan);
}

static int stage_for(struct decoder *d, int time, struct stage **s)
{
	int ret = 0;

	*s = &d->stage[time > 1 ? PREFILL : DECODE];
	if (!(*s)->plan) {
		free_stage(*s);		/* of an attempt that failed */
		ret = build(d, *s, time > 1 ? d->o.chunk : 1);
	}
	return ret;
}

static int run_chunk(struct decoder *d, const struct decoder_input *in, struct stage **s,
		     int *time)
{
	int ret;

	*time = 0;
	for (int b = 0; b < d->o.batch; b++) {
		d->took[b] = in[b].nr < d->o.chunk ? in[b].nr : d->o.chunk;
		*time = d->took[b] > *time ? d->took[b] : *time;
	}
	ret = stage_for(d, *time, s);
	return ret ? ret : run_stage(d, *s, in, *time);
}

/* Logits of those sequences whose inputs end in this chunk. */
static int ended_logits(struct decoder *d, const struct decoder_input *in,
			const struct stage *s, int time, float *logits)
{
	int ret = 0;

	for (int b = 0; b < d->o.batch && !ret; b++) {
		if (!d->took[b] || d->took[b] < in[b].nr)
			continue;
		ret = head_take(d->head, 0, s->hidden, (int64_t)b * time + d->took[b] - 1, 1);
		if (!ret)
			ret = head_logits(d->head, 1, logits + (size_t)b * d->model->spec.vocab);
	}
	return ret;
}

/* The same where all of them end, as when decoding: all rows at once. */
static int all_logits(struct decoder *d, const struct stage *s, float *logits)
{
	int ret = 0, some;

	for (int b = 0; b < d->o.batch && !ret; b += some) {
		some = d->o.batch - b < d->head_rows ? d->o.batch - b : d->head_rows;
		ret = head_take(d->head, 0, s->hidden, b, some);
		if (!ret)
			ret = head_logits(d->head, some, logits + (size_t)b * d->model->spec.vocab);
	}
	return ret;
}

static bool is_step(const struct decoder *d, const struct decoder_input *in)
{
	for (int b = 0; b < d->o.batch; b++)
		if (in[b].nr != 1)
			return false;
	return true;
}

static int check_room(const struct decoder *d, const struct decoder_input *in)
{
	for (int b = 0; b < d->o.batch; b++)
		if (in[b].nr > d->o.capacity - kv_cache_count(d->cache, b))
			return fail(-ENOSPC, "the KV cache holds %d of %d tokens of sequence %d: "
				    "%d more do not fit", kv_cache_count(d->cache, b),
				    d->o.capacity, b, in[b].nr);
	return 0;
}

/* Twice the room, until it is enough. */
static int make_room(struct decoder *d, const struct decoder_input *in)
{
	int64_t room = d->o.room;
	int need = 0, ret;

	for (int b = 0; b < d->o.batch; b++)
		if (kv_cache_count(d->cache, b) + in[b].nr > need)
			need = kv_cache_count(d->cache, b) + in[b].nr;
	if (need <= room)
		return 0;
	while (room < need)
		room *= 2;
	room = room < d->o.capacity ? room : d->o.capacity;
	ret = kv_cache_grow(d->cache, cache_capacity(d, (int)room));
	if (ret)
		return explain(d, (int)room, ret);
	d->o.room = (int)room;
	for (int i = 0; i < STAGES; i++)
		free_stage(&d->stage[i]);	/* they know the old one */
	return 0;
}

static bool any_left(const struct decoder *d, const struct decoder_input *left)
{
	for (int b = 0; b < d->o.batch; b++)
		if (left[b].nr)
			return true;
	return false;
}

static int run_long(struct decoder *d, struct decoder_input *left, float *logits)
{
	int ret = 0, time;
	struct stage *s;

	while (any_left(d, left) && !ret) {
		ret = run_chunk(d, left, &s, &time);
		if (!ret && logits)
			ret = ended_logits(d, left, s, time, logits);
		for (int b = 0; b < d->o.batch; b++) {
			left[b].tokens += d->took[b];
			left[b].nr -= d->took[b];
		}
	}
	return ret;
}

int decoder_run(struct decoder *d, const struct decoder_input *in, float *logits)
{
	size_t bytes = d->o.batch * sizeof(*in);
	struct decoder_input *left;
	struct stage *s;
	int ret = check_room(d, in), time;

	if (!ret)
		ret = make_room(d, in);
	if (ret)
		return ret;
	if (is_step(d, in)) {
		ret = run_chunk(d, in, &s, &time);
		return ret || !logits ? ret : all_logits(d, s, logits);
	}
	left = malloc(bytes);
	if (!left)
		return fail_nomem(bytes, "tokens");
	memcpy(left, in, bytes);
	ret = run_long(d, left, logits);
	free(left);
	return ret;
}

int decoder_feed(struct decoder *d, const int32_t *tokens, int nr, float *logits)
{
	const struct decoder_input in = { tokens, nr };

	BUG_ON(nr < 1 || d->o.batch != 1);
	return decoder_run(d, &in, logits);
}

int decoder_feed_all(struct decoder *d, const int32_t *tokens, int nr, float *logits)
{
	struct decoder_input in = { tokens, nr };
	struct stage *s;
	int ret, time;

	BUG_ON(nr < 1 || d->o.batch != 1);
	ret = check_room(d, &in);
	if (!ret)
		ret = make_room(d, &in);
	for (; in.nr && !ret; in.tokens += time, in.nr -= time) {
		ret = run_chunk(d, &in, &s, &time);
		for (int at = 0, some; at < time && !ret; at += some) {
			some = time - at < d->head_rows ? time - at : d->head_rows;
			ret = head_take(d->head, 0, s->hidden, at, some);
			if (!ret)
				ret = head_logits(d->head, some, logits);
			logits += (size_t)some * d->model->spec.vocab;
		}
	}
	return ret;
}
