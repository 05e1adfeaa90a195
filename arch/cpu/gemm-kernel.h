/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the GEMM for one instruction set.  No include guard: gemm-isa.c
 * includes this file once for each, after defining
 *
 *	KERNEL(name)	name of a function or type of this instruction set
 *	KERNEL_TARGET	the functions' target attribute
 *	LANES_		floats in a vector
 *	ROWS		rows of a micro tile that are summed at once, 8 or 4
 *	STEP(s, a, b)	s += a * b, where a and b are vectors of words
 *	PAIRS		words are pairs of bf16
 *
 * ROWS * VECS accumulators, VECS vectors of B and one element of A fit the registers.
 * The vector types must be used in functions that already have the target: GCC splits
 * vectors that are too wide for a function before it inlines or clones it.
 */
#define VECS 3
#define COLS (LANES_ * VECS)

typedef float KERNEL(vec) __attribute__((vector_size(4 * LANES_)));
typedef uint32_t KERNEL(words) __attribute__((vector_size(4 * LANES_)));
/* The same at any float's address. */
typedef float KERNEL(vec_at) __attribute__((vector_size(4 * LANES_), aligned(4), may_alias));

typedef uint32_t KERNEL(words_at) __attribute__((vector_size(4 * LANES_), aligned(4), may_alias));
typedef uint16_t KERNEL(half) __attribute__((vector_size(2 * LANES_)));
typedef uint16_t KERNEL(half_at) __attribute__((vector_size(2 * LANES_), aligned(2), may_alias));

/* Sums @tile (rows, COLS) that are not whole vectors of C, or not all rows. */
static KERNEL_TARGET void KERNEL(store_part)(const float *tile, const struct gemm_micro *t)
{
	for (int i = 0; i < t->rows && i < ROWS; i++)
		for (int j = 0; j < t->cols; j++) {
			float *c = t->c + i * t->c_row + j, x = tile[i * COLS + j];

			x += t->bias ? t->bias[j] : 0;
			*c = t->add ? *c + x : x;
		}
}

/*
 * ROWS x (@vecs * LANES) sums over @steps.  @vecs and @panel, whether A is one, are constant
 * where this is inlined.
 */
SIMD_INLINE KERNEL_TARGET
void KERNEL(sums)(int64_t steps, const char *a, const uint32_t *b,
		  const struct gemm_micro *t, const int vecs, const bool panel)
{
	const int64_t row = panel ? 4 : t->a_row, step = panel ? 4 * GEMM_ROWS : 4;
	const int64_t ahead_step = t->ahead_step;
	const char *ahead = t->ahead;
	KERNEL(vec) sum[ROWS][VECS] = { 0 };
	_Alignas(64) float tile[ROWS * COLS];

	for (int64_t p = 0; p < steps; p++, a += step, b += COLS, ahead += ahead_step) {
		KERNEL(vec) x[VECS];

		__builtin_prefetch(ahead, 0, 2);
		SIMD_UNROLL
		for (int v = 0; v < vecs; v++)
			x[v] = (KERNEL(vec))*(const KERNEL(words) *)(b + v * LANES_);
		SIMD_UNROLL
		for (int i = 0; i < ROWS; i++) {
			word_at word = *(const word_at *)(a + i * row);
			KERNEL(vec) y = (KERNEL(vec))(word + (KERNEL(words)){ 0 });

			SIMD_KEEP(y);
			SIMD_UNROLL
			for (int v = 0; v < vecs; v++)
				STEP(sum[i][v], y, x[v]);
		}
	}
	if (t->rows < ROWS || t->cols < vecs * LANES_) {
		SIMD_UNROLL
		for (int i = 0; i < ROWS; i++)
			SIMD_UNROLL
			for (int v = 0; v < vecs; v++)
				*(KERNEL(vec) *)(tile + i * COLS + v * LANES_) = sum[i][v];
		KERNEL(store_part)(tile, t);
		return;
	}
	SIMD_UNROLL
	for (int i = 0; i < ROWS; i++)
		SIMD_UNROLL
		for (int v = 0; v < vecs; v++) {
			float *c = t->c + i * t->c_row + v * LANES_;
			KERNEL(vec) y = sum[i][v];

			if (t->bias)
				y += *(const KERNEL(vec_at) *)(t->bias + v * LANES_);
			if (t->add)
				y += *(const KERNEL(vec_at) *)c;
			*(KERNEL(vec_at) *)c = y;
		}
}

