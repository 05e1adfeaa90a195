// SPDX-License-Identifier: MIT
/*
 * The stretched angles of Llama 3, as numbers (transformers) and as divisors (llama.cpp).
 * transformers, modeling_rope_utils.py, _compute_llama3_parameters().
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "formats/gguf-internal.h"

#define HALF_MAX (SPEC_WIDTH_MAX / 2)

/* Turns of pair @i over a text of one token. */
static double turns(float base, int head_dim, int i)
{
	return pow(base, -2.0 * i / head_dim) / (2 * M_PI);
}

static double factor_of(const struct rope_scaling *s, double per_token)
{
	double smooth = (s->original * per_token - s->low) / (s->high - s->low);

	if (s->kind == ROPE_PLAIN)
		return 1;
	if (s->kind == ROPE_LINEAR || smooth <= 0)
		return s->factor;
	return smooth >= 1 ? 1 : 1 / ((1 - smooth) / s->factor + smooth);
}

void rope_factors(const struct rope_scaling *s, float base, int head_dim, float *factors)
{
	for (int i = 0; i < head_dim / 2; i++)
		factors[i] = (float)factor_of(s, turns(base, head_dim, i));
}

static bool gives(const struct rope_scaling *s, const float *factors, float base, int head_dim)
{
	for (int i = 0; i < head_dim / 2; i++) {
		double f = factor_of(s, turns(base, head_dim, i));

		if (!(fabs(f - factors[i]) <= 1e-5 * f))
			return false;
	}
	return true;
}

/* How far pair @i is on the way from "divided by all of factor" (0) to "not divided" (1). */
static double smooth_of(const struct rope_scaling *s, float factor)
{
	return (1.0 / factor - 1.0 / s->factor) / (1 - 1.0 / s->factor);
}

/*
 * The way is a line over the turns, smooth = a turns + b.  Only low / original and high /
 * original can be known of three numbers; low = 1 is what everybody takes.  Of a short head
 * a single pair is on the way, which leaves high open as well: everybody takes 4.
 */
static void fit(struct rope_scaling *s, const float *factors, float base, int head_dim)
{
	int first = -1, last = -1, half = head_dim / 2;
	double a, b;

	for (int i = 0; i < half; i++)
		if (factors[i] > 1 && factors[i] < s->factor) {
			first = first < 0 ? i : first;
			last = i;
		}
	if (first < 0) {	/* the middle between what is divided and what is not */
		int i = 0;

		while (i < half && factors[i] == 1)
			i++;
		a = turns(base, head_dim, i ? i - 1 : 0);
		s->original = (int)lround(s->low / (0.75 * turns(base, head_dim, i) + 0.25 * a));
		s->high = (float)(s->original * a * 0.99);
		return;
	}
	a = smooth_of(s, factors[first]);
	if (first == last) {
		s->original = (int)lround((s->low + a * (s->high - s->low)) /
					  turns(base, head_dim, first));
		return;
	}
	b = smooth_of(s, factors[last]);
	a = (a - b) / (turns(base, head_dim, first) - turns(base, head_dim, last));
	b -= a * turns(base, head_dim, last);
	s->original = (int)lround(-a / b);
	s->high = (float)(1 - 1 / b);
	if (fabs(s->high - rint(s->high)) < 1e-3)
		s->high = rintf(s->high);
}

int rope_from_factors(const float *factors, float base, int head_dim, struct rope_scaling *s)
{
	float least = factors[0], most = factors[0];

	for (int i = 0; i < head_dim / 2; i++) {
		if (!(factors[i] >= 1 && factors[i] < 1e6f))
			return -EINVAL;
		least = fminf(least, factors[i]);
		most = fmaxf(most, factors[i]);
	}
	*s = (struct rope_scaling){ 0 };
	if (most == 1)
		return 0;
	s->factor = most;
	if (least == most) {
		s->kind = ROPE_LINEAR;
		return 0;
	}
	s->kind = ROPE_LLAMA3;
	s->low = 1;
	s->high = 4;
	fit(s, factors, base, head_dim);
	return s->original > 0 && s->high > s->low && gives(s, factors, base, head_dim) ? 0
											 : -EINVAL;
}
