// SPDX-License-Identifier: MIT
/*
 * Few rows of x: the weights are read once, as they are stored, and multiplied as they are
 * unpacked.  A row of x and one of w meet in one order whatever else is computed: the bits
 * depend neither on the number of rows nor on the threads.
 */
#include "arch/cpu/block-act.h"
#include "arch/cpu/block-unpack.h"
#include "arch/cpu/loops.h"
#include "arch/cpu/qlinear.h"
#include "base/thread.h"

#define TILE_ROWS 16	/* of w */
#define LINE 64	/* bytes in a line of the cache */
#define MOST_ROWS 4	/* of x, at once */
#define SMALL_BYTES (4 * 34)	/* the longest four blocks of a small type */

/** struct dots - @rows <= MOST_ROWS packed rows of x at @act, @act_row bytes apart. */
struct dots {
	const struct qlinear *q;
	const char *act;
	int64_t act_row;
	float *y;
};

/* ---- small types ------------------------------------------------------------------------ */

/*
 * CHAINS products of a row of x and one of w advance side by side, one instruction of each
 * after the other: as many as cover an instruction's latency.  (Left to find that by itself,
 * the processor's scheduler is full of instructions that wait.)
 */
#define CHAINS 4

/* The codes of row @c of w times digit @digit of row @r of x, added to each chain's sum. */
SIMD_INLINE SIMD_VNNI void small_digit(int rows, int cols, int digit,
				       const struct small_act *const x[MOST_ROWS],
				       const struct small_step *s, __m512i *sum)
{
	SIMD_UNROLL
	for (int v = 0; v < 2; v++)
		SIMD_UNROLL
		for (int r = 0; r < rows; r++) {
			__m512i a = load_64(x[r]->digit[digit][v]);

			if (cols > 1)
				SIMD_KEEP(a);
			SIMD_UNROLL
			for (int c = 0; c < cols; c++)
				sum[r * cols + c] = _mm512_dpbusd_epi32(sum[r * cols + c],
									s[c].q[v], a);
		}
}

SIMD_INLINE SIMD_VNNI void small_shift(int chains, __m512i *sum)
{
	SIMD_UNROLL
	for (int i = 0; i < chains; i++)
		sum[i] = _mm512_slli_epi32(sum[i], 8);
}

/* Each chain's lanes of sums of products, as floats. */
SIMD_INLINE SIMD_VNNI void small_products(enum dtype type, int digits, int rows, int cols,
					  const struct small_act *const x[MOST_ROWS],
					  const struct small_step *s, __m512 *out)
{
	bool wide = digits > 1 && block_offset(type) == 128;
	int chains = rows * cols;
	__m512i sum[CHAINS], last[CHAINS];

	SIMD_UNROLL
	for (int i = 0; i < chains; i++) {
		sum[i] = digits == 1 ? load_64(x[i / cols]->base[0]) : _mm512_setzero_si512();
		last[i] = wide ? load_64(x[i / cols]->base[1]) : sum[i];
	}
	small_digit(rows, cols, 0, x, s, sum);
	if (digits > 1) {
		small_shift(chains, sum);
		small_digit(rows, cols, 1, x, s, sum);
		if (!wide)
			small_shift(chains, sum);
		small_digit(rows, cols, 2, x, s, wide ? last : sum);
	}
	SIMD_UNROLL
	for (int i = 0; i < chains; i++) {
		if (digits > 1 && block_offset(type))
			sum[i] = _mm512_add_epi32(sum[i], load_64(x[i / cols]->base[0]));
		out[i] = _mm512_cvtepi32_ps(sum[i]);
	}
	SIMD_UNROLL
	for (int i = 0; i < chains && wide; i++)
		out[i] = _mm512_fmadd_ps(out[i], _mm512_set1_ps(256),
					 _mm512_cvtepi32_ps(last[i]));
}