SIMD_INLINE KERNEL_TARGET
void KERNEL(micro_from)(int64_t steps, const char *a, const uint32_t *b,
			const struct gemm_micro *whole, const bool panel)
{
	struct gemm_micro t = *whole;
	int64_t row = panel ? 4 : t.a_row;

	for (; t.rows > 0; t.rows -= ROWS, a += ROWS * row, t.c += ROWS * t.c_row) {
		if (t.cols > 2 * LANES_)
			KERNEL(sums)(steps, a, b, &t, 3, panel);
		else if (t.cols > LANES_)
			KERNEL(sums)(steps, a, b, &t, 2, panel);
		else
			KERNEL(sums)(steps, a, b, &t, 1, panel);
		t.ahead_step = 0;	/* once is enough */
	}
}

static KERNEL_TARGET void KERNEL(micro)(int64_t steps, const void *a, const uint32_t *b,
					const struct gemm_micro *t)
{
	if (t->a_row)
		KERNEL(micro_from)(steps, a, b, t, false);
	else
		KERNEL(micro_from)(steps, a, b, t, true);
}

/* ---- what comes after the sum ------------------------------------------------------- */

/* COLS floats of or as bf16: left to itself, gcc takes these one by one. */
SIMD_INLINE KERNEL_TARGET void KERNEL(from_half)(const void *x, float *to)
{
	SIMD_UNROLL
	for (int v = 0; v < COLS; v += LANES_)
		*(KERNEL(words) *)(to + v) = __builtin_convertvector(
			*(const KERNEL(half_at) *)((const uint16_t *)x + v), KERNEL(words)) << 16;
}

SIMD_INLINE KERNEL_TARGET void KERNEL(to_half)(const float *x, void *to)
{
	SIMD_UNROLL
	for (int v = 0; v < COLS; v += LANES_) {
		KERNEL(words) bits = *(const KERNEL(words_at) *)(x + v);
		KERNEL(words) rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
		KERNEL(words) nan = (KERNEL(words))((bits & 0x7fffffff) > 0x7f800000);

		rounded = (nan & (bits >> 16 | 0x40)) | (~nan & rounded);
		*(KERNEL(half_at) *)((uint16_t *)to + v) =
			__builtin_convertvector(rounded, KERNEL(half));
	}
}

/*
 * COLS sums.  The loop has a fixed length, so that nothing is left over, and one type: with
 * two, vectors would hold as many floats as halves, and 48 is no multiple of those.
 */
SIMD_INLINE KERNEL_TARGET
void KERNEL(finish_chunk)(enum dtype type, enum activation act, bool slope, const float *x,
			  const void *at, void *to)
{
	_Alignas(64) float slopes[COLS], y[COLS];
	float *out = type == DT_F32 ? to : y;

	if (act == ACT_NONE && type == DT_BF16) {
		KERNEL(to_half)(x, to);
		return;
	}
	if (slope && type == DT_BF16)
		KERNEL(from_half)(at, slopes);
	else if (slope)
		memcpy(slopes, at, sizeof(slopes));
	SIMD_LOOP
	for (int j = 0; j < COLS; j++)
		out[j] = slope ? x[j] * act_slope(act, slopes[j]) : act_value(act, x[j]);
	if (type == DT_BF16)
		KERNEL(to_half)(y, to);
}

/* One row of @n; @type, @act and @slope are constant where this is inlined. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(finish_row)(enum dtype type, enum activation act, bool slope, const float *x,
			const char *at, char *to, int64_t n)
{
	const int64_t size = type == DT_BF16 ? 2 : 4;
	float some[3][COLS];

	for (int64_t j = 0; j < n; j += COLS) {
		const float *from = x + j;
		const char *where = at + j * size;
		char *out = to + j * size;
		bool part = n - j < COLS;

		if (part) {
			memset(some, 0, sizeof(some));
			from = memcpy(some[0], from, (n - j) * sizeof(float));
			if (slope)
				where = memcpy(some[1], where, (n - j) * size);
			out = (char *)some[2];
		}
		KERNEL(finish_chunk)(type, act, slope, from, where, out);
		if (part)
			memcpy(to + j * size, out, (n - j) * size);
	}
}

/* The rows of @r through @act into @to, which is laid out as C. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(finish_rows)(const struct gemm *g, const struct gemm_region *r, enum activation act,
			 bool slope, void *to)
{
	for (int64_t i = 0; i < r->rows; i++) {
		int64_t at = (r->row + i) * g->c_row + r->col;
		const float *x = r->x + i * r->x_row;

		if (g->c_type == DT_BF16)
			KERNEL(finish_row)(DT_BF16, act, slope, x,
					   (const char *)g->slope_at + 2 * at,
					   (char *)to + 2 * at, r->cols);
		else
			KERNEL(finish_row)(DT_F32, act, slope, x,
					   (const char *)g->slope_at + 4 * at,
					   (char *)to + 4 * at, r->cols);
	}
}

static KERNEL_TARGET void KERNEL(keep)(const struct gemm *g, const struct gemm_region *r,
					void *to)
{
	/* Where f32 sums are in place already, nothing is copied. */
	if (g->c_type != DT_F32 || r->x != (const float *)to + r->row * g->c_row + r->col)
		KERNEL(finish_rows)(g, r, ACT_NONE, false, to);
}

