// SPDX-License-Identifier: MIT
#include "arch/cpu/convert.h"
#include "base/thread.h"

/* f64 and f16: nothing in a training step has them. */
static void cast_slowly(const void *from, enum dtype from_type, void *to, enum dtype to_type,
			int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		dtype_put(to_type, to, i, dtype_get(from_type, from, i));
}

static void cast_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	enum dtype from_type = c->in[0].dtype, to_type = c->out[0].dtype;
	int64_t at = tile * (int64_t)CHUNK;
	int64_t n = chunk_end(layout_count(&c->out[0]), CHUNK, at) - at;
	const void *from = data_at(c->in_data[0], from_type, at);
	void *to = (char *)c->out_data[0] + at * (int64_t)dtype_size(to_type);

	if (to_type == DT_F32)
		widen(from, from_type, to, n);
	else if (from_type == DT_F32)
		narrow(from, to_type, to, n);
	else
		cast_slowly(from, from_type, to, to_type, n);
}

static int cast_plain(const struct call *c)
{
	threads_run_shares(chunk_count(layout_count(&c->out[0]), CHUNK), cast_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(cast_plain, cast, .arch = "cpu", .rank = 0, .run = cast_plain);
