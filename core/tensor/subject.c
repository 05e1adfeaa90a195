// SPDX-License-Identifier: MIT
#include "tensor/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/rng.h"
#include "block/block.h"

#define RUNS 7
#define SECONDS 0.02		/* of one timed run */
#define PERIOD 4099	/* elements after which numbers repeat: drawing them takes long */

/* ---- numbers --------------------------------------------------------------------- */

/* Documents of three to six tokens: where the document of position t began. */
static double doc_start(const struct rng *r, int64_t row, int64_t t)
{
	int64_t start = 0, next = 0;

	for (int64_t i = 0; next <= t; i++) {
		start = next;
		next += 3 + (int64_t)rng_below(r, (uint64_t)(row * 4096 + i), 4);
	}
	return (double)start;
}

/* Byte @b of the mask of @row: those columns at which c * kept / k passes a whole number. */
static double mask_byte(int64_t limit, int64_t row, int64_t b)
{
	int64_t k = limit >> 32, kept = (limit & UINT32_MAX) - row % 2;
	int byte = 0;

	for (int64_t c = 8 * b; c < 8 * b + 8 && c < k; c++) {
		int64_t at = c + 7 * row;

		byte |= ((at + 1) * kept / k > at * kept / k) << c % 8;
	}
	return byte;
}

/* Two groups: each any of the six pairs in rising order. */
static double two_pairs(const struct rng *r, int64_t i)
{
	static const uint8_t pairs[6] = { 4, 8, 12, 9, 13, 14 };

	return pairs[rng_below(r, 2 * i, 6)] | pairs[rng_below(r, 2 * i + 1, 6)] << 4;
}

double case_element(const struct rng *r, const struct case_input *in, int64_t i)
{
	int64_t last = in->nd ? in->n[in->nd - 1] : 1;
	uint64_t limit = in->limit > 0 ? (uint64_t)in->limit : 1;

	switch (in->fill) {
	case FILL_NORMAL:
		return rng_normal(r, i);
	case FILL_SMALL:
		return 0.02 * rng_normal(r, i);
	case FILL_POSITIVE:
		return 0.5 + rng_uniform(r, i);
	case FILL_IDS:
		return (double)rng_below(r, i, limit);
	case FILL_TARGETS:
		return rng_below(r, i + (1u << 30), 8) ? (double)rng_below(r, i, limit) : -1;
	case FILL_FEW_TARGETS:
		return i == 3 || i == 5 ? (double)rng_below(r, i, limit) : -1;
	case FILL_IGNORED:
		return -1;
	case FILL_LENGTHS:
		return 1 + (double)rng_below(r, i, limit);
	case FILL_POSITIONS:
		return (double)(i % last);
	case FILL_DOC_START:
		return doc_start(r, i / last, i % last);
	case FILL_ONE:
		return 1;
	case FILL_RNG:
		return i ? 3 : 12345;
	case FILL_MASK:
		return mask_byte(in->limit, i / last, i % last);
	case FILL_STARTS:
		return (double)(i * in->limit - i / 2);
	case FILL_PAIRS:
		return two_pairs(r, i);
	default:
		return 0;
	}
}

int case_blocks(const struct rng *r, enum dtype dtype, void *blocks, int64_t bytes)
{
	const struct block_type *type = block_type(dtype);
	int64_t size = (int64_t)dtype_info(dtype)->size;
	uint8_t *to = blocks;

	if (!type)
		return -EOPNOTSUPP;
	for (int64_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)rng_below(r, i, 256);
	for (int64_t b = 0; b < bytes; b += size)
		for (int h = 0; h < type->nr_halves; h++)
			dtype_put(DT_F16, to + b + type->halves[h], 0,
				  0.05 * rng_normal(r, (1 << 30) + 2 * b + h));
	return 0;
}

/* ---- a case -------------------------------------------------------------------------- */

bool case_bf16(const struct op *op, const struct op_case *c, struct op_case *out,
		  char name[CASE_NAME])
{
	bool any = false;

	*out = *c;
	for (int i = 0; i < c->nr_in; i++) {
		if (!(op->compute_in & 1u << i) || c->in[i].nd < 0 || c->in[i].dtype != DT_F32)
			continue;
		out->in[i].dtype = DT_BF16;
		any = true;
	}
	snprintf(name, CASE_NAME, "%s-bf16", c->name);
	out->name = name;
	return any;
}

bool case_usable(const struct op *op, const struct op_case *c, const struct kernel *k,
		 const struct device *dev)
{
	struct call call = { .op = op, .attr = c->attr, .nr_in = c->nr_in, .nr_out = op->nr_out };

	if (!k->usable)
		return true;
	for (int i = 0; i < MAX_IN; i++) {
		const struct case_input *in = &c->in[i];

		call.in[i].nd = -1;
		if (i < c->nr_in && in->nd >= 0)
			call.in[i] = layout_make(in->dtype, in->nd, in->n);
	}
	return !op->infer(c->attr, call.in, c->nr_in, call.out) && k->usable(&call, dev);
}

