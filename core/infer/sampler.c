// SPDX-License-Identifier: MIT
#include "infer/sampler.h"

#include <math.h>

#include "base/rng.h"

static int most_probable(const float *logits, int vocab)
{
	int best = 0;

	for (int v = 1; v < vocab; v++)
		if (logits[v] > logits[best])
			best = v;
	return best;
}

int sample_token(const float *logits, int vocab, double temperature, uint64_t seed, uint64_t step)
{
	struct rng r = rng_stream(seed, "generate", step);
	int best = most_probable(logits, vocab);
	double total = 0, at;

	if (temperature <= 0)
		return best;
	for (int v = 0; v < vocab; v++)
		total += exp(((double)logits[v] - logits[best]) / temperature);
	at = rng_uniform(&r, 0) * total;
	for (int v = 0; v < vocab; v++) {
		at -= exp(((double)logits[v] - logits[best]) / temperature);
		if (at < 0)
			return v;
	}
	return best;	/* rounding took the last bit */
}
