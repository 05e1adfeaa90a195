// SPDX-License-Identifier: MIT
#include "tests/ops/opcheck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/thread.h"
#include "tensor/arch.h"
#include "tests/ops/values.h"

#define GUARD 64	/* bytes on both sides of an output that must stay as they were */
#define POISON 0xa5

static _Thread_local char report[1024];

static const char *say(const struct case_values *v, const struct kernel *k, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static const char *say(const struct case_values *v, const struct kernel *k, const char *fmt, ...)
{
	int at = snprintf(report, sizeof(report), "%s/%s%s%s: ", v->op->name, v->c->name,
			  k ? " by " : "", k ? k->name : "");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(report + at, sizeof(report) - at, fmt, ap);
	va_end(ap);
	return report;
}

/* One call of a kernel: device memory for everything, outputs between guards. */
struct trial {
	struct call call;
	struct buffer *in[MAX_IN], *out[MAX_OUT], *scratch;
	unsigned char *result[MAX_OUT];
};

static void trial_free(struct trial *t)
{
	for (int i = 0; i < MAX_IN; i++)
		buffer_free(t->in[i]);
	for (int o = 0; o < MAX_OUT; o++) {
		buffer_free(t->out[o]);
		free(t->result[o]);
	}
	buffer_free(t->scratch);
	memset(t, 0, sizeof(*t));
}

static int trial_input(struct trial *t, const struct case_values *v, struct device *dev, int i)
{
	size_t bytes;
	void *host;
	int ret;

	t->call.in[i] = v->in_layout[i];
	if (v->in_layout[i].nd < 0)
		return 0;
	bytes = layout_bytes(&v->in_layout[i]);
	ret = device_alloc(dev, bytes, "a test", &t->in[i]);
	if (ret)
		return ret;
	host = values_pack(v, i);
	ret = device_write(t->in[i], 0, host, bytes);
	free(host);
	t->call.in_data[i] = t->in[i]->address;
	return ret;
}

static int trial_output(struct trial *t, const struct case_values *v, struct device *dev, int o,
			bool in_place)
{
	size_t bytes = layout_bytes(&v->out_layout[o]);
	int from = v->op->updates[o] - 1, ret;

	t->call.out[o] = v->out_layout[o];
	/* As planning does: only where both take the same room. */
	if (in_place && v->op->inplace[o] && t->in[v->op->inplace[o] - 1] &&
	    (size_t)layout_bytes(&v->in_layout[v->op->inplace[o] - 1]) == bytes)
		from = v->op->inplace[o] - 1;
	if (from >= 0 && t->in[from]) {
		t->call.out_data[o] = t->in[from]->address;
		return 0;
	}
	ret = device_alloc(dev, bytes + 2 * GUARD, "a test", &t->out[o]);
	if (ret)
		return ret;
	t->call.out_data[o] = (char *)t->out[o]->address + GUARD;
	return device_fill(t->out[o], 0, POISON, t->out[o]->bytes);
}

static int trial_scratch(struct trial *t, const struct kernel *k, struct device *dev)
{
	int ret;

	t->call.scratch_bytes = k->scratch ? k->scratch(&t->call) : 0;
	if (!t->call.scratch_bytes)
		return 0;
	ret = device_alloc(dev, t->call.scratch_bytes, "a test", &t->scratch);
	if (ret)
		return ret;
	t->call.scratch = t->scratch->address;
	return device_fill(t->scratch, 0, 0xff, t->scratch->bytes);	/* NaN everywhere */
}

static int trial_fetch(struct trial *t, const struct case_values *v, int o)
{
	size_t bytes = layout_bytes(&v->out_layout[o]);

	t->result[o] = malloc(bytes + 2 * GUARD);
	if (!t->result[o])
		return fail_nomem(bytes, "a test");
	if (t->out[o])
		return device_read(t->out[o], 0, t->result[o], bytes + 2 * GUARD);
	memset(t->result[o], POISON, bytes + 2 * GUARD);
	for (int i = 0; i < MAX_IN; i++)
		if (t->in[i] && t->in[i]->address == t->call.out_data[o])
			return device_read(t->in[i], 0, t->result[o] + GUARD, bytes);
	return fail(-EINVAL, "output %d lies nowhere", o);
}

/* Only the first of several outputs that want one input may have it. */
static bool may_be_in_place(const struct op *op, int o)
{
	for (int i = 0; i < o; i++)
		if (op->inplace[i] == op->inplace[o])
			return false;
	return op->inplace[o] != 0;
}

static int trial_run(struct trial *t, const struct case_values *v, const struct kernel *k,
		     struct device *dev, bool in_place)
{
	int ret = 0;

	memset(t, 0, sizeof(*t));
	t->call.op = v->op;
	t->call.attr = v->c->attr;
	t->call.nr_in = v->c->nr_in;
	t->call.nr_out = v->op->nr_out;
	for (int i = 0; i < MAX_IN; i++)
		t->call.in[i].nd = -1;
	for (int i = 0; i < v->c->nr_in && !ret; i++)
		ret = trial_input(t, v, dev, i);
	for (int o = 0; o < v->op->nr_out && !ret; o++)
		ret = trial_output(t, v, dev, o, in_place && may_be_in_place(v->op, o));
	if (!ret)
		ret = trial_scratch(t, k, dev);
	if (!ret)
		ret = dev->arch->run(dev, NULL, k, &t->call);
	if (!ret)
		ret = device_sync(dev);
	for (int o = 0; o < v->op->nr_out && !ret; o++)
		ret = trial_fetch(t, v, o);
	return ret;
}

static const char *check_guards(const struct trial *t, const struct case_values *v,
				const struct kernel *k)
{
	for (int o = 0; o < v->op->nr_out; o++) {
		size_t bytes = layout_bytes(&v->out_layout[o]);

		for (size_t i = 0; i < GUARD; i++)
			if (t->result[o][i] != POISON || t->result[o][GUARD + bytes + i] != POISON)
				return say(v, k, "wrote outside output %d", o);
	}
	return NULL;
}

static const char *compare(const struct trial *t, const struct case_values *v,
			   const struct kernel *k)
{
	for (int o = 0; o < v->op->nr_out; o++) {
		const struct layout *l = &v->out_layout[o];
		double tolerance = values_tolerance(v, o);

		for (int64_t i = 0; i < layout_count(l); i++) {
			double want = v->out[o][i];
			double got = dtype_get(l->dtype, t->result[o] + GUARD, i);

			if (isinf(want) ? got == want : fabs(got - want) <= tolerance)
				continue;
			return say(v, k, "output %d element %lld is %.9g, the oracle says %.9g "
				   "(off by %.3g, tolerance %.3g)", o, (long long)i, got, want,
				   fabs(got - want), tolerance);
		}
	}
	return NULL;
}

static const char *same_bits(const struct trial *a, const struct trial *b,
			     const struct case_values *v, const struct kernel *k, const char *what)
{
	for (int o = 0; o < v->op->nr_out; o++)
		if (memcmp(a->result[o] + GUARD, b->result[o] + GUARD,
			   layout_bytes(&v->out_layout[o])))
			return say(v, k, "other bits %s in output %d", what, o);
	return NULL;
}

/* Again, with other numbers of threads, and in place: the bits may not change. */
static const char *check_repeats(const struct trial *first, const struct case_values *v,
				 const struct kernel *k, struct device *dev)
{
	static const struct {
		int threads;
		bool in_place;
		const char *what;
	} ways[] = {
		{ 2, false, "with 2 threads" },
		{ 4, false, "with 4 threads" },
		{ 1, false, "in a second run" },
		{ 1, true, "in place" },
	};
	const char *wrong = NULL;

	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]) && !wrong; w++) {
		struct trial t;
		int ret = threads_start(ways[w].threads);

		if (!ret)
			ret = trial_run(&t, v, k, dev, ways[w].in_place);
		else
			memset(&t, 0, sizeof(t));
		wrong = ret ? say(v, k, "%s (%s)", fail_message(), ways[w].what)
			    : same_bits(first, &t, v, k, ways[w].what);
		trial_free(&t);
	}
	threads_start(1);
	return wrong;
}

const char *opcheck_kernel(const struct op *op, const struct op_case *c,
			   const struct kernel *k, struct device *dev)
{
	struct case_values v;
	struct trial t;
	const char *wrong;

	if (values_make(&v, op, c)) {
		wrong = say(&v, k, "%s", fail_message());
		values_free(&v);
		return wrong;
	}
	threads_start(1);
	if (trial_run(&t, &v, k, dev, false))
		wrong = say(&v, k, "%s", fail_message());
	else
		wrong = check_guards(&t, &v, k);
	if (!wrong)
		wrong = compare(&t, &v, k);
	if (!wrong)
		wrong = check_repeats(&t, &v, k, dev);
	trial_free(&t);
	values_free(&v);
	return wrong;
}