/* ---- a call ---------------------------------------------------------------------- */

static void *give(struct subject *s, struct device *dev, size_t bytes)
{
	struct buffer **b = &s->buffers[s->nr];

	if (device_alloc(dev, bytes, "a benchmark", b))
		return NULL;
	s->nr++;
	return (*b)->address;
}

/* Whole blocks repeat. */
static int fill_blocks(char *host, enum dtype dtype, int64_t bytes)
{
	int64_t period = PERIOD * (int64_t)dtype_info(dtype)->size;
	struct rng r = rng_stream(7, "bench", 0);
	int ret = case_blocks(&r, dtype, host, bytes < period ? bytes : period);

	for (int64_t at = period; at < bytes && !ret; at += period)
		memcpy(host + at, host, bytes - at < period ? bytes - at : period);
	return ret;
}

static void fill_plain(char *host, const struct layout *l, const struct case_input *in)
{
	struct rng r = rng_stream(7, "bench", 0);
	size_t size = dtype_size(l->dtype);
	int64_t count = layout_count(l);
	bool repeats = in->fill == FILL_NORMAL || in->fill == FILL_SMALL ||
		       in->fill == FILL_POSITIVE;

	for (int64_t i = 0; i < count; i++)
		if (repeats && i >= PERIOD)
			memcpy(host + i * size, host + (i - PERIOD) * size, size);
		else
			dtype_put(l->dtype, host, i, case_element(&r, in, i));
}

static int fill(struct buffer *b, const struct layout *l, const struct case_input *in)
{
	int64_t bytes = layout_bytes(l);
	char *host = malloc(bytes);
	int ret = 0;

	if (!host)
		return fail_nomem(bytes, "a benchmark");
	if (dtype_is_block(l->dtype))
		ret = fill_blocks(host, l->dtype, bytes);
	else
		fill_plain(host, l, in);
	if (!ret)
		ret = device_write(b, 0, host, bytes);
	free(host);
	return ret;
}

static int give_inputs(struct subject *s, const struct op_case *c, struct device *dev)
{
	int ret = 0;

	for (int i = 0; i < MAX_IN; i++) {
		const struct case_input *in = &c->in[i];
		struct layout *l = &s->call.in[i];

		l->nd = -1;
		if (i >= c->nr_in || in->nd < 0 || ret)
			continue;
		*l = layout_make(in->dtype, in->nd, in->n);
		s->call.in_data[i] = give(s, dev, layout_bytes(l));
		ret = s->call.in_data[i] ? fill(s->buffers[s->nr - 1], l, in) : -ENOMEM;
	}
	return ret;
}

int subject_make(struct subject *s, const struct op *op, const struct op_case *c,
		 const struct kernel *k, struct device *dev)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->kernel = k;
	s->device = dev;
	s->call = (struct call){ .op = op, .attr = c->attr, .nr_in = c->nr_in,
				 .nr_out = op->nr_out };
	ret = give_inputs(s, c, dev);
	if (!ret)
		ret = op->infer(c->attr, s->call.in, c->nr_in, s->call.out);
	for (int o = 0; o < op->nr_out && !ret; o++) {
		int from = op->updates[o] - 1;

		s->call.out_data[o] = from >= 0 && s->call.in_data[from]
				    ? (void *)s->call.in_data[from]
				    : give(s, dev, layout_bytes(&s->call.out[o]));
		ret = s->call.out_data[o] ? 0 : -ENOMEM;
	}
	s->call.scratch_bytes = !ret && k->scratch ? k->scratch(&s->call) : 0;
	if (s->call.scratch_bytes)
		s->call.scratch = give(s, dev, s->call.scratch_bytes);
	return ret;
}

void subject_free(struct subject *s)
{
	for (int i = 0; i < s->nr; i++)
		buffer_free(s->buffers[i]);
}

/* ---- time ------------------------------------------------------------------------ */

static double time_of(struct subject *s, long times)
{
	double start = clock_seconds();

	for (long i = 0; i < times; i++)
		s->device->arch->run(s->device, NULL, s->kernel, &s->call);
	return (clock_seconds() - start) / (double)times;
}

double subject_time(struct subject *s)
{
	double once, t[RUNS];
	long times;

	time_of(s, 1);		/* the first one faults in pages */
	once = time_of(s, 1);
	times = (long)(SECONDS / once) + 1;
	for (int i = 0; i < RUNS; i++)
		t[i] = time_of(s, times);
	return clock_median(t, RUNS);
}
