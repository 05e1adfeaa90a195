// SPDX-License-Identifier: MIT
#include "kv/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "ops/cache-append.h"

#define ALIGN 64	/* bytes: each part begins on a cache line */

struct kv_cache {
	struct kv_layout layout;
	struct device *dev;
	struct buffer *data;		/* keys and values of all layers */
	struct buffer *counts;		/* i32 (2, B): starts, lengths */
	int32_t *host;			/* the same */
	struct kv_layer layer[];
};

static size_t part_bytes(const struct kv_layout *l, int layer, enum kv_part part)
{
	size_t bytes = (size_t)l->batch * l->capacity * l->layer[layer].heads *
		       l->layer[layer].width[part] * dtype_size(l->dtype);

	return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Where a part begins; for part 0 of layer `layers`: the size of the whole. */
static size_t part_offset(const struct kv_layout *l, int layer, enum kv_part part)
{
	size_t at = 0;

	for (int i = 0; i < layer; i++)
		at += part_bytes(l, i, KV_KEYS) + part_bytes(l, i, KV_VALUES);
	return part == KV_VALUES ? at + part_bytes(l, layer, KV_KEYS) : at;
}

size_t kv_cache_bytes(const struct kv_layout *layout)
{
	return part_offset(layout, layout->layers, KV_KEYS);
}

static int check_layout(const struct kv_layout *l)
{
	if (l->layers < 1 || l->batch < 1 || l->capacity < 1)
		return fail(-EINVAL, "KV cache: %d layers, %d sequences of %d tokens: must be at "
			    "least one of each", l->layers, l->batch, l->capacity);
	if (l->dtype != DT_F32 && l->dtype != DT_BF16 && l->dtype != DT_F16)
		return fail(-EINVAL, "KV cache: type %s: must be f32, f16 or bf16",
			    dtype_info(l->dtype)->name);
	for (int i = 0; i < l->layers; i++) {
		const struct kv_layer *layer = &l->layer[i];

		if (layer->heads < 1 || layer->width[KV_KEYS] < 1 || layer->width[KV_VALUES] < 0)
			return fail(-EINVAL, "KV cache: layer %d has %d heads with keys of %d and "
				    "values of %d", i, layer->heads, layer->width[KV_KEYS],
				    layer->width[KV_VALUES]);
	}
	return 0;
}

int kv_cache_new(struct device *dev, const struct kv_layout *layout, struct kv_cache **cache)
{
	size_t layer_bytes = layout->layers * sizeof(*layout->layer), count_bytes;
	struct kv_cache *c;
	int ret = check_layout(layout);

	if (ret)
		return ret;
	c = calloc(1, sizeof(*c) + layer_bytes);
	if (!c)
		return fail_nomem(sizeof(*c) + layer_bytes, "the KV cache");
	c->dev = dev;
	c->layout = *layout;
	c->layout.layer = memcpy(c->layer, layout->layer, layer_bytes);
	count_bytes = 2 * layout->batch * sizeof(*c->host);
	c->host = calloc(1, count_bytes);
	if (!c->host)
		ret = fail_nomem(count_bytes, "the KV cache");
	if (!ret)
		ret = device_alloc(dev, count_bytes, "the KV cache's lengths", &c->counts);
	if (!ret)
		ret = device_alloc(dev, kv_cache_bytes(layout), "the KV cache", &c->data);
	if (ret)
		kv_cache_free(c);
	else
		*cache = c;
	return ret;
}

void kv_cache_free(struct kv_cache *c)
{
	if (!c)
		return;
	buffer_free(c->data);
	buffer_free(c->counts);
	free(c->host);
	free(c);
}

/* ---- lengths ----------------------------------------------------------------- */

int kv_cache_count(const struct kv_cache *c, int b)
{
	BUG_ON(b < 0 || b >= c->layout.batch);
	return c->host[c->layout.batch + b];
}

int kv_cache_length(const struct kv_cache *c)
{
	int longest = 0;

	for (int b = 0; b < c->layout.batch; b++)
		longest = kv_cache_count(c, b) > longest ? kv_cache_count(c, b) : longest;
	return longest;
}

int kv_cache_begin(struct kv_cache *c, int nr)
{
	int batch = c->layout.batch;
	int32_t *start = c->host, *length = c->host + batch;

	BUG_ON(nr < 0);
	for (int b = 0; b < batch; b++)
		if (nr > c->layout.capacity - length[b])
			return fail(-ENOSPC, "the KV cache holds %d of %d tokens of sequence %d: "
				    "%d more do not fit", length[b], c->layout.capacity, b, nr);
	for (int b = 0; b < batch; b++) {
		start[b] = length[b];
		length[b] += nr;
	}
	return device_write(c->counts, 0, c->host, 2 * batch * sizeof(*c->host));
}

int kv_cache_truncate(struct kv_cache *c, int b, int count)
{
	if (count < 0 || count > kv_cache_count(c, b))
		return fail(-EINVAL, "the KV cache holds %d tokens of sequence %d: it cannot be "
			    "cut to %d", kv_cache_count(c, b), b, count);
	c->host[c->layout.batch + b] = count;
	return 0;
}

int kv_cache_reset(struct kv_cache *c)
{
	memset(c->host, 0, 2 * c->layout.batch * sizeof(*c->host));
	return 0;
}

/* ---- more room ------------------------------------------------------------------ */

/* What the sequences hold so far, from the old places to those in @to, by @layout. */
static int copy_part(struct kv_cache *c, const struct kv_layout *layout, struct buffer *to,
		     int layer, enum kv_part part)
{
	const struct kv_layout *old = &c->layout;
	size_t row = (size_t)old->layer[layer].heads * old->layer[layer].width[part] *
		     dtype_size(old->dtype);
	int ret = 0;

	for (int b = 0; b < old->batch && !ret; b++) {
		size_t bytes = row * kv_cache_count(c, b);

		if (bytes)
			ret = device_copy(to, part_offset(layout, layer, part) +
					      row * layout->capacity * b,
					  c->data, part_offset(old, layer, part) +
						   row * old->capacity * b, bytes);
	}
	return ret;
}

int kv_cache_grow(struct kv_cache *c, int capacity)
{
	struct kv_layout layout = c->layout;
	struct buffer *data;
	int ret;

	BUG_ON(capacity < c->layout.capacity);
	layout.capacity = capacity;
	ret = device_alloc(c->dev, kv_cache_bytes(&layout), "the KV cache", &data);
	if (ret)
		return ret;
	for (int i = 0; i < layout.layers && !ret; i++) {
		ret = copy_part(c, &layout, data, i, KV_KEYS);
		if (!ret)
			ret = copy_part(c, &layout, data, i, KV_VALUES);
	}
	if (ret) {
		buffer_free(data);
		return ret;
	}
	buffer_free(c->data);
	c->data = data;
	c->layout = layout;
	return 0;
}

/* ---- in graphs ------------------------------------------------------------------ */

struct tensor *kv_cache_tensor(struct kv_cache *c, struct graph *g, int layer, enum kv_part part)
{
	const struct kv_layout *l = &c->layout;
	struct tensor *t;
	int64_t n[4];
	char name[32];

	BUG_ON(layer < 0 || layer >= l->layers || part >= KV_PARTS);
	n[0] = l->batch;
	n[1] = l->capacity;
	n[2] = l->layer[layer].heads;
	n[3] = l->layer[layer].width[part];
	snprintf(name, sizeof(name), "cache.%d.%s", layer, part == KV_KEYS ? "keys" : "values");
	t = graph_tensor(g, TENSOR_STATE, name, l->dtype, 4, n, NULL);
	if (t)
		tensor_bind(t, c->data, part_offset(l, layer, part));
	return t;
}

static struct tensor *counts(struct kv_cache *c, struct graph *g, const char *name, int row)
{
	int64_t n = c->layout.batch;
	struct tensor *t = graph_tensor(g, TENSOR_INPUT, name, DT_I32, 1, &n, NULL);

	if (t)
		tensor_bind(t, c->counts, row * n * sizeof(*c->host));
	return t;
}

struct tensor *kv_cache_starts(struct kv_cache *c, struct graph *g)
{
	return counts(c, g, "cache.starts", 0);
}

struct tensor *kv_cache_lengths(struct kv_cache *c, struct graph *g)
{
	return counts(c, g, "cache.lengths", 1);
}

struct tensor *kv_cache_append(struct kv_cache *c, struct graph *g, int layer,
			       enum kv_part part, struct tensor *rows)
{
	return op_cache_append(g, kv_cache_tensor(c, g, layer, part), rows,
			       kv_cache_starts(c, g));
}
