// SPDX-License-Identifier: MIT
#include "stats/mcnemar.h"

#include <math.h>

/*
 * Terms of P(X <= k) relative to the last, the largest one, going down: each is the one above
 * times i / (n - i + 1).  They underflow no sooner than they stop to matter.
 */
double stats_mcnemar(int64_t b, int64_t c)
{
	int64_t k = b < c ? b : c, n = b + c;
	double sum = 1, term = 1, p;

	if (2 * k == n)
		return 1;
	for (int64_t i = k; i > 0 && term > sum * 1e-18; i--) {
		term *= (double)i / (double)(n - i + 1);
		sum += term;
	}
	p = exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) -
		(double)n * M_LN2) * sum * 2;
	return p < 1 ? p : 1;
}
