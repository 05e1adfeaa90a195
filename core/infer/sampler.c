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

/* Those that the choice @c takes: the sum of their e^(z - best). */
static double mass_of(const float *logits, int vocab, struct choice c, float best)
{
	double total = 0;

	for (int v = 0; v < vocab; v++)
		if (takes(&c, logits[v]))
			total += exp((double)logits[v] - best);
	return total;
}

/* The same of those strictly above @least. */
static double mass_above(const float *logits, int vocab, uint32_t least, float best)
{
	return mass_of(logits, vocab, (struct choice){ least, 0 }, best);
}

/*
 * The fewest of @c whose mass is at least @share of all of its: the lowest threshold with
 * less than that above it, and of the equals there as many as are missing.  What lies so low
 * that all of it together could be left out is not searched.
 */
static struct choice nucleus(const float *logits, int vocab, struct choice c, double share,
			     float best)
{
	double wanted = share * mass_of(logits, vocab, c, best), above, each;
	uint32_t low = order((float)(best + log((1 - share) / vocab))), high = order(best);
	int missing, equal;

	if (low < c.least)
		low = c.least;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mass_above(logits, vocab, middle, best) < wanted)
			high = middle;
		else
			low = middle + 1;
	}
	above = mass_above(logits, vocab, low, best);
	for (int v = 0; v < vocab; v++)
		if (order(logits[v]) == low) {
			each = exp((double)logits[v] - best);
			missing = (int)ceil((wanted - above) / each);
			equal = low == c.least ? c.equal : vocab;
			missing = missing < 1 ? 1 : missing;
			return (struct choice){ low, missing < equal ? missing : equal };
		}
	return c;	/* NaN */
}

static struct choice keep(const float *logits, int vocab, const struct sampling *s, float best)
{
	struct choice c = choose(logits, vocab, s->top_k);
	uint32_t least;

	if (s->top_p > 0 && s->top_p < 1)
		c = nucleus(logits, vocab, c, s->top_p, best);
	if (s->min_p > 0) {
		least = order((float)(best + log(s->min_p)));
		if (least > c.least)
			c = (struct choice){ least, vocab };
	}
	return c;
}

int sample_token(const float *logits, int vocab, const struct sampling *s, uint64_t step)
{
	struct rng r = rng_stream(s->seed, "generate", step);
	int best = most_probable(logits, vocab);
	struct choice all, c;
	double total = 0, at;

	if (s->temperature <= 0)
		return best;
	all = c = keep(logits, vocab, s, logits[best]);
	for (int v = 0; v < vocab; v++)
		if (takes(&c, logits[v]))
			total += exp(((double)logits[v] - logits[best]) / s->temperature);
	at = rng_uniform(&r, 0) * total;
	for (int v = 0; v < vocab; v++) {
		if (!takes(&all, logits[v]))
			continue;
		at -= exp(((double)logits[v] - logits[best]) / s->temperature);
		if (at < 0)
			return v;
	}
	return best;	/* rounding took the last bit */
}

static bool occurs(const uint32_t *ids, size_t nr, uint32_t id)
{
	for (size_t i = 0; i < nr; i++)
		if (ids[i] == id)
			return true;
	return false;
}

void sample_penalize(float *logits, int vocab, const struct sampling *s, const uint32_t *ids,
		     size_t nr)
{
	float penalty = (float)s->repeat_penalty;

	if (penalty <= 0 || penalty == 1)
		return;
	if (nr > (size_t)s->repeat_last) {
		ids += nr - s->repeat_last;
		nr = s->repeat_last;
	}
	for (size_t i = 0; i < nr; i++) {
		if (ids[i] >= (uint32_t)vocab || occurs(ids, i, ids[i]))
			continue;
		if (logits[ids[i]] > 0)
			logits[ids[i]] /= penalty;
		else
			logits[ids[i]] *= penalty;
	}
}
