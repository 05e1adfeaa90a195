// SPDX-License-Identifier: MIT
#include "tests/ops/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "block/block.h"
#include "tensor/subject.h"

#define TOLERANCE_C 8.0

/* Random blocks, and what they mean. */
static int fill_blocks(struct case_values *v, int i, const struct rng *r)
{
	const struct layout *l = &v->in_layout[i];
	int64_t bytes = layout_bytes(l), count = layout_count(l);
	float *x = malloc(count * sizeof(*x));
	int ret;

	v->blocks[i] = malloc(bytes);
	ret = x && v->blocks[i] ? case_blocks(r, l->dtype, v->blocks[i], bytes)
				: fail_nomem(bytes, "a test input");
	if (!ret)
		ret = dtype_decode(l->dtype, v->blocks[i], 0, count, x);
	for (int64_t e = 0; e < count && !ret; e++)
		v->in[i][e] = x[e];
	free(x);
	return ret;
}

static int fill_input(struct case_values *v, int i)
{
	const struct case_input *in = &v->c->in[i];
	char purpose[256];
	struct rng r;
	int64_t count;

	if (in->nd < 0) {
		v->in_layout[i].nd = -1;
		return 0;
	}
	v->in_layout[i] = layout_make(in->dtype, in->nd, in->n);
	count = layout_count(&v->in_layout[i]);
	v->in[i] = calloc(count ? count : 1, sizeof(double));
	if (!v->in[i])
		return fail_nomem(count * sizeof(double), "a test input");
	snprintf(purpose, sizeof(purpose), "test/%s/%s/%d", v->op->name, v->c->name, i);
	r = rng_stream(7, purpose, 0);
	if (dtype_is_block(in->dtype))
		return fill_blocks(v, i, &r);
	for (int64_t e = 0; e < count; e++) {
		double x = case_element(&r, in, e);

		if (dtype_info(in->dtype)->roundoff) {
			char bits[8];

			dtype_put(in->dtype, bits, 0, x);
			x = dtype_get(in->dtype, bits, 0);
		}
		v->in[i][e] = x;
	}
	return 0;
}

/* A view shows the elements of its input under another layout. */
static int run_view(struct case_values *v)
{
	const struct layout *l = &v->out_layout[0];

	for (int64_t i = 0; i < layout_count(l); i++)
		v->out[0][i] = v->in[0][l->offset + layout_at(l, i)];
	return 0;
}

int values_oracle(struct case_values *v)
{
	struct oracle_call c = { .attr = v->c->attr, .nr_in = v->c->nr_in,
				 .nr_out = v->op->nr_out };

	if (v->op->flags & OP_VIEW)
		return run_view(v);
	for (int i = 0; i < MAX_IN; i++) {
		c.in_layout[i] = v->in_layout[i];
		c.in[i] = v->in[i];
	}
	for (int o = 0; o < c.nr_out; o++) {
		int from = v->op->updates[o] - 1;
		int64_t count = layout_count(&v->out_layout[o]);

		c.out_layout[o] = v->out_layout[o];
		c.out[o] = v->out[o];
		memset(v->out[o], 0, count * sizeof(double));
		if (from >= 0 && v->in[from])
			memcpy(v->out[o], v->in[from], count * sizeof(double));
	}
	return v->op->oracle(&c);
}

int values_make(struct case_values *v, const struct op *op, const struct op_case *c)
{
	int ret = 0;

	memset(v, 0, sizeof(*v));
	v->op = op;
	v->c = c;
	for (int i = 0; i < MAX_IN; i++)
		v->in_layout[i].nd = -1;
	for (int i = 0; i < c->nr_in && !ret; i++)
		ret = fill_input(v, i);
	if (!ret)
		ret = op->infer(c->attr, v->in_layout, c->nr_in, v->out_layout);
	for (int o = 0; o < op->nr_out && !ret; o++) {
		v->out[o] = calloc(layout_count(&v->out_layout[o]) + 1, sizeof(double));
		if (!v->out[o])
			ret = fail_nomem(0, "a test output");
	}
	if (!ret)
		ret = values_oracle(v);
	return ret;
}

void values_free(struct case_values *v)
{
	for (int i = 0; i < MAX_IN; i++) {
		free(v->in[i]);
		free(v->blocks[i]);
	}
	for (int o = 0; o < MAX_OUT; o++)
		free(v->out[o]);
}

void *values_pack(const struct case_values *v, int i)
{
	const struct layout *l = &v->in_layout[i];
	int64_t count = layout_count(l);
	char *bytes = malloc(layout_bytes(l) + 8);

	if (bytes && v->blocks[i])
		return memcpy(bytes, v->blocks[i], layout_bytes(l));
	for (int64_t e = 0; bytes && e < count; e++)
		dtype_put(l->dtype, bytes, e, v->in[i][e]);
	return bytes;
}

double values_tolerance(const struct case_values *v, int o)
{
	double u = dtype_info(v->out_layout[o].dtype)->roundoff, scale = 0;
	int64_t k = v->op->reduce ? v->op->reduce(v->c->attr, v->in_layout, v->out_layout) : 1;

	for (int i = 0; i < v->c->nr_in; i++)
		if (v->op->flags & OP_ROUNDS && v->op->compute_in & 1u << i &&
		    v->in_layout[i].nd >= 0)
			u = fmax(u, dtype_info(v->in_layout[i].dtype)->roundoff);
	for (int64_t i = 0; i < layout_count(&v->out_layout[o]); i++)
		if (isfinite(v->out[o][i]) && fabs(v->out[o][i]) > scale)
			scale = fabs(v->out[o][i]);
	return TOLERANCE_C * u * sqrt((double)k) * scale;
}
