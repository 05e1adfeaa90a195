// SPDX-License-Identifier: MIT
#include "arch/cpu/attention-block.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"

struct attention_sizes attention_sizes(const struct call *c)
{
	const struct attention_attr *a = c->attr;
	const int64_t *q = c->in[ATTENTION_Q].n, *k = c->in[ATTENTION_K].n;

	return (struct attention_sizes){
		.c = c,
		.a = a,
		.batch = q[0],
		.tq = q[1],
		.tk = k[1],
		.heads = q[2],
		.kv_heads = k[2],
		.group = q[2] / k[2],
		.d = q[3],
		.dv = c->in[ATTENTION_V].n[3],
		.scale = a->scale ? a->scale : (float)(1 / sqrt((double)q[3])),
	};
}

int attention_check(const struct attention_sizes *s)
{
	const int32_t *length = s->c->in_data[ATTENTION_KV_LENGTH];

	for (int64_t b = 0; length && b < s->batch; b++)
		if (length[b] < 0 || length[b] > s->tk)
			return fail(-EINVAL, "%s: sequence %lld: kv_length %d is outside of 0 to "
				    "%lld", s->c->op->name, (long long)b, length[b],
				    (long long)s->tk);
	return 0;
}

struct span attention_span(const struct attention_sizes *s, int64_t b, int64_t i)
{
	const int32_t *kv_length = s->c->in_data[ATTENTION_KV_LENGTH];
	const int32_t *doc_start = s->c->in_data[ATTENTION_DOC_START];
	int64_t length = kv_length ? kv_length[b] : s->tk, position = i + length - s->tq;
	int64_t first = 0, last = length - 1;

	if (s->a->causal && position < last)
		last = position;
	if (s->a->window && position - s->a->window + 1 > first)
		first = position - s->a->window + 1;
	if (doc_start && doc_start[b * s->tq + i] > first)
		first = doc_start[b * s->tq + i];
	if (last < first)
		return (struct span){ .first = INT32_MAX, .last = -1 };
	return (struct span){ .first = (int32_t)first, .last = (int32_t)last };
}

static float bf16_at(const uint16_t *bits)
{
	uint32_t wide = (uint32_t)*bits << 16;
	float x;

	memcpy(&x, &wide, sizeof(x));
	return x;
}

struct rows attention_rows(const struct call *c, int in, int64_t b, int64_t h, int64_t first,
			   int64_t nr, float *copy)
{
	const struct layout *l = &c->in[in];
	int64_t at = b * l->stride[0] + first * l->stride[1] + h * l->stride[2];
	const float *f32 = c->in_data[in];
	const uint16_t *bf16 = c->in_data[in];
	int64_t d = l->n[3];

	if (l->dtype == DT_F32 && (l->stride[3] == 1 || d == 1))
		return (struct rows){ .data = f32 + at, .stride = l->stride[1] };
	for (int64_t r = 0; r < nr; r++, at += l->stride[1])
		for (int64_t e = 0; e < d; e++)
			copy[r * d + e] = l->dtype == DT_F32 ? f32[at + e * l->stride[3]]
					: bf16_at(bf16 + at + e * l->stride[3]);
	return (struct rows){ .data = copy, .stride = d };
}

void attention_transpose(struct rows from, int64_t nr, int64_t width, float scale, float *to)
{
	for (int64_t e = 0; e < width; e++, to += BLOCK) {
		for (int64_t r = 0; r < nr; r++)
			to[r] = from.data[r * from.stride + e] * scale;
		for (int64_t r = nr; r < BLOCK; r++)
			to[r] = 0;
	}
}
