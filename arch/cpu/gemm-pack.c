// SPDX-License-Identifier: MIT
#include "arch/cpu/gemm-isa.h"

#include "arch/cpu/convert.h"
#include "arch/cpu/simd.h"

#define STEPS 16

typedef uint32_t word8 __attribute__((vector_size(32)));
/* Also of pairs of bf16, which lie at even addresses. */
typedef uint32_t word8_at __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint16_t half8_at __attribute__((vector_size(16), aligned(2), may_alias));

/* What the words are made from. */
enum form { F32_AS_F32, BF16_AS_F32, F32_AS_PAIRS, BF16_AS_PAIRS };

static enum form form_of(const struct gemm_operand *o, bool pairs)
{
	bool half = o->type == DT_BF16;

	if (pairs)
		return half ? BF16_AS_PAIRS : F32_AS_PAIRS;
	return half ? BF16_AS_F32 : F32_AS_F32;
}

/* The word at (d, p), p even for pairs; @two: there is an element at p + 1 as well. */
SIMD_INLINE uint32_t word_at(enum form form, const struct gemm_operand *o, int64_t d, int64_t p,
			     bool two)
{
	int64_t i = d * o->d_stride + p * o->k_stride, next = i + o->k_stride;
	const uint16_t *half = o->x;
	const float *x = o->x;

	switch (form) {
	case F32_AS_F32:
		return vm_bits(x[i]);
	case BF16_AS_F32:
		return (uint32_t)half[i] << 16;
	case F32_AS_PAIRS:
		return bf16_store(x[i]) | (two ? (uint32_t)bf16_store(x[next]) << 16 : 0);
	default:
		return half[i] | (two ? (uint32_t)half[next] << 16 : 0);
	}
}

SIMD_INLINE bool is_pairs(enum form form)
{
	return form == F32_AS_PAIRS || form == BF16_AS_PAIRS;
}

/* struct panel - one panel from step @from on: rows @d ... @d + @nd - 1, @nd <= @width. */
struct panel {
	const struct gemm_operand *o;
	int64_t d, nd, k0, nk;
	int width;
	uint32_t *to;
};

static int64_t panel_steps(enum form form, const struct panel *t)
{
	return is_pairs(form) ? (t->nk + 1) / 2 : t->nk;
}

/* Steps @from ... @to - 1 word by word. */
static void pack_words(enum form form, const struct panel *t, int64_t from, int64_t to)
{
	int per = is_pairs(form) ? 2 : 1;

	for (int64_t s = from; s < to; s++)
		for (int64_t d = 0; d < t->width; d++)
			t->to[s * t->width + d] = d >= t->nd ? 0 :
				word_at(form, t->o, t->d + d, t->k0 + s * per,
					s * per + 1 < t->nk);
}

/* Element @i will be read soon: rows are pages apart, where the processor does not look. */
SIMD_INLINE void prefetch(enum form form, const void *x, int64_t i)
{
	int size = form == BF16_AS_F32 || form == BF16_AS_PAIRS ? 2 : 4;

	__builtin_prefetch((const void *)((uintptr_t)x + (uintptr_t)(size * i)));
}

/* ---- k adjacent: transpose 8 x 8 words ------------------------------------------- */

/* Interleave pairs of rows; three rounds of this transpose 8 x 8. */
#define LOW(x, y)	__builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(x, y)	__builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW2(x, y)	__builtin_shufflevector(x, y, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH2(x, y)	__builtin_shufflevector(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW4(x, y)	__builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH4(x, y)	__builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15)

SIMD_INLINE SIMD_AVX2 word8 round8(const float *x)
{
	word8 v = *(const word8_at *)x, even = v >> 16 & 1;
	word8 nan = (word8)((v & 0x7fffffff) > 0x7f800000);

	return (nan & (v >> 16 | 0x40)) | (~nan & ((v + 0x7fff + even) >> 16));
}

/* Words of 8 steps of one row. */
SIMD_INLINE SIMD_AVX2 word8 load_steps(enum form form, const void *x, int64_t i)
{
	const float *f = (const float *)x + i;
	word8 a, b;

	switch (form) {
	case F32_AS_F32:
		return *(const word8_at *)f;
	case BF16_AS_F32:
		a = __builtin_convertvector(*(const half8_at *)((const uint16_t *)x + i), word8);
		return a << 16;
	case F32_AS_PAIRS:
		a = round8(f);
		b = round8(f + 8);
		return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) |
		       __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15) << 16;
	default:
		return *(const word8_at *)((const uint16_t *)x + i);
	}
}

