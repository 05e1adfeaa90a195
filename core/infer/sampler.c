// SPDX-License-Identifier: MIT
#include "infer/sampler.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"

static int most_probable(const float *logits, int vocab)
{
	int best = 0;

	for (int v = 1; v < vocab; v++)
		if (logits[v] > logits[best])
			best = v;
	return best;
}

/* Ordered as the floats are; a NaN is anywhere, but always in the same place. */
static uint32_t order(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u & 0x80000000 ? ~u : u | 0x80000000;
}

static int count_from(const float *logits, int vocab, uint32_t least)
{
	int n = 0;

	for (int v = 0; v < vocab; v++)
		n += order(logits[v]) >= least;
	return n;
}

/** struct choice - the tokens to draw from. */
struct choice {
	uint32_t least;		/* those above this ... */
	int equal;		/* ... and so many that are equal to it */
};

static bool takes(struct choice *c, float logit)
{
	uint32_t o = order(logit);

	return o > c->least || (o == c->least && c->equal-- > 0);
}

/* The k-th largest, by halving its range: exact, and without a copy of the logits. */
static struct choice choose(const float *logits, int vocab, int top_k)
{
	uint32_t low = 0, high = UINT32_MAX;	/* at least k are at or above low */

	if (top_k <= 0 || top_k >= vocab)
		return (struct choice){ 0, vocab };
	while (low < high) {
		uint32_t middle = low + (high - low) / 2 + 1;

		if (count_from(logits, vocab, middle) >= top_k)
			low = middle;
		else
			high = middle - 1;
	}
	if (low == UINT32_MAX)
		return (struct choice){ low, top_k };
	return (struct choice){ low, top_k - count_from(logits, vocab, low + 1) };
}

int sample_token(const float *logits, int vocab, double temperature, int top_k, uint64_t seed,
		 uint64_t step)
{
	struct rng r = rng_stream(seed, "generate", step);
	int best = most_probable(logits, vocab);
	struct choice all, c;
	double total = 0, at;

	if (temperature <= 0)
		return best;
	all = c = choose(logits, vocab, top_k);
	for (int v = 0; v < vocab; v++)
		if (takes(&c, logits[v]))
			total += exp(((double)logits[v] - logits[best]) / temperature);
	at = rng_uniform(&r, 0) * total;
	for (int v = 0; v < vocab; v++) {
		if (!takes(&all, logits[v]))
			continue;
		at -= exp(((double)logits[v] - logits[best]) / temperature);
		if (at < 0)
			return v;
	}
	return best;	/* rounding took the last bit */
}
