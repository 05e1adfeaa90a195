/* SPDX-License-Identifier: MIT */
#ifndef OPS_CACHE_APPEND_H
#define OPS_CACHE_APPEND_H

#include "tensor/graph.h"

/**
 * op_cache_append() - write new keys or values behind those that a cache holds.
 * @cache: (B, Tcap, H, D) f32, bf16 or f16; updated in place
 * @new: (B, T, H, D) f32 or bf16, may be a strided view; rounded to the type of @cache
 * @start: i32 (B): cache[b, start[b] + t] = new[b, t]
 *
 * A run that would write outside the capacity fails with -EINVAL, names the sequence and
 * writes nothing.  Return: @cache under its new name; use it instead of @cache.
 */
struct tensor *op_cache_append(struct graph *g, struct tensor *cache, struct tensor *new,
			       struct tensor *start);

#endif