SIMD_INLINE SIMD_AVX2 void transpose_store(word8 x[8], uint32_t *to, int width)
{
	word8 y[8];

	for (int j = 0; j < 8; j += 2) {
		y[j] = LOW(x[j], x[j + 1]);
		y[j + 1] = HIGH(x[j], x[j + 1]);
	}
	for (int j = 0; j < 8; j += 4)
		for (int h = 0; h < 2; h++) {
			x[j + 2 * h] = LOW2(y[j + h], y[j + 2 + h]);
			x[j + 2 * h + 1] = HIGH2(y[j + h], y[j + 2 + h]);
		}
	for (int j = 0; j < 4; j++) {
		*(word8_at *)(to + j * width) = LOW4(x[j], x[j + 4]);
		*(word8_at *)(to + (j + 4) * width) = HIGH4(x[j], x[j + 4]);
	}
}

/* The first steps, a multiple of 8, of 8 rows from @d on, of which the panel has @rows. */
SIMD_INLINE SIMD_AVX2 void transpose_rows(enum form form, const struct panel *t, int64_t d,
					  const int rows)
{
	int64_t per = is_pairs(form) ? 2 : 1, end = t->nk / per & ~(int64_t)7;
	int64_t i = (t->d + d) * t->o->d_stride + t->k0, stride = t->o->d_stride;
	uint32_t *to = t->to + d;
	const void *from = t->o->x;
	int width = t->width;
	word8 x[8];

	for (int64_t s = 0; s < end; s += 8, i += 8 * per, to += 8 * width) {
		for (int j = 0; j < 8; j++) {
			x[j] = j < rows ? load_steps(form, from, i + j * stride) : (word8){ 0 };
			prefetch(form, from, i + (j + 8) * stride);
		}
		transpose_store(x, to, width);
	}
}

SIMD_INLINE SIMD_AVX2 void transpose_8(enum form form, const struct panel *t, int64_t d)
{
	if (t->nd - d >= 8)
		transpose_rows(form, t, d, 8);
	else
		transpose_rows(form, t, d, t->nd > d ? (int)(t->nd - d) : 0);
}

/* ---- rows (or columns) adjacent: copy ----------------------------------------------- */

/* Words of 8 rows at one step. */
SIMD_INLINE SIMD_AVX2 word8 load_rows(enum form form, const void *x, int64_t i, int64_t next)
{
	const uint16_t *half = x;
	const float *f = x;

	switch (form) {
	case F32_AS_F32:
	case BF16_AS_F32:
		return load_steps(form, x, i);
	case F32_AS_PAIRS:
		return round8(f + i) | round8(f + next) << 16;
	default:
		return __builtin_convertvector(*(const half8_at *)(half + i), word8) |
		       __builtin_convertvector(*(const half8_at *)(half + next), word8) << 16;
	}
}

/* @width is constant where this is inlined. */
SIMD_INLINE SIMD_AVX2 void copy_steps(enum form form, const struct panel *t, int64_t from,
				      int64_t to, const int width)
{
	int64_t per = is_pairs(form) ? 2 : 1, stride = t->o->k_stride;
	int64_t i = t->d + (t->k0 + from * per) * stride;
	uint32_t *out = t->to + from * width;
	const void *x = t->o->x;

	for (int64_t s = from; s < to; s++, i += per * stride, out += width) {
		for (int p = 0; p < per; p++)
			for (int d = 0; d < width; d += 16)
				prefetch(form, x, i + d + (STEPS * per + p) * stride);
		for (int d = 0; d < width; d += 8)
			*(word8_at *)(out + d) = load_rows(form, x, i + d, i + d + stride);
	}
}

/* ---- panels -------------------------------------------------------------------------- */

