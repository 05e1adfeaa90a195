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

#define AHEAD 8192	/* bytes of w that are asked for before they are needed, at least */
#define LINE 64	/* bytes in a line of the cache */
#define MOST_ROWS 4	/* of x, at once */
#define SMALL_BYTES (4 * 34)	/* the longest four blocks of a small type */

/** struct dots - packed rows of x at @act, @act_row bytes apart; where w ends. */
struct dots {
	const struct qlinear *q;
	const char *act;
	int64_t act_row;
	const char *end;
	float *y;
};

/*
 * Several rows of w at once are short streams, which the processor does not follow.  So while
 * these are multiplied, the next ones are asked for in the order in which they lie, into the
 * L2: what waits for the memory on its way into the L1 takes the few places there are for
 * loads that wait for the L2.
 */
SIMD_INLINE void prefetch_step(const char *next, int64_t bytes)
{
	for (int64_t at = 0; at < bytes; at += LINE)
		__builtin_prefetch(next + at, 0, 2);
}

/* How far ahead, for rows that are taken @cols at a time. */
static int64_t prefetch_ahead(int64_t row, int cols)
{
	return cols * row * ((AHEAD + cols * row - 1) / (cols * row));
}

/* ---- small types ------------------------------------------------------------------------ */

/*
 * CHAINS products of a row of x and one of w advance side by side, one instruction of each
 * after the other: as many as cover an instruction's latency.  (Left to find that by itself,
 * the processor's scheduler is full of instructions that wait.)
 */
