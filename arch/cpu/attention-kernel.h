/* SPDX-License-Identifier: MIT */
/*
 * The loops of attention-simd.h for one instruction set.  No include guard:
 * attention-simd.c includes this file once for each, after defining
 *
 *	KERNEL(name)		name of a function or type of this instruction set
 *	KERNEL_TARGET		the functions' target attribute
 *	LANES			floats in a vector, at most GROUP
 *	VEC_MAX(any, x, y)	the larger of x and y, y if either is NaN; @any: what to use
 *				where there is no instruction for it
 *	FIRST_HALVES(x, y)	x[0], y[0], x[1], y[1] ... of LANES elements
 *	SECOND_HALVES(x, y)	the same from x[LANES / 2]
 */
#include "arch/cpu/vec-kernel.h"

/*
 * LANES x LANES elements.  Interleaving row i with row i + LANES / 2 moves one bit of the
 * row's number into the column's: done log2(LANES) times, all bits have changed places.
 */
SIMD_INLINE KERNEL_TARGET
void KERNEL(transpose_square)(const float *from, int64_t stride, float *to)
{
	KERNEL(vec) x[LANES], y[LANES];

	SIMD_UNROLL
	for (int i = 0; i < LANES; i++)
		x[i] = KERNEL(load)(from + i * stride);
	SIMD_UNROLL
	for (int bit = 1; bit < LANES; bit *= 2) {
		SIMD_UNROLL
		for (int i = 0; i < LANES / 2; i++) {
			y[2 * i] = FIRST_HALVES(x[i], x[i + LANES / 2]);
			y[2 * i + 1] = SECOND_HALVES(x[i], x[i + LANES / 2]);
		}
		SIMD_UNROLL
		for (int i = 0; i < LANES; i++)
			x[i] = y[i];
	}
	SIMD_UNROLL
	for (int i = 0; i < LANES; i++)
		KERNEL(store)(to + i * BLOCK, x[i]);
}

static KERNEL_TARGET void KERNEL(transpose)(const float *from, int64_t stride, int64_t nr,
					    int64_t width, float *to)
{
	int64_t wide = width - width % LANES, end = (nr + GROUP - 1) / GROUP * GROUP;

	for (int64_t r = 0; r < end; r += LANES) {
		const float *at = from + r * stride;
		int64_t whole = r + LANES <= nr ? wide : 0;

		for (int64_t e = 0; e < whole; e += LANES)
			KERNEL(transpose_square)(at + e, stride, to + e * BLOCK + r);
		for (int64_t e = whole; e < width; e++)
			for (int64_t i = 0; i < LANES; i++)
				to[e * BLOCK + r + i] = r + i < nr ? at[i * stride + e] : 0;
	}
}

/* All ones where key @at lies between @first and @last. */
SIMD_INLINE KERNEL_TARGET
KERNEL(ivec) KERNEL(seen)(KERNEL(ivec) at, KERNEL(ivec) first, KERNEL(ivec) last)
{
	return (at >= first) & (at <= last);
}

SIMD_INLINE KERNEL_TARGET
void KERNEL(hide)(float *scores, int32_t key, int64_t nr, const int32_t *first,
		  const int32_t *last)
{
	const KERNEL(ivec) zero = { 0 };
	const KERNEL(vec) never = (KERNEL(vec))zero - __builtin_inff();
	KERNEL(ivec) from = *(const KERNEL(ivec_at) *)first;
	KERNEL(ivec) to = *(const KERNEL(ivec_at) *)last;

	for (int64_t j = 0; j < nr; j++, scores += BLOCK)
		KERNEL(store)(scores, KERNEL(choose)(
			KERNEL(seen)(zero + (key + (int32_t)j), from, to),
			KERNEL(load)(scores), never));
}

