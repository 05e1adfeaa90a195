/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the GEMM for one instruction set.  No include guard: gemm.c
 * includes this file once for each, after defining
 *
 *	KERNEL(name)	name of a function or type of this instruction set
 *	KERNEL_TARGET	the functions' target attribute
 *	LANES		floats in a vector
 *	VECS		vectors in a row of a micro tile
 *	ROWS		rows of a micro tile, a multiple of 3
 *
 * ROWS * VECS accumulators, VECS vectors of B and one element of A fill the registers.
 * The vector types must be used in functions that already have the target: GCC splits
 * vectors that are too wide for a function before it inlines or clones it.
 */
#define COLS (LANES * VECS)

typedef float KERNEL(vec) __attribute__((vector_size(4 * LANES)));
/* The same at any float's address. */
typedef float KERNEL(vec_at) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/*
 * A micro tile out of the registers: @sum is (rows, COLS).  Whole vectors first, then the
 * columns that are left over at the right edge of C.
 */
static KERNEL_TARGET void KERNEL(store)(const float *sum, const struct micro *t)
{
	for (int i = 0; i < t->rows; i++, sum += COLS) {
		float *c = t->c + i * t->c_row;
		int j = 0;

		for (; j + LANES <= t->cols; j += LANES) {
			KERNEL(vec) x = *(const KERNEL(vec) *)(sum + j) * t->alpha;

			if (t->bias)
				x += *(const KERNEL(vec_at) *)(t->bias + j);
			if (t->add)
				x += *(const KERNEL(vec_at) *)(c + j);
			*(KERNEL(vec_at) *)(c + j) = x;
		}
		for (; j < t->cols; j++) {
			float x = sum[j] * t->alpha;

			if (t->bias)
				x += t->bias[j];
			if (t->add)
				x += c[j];
			c[j] = x;
		}
	}
}

/*
 * @rows x COLS sums over @k.  a[i * a_row + p * a_col]; b is (k, COLS).  All parameters but
 * @k are constants once this is inlined, so @sum lives in registers and the addresses of
 * A are offsets from one pointer.
 */
static inline __attribute__((always_inline)) KERNEL_TARGET
void KERNEL(micro)(int64_t k, const float *a, const float *b, const struct micro *t,
		   const int rows, const int a_row, const int a_col)
{
	_Alignas(64) float tile[ROWS * COLS];
	KERNEL(vec) sum[ROWS][VECS] = { 0 };

	for (int64_t p = 0; p < k; p++, a += a_col, b += COLS) {
		KERNEL(vec) x[VECS];

		SIMD_UNROLL
		for (int v = 0; v < VECS; v++)
			x[v] = *(const KERNEL(vec) *)(b + v * LANES);
		SIMD_UNROLL
		for (int i = 0; i < rows; i++)
			SIMD_UNROLL
			for (int v = 0; v < VECS; v++)
				sum[i][v] += a[i * a_row] * x[v];
	}
	SIMD_UNROLL
	for (int i = 0; i < rows; i++)
		SIMD_UNROLL
		for (int v = 0; v < VECS; v++)
			*(KERNEL(vec) *)(tile + i * COLS + v * LANES) = sum[i][v];
	KERNEL(store)(tile, t);
}

/* A packed as rows: see pack_a_rows(). */
static KERNEL_TARGET void KERNEL(micro_rows)(int64_t k, const float *a, const float *b,
					     const struct micro *t)
{
	if (t->rows > ROWS * 2 / 3)
		KERNEL(micro)(k, a, b, t, ROWS, A_STRIDE, 1);
	else if (t->rows > ROWS / 3)
		KERNEL(micro)(k, a, b, t, ROWS * 2 / 3, A_STRIDE, 1);
	else
		KERNEL(micro)(k, a, b, t, ROWS / 3, A_STRIDE, 1);
}

/* A packed as panels of (k, ROWS), whatever the number of rows that count. */
static KERNEL_TARGET void KERNEL(micro_panel)(int64_t k, const float *a, const float *b,
					      const struct micro *t)
{
	if (t->rows > ROWS * 2 / 3)
		KERNEL(micro)(k, a, b, t, ROWS, 1, ROWS);
	else if (t->rows > ROWS / 3)
		KERNEL(micro)(k, a, b, t, ROWS * 2 / 3, 1, ROWS);
	else
		KERNEL(micro)(k, a, b, t, ROWS / 3, 1, ROWS);
}

/* One panel of B whose columns are adjacent: (k, COLS) copied row by row. */
static KERNEL_TARGET void KERNEL(pack_b_copy)(int64_t k, const float *b, int64_t b_row,
					      float *to)
{
	for (int64_t p = 0; p < k; p++, b += b_row, to += COLS)
		for (int v = 0; v < VECS; v++)
			*(KERNEL(vec) *)(to + v * LANES) =
				*(const KERNEL(vec_at) *)(b + v * LANES);
}

/* sum += a * b over 32 floats. */
static inline __attribute__((always_inline)) KERNEL_TARGET
void KERNEL(dot_32)(const float *a, const float *b, vec16 sum[2])
{
	sum[0] += *(const vec16 *)a * *(const vec16 *)b;
	sum[1] += *(const vec16 *)(a + 16) * *(const vec16 *)(b + 16);
}

/*
 * Dot products of the rows of A with those of B^T, k adjacent in both: for so few rows of
 * A that packing B would cost more than the product.  Vectors are 16 floats in every
 * instruction set, and what is left over is padded to 32, so that all add in one order.
 */
static KERNEL_TARGET void KERNEL(dots)(const struct gemm *g)
{
	int64_t whole = g->k & ~(int64_t)31, left = g->k - whole;

	for (int64_t ij = 0; ij < g->n * g->m; ij++) {
		const float *b = g->b + ij / g->m * g->b_col;
		const float *a = g->a + ij % g->m * g->a_row;
		float *c = g->c + ij % g->m * g->c_row + ij / g->m;
		float last_a[32] = { 0 }, last_b[32] = { 0 }, total = 0;
		vec16 sum[2] = { { 0 }, { 0 } };

		for (int64_t p = 0; p < whole; p += 32)
			KERNEL(dot_32)(a + p, b + p, sum);
		if (left) {
			memcpy(last_a, a + whole, left * sizeof(*a));
			memcpy(last_b, b + whole, left * sizeof(*b));
			KERNEL(dot_32)(last_a, last_b, sum);
		}
		sum[0] += sum[1];
		for (int l = 0; l < 16; l++)
			total += sum[0][l];
		total = total * g->alpha + (g->bias ? g->bias[ij / g->m] : 0);
		*c = total + (g->add ? *c : 0);
	}
}

static const struct gemm_isa KERNEL(isa) = {
	.rows = ROWS,
	.cols = COLS,
	.micro_rows = KERNEL(micro_rows),
	.micro_panel = KERNEL(micro_panel),
	.pack_b_copy = KERNEL(pack_b_copy),
	.dots = KERNEL(dots),
};

#undef COLS
#undef KERNEL
#undef KERNEL_TARGET
#undef LANES
#undef VECS
#undef ROWS
