/* SPDX-License-Identifier: MIT */
/*
 * Searches for the scale of a group: ggml's, operation for operation.
 *
 * x are the weights of a group, w how much the error of each counts, q the codes.  Sixteen
 * groups at once (lanes.h).  A group that is all 0 has scale 0.
 */
#ifndef QUANT_FIT_H
#define QUANT_FIT_H

#include "quant/lanes.h"

/* The weight of largest magnitude, the first of several. */
static inline vec largest(const vec *x, int n, vec *size)
{
	vec most = { 0 }, value = { 0 };

	for (int i = 0; i < n; i++) {
		ivec more = magnitude(x[i]) > most;

		most = pick(more, magnitude(x[i]), most);
		value = pick(more, x[i], value);
	}
	*size = most;
	return value;
}

/* Sums w x q and w q q for the codes that an inverse scale gives. */
static inline void symmetric_sums(const vec *x, const vec *w, int n, int top, vec inverse, vec *wxq,
				  vec *wqq)
{
	vec a = { 0 }, b = { 0 };

	for (int i = 0; i < n; i++) {
		vec q = to_float(clamp(nearest(inverse * x[i]), -top, top - 1));

		a += w[i] * x[i] * q;
		b += w[i] * q * q;
	}
	*wxq = a;
	*wqq = b;
}

/**
 * fit_symmetric() - x ~ s q, q in -@top ... @top - 1: the s and q that explain most of
 * sum w x^2, which is (sum w x q)^2 / sum w q^2, among 19 inverse scales.
 * @q: codes + @top; 0 in groups of zeros
 */
static vec fit_symmetric(const vec *x, const vec *w, int n, int top, ivec *q)
{
	vec size, most = largest(x, n, &size), scale, best, wxq, wqq;
	vec inverse = -(float)top / most;
	ivec zero = size < GROUP_ZERO;

	symmetric_sums(x, w, n, top, inverse, &wxq, &wqq);
	scale = pick(wqq != 0, wxq / wqq, (vec){ 0 });
	best = scale * wxq;
	for (int step = -9; step <= 9; step++) {
		vec try = -((float)top + 0.1f * (float)step) / most;
		ivec better;

		if (!step)
			continue;
		symmetric_sums(x, w, n, top, try, &wxq, &wqq);
		better = (wqq > 0) & (wxq * wxq > best * wqq);
		scale = pick(better, wxq / wqq, scale);
		best = pick(better, scale * wxq, best);
		inverse = pick(better, try, inverse);
	}
	for (int i = 0; i < n; i++)
		q[i] = ~zero & (clamp(nearest(inverse * x[i]), -top, top - 1) + top);
	return pick(zero, (vec){ 0 }, scale);
}

/* One pass over the elements of fit_descent(); whether any code changed. */
static inline ivec descend(const vec *x, int n, int top, ivec *q, vec *wxq, vec *wqq)
{
	ivec changed = { 0 };

	for (int i = 0; i < n; i++) {
		vec w = x[i] * x[i], old = to_float(q[i]), new;
		vec a = *wxq - w * x[i] * old, b = *wqq - w * old * old;
		ivec code = clamp(nearest(x[i] * b / a), -top, top - 1);
		ivec better = (a > 0) & (code != q[i]);

		new = to_float(code);
		a += w * x[i] * new;
		b += w * new * new;
		better &= (b > 0) & (a * a * *wqq > *wxq * *wxq * b);
		q[i] = pick_int(better, code, q[i]);
		*wxq = pick(better, a, *wxq);
		*wqq = pick(better, b, *wqq);
		changed |= better;
	}
	return changed;
}

/**
 * fit_descent() - as fit_symmetric() with w = x^2, from one scale on: code after code is
 * changed where that explains more, five times at most.
 */
static vec fit_descent(const vec *x, int n, int top, ivec *q)
{
	vec size, most = largest(x, n, &size), wxq = { 0 }, wqq = { 0 };
	vec inverse = -(float)top / most;
	ivec zero = size < GROUP_ZERO;

	for (int i = 0; i < n; i++) {
		vec w = x[i] * x[i], code;

		q[i] = clamp(nearest(inverse * x[i]), -top, top - 1);
		code = to_float(q[i]);
		wxq += w * x[i] * code;
		wqq += w * code * code;
	}
	for (int pass = 0; pass < 5; pass++)
		if (!any(descend(x, n, top, q, &wxq, &wqq) & ~zero))
			break;
	for (int i = 0; i < n; i++)
		q[i] = ~zero & (q[i] + top);
	return pick(~zero & (wqq > 0), wxq / wqq, (vec){ 0 });
}

/**
 * struct affine_search - inverse scales that fit_affine() tries.
 * @first, @step, @nr: (first + i step + top) / range, i = 0 ... nr
 * @absolute: the error is |x - s q + m|, not its square
 */
struct affine_search {
	float first, step;
	int nr;
	int absolute;
};

/* What fit_affine() has found so far. */
struct affine {
	vec scale, low, error;		/* x ~ scale q + low */
	vec inverse, from;		/* q = nearest((x - from) inverse) */
};

static inline vec affine_error(const vec *x, const vec *w, const vec *q, int n, vec scale, vec low,
			       int absolute)
{
	vec sum = { 0 };

	for (int i = 0; i < n; i++) {
		vec d = scale * q[i] + low - x[i];

		sum += w[i] * (absolute ? magnitude(d) : d * d);
	}
	return sum;
}

