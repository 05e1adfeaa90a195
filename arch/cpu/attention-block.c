// SPDX-License-Identifier: MIT
#include "arch/cpu/attention-block.h"

#include <math.h>
#include <string.h>

#include "arch/cpu/convert.h"
#include "base/fail.h"

/* Are all factors of products bf16, and can the processor multiply those? */
static bool multiplies_bf16(const struct call *c)
{
	for (int i = ATTENTION_Q; i <= ATTENTION_V; i++)
		if (c->in[i].dtype != DT_BF16)
			return false;
	return mm_kernel_bf16();
}

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
		.wide_d = wide(q[3]),
		.wide_dv = wide(c->in[ATTENTION_V].n[3]),
		.scale = a->scale ? a->scale : (float)(1 / sqrt((double)q[3])),
		.simd = attention_simd(),
		.mm = multiplies_bf16(c) ? mm_kernel_bf16() : mm_kernel(),
		.step = multiplies_bf16(c) ? 2 : 1,
	};
}

int64_t attention_angles(const struct attention_sizes *s)
{
	if (!s->a->rope.base)
		return 0;
	return wide((rotation_bytes(&s->a->rope, s->d, s->tq) + sizeof(float) - 1) / sizeof(float));
}

/* Angles of one position, and two rows. */
int64_t attention_room(const struct attention_sizes *s)
{
	return s->a->rope.base ? 3 * s->wide_d : 0;
}

void attention_rotation(struct attention_sizes *s, struct rotation *r)
{
	if (!s->a->rope.base)
		return;
	rotation_make(r, &s->a->rope, s->d, s->tq, s->c->scratch);
	s->rotation = r;
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

static void widen_row(enum dtype type, const void *from, int64_t stride, float *to, int64_t n)
{
	if (stride == 1)
		widen(from, type, to, n);
	for (int64_t e = 0; e < n && stride != 1; e++)
		to[e] = (float)dtype_get(type, from, e * stride);
}

/* Where row @first of the head begins, in elements. */
static int64_t head_row(const struct layout *l, int64_t b, int64_t h, int64_t first)
{
	return b * l->stride[0] + first * l->stride[1] + h * l->stride[2];
}

struct rows attention_floats(const struct call *c, int in, int64_t b, int64_t h, int64_t first,
			     int64_t nr, float *copy)
{
	const struct layout *l = &c->in[in];
	int64_t at = head_row(l, b, h, first), d = l->n[3];
	const float *f32 = c->in_data[in];

	if (l->dtype == DT_F32 && l->stride[3] == 1 && d % MM_COLS == 0)
		return (struct rows){ .data = f32 + at, .stride = l->stride[1] };
	for (int64_t r = 0; r < nr; r++, at += l->stride[1]) {
		float *to = copy + r * wide(d);

		widen_row(l->dtype, data_at(c->in_data[in], l->dtype, at), l->stride[3], to, d);
		for (int64_t e = d; e < wide(d); e++)
			to[e] = 0;
	}
	return (struct rows){ .data = copy, .stride = wide(d) };
}

struct rows attention_rows(const struct attention_sizes *s, int in, int64_t b, int64_t h,
			   int64_t first, int64_t nr, float *copy)
{
	const struct layout *l = &s->c->in[in];
	int64_t at = head_row(l, b, h, first), d = l->n[3];
	const uint16_t *from = (const uint16_t *)s->c->in_data[in] + at;
	uint16_t *to = (uint16_t *)copy;

	if (s->step == 1)
		return attention_floats(s->c, in, b, h, first, nr, copy);
	if (l->stride[3] == 1 && d % MM_COLS == 0 && at % 2 == 0 && l->stride[1] % 2 == 0)
		return (struct rows){ .data = (const float *)(const void *)from,
				      .stride = l->stride[1] / 2 };
	for (int64_t r = 0; r < nr; r++, from += l->stride[1])
		for (int64_t e = 0; e < wide(d); e++)
			*to++ = e < d ? from[e * l->stride[3]] : 0;
	return (struct rows){ .data = copy, .stride = wide(d) / 2 };
}

/* Turned in the input's own type, as op_rope() does, then in that of the products. */
struct rows attention_turned(const struct attention_sizes *s, int in, int64_t b, int64_t h,
			     int64_t first, int64_t nr, float *to, float *room)
{
	const struct layout *l = &s->c->in[in];
	const int32_t *positions = (const int32_t *)s->c->in_data[ATTENTION_POSITIONS] + b * s->tq;
	bool widens = l->dtype == DT_BF16 && s->step == 1;
	int64_t at = head_row(l, b, h, first), size = (int64_t)sizeof(float) / s->step;
	char *row = (char *)to;

	for (int64_t i = first; i < first + nr; i++, at += l->stride[1], row += s->wide_d * size) {
		rotation_turn(s->rotation, l->dtype, data_at(s->c->in_data[in], l->dtype, at),
			      l->stride[3], widens ? (void *)(room + s->wide_d) : row,
			      rotation_at(s->rotation, positions[i], room), false);
		if (widens)
			widen_row(DT_BF16, room + s->wide_d, 1, (float *)(void *)row, s->d);
		memset(row + s->d * size, 0, (s->wide_d - s->d) * size);
	}
	return (struct rows){ .data = to, .stride = s->wide_d / s->step };
}

struct rows attention_pairs(const struct attention_sizes *s, struct rows from, int64_t nr,
			    int64_t width, float *to)
{
	if (s->step == 1)
		return from;
	for (int64_t r = 0; r < nr; r += 2) {
		const float *a = from.data + r * from.stride, *b = a + from.stride;

		attention_interleave((const uint16_t *)a,
				     r + 1 < nr ? (const uint16_t *)b : NULL, width,
				     to + r / 2 * width);
	}
	return (struct rows){ .data = to, .stride = width };
}

SIMD_CLONES static void store_f32(const float *from, float factor, float *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] = from[e] * factor;
}