/* Steps @from ... @to - 1 of a panel; @form is constant where this is inlined. */
SIMD_INLINE SIMD_AVX2 void pack_steps(enum form form, const struct panel *t, int64_t from,
				      int64_t to)
{
	int64_t whole = is_pairs(form) ? t->nk / 2 : t->nk;

	if (t->o->d_stride != 1 || t->nd < t->width) {
		pack_words(form, t, from, to);
		return;
	}
	if (whole > to)
		whole = to;
	if (t->width == 8)
		copy_steps(form, t, from, whole, 8);
	else if (t->width == 48)
		copy_steps(form, t, from, whole, 48);
	else
		copy_steps(form, t, from, whole, t->width);
	pack_words(form, t, from > whole ? from : whole, to);
}

SIMD_INLINE SIMD_AVX2 void pack_panel(enum form form, const struct panel *t)
{
	int64_t done = t->nk / (is_pairs(form) ? 2 : 1) & ~(int64_t)7;

	for (int d = 0; d < t->width; d += 8)
		transpose_8(form, t, d);
	pack_words(form, t, done, panel_steps(form, t));
}

/* @width is a multiple of 8. */
SIMD_INLINE SIMD_AVX2 void pack_form(enum form form, const struct panel *first, int64_t nd)
{
	int64_t steps = panel_steps(form, first), width = first->width;
	int64_t part = first->o->k_stride == 1 ? steps : STEPS;

	for (int64_t s = 0; s < steps; s += part)
		for (int64_t d = 0; d < nd; d += width) {
			struct panel t = *first;

			t.d += d;
			t.nd = nd - d < width ? nd - d : width;
			t.to += d * steps;
			if (t.o->k_stride == 1)
				pack_panel(form, &t);
			else
				pack_steps(form, &t, s, s + part < steps ? s + part : steps);
		}
}

static SIMD_AVX2 void pack_avx2(enum form form, const struct panel *first, int64_t nd)
{
	switch (form) {
	case F32_AS_F32:
		pack_form(F32_AS_F32, first, nd);
		break;
	case BF16_AS_F32:
		pack_form(BF16_AS_F32, first, nd);
		break;
	case F32_AS_PAIRS:
		pack_form(F32_AS_PAIRS, first, nd);
		break;
	case BF16_AS_PAIRS:
		pack_form(BF16_AS_PAIRS, first, nd);
	}
}

/* ---- stored types: through floats --------------------------------------------------- */

#define PART_STEPS 256	/* whole blocks of every block type */

static _Thread_local _Alignas(64) float widened[GEMM_MAX_COLS * PART_STEPS];

/* Steps @k ... @k + @nk - 1 of panel @t, whose operand's rows are contiguous. */
static void pack_part(const struct panel *t, int64_t k, int64_t nk)
{
	const struct gemm_operand part = { widened, DT_F32, PART_STEPS, 1 };
	const struct gemm_operand *o = t->o;

	for (int64_t d = 0; d < t->nd; d++) {
		int64_t at = (t->d + d) * o->d_stride + t->k0 + k;

		widen((const char *)o->x + dtype_bytes(o->type, at), o->type,
		      widened + d * PART_STEPS, nk);
	}
	gemm_pack(&part, false, 0, t->nd, 0, nk, t->width, t->to + k * t->width);
}

static void pack_stored(const struct panel *first, int64_t nd)
{
	for (int64_t d = 0; d < nd; d += first->width) {
		struct panel t = *first;

		t.d += d;
		t.nd = nd - d < t.width ? nd - d : t.width;
		t.to += d * t.nk;
		for (int64_t k = 0; k < t.nk; k += PART_STEPS)
			pack_part(&t, k, t.nk - k < PART_STEPS ? t.nk - k : PART_STEPS);
	}
}

void gemm_pack(const struct gemm_operand *o, bool pairs, int64_t d0, int64_t nd, int64_t k0,
	       int64_t nk, int width, uint32_t *to)
{
	struct panel t = { .o = o, .d = d0, .k0 = k0, .nk = nk, .width = width, .to = to };
	enum form form = form_of(o, pairs);
	int64_t steps = panel_steps(form, &t);

	if (o->type != DT_F32 && o->type != DT_BF16) {
		pack_stored(&t, nd);
		return;
	}
	if (simd_level() >= SIMD_LEVEL_AVX2) {
		pack_avx2(form, &t, nd);
		return;
	}
	for (int64_t d = 0; d < nd; d += width) {
		t.d = d0 + d;
		t.nd = nd - d < width ? nd - d : width;
		t.to = to + d * steps;
		pack_words(form, &t, 0, steps);
	}
}
