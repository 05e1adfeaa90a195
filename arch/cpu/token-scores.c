// SPDX-License-Identifier: MIT
#include <math.h>

#include "arch/cpu/loops.h"
#include "arch/cpu/simd.h"
#include "arch/cpu/vmath.h"
#include "base/fail.h"
#include "base/thread.h"

#define PIECE 1024	/* logits whose exponentials are summed in fp32 */

SIMD_CLONES static float largest(const float *z, int64_t n)
{
	float max[LANES], best = -INFINITY;
	int64_t i = 0;

	for (int l = 0; l < LANES; l++)
		max[l] = -INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
			max[l] = z[i + l] > max[l] ? z[i + l] : max[l];
	for (; i < n; i++)
		best = z[i] > best ? z[i] : best;
	for (int l = 0; l < LANES; l++)
		best = max[l] > best ? max[l] : best;
	return best;
}

SIMD_CLONES static double piece_sum(const float *z, float max, int64_t n)
{
	float sum[LANES] = { 0 };
	double total = 0;
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
			sum[l] += vm_expf(z[i + l] - max);
	for (; i < n; i++)
		total += vm_expf(z[i] - max);
	for (int l = 0; l < LANES; l++)
		total += sum[l];
	return total;
}

static void score_row(const float *z, int64_t n, int32_t target, float *log_p, int32_t *best)
{
	float max = largest(z, n);
	double sum = 0;

	*best = 0;
	while (*best < n - 1 && z[*best] != max)
		++*best;
	*log_p = 0;
	if (target < 0)
		return;
	for (int64_t at = 0; at < n; at += PIECE)
		sum += piece_sum(z + at, max, n - at < PIECE ? n - at : PIECE);
	*log_p = (float)((double)z[target] - max - log(sum));
}

static void score_tile(void *ctx, long tile)
{
	const struct call *c = ctx;
	int64_t n = layout_last(&c->in[0]), row = tile * rows_per_tile(n);
	int64_t end = chunk_end(layout_rows(&c->in[0]), rows_per_tile(n), row);

	for (; row < end; row++)
		score_row((const float *)c->in_data[0] + row * n, n,
			  ((const int32_t *)c->in_data[1])[row], (float *)c->out_data[0] + row,
			  (int32_t *)c->out_data[1] + row);
}

static int token_scores_plain(const struct call *c)
{
	int64_t rows = layout_rows(&c->in[0]), n = layout_last(&c->in[0]);
	const int32_t *targets = c->in_data[1];

	for (int64_t r = 0; r < rows; r++)
		if (targets[r] >= n)
			return fail(-EINVAL, "token_scores: target %d: must be below %lld",
				    targets[r], (long long)n);
	threads_run_shares(chunk_count(rows, rows_per_tile(n)), score_tile, (void *)c);
	return 0;
}
KERNEL_REGISTER_AS(token_scores_plain, token_scores, .arch = "cpu", .rank = 0,
		   .run = token_scores_plain);
