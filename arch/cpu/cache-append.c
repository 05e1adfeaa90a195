// SPDX-License-Identifier: MIT
#include <string.h>

#include "arch/cpu/convert.h"
#include "base/fail.h"
#include "base/thread.h"
#include "tensor/op.h"

/* One row (H, D) of @new to its place; the heads of a view may be far apart. */
static void append_row(const struct layout *new, const char *from, enum dtype dtype, char *to)
{
	size_t size = dtype_size(dtype), step = dtype_size(new->dtype);

	for (int64_t h = 0; h < new->n[2]; h++, from += new->stride[2] * step) {
		if (dtype == new->dtype && new->stride[3] == 1) {
			memcpy(to, from, new->n[3] * size);
			to += new->n[3] * size;
			continue;
		}
		if (new->dtype == DT_F32 && new->stride[3] == 1) {
			narrow((const float *)(const void *)from, dtype, to, new->n[3]);
			to += new->n[3] * size;
			continue;
		}
		for (int64_t d = 0; d < new->n[3]; d++, to += size)
			dtype_put(dtype, to, 0, dtype_get(new->dtype, from, d * new->stride[3]));
	}
}

static void append_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	const struct layout *new = &c->in[1], *cache = &c->out[0];
	int64_t b = tile / new->n[1], t = tile % new->n[1];
	int64_t at = b * cache->n[1] + ((const int32_t *)c->in_data[2])[b] + t;
	size_t row = cache->n[2] * cache->n[3] * dtype_size(cache->dtype);
	size_t from = (b * new->stride[0] + t * new->stride[1]) * dtype_size(new->dtype);

	append_row(new, (const char *)c->in_data[1] + from, cache->dtype,
		   (char *)c->out_data[0] + at * row);
}

static int cache_append_plain(const struct call *c)
{
	const int32_t *start = c->in_data[2];
	int64_t capacity = c->out[0].n[1], nr = c->in[1].n[1];

	for (int64_t b = 0; b < c->in[1].n[0]; b++)
		if (start[b] < 0 || start[b] + nr > capacity)
			return fail(-EINVAL, "cache_append: sequence %lld: positions %d to %lld "
				    "are outside the cache's capacity of %lld", (long long)b,
				    start[b], (long long)(start[b] + nr - 1),
				    (long long)capacity);
	threads_run(c->in[1].n[0] * nr, append_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(cache_append_plain, cache_append, .arch = "cpu", .rank = 0,
		   .run = cache_append_plain);
