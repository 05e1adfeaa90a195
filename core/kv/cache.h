/* SPDX-License-Identifier: MIT */
/*
 * The key-value cache of a decoder: an object with a layout, outside the arenas of plans,
 * so that what is kept per token, in which type and where is decided here and not in the
 * attention op.
 *
 * A decoding graph appends before it attends:
 *
 *	k = kv_cache_append(cache, g, layer, KV_KEYS, k_new);
 *	v = kv_cache_append(cache, g, layer, KV_VALUES, v_new);
 *	mask.kv_length = kv_cache_lengths(cache, g);
 *	o = op_attention(g, q, k, v, &mask, &attr);
 *
 * and each run is preceded by kv_cache_begin().  Sequences of a batch may hold different
 * numbers of tokens.  Prompts of different lengths are filled in one run of the longest,
 * padded behind; kv_cache_truncate() then takes the padding back: causal queries never saw
 * it, and the next append overwrites it.
 */
#ifndef KV_CACHE_H
#define KV_CACHE_H

#include "tensor/graph.h"

enum kv_part { KV_KEYS, KV_VALUES, KV_PARTS };

/**
 * struct kv_layer - what a layer keeps of a token; layers may differ.
 * @width: of a key and of a value; values of width 0 are not kept (latent caches)
 */
struct kv_layer {
	int heads;
	int width[KV_PARTS];
};

/**
 * struct kv_layout - what a cache holds.
 * @batch: sequences
 * @capacity: tokens of each sequence
 * @dtype: DT_F32, DT_F16 or DT_BF16
 * @layer: (layers); copied
 */
struct kv_layout {
	int layers, batch, capacity;
	enum dtype dtype;
	const struct kv_layer *layer;
};

struct kv_cache;

/** kv_cache_new() - an empty cache on @dev. Return: 0, -EINVAL or -ENOMEM. */
int kv_cache_new(struct device *dev, const struct kv_layout *layout, struct kv_cache **cache);
void kv_cache_free(struct kv_cache *c);

/**
 * kv_cache_bytes() - device memory that keys and values of @layout take.  Sizes of layers
 * are rounded up to 64 bytes; but for that, bytes per token are this / batch / capacity.
 */
size_t kv_cache_bytes(const struct kv_layout *layout);

/**
 * kv_cache_begin() - the next run appends @nr tokens to each sequence: tells the device
 * where they begin and how long the sequences then are.
 * Return: 0; -ENOSPC naming a sequence without room, with nothing changed.
 */
int kv_cache_begin(struct kv_cache *c, int nr);

/**
 * kv_cache_grow() - room for @capacity tokens of each sequence, no fewer than before.
 *
 * Graphs with tensors of the cache must be made anew.  While it is copied, there is room for
 * both.  Return: 0; -ENOMEM, with nothing changed.
 */
int kv_cache_grow(struct kv_cache *c, int capacity);

/** kv_cache_truncate() - sequence @b holds only its first @count tokens from now on. */
int kv_cache_truncate(struct kv_cache *c, int b, int count);

/** kv_cache_reset() - empty all sequences; the memory stays. Return: 0. */
int kv_cache_reset(struct kv_cache *c);

/** kv_cache_count() - tokens that sequence @b has so far. */
int kv_cache_count(const struct kv_cache *c, int b);

/** kv_cache_length() - tokens that the longest sequence has so far. */
int kv_cache_length(const struct kv_cache *c);

/** kv_cache_tensor() - a layer's keys or values in graph @g, (B, capacity, heads, width). */
struct tensor *kv_cache_tensor(struct kv_cache *c, struct graph *g, int layer,
			       enum kv_part part);

/**
 * kv_cache_append() - in a graph: append @rows, (B, T, heads, width), to a part of a layer.
 * Return: kv_cache_tensor() with the new rows in it, for attention to read.
 */
struct tensor *kv_cache_append(struct kv_cache *c, struct graph *g, int layer,
			       enum kv_part part, struct tensor *rows);

/** kv_cache_starts() - i32 (B): tokens before this run, where its own begin. */
struct tensor *kv_cache_starts(struct kv_cache *c, struct graph *g);

/** kv_cache_lengths() - i32 (B): lengths including the tokens of this run. */
struct tensor *kv_cache_lengths(struct kv_cache *c, struct graph *g);

#endif