/* The largest of @nr scores of each query: four chains hide the latency. */
SIMD_INLINE KERNEL_TARGET
KERNEL(vec) KERNEL(largest)(const float *scores, int64_t nr)
{
	KERNEL(vec) top[4];
	int64_t j = 0;

	for (int i = 0; i < 4; i++)
		top[i] = (KERNEL(vec)){ 0 } - __builtin_inff();
	for (; j + 4 <= nr; j += 4)
		for (int i = 0; i < 4; i++)
			top[i] = KERNEL(larger)(KERNEL(load)(scores + (j + i) * BLOCK), top[i]);
	for (; j < nr; j++)
		top[0] = KERNEL(larger)(KERNEL(load)(scores + j * BLOCK), top[0]);
	return KERNEL(larger)(KERNEL(larger)(top[0], top[1]), KERNEL(larger)(top[2], top[3]));
}

/* Queries @c ... @c + LANES. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(weigh_queries)(const struct weigh *w, int64_t c)
{
	const struct range keys = w->keys[c / GROUP];
	int64_t from = keys.first * GROUP, end = keys.end * GROUP;
	int64_t nr = (end < w->nr_keys ? end : w->nr_keys) - from;
	float *scores = w->scores + from * BLOCK + c;
	const KERNEL(vec) zero = { 0 }, never = zero - __builtin_inff();
	KERNEL(vec) old = KERNEL(load)(w->base + c), base, sum = zero, shrink;

	if (w->masked[c / GROUP])
		KERNEL(hide)(scores, w->key + (int32_t)from, nr, w->first + c, w->last + c);
	base = KERNEL(larger)(KERNEL(largest)(scores, nr) * w->factor, old);
	KERNEL(store)(w->base + c, base);
	/* Nothing seen yet: any finite base gives weights of 0. */
	base = KERNEL(choose)(base == never, zero, base);
	shrink = KERNEL(exp2)(old - base);
	for (int64_t j = 0; j < nr; j++) {
		KERNEL(vec) x = KERNEL(exp2)(KERNEL(load)(scores + j * BLOCK) * w->factor - base);

		KERNEL(store)(scores + j * BLOCK, x);
		sum += x;
	}
	KERNEL(store)(w->shrink + c, shrink);
	KERNEL(store)(w->sum + c, KERNEL(load)(w->sum + c) * shrink + sum);
}

static KERNEL_TARGET void KERNEL(weigh)(const struct weigh *w)
{
	for (int64_t c = 0; c < w->nr_groups * GROUP; c += LANES) {
		if (w->keys[c / GROUP].end > w->keys[c / GROUP].first)
			KERNEL(weigh_queries)(w, c);
		else
			KERNEL(store)(w->shrink + c, (KERNEL(vec)){ 0 } + 1.0f);
	}
}

SIMD_INLINE KERNEL_TARGET
void KERNEL(slopes_of)(const struct slopes *s, const bool masked)
{
	KERNEL(ivec) number;

	for (int i = 0; i < LANES; i++)
		number[i] = i;
	for (int64_t r = 0; r < s->nr_queries; r++) {
		float *w = s->weights + r * BLOCK, *g = s->slopes + r * BLOCK;
		const KERNEL(ivec) zero = { 0 };
		KERNEL(ivec) first = zero + s->first[r], last = zero + s->last[r];

		for (int j = s->keys.first * GROUP; j < s->keys.end * GROUP; j += LANES) {
			KERNEL(vec) x = KERNEL(exp2)(KERNEL(load)(w + j) * s->factor - s->base[r]);

			if (masked)
				x = (KERNEL(vec))((KERNEL(ivec))x &
					KERNEL(seen)(number + (s->key + j), first, last));
			KERNEL(store)(w + j, x);
			KERNEL(store)(g + j, x * (KERNEL(load)(g + j) - s->delta[r]));
		}
	}
}

static KERNEL_TARGET void KERNEL(slopes)(const struct slopes *s)
{
	if (s->masked)
		KERNEL(slopes_of)(s, true);
	else
		KERNEL(slopes_of)(s, false);
}

#undef KERNEL
#undef KERNEL_TARGET
#undef LANES
#undef VEC_MAX
#undef FIRST_HALVES
#undef SECOND_HALVES
