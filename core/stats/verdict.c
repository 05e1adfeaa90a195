// SPDX-License-Identifier: MIT
#include "stats/verdict.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "stats/holm.h"

const char *verdict_name(enum verdict_word word)
{
	static const char *const names[VERDICT_WORDS] = {
		[VERDICT_UNTESTED] = "untested", [VERDICT_UNFINISHED] = "unfinished",
		[VERDICT_NONE] = "no verdict",
		[VERDICT_INCONCLUSIVE] = "inconclusive at this budget",
		[VERDICT_NOT_SUPPORTED] = "not supported", [VERDICT_SUPPORTED] = "supported",
	};

	return names[word];
}

/* Two-sided, of "the true gain is delta". */
static double p_of(const struct stats_paired *gain, double delta)
{
	double above = stats_paired_above(gain, delta), below = stats_paired_below(gain, delta);

	return isnan(above) ? NAN : fmin(1, 2 * fmin(above, below));
}

struct verdict verdict_of(const struct stats_paired *gain, double delta)
{
	struct verdict v = { .word = VERDICT_INCONCLUSIVE, .p = p_of(gain, delta) };

	v.p_adjusted = v.p;
	if (isnan(gain->mean))
		v.word = VERDICT_NONE;
	else if (gain->low > delta)
		v.word = VERDICT_SUPPORTED;
	else if (gain->high < delta)
		v.word = VERDICT_NOT_SUPPORTED;
	v.equivalent = gain->low > -delta && gain->high < delta;
	v.reversed = gain->high < -delta;
	return v;
}

/* struct family - (m) p of each decision, adjusted in place. */
struct family {
	double *decided, *equivalent, *reversed;
};

static struct verdict decide(const struct stats_paired *gain, double delta,
			     const struct family *f, int i)
{
	double alpha = 1 - gain->level;
	struct verdict v = {
		.word = VERDICT_INCONCLUSIVE, .p = p_of(gain, delta), .p_adjusted = f->decided[i],
	};

	if (isnan(v.p))
		v.word = VERDICT_NONE;
	else if (v.p_adjusted < alpha)
		v.word = gain->mean > delta ? VERDICT_SUPPORTED : VERDICT_NOT_SUPPORTED;
	v.equivalent = f->equivalent[i] < alpha;
	v.reversed = f->reversed[i] < alpha;
	return v;
}

int verdict_family(const struct stats_paired *gain, int m, double delta, struct verdict *v)
{
	size_t bytes = 3 * (size_t)m * sizeof(double);
	double *p = malloc(bytes + 1);
	struct family f = { p, p + m, p + 2 * m };
	int ret;

	if (!p)
		return fail_nomem(bytes, "an adjustment");
	for (int i = 0; i < m; i++) {
		f.decided[i] = p_of(&gain[i], delta);
		f.equivalent[i] = 2 * stats_paired_equivalent(&gain[i], delta);
		f.reversed[i] = 2 * stats_paired_below(&gain[i], -delta);
	}
	ret = stats_holm(f.decided, m, f.decided);
	if (!ret)
		ret = stats_holm(f.equivalent, m, f.equivalent);
	if (!ret)
		ret = stats_holm(f.reversed, m, f.reversed);
	for (int i = 0; i < m && !ret; i++)
		v[i] = decide(&gain[i], delta, &f, i);
	free(p);
	return ret;
}