/* Rows @w of w, four blocks at a time, times @rows of x. */
SIMD_INLINE SIMD_VNNI void small_rows(enum dtype type, int digits, int rows, int cols,
				      const struct dots *t, const char *w, float *y)
{
	const int64_t row = dtype_bytes(type, t->q->k), bytes = 4 * (int64_t)dtype_info(type)->size;
	uint8_t last[CHAINS][SMALL_BYTES] = { { 0 } };
	__m512 sum[CHAINS], product[CHAINS];
	const char *act = t->act;

	for (int i = 0; i < rows * cols; i++)
		sum[i] = _mm512_setzero_ps();
	for (int64_t k = t->q->k; k > 0; k -= SMALL_STEP, w += bytes) {
		const struct small_act *x[MOST_ROWS];
		struct small_step s[CHAINS];

		SIMD_UNROLL
		for (int r = 0; r < rows; r++)
			x[r] = (const void *)(act + r * t->act_row);
		SIMD_UNROLL
		for (int c = 0; c < cols; c++) {
			const void *p = w + c * row;

			if (k < SMALL_STEP)
				p = memcpy(last[c], p, dtype_bytes(type, k));
			small_unpack(type, p, &s[c]);
		}
		small_products(type, digits, rows, cols, x, s, product);
		SIMD_UNROLL
		for (int i = 0; i < rows * cols; i++) {
			const struct small_step *b = &s[i % cols];
			__m512 d = _mm512_mul_ps(b->d, _mm512_loadu_ps(x[i / cols]->scale));

			sum[i] = _mm512_fmadd_ps(product[i], d, sum[i]);
			if (block_has_min(type))
				sum[i] = _mm512_fmadd_ps(b->m, _mm512_loadu_ps(x[i / cols]->sum),
							 sum[i]);
		}
		act += sizeof(struct small_act);
	}
	for (int i = 0; i < rows * cols; i++)
		y[i / cols * t->q->n + i % cols] = _mm512_reduce_add_ps(sum[i]);
}

/* ---- blocks of 256 ------------------------------------------------------------------------ */

/* Which sub-block each 16 codes of vector @v belong to, for words and for lanes. */
SIMD_INLINE SIMD_VNNI __m512i sub_index(enum dtype type, int v, bool words)
{
	int per = super_sub(type);
	__m128i at = _mm_setr_epi32(super_piece(type, v, 0) / per, super_piece(type, v, 1) / per,
				    super_piece(type, v, 2) / per, super_piece(type, v, 3) / per);
	__m512i lane = _mm512_permutexvar_epi32(
		_mm512_set_epi32(FOUR(3), FOUR(2), FOUR(1), FOUR(0)),
		_mm512_castsi128_si512(at));

	return words ? _mm512_or_si512(lane, _mm512_slli_epi32(lane, 16)) : lane;
}

/* Vectors of codes in a row that have the same sub-blocks in the same lanes. */
static inline int same_scales(enum dtype type)
{
	return super_sub(type) == 32 ? 2 : 1;
}

/* One digit: all in integers but for the scale of the block. */
SIMD_INLINE SIMD_VNNI __m512 super_one(enum dtype type, const struct super_act *a,
				       const struct super_step *s, const __m512i scale[4],
				       __m512 sum)
{
	__m256i part = _mm256_loadu_si256((const __m256i *)a->part);
	__m512 d = _mm512_set1_ps(_mm_cvtss_f32(s->d) * a->scale);
	const int same = same_scales(type);
	__m512i dot[2] = { _mm512_setzero_si512(), _mm512_setzero_si512() };

	if (block_offset(type)) {
		__m256i extra = _mm256_madd_epi16(s->scale, part);

		extra = _mm256_slli_epi32(extra, block_offset(type) == 32 ? 5 : 2);
		dot[0] = _mm512_sub_epi32(dot[0], _mm512_zextsi256_si512(extra));
	}
	SIMD_UNROLL
	for (int v = 0; v < 4; v += same) {
		__m512i sum16 = _mm512_maddubs_epi16(s->q[v], load_64(a->digit[0][v]));

		if (same == 2)
			sum16 = _mm512_add_epi16(sum16, _mm512_maddubs_epi16(s->q[v + 1],
							load_64(a->digit[0][v + 1])));
		dot[v / same % 2] = _mm512_dpwssd_epi32(dot[v / same % 2], scale[v], sum16);
	}
	dot[0] = _mm512_add_epi32(dot[0], dot[1]);
	sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[0]), d, sum);
	if (block_has_min(type)) {
		__m256i min = _mm256_madd_epi16(s->min, part);
		__m512 m = _mm512_set1_ps(_mm_cvtss_f32(_mm_movehdup_ps(s->d)) * a->scale);

		sum = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(_mm512_zextsi256_si512(min)), m, sum);
	}
	return sum;
}