static KERNEL_TARGET void KERNEL(slopes)(const struct gemm *g, const struct gemm_region *r)
{
	switch (g->act) {
	case ACT_GELU:
		KERNEL(finish_rows)(g, r, ACT_GELU, true, g->c);
		break;
	case ACT_GELU_EXACT:
		KERNEL(finish_rows)(g, r, ACT_GELU_EXACT, true, g->c);
		break;
	case ACT_SILU:
		KERNEL(finish_rows)(g, r, ACT_SILU, true, g->c);
		break;
	default:	/* ACT_RELU2 */
		KERNEL(finish_rows)(g, r, ACT_RELU2, true, g->c);
	}
}

static KERNEL_TARGET void KERNEL(finish)(const struct gemm *g, const struct gemm_region *r)
{
	if (g->before)
		KERNEL(keep)(g, r, g->before);
	if (g->slope_at) {
		KERNEL(slopes)(g, r);
		return;
	}
	switch (g->act) {
	case ACT_NONE:
		KERNEL(keep)(g, r, g->c);
		break;
	case ACT_GELU:
		KERNEL(finish_rows)(g, r, ACT_GELU, false, g->c);
		break;
	case ACT_GELU_EXACT:
		KERNEL(finish_rows)(g, r, ACT_GELU_EXACT, false, g->c);
		break;
	case ACT_SILU:
		KERNEL(finish_rows)(g, r, ACT_SILU, false, g->c);
		break;
	default:	/* ACT_RELU2 */
		KERNEL(finish_rows)(g, r, ACT_RELU2, false, g->c);
	}
}

/* ---- few rows ----------------------------------------------------------------------- */

/* 16 elements of a row from @i on. */
SIMD_INLINE KERNEL_TARGET
void KERNEL(load_16)(enum dtype type, const void *x, int64_t i, vec16 *to)
{
	if (type == DT_BF16)
		*to = (vec16)(__builtin_convertvector(
				*(const half16 *)((const uint16_t *)x + i), word16) << 16);
	else
		*to = *(const vec16 *)((const float *)x + i);
}

/*
 * One dot product.  Vectors are 16 floats in every instruction set, and what is left over
 * is padded to 32, so that all add in one order.
 */
SIMD_INLINE KERNEL_TARGET
float KERNEL(dot)(int64_t k, enum dtype a_type, const void *a, enum dtype b_type, const void *b)
{
	int64_t whole = k & ~(int64_t)31;
	float last_a[32] = { 0 }, last_b[32] = { 0 }, total = 0;
	vec16 sum[2] = { { 0 }, { 0 } }, x, y;

	for (int64_t p = 0; p < whole; p += 32)
		for (int h = 0; h < 2; h++) {
			KERNEL(load_16)(a_type, a, p + 16 * h, &x);
			KERNEL(load_16)(b_type, b, p + 16 * h, &y);
			sum[h] += x * y;
		}
	if (whole < k) {
		for (int64_t p = whole; p < k; p++) {
			last_a[p - whole] = load_as(a_type, a, p);
			last_b[p - whole] = load_as(b_type, b, p);
		}
		for (int h = 0; h < 2; h++)
			sum[h] += *(const vec16 *)(last_a + 16 * h) *
				  *(const vec16 *)(last_b + 16 * h);
	}
	sum[0] += sum[1];
	for (int l = 0; l < 16; l++)
		total += sum[0][l];
	return total;
}

static KERNEL_TARGET void KERNEL(dots)(const struct gemm *g, int64_t col, int64_t n, float *out)
{
	for (int64_t ij = 0; ij < n * g->m; ij++) {
		int64_t i = ij % g->m, j = ij / g->m;
		const void *a = data_at(g->a, g->a_type, i * g->a_row);
		const void *b = data_at(g->b, g->b_type, (col + j) * g->b_col);
		float x;

		if (g->a_type != g->b_type)
			x = KERNEL(dot)(g->k, g->a_type, a, g->b_type, b);
		else if (g->a_type == DT_BF16)
			x = KERNEL(dot)(g->k, DT_BF16, a, DT_BF16, b);
		else
			x = KERNEL(dot)(g->k, DT_F32, a, DT_F32, b);
		out[i * n + j] = x + (g->bias ? g->bias[col + j] : 0);
	}
}

static const struct gemm_isa KERNEL(isa) = {
	.cols = COLS,
	.pairs = PAIRS,
	.micro = KERNEL(micro),
	.finish = KERNEL(finish),
	.dots = KERNEL(dots),
};

#undef COLS
#undef KERNEL
#undef KERNEL_TARGET
#undef LANES_
#undef PAIRS
#undef ROWS
#undef STEP
#undef VECS