#define CHAINS 4
#define PAIRS 2	/* the same for blocks of 256, which have several chains each */

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
				      const struct dots *t, const char *w, const char *next,
				      float *y)
{
	const int64_t row = dtype_bytes(type, t->q->k), bytes = 4 * (int64_t)dtype_info(type)->size;
	uint8_t last[SMALL_BYTES] = { 0 };
	__m512 sum[CHAINS], product[CHAINS];
	const char *act = t->act;

	for (int i = 0; i < rows * cols; i++)
		sum[i] = _mm512_setzero_ps();
	for (int64_t k = t->q->k; k > 0; k -= SMALL_STEP, w += bytes, next += cols * bytes) {
		const struct small_act *x[MOST_ROWS];
		struct small_step s[CHAINS];

		prefetch_step(next, cols * bytes);
		SIMD_UNROLL
		for (int r = 0; r < rows; r++)
			x[r] = (const void *)(act + r * t->act_row);
		SIMD_UNROLL
		for (int c = 0; c < cols; c++) {
			const char *p = w + c * row;

			/* Beyond the row others follow, times 0; beyond the last one nothing. */
			if (k < SMALL_STEP && p + bytes > t->end)
				p = memcpy(last, p, dtype_bytes(type, k));
			small_unpack(type, (const uint8_t *)p, &s[c]);
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

/* A block with its scales as the products want them. */
struct super_scaled {
	struct super_step s;
	__m512i words[4];
	__m512 lanes[4];
};

/*
 * Products of @n pairs of a block of w and one of x, side by side: see CHAINS.  @w[i] may be
 * the same for all, or @x[i].
 */
struct super_pairs {
	const struct super_scaled *w[PAIRS];
	const struct super_act *x[PAIRS];
	__m512 *sum[PAIRS];
};

/* d * x's scale; dmin, too */
SIMD_INLINE SIMD_VNNI __m512 super_d(const struct super_pairs *p, int i, float scale)
{
	return _mm512_set1_ps(_mm_cvtss_f32(p->w[i]->s.d) * scale);
}

SIMD_INLINE SIMD_VNNI __m512 super_dmin(const struct super_pairs *p, int i, float scale)
{
	return _mm512_set1_ps(_mm_cvtss_f32(_mm_movehdup_ps(p->w[i]->s.d)) * scale);
}

/* The sums of products that the offset is responsible for. */
SIMD_INLINE SIMD_VNNI __m512i super_extra(enum dtype type, const struct super_pairs *p, int i)
{
	__m256i part = _mm256_loadu_si256((const __m256i *)p->x[i]->part);
	__m256i extra = _mm256_madd_epi16(p->w[i]->s.scale, part);

	return _mm512_zextsi256_si512(_mm256_slli_epi32(extra, block_offset(type) == 32 ? 5 : 2));
}

SIMD_INLINE SIMD_VNNI __m512i products_16(const struct super_pairs *p, int i, int v)
{
	return _mm512_maddubs_epi16(p->w[i]->s.q[v], load_64(p->x[i]->digit[0][v]));
}

/* One digit: all in integers but for the scale of the block. */
SIMD_INLINE SIMD_VNNI void super_one(enum dtype type, int n, const struct super_pairs *p)
{
	const int same = same_scales(type);
	__m512i dot[PAIRS][2];

	SIMD_UNROLL
	for (int i = 0; i < 2 * n; i++)
		dot[i / 2][i % 2] = _mm512_setzero_si512();
	SIMD_UNROLL
	for (int j = 0; j < 4 / same * n; j++) {
		int v = j / n * same, i = j % n;
		__m512i sum16 = products_16(p, i, v), *to = &dot[i][v / same % 2];

		if (same == 2)
			sum16 = _mm512_add_epi16(sum16, products_16(p, i, v + 1));
		*to = _mm512_dpwssd_epi32(*to, p->w[i]->words[v], sum16);
	}
	SIMD_UNROLL
	for (int i = 0; i < n; i++) {
		float scale = p->x[i]->scale;

		dot[i][0] = _mm512_add_epi32(dot[i][0], dot[i][1]);
		if (block_offset(type))
			dot[i][0] = _mm512_sub_epi32(dot[i][0], super_extra(type, p, i));
		*p->sum[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[i][0]), super_d(p, i, scale),
					     *p->sum[i]);
		if (block_has_min(type)) {
			__m256i part = _mm256_loadu_si256((const __m256i *)p->x[i]->part);
			__m256i min = _mm256_madd_epi16(p->w[i]->s.min, part);

			*p->sum[i] = _mm512_fnmadd_ps(
				_mm512_cvtepi32_ps(_mm512_zextsi256_si512(min)),
				super_dmin(p, i, scale), *p->sum[i]);
		}
	}
}

/* Three digits of x times the codes, with the offset. */
SIMD_INLINE SIMD_VNNI void super_digits(enum dtype type, int n, const struct super_pairs *p,
					__m512i dot[][4])
{
	const int same = same_scales(type), chains = 4 / same;

	SIMD_UNROLL
	for (int j = 0; j < 4 * ACT_DIGITS; j++) {
		/* One vector after the other that is a chain of its own. */
		int v = j % 4 % chains * same + j % 4 / chains, at = v / same * same;

		SIMD_UNROLL
		for (int i = 0; i < n; i++) {
			if (v == at)
				dot[i][at] = j < 4 ? _mm512_setzero_si512()
						   : _mm512_slli_epi32(dot[i][at], 8);
			dot[i][at] = _mm512_dpbusd_epi32(dot[i][at], p->w[i]->s.q[v],
							 load_64(p->x[i]->digit[j / 4][v]));
		}
	}
	if (!block_offset(type))
		return;
	SIMD_UNROLL
	for (int j = 0; j < 4 * n; j++)
		dot[j % n][j / n] = _mm512_add_epi32(dot[j % n][j / n],
						     load_64(p->x[j % n]->base[j / n]));
}

/* What they sum up to fills 32 bits, so scales are floats. */
SIMD_INLINE SIMD_VNNI void super_three(enum dtype type, int n, const struct super_pairs *p)
{
	const int same = same_scales(type);
	__m512i dot[PAIRS][4];
	__m512 part[PAIRS];

	super_digits(type, n, p, dot);
	SIMD_UNROLL
	for (int j = 0; j < 4 / same * n; j++) {
		int v = j / n * same, i = j % n;
		__m512 f = _mm512_cvtepi32_ps(dot[i][v]), lanes = p->w[i]->lanes[v];

		part[i] = v ? _mm512_fmadd_ps(f, lanes, part[i]) : _mm512_mul_ps(f, lanes);
	}
	SIMD_UNROLL
	for (int i = 0; i < n; i++) {
		__m512 *sum = p->sum[i];

		*sum = _mm512_fmadd_ps(part[i], super_d(p, i, p->x[i]->scale), *sum);
		if (block_has_min(type)) {
			__m512 min = _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(p->w[i]->s.min));

			min = _mm512_mul_ps(min, _mm512_loadu_ps(p->x[i]->sum));
			*sum = _mm512_fnmadd_ps(min, super_dmin(p, i, 1), *sum);
		}
	}
}

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

/* A block of @cols rows of w, @row bytes apart, times one of @rows of x: PAIRS at most. */
SIMD_INLINE SIMD_VNNI void super_step(enum dtype type, int digits, int rows, int cols,
				      const char *w, int64_t row, const char *act,
				      int64_t act_row, __m512 *sum, int sum_row)
{
	struct super_scaled b[PAIRS];
	struct super_pairs p;

	SIMD_UNROLL
	for (int c = 0; c < cols; c++) {
		super_unpack(type, (const uint8_t *)w + c * row, &b[c].s);
		super_scales(type, digits, &b[c]);
	}
	SIMD_UNROLL
	for (int r = 0; r < rows; r += PAIRS / cols) {
		const int n = PAIRS < rows * cols ? PAIRS : rows * cols;

		SIMD_UNROLL
		for (int i = 0; i < n; i++) {
			p.w[i] = &b[i % cols];
			p.x[i] = (const void *)(act + (r + i / cols) * act_row);
			p.sum[i] = &sum[(r + i / cols) * sum_row + i % cols];
		}
		if (digits == 1)
			super_one(type, n, &p);
		else
			super_three(type, n, &p);
	}
}

SIMD_INLINE SIMD_VNNI void super_rows(enum dtype type, int digits, int rows, int cols,
				      const struct dots *t, const char *w, const char *next,
				      float *y)
{
	const int64_t row = dtype_bytes(type, t->q->k), bytes = (int64_t)dtype_info(type)->size;
	const int some = rows == 1 && cols > 1 ? PAIRS : 1;
	__m512 sum[CHAINS];
	const char *act = t->act;

	for (int i = 0; i < rows * cols; i++)
		sum[i] = _mm512_setzero_ps();
	for (int64_t k = t->q->k; k > 0; k -= SUPER_STEP, w += bytes, next += cols * bytes) {
		prefetch_step(next, cols * bytes);
		SIMD_UNROLL
		for (int c = 0; c < cols; c += some)
			super_step(type, digits, rows, some, w + c * row, row, act, t->act_row,
				   sum + c, cols);
		act += sizeof(struct super_act);
	}
	for (int i = 0; i < rows * cols; i++)
		y[i / cols * t->q->n + i % cols] = _mm512_reduce_add_ps(sum[i]);
}

/* ---- rows --------------------------------------------------------------------------------- */

SIMD_INLINE SIMD_VNNI void dots_of(enum dtype type, int digits, int rows, int cols,
				   const struct dots *t, int64_t from, int64_t to)
{
	const int64_t row = dtype_bytes(type, t->q->k), ahead = prefetch_ahead(row, cols);
	const char *w = qlinear_row(t->q, from), *last = t->end - cols * row;

	for (int64_t j = from; j + cols <= to; j += cols, w += cols * row) {
		/* What is behind the tile is this thread's next one, nearly always. */
		const char *next = w + ahead <= last ? w + ahead : w;

		if (block_is_super(type))
			super_rows(type, digits, rows, cols, t, w, next, t->y + j);
		else
			small_rows(type, digits, rows, cols, t, w, next, t->y + j);
	}
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

/* A tile of w stays in the L2 while all rows of x pass. */
static void dots_tile(void *ctx, long tile)
{
	const struct qlinear *q = ctx;
	int64_t per = qlinear_tile_rows(q, 2 * CHAINS), from = tile * per;
	int64_t to = chunk_end(q->n, per, from);
	struct dots t = {
		.q = q, .act_row = act_bytes(q->type, q->k), .end = qlinear_row(q, q->n),
	};
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
	threads_run_shares(chunk_count(q->n, qlinear_tile_rows(q, 2 * CHAINS)), dots_tile,
			   (void *)q);
}

size_t qlinear_dots_scratch(const struct qlinear *q)
{
	int64_t rows = q->rows < QLINEAR_FEW ? q->rows : QLINEAR_FEW;

	return LINE + rows * act_bytes(q->type, q->k);
}