/* Three digits: what they sum up to fills 32 bits, so scales are floats. */
SIMD_INLINE SIMD_VNNI __m512 super_three(enum dtype type, const struct super_act *a,
					 const struct super_step *s, const __m512 scale[4],
					 __m512 sum)
{
	__m512 d = _mm512_set1_ps(_mm_cvtss_f32(s->d) * a->scale);
	const int same = same_scales(type);
	__m512 part[2] = { _mm512_setzero_ps(), _mm512_setzero_ps() };
	__m512i dot[4];

	SIMD_UNROLL
	for (int v = 0; v < 4; v += same)
		dot[v] = _mm512_setzero_si512();
	SIMD_UNROLL
	for (int i = 0; i < 4 * ACT_DIGITS; i++) {
		/* One vector after the other that is a chain of its own. */
		int v = i % 4 % (4 / same) * same + i % 4 / (4 / same), at = v / same * same;

		if (v == at)
			dot[at] = _mm512_slli_epi32(dot[at], 8);
		dot[at] = _mm512_dpbusd_epi32(dot[at], s->q[v], load_64(a->digit[i / 4][v]));
	}
	SIMD_UNROLL
	for (int v = 0; v < 4; v += same) {
		__m512 *to = &part[v / same % 2];

		if (block_offset(type))
			dot[v] = _mm512_add_epi32(dot[v], load_64(a->base[v]));
		*to = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[v]), scale[v], *to);
	}
	sum = _mm512_fmadd_ps(_mm512_add_ps(part[0], part[1]), d, sum);
	if (block_has_min(type)) {
		__m512 min = _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(s->min));
		__m512 m = _mm512_set1_ps(_mm_cvtss_f32(_mm_movehdup_ps(s->d)));

		sum = _mm512_fnmadd_ps(_mm512_mul_ps(min, m), _mm512_loadu_ps(a->sum), sum);
	}
	return sum;
}

/* A block with its scales as the products want them. */
struct super_scaled {
	struct super_step s;
	__m512i words[4];
	__m512 lanes[4];
};

SIMD_INLINE SIMD_VNNI void super_scales(enum dtype type, int digits, struct super_scaled *b)
{
	__m512 scale = _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(b->s.scale));

	SIMD_UNROLL
	for (int v = 0; v < 4; v += same_scales(type))
		if (digits == 1)
			b->words[v] = _mm512_permutexvar_epi16(sub_index(type, v, true),
						_mm512_castsi256_si512(b->s.scale));
		else
			b->lanes[v] = _mm512_permutexvar_ps(sub_index(type, v, false), scale);
}

SIMD_INLINE SIMD_VNNI void super_rows(enum dtype type, int digits, int rows, int cols,
				      const struct dots *t, const char *w, float *y)
{
	const int64_t row = dtype_bytes(type, t->q->k), bytes = (int64_t)dtype_info(type)->size;
	__m512 sum[CHAINS];
	const char *act = t->act;

	for (int i = 0; i < rows * cols; i++)
		sum[i] = _mm512_setzero_ps();
	for (int64_t k = t->q->k; k > 0; k -= SUPER_STEP, w += bytes) {
		SIMD_UNROLL
		for (int c = 0; c < cols; c++) {
			struct super_scaled b;

			super_unpack(type, (const uint8_t *)w + c * row, &b.s);
			super_scales(type, digits, &b);
			SIMD_UNROLL
			for (int r = 0; r < rows; r++) {
				const void *a = act + r * t->act_row;
				__m512 *to = &sum[r * cols + c];

				*to = digits == 1 ? super_one(type, a, &b.s, b.words, *to)
						  : super_three(type, a, &b.s, b.lanes, *to);
			}
		}
		act += sizeof(struct super_act);
	}
	for (int i = 0; i < rows * cols; i++)
		y[i / cols * t->q->n + i % cols] = _mm512_reduce_add_ps(sum[i]);
}

/* ---- rows --------------------------------------------------------------------------------- */