/* Try one inverse scale: the best scale and minimum for the codes that it gives. */
static inline void affine_try(const vec *x, const vec *w, int n, int top, vec inverse, vec sw,
			      vec swx, int absolute, struct affine *a)
{
	vec q[GROUP_MAX], swq = { 0 }, swqq = { 0 }, swqx = { 0 };
	vec det, scale, low, error;
	ivec better;

	for (int i = 0; i < n; i++) {
		q[i] = to_float(clamp(nearest(inverse * (x[i] - a->low)), 0, top));
		swq += w[i] * q[i];
		swqq += w[i] * q[i] * q[i];
		swqx += w[i] * q[i] * x[i];
	}
	det = sw * swqq - swq * swq;
	scale = (sw * swqx - swx * swq) / det;
	low = (swqq * swx - swq * swqx) / det;
	scale = pick(low > 0, swqx / swqq, scale);
	low = pick(low > 0, (vec){ 0 }, low);
	error = affine_error(x, w, q, n, scale, low, absolute);
	better = (det > 0) & (error < a->error);
	a->error = pick(better, error, a->error);
	a->inverse = pick(better, inverse, a->inverse);
	a->from = pick(better, a->low, a->from);
	a->scale = pick(better, scale, a->scale);
	a->low = pick(better, low, a->low);
}

/**
 * fit_affine() - x ~ s q - m, q in 0 ... @top, m >= 0: least weighted error.
 * @min: m
 */
static vec fit_affine(const vec *x, const vec *w, int n, int top, const struct affine_search *s,
		      ivec *q, vec *min)
{
	vec low = x[0], high = x[0], sw = w[0], swx = w[0] * x[0], codes[GROUP_MAX];
	struct affine a;
	ivec flat;

	for (int i = 1; i < n; i++) {
		low = pick(x[i] < low, x[i], low);
		high = pick(x[i] > high, x[i], high);
		sw += w[i];
		swx += w[i] * x[i];
	}
	low = pick(low > 0, (vec){ 0 }, low);
	flat = high <= low;
	a.inverse = (float)top / (high - low);
	a.from = a.low = low;
	a.scale = 1 / a.inverse;
	for (int i = 0; i < n; i++)
		codes[i] = to_float(clamp(nearest(a.inverse * (x[i] - low)), 0, top));
	a.error = affine_error(x, w, codes, n, a.scale, low, s->absolute);
	for (int i = 0; i <= s->nr; i++) {
		float levels = s->first + s->step * (float)i + (float)top;

		affine_try(x, w, n, top, levels / (high - a.low), sw, swx, s->absolute, &a);
	}
	for (int i = 0; i < n; i++)
		q[i] = ~flat & clamp(nearest(a.inverse * (x[i] - a.from)), 0, top);
	*min = -pick(flat, low, a.low);
	return pick(flat, (vec){ 0 }, a.scale);
}

/* The inverse scale of fit_positive() with the least weighted error. */
static inline vec positive_inverse(const vec *x, const vec *w, int n, int top, vec most)
{
	vec best = { 0 }, inverse = (float)top / most;

	for (int i = 0; i < n; i++) {
		vec d = x[i] - 1 / inverse * to_float(nearest(inverse * x[i]) & 0xff);

		best += w[i] * d * d;
	}
	for (int step = -4; step <= 4; step++) {
		vec try = (0.1f * (float)step + (float)top) / most, error = { 0 };
		ivec better;

		if (!step)
			continue;
		for (int i = 0; i < n; i++) {
			ivec q = nearest(try * x[i]);
			vec d = x[i] - 1 / try * to_float(pick_int(q > top, top - (ivec){ 0 }, q));

			error += w[i] * d * d;
		}
		better = error < best;
		best = pick(better, error, best);
		inverse = pick(better, try, inverse);
	}
	return inverse;
}

/**
 * fit_positive() - x ~ s q for x that are scales themselves, q in 0 ... @top.
 *
 * A negative x (which only rounding errors make) has the code modulo 256, as in ggml.
 */
static vec fit_positive(const vec *x, const vec *w, int n, int top, ivec *q)
{
	vec most = { 0 }, inverse, wxq = { 0 }, wqq = { 0 };
	ivec zero;

	for (int i = 0; i < n; i++)
		most = pick(x[i] > most, x[i], most);
	zero = most < GROUP_ZERO;
	inverse = positive_inverse(x, w, n, top, most);
	for (int i = 0; i < n; i++) {
		ivec code = nearest(inverse * x[i]);

		code = pick_int(code > top, top - (ivec){ 0 }, code);
		q[i] = code & 0xff;
		wxq += w[i] * x[i] * to_float(code);
		wqq += w[i] * to_float(code) * to_float(code);
	}
	for (int pass = 0; pass < 5; pass++) {
		ivec changed = { 0 };

		for (int i = 0; i < n; i++) {
			vec old = to_float(q[i]), new;
			vec a = wxq - w[i] * x[i] * old, b = wqq - w[i] * old * old;
			ivec better = (a > 0) & (b > 0), code = nearest(x[i] * b / a);

			code = pick_int(code > top, top - (ivec){ 0 }, code);
			new = to_float(code);
			a += w[i] * x[i] * new;
			b += w[i] * new * new;
			better &= (code != q[i]) & (a * a * wqq > wxq * wxq * b);
			q[i] = pick_int(better, code & 0xff, q[i]);
			wxq = pick(better, a, wxq);
			wqq = pick(better, b, wqq);
			changed |= better;
		}
		if (!any(changed & ~zero))
			break;
	}
	for (int i = 0; i < n; i++)
		q[i] &= ~zero;
	return pick(~zero & (wqq > 0), wxq / wqq, (vec){ 0 });
}

#endif