SIMD_CLONES static void store_bf16(const float *from, float factor, uint16_t *to, int64_t n)
{
	for (int64_t e = 0; e < n; e++)
		to[e] = bf16_store(from[e] * factor);
}

void attention_store(const struct call *c, int o, int64_t at, const float *from, float factor,
		     int64_t n)
{
	if (c->out[o].dtype == DT_BF16)
		store_bf16(from, factor, (uint16_t *)c->out_data[o] + at, n);
	else
		store_f32(from, factor, (float *)c->out_data[o] + at, n);
}

void attention_store_back(const struct attention_sizes *s, int o, int64_t at, const float *from,
			  float factor, int32_t position, float *room)
{
	const float *cs = rotation_at(s->rotation, position, room);
	float *scaled = room + s->wide_d, *turned = scaled + s->wide_d;

	store_f32(from, factor, scaled, s->d);
	rotation_turn(s->rotation, DT_F32, scaled, 1, turned, cs, true);
	attention_store(s->c, o, at, turned, 1, s->d);
}

static void ahead_add(struct mm_ahead *a, const void *at, enum dtype type, int64_t stride,
		      int64_t nr, int64_t width)
{
	int64_t size = (int64_t)dtype_size(type);

	if (a->left < MM_AHEAD && nr > 0)
		a->rows[a->left++] = (struct mm_rows){
			.at = at, .stride = stride * size, .nr = nr,
			.lines = (width * size + 63) / 64 };
}

void attention_ahead(struct mm_ahead *a, const struct call *c, int in, int64_t b, int64_t h,
		     int64_t first)
{
	const struct layout *l = &c->in[in];

	ahead_add(a, data_at(c->in_data[in], l->dtype, head_row(l, b, h, first)), l->dtype,
		  l->stride[1], smaller(l->n[1] - first, BLOCK), l->n[3]);
}

void attention_ahead_out(struct mm_ahead *a, const struct call *c, int o, int64_t at,
			 int64_t stride, int64_t nr, int64_t width)
{
	ahead_add(a, data_at(c->out_data[o], c->out[o].dtype, at), c->out[o].dtype, stride, nr,
		  width);
}

struct sight sight_of(const int32_t *first, const int32_t *last, int64_t nr)
{
	struct sight s = { INT32_MAX, -1, 0, INT32_MAX };

	for (int64_t i = 0; i < nr; i++) {
		s.first = first[i] < s.first ? first[i] : s.first;
		s.last = last[i] > s.last ? last[i] : s.last;
		s.all_first = first[i] > s.all_first ? first[i] : s.all_first;
		s.all_last = last[i] < s.all_last ? last[i] : s.all_last;
	}
	return s;
}

/* From the first to the last index of @r whose range contains @x. */
static struct range hull(const struct range *r, int nr, int x)
{
	struct range found = { 0, 0 };

	for (int i = 0; i < nr; i++) {
		if (x < r[i].first || x >= r[i].end)
			continue;
		if (found.first == found.end)
			found.first = i;
		found.end = i + 1;
	}
	return found;
}

bool reach_make(struct reach *r, const struct sight *s, int nr, int64_t key, int64_t nr_keys)
{
	bool any = false;

	r->nr_queries = nr;
	r->nr_keys = (int)groups_of(nr_keys);
	for (int q = 0; q < nr; q++) {
		int64_t first = s[q].first - key, last = s[q].last - key;

		if (first < 0)
			first = 0;
		last = smaller(last, nr_keys - 1);
		r->keys[q] = last < first ? (struct range){ 0, 0 }
			   : (struct range){ (int)(first / GROUP), (int)(last / GROUP + 1) };
		any |= first <= last;
	}
	for (int k = 0; k < r->nr_keys; k++)
		r->queries[k] = hull(r->keys, nr, k);
	for (int q = 0; q < nr; q++) {
		r->both[q] = hull(r->queries, r->nr_keys, q);
		r->masked[q] = s[q].all_first > key + r->both[q].first * GROUP ||
			       s[q].all_last < key + r->both[q].end * GROUP - 1;
	}
	return any;
}