SIMD_INLINE SIMD_VNNI void dots_of(enum dtype type, int digits, int rows, int cols,
				   const struct dots *t, int64_t from, int64_t to)
{
	for (int64_t j = from; j + cols <= to; j += cols)
		if (block_is_super(type))
			super_rows(type, digits, rows, cols, t, qlinear_row(t->q, j), t->y + j);
		else
			small_rows(type, digits, rows, cols, t, qlinear_row(t->q, j), t->y + j);
}

SIMD_INLINE SIMD_VNNI void dots_digits(enum dtype type, int digits, int rows, const struct dots *t,
				       int64_t from, int64_t to)
{
	int64_t whole = from + (to - from) / CHAINS * CHAINS;

	if (rows == 4) {
		dots_of(type, digits, 4, 1, t, from, to);
	} else if (rows == 2) {
		dots_of(type, digits, 2, 2, t, from, whole);
		dots_of(type, digits, 2, 1, t, whole, to);
	} else {
		dots_of(type, digits, 1, CHAINS, t, from, whole);
		dots_of(type, digits, 1, 1, t, whole, to);
	}
}

typedef void (*dots_fn)(int digits, int rows, const struct dots *t, int64_t from, int64_t to);

#define DOTS(name, type)								\
static SIMD_VNNI void dots_##name(int digits, int rows, const struct dots *t,		\
				  int64_t from, int64_t to)				\
{											\
	if (digits == 1)								\
		dots_digits(type, 1, rows, t, from, to);				\
	else										\
		dots_digits(type, ACT_DIGITS, rows, t, from, to);			\
}
DOTS(q4_0, DT_Q4_0)
DOTS(q4_1, DT_Q4_1)
DOTS(q5_0, DT_Q5_0)
DOTS(q5_1, DT_Q5_1)
DOTS(q8_0, DT_Q8_0)
DOTS(iq4_nl, DT_IQ4_NL)
DOTS(q2_k, DT_Q2_K)
DOTS(q3_k, DT_Q3_K)
DOTS(q4_k, DT_Q4_K)
DOTS(q5_k, DT_Q5_K)
DOTS(q6_k, DT_Q6_K)

static const dots_fn functions[DT_COUNT] = {
	[DT_Q4_0] = dots_q4_0, [DT_Q4_1] = dots_q4_1, [DT_Q5_0] = dots_q5_0,
	[DT_Q5_1] = dots_q5_1, [DT_Q8_0] = dots_q8_0, [DT_IQ4_NL] = dots_iq4_nl,
	[DT_Q2_K] = dots_q2_k, [DT_Q3_K] = dots_q3_k, [DT_Q4_K] = dots_q4_k,
	[DT_Q5_K] = dots_q5_k, [DT_Q6_K] = dots_q6_k,
};

/* Where rows of x are packed: no vector of theirs is in two lines of the cache. */
static char *packed(const struct qlinear *q)
{
	return q->scratch + (-(uintptr_t)q->scratch & (LINE - 1));
}

/* A tile of w stays in the L1 while all rows of x pass. */
static void dots_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t from = tile * TILE_ROWS, to = chunk_end(q->n, TILE_ROWS, from);
	struct dots t = { .q = q, .act_row = act_bytes(q->type, q->k) };
	int rows;

	for (int64_t r = 0; r < q->rows; r += rows) {
		rows = q->rows - r >= 4 ? 4 : q->rows - r >= 2 ? 2 : 1;
		t.act = packed(q) + r * t.act_row;
		t.y = q->y + r * q->n;
		functions[q->type](q->round == ACT_ROUND_Q8 ? 1 : ACT_DIGITS, rows, &t, from, to);
	}
	for (int64_t r = 0; r < q->rows && q->bias; r++)
		for (int64_t j = from; j < to; j++)
			q->y[r * q->n + j] += q->bias[j];
}

void qlinear_dots(const struct qlinear *q)
{
	int64_t act_row = act_bytes(q->type, q->k);

	for (int64_t r = 0; r < q->rows; r++)
		act_pack(q->type, q->round, q->x + r * q->k, q->k, packed(q) + r * act_row);
	threads_run(chunk_count(q->n, TILE_ROWS), dots_tile, (void *)q);
}

size_t qlinear_dots_scratch(const struct qlinear *q)
{
	int64_t rows = q->rows < QLINEAR_FEW ? q->rows : QLINEAR_FEW;

	return LINE + rows * act_bytes(q->type, q->k);
}
