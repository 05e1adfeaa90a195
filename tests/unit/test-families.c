// SPDX-License-Identifier: MIT
/*
 * Each family against transformers: scripts/peers/golden_families.py made small random
 * models and their logits in fp64.  Here they go through the oracles, in fp64, through
 * the kernels, and, token by token, through the decoder's cache.
 */
#include <math.h>

#include "base/config.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "infer/decoder.h"
#include "io/safetensors.h"
#include "nn/model.h"
#include "tensor/plan.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

/* Of the largest logit: fp64, a hundred roundings of fp32. */
#define TOL_FP64 1e-12
#define TOL_FP32 1e-5

static const char *const families[] = { "llama", "qwen2", "qwen3", "gemma3" };

/* struct tiny - a golden model, loaded. */
struct tiny {
	struct st *st;
	const char *name;
	struct device *dev;
	struct model *m;
	const struct st_view *tokens, *logits;	/* (B, T), (B, T, V) */
	struct graph *g;
	struct buffer *buffer[2];
	int32_t *host[2];			/* ids, positions */
	struct tensor *out;
};

static const struct st_view *find(const struct tiny *t, const char *what)
{
	char *name = str_printf("%s/%s", t->name, what);
	const struct st_view *v;

	check_ok(st_find(t->st, name, &v));
	free(name);
	return v;
}

/* Gemma's files hold the gain of a norm minus 1. */
static void load_weight(const struct tiny *t, struct tensor_entry *e)
{
	char *name = str_printf("weight/%s", e->name);
	const struct st_view *v = find(t, name);
	float add = !strcmp(t->name, "gemma3") && strstr(e->name, "norm") ? 1 : 0;
	int64_t count = e->shape[0] * (e->nd > 1 ? e->shape[1] : 1);
	float *host = malloc(count * sizeof(*host));

	ck_assert_int_eq(count * (int64_t)sizeof(uint16_t), v->bytes);
	for (int64_t i = 0; i < count; i++)
		host[i] = (float)st_element(v, i) + add;
	check_ok(e->store(e->ctx, 0, count * sizeof(*host), host));
	free(host);
	free(name);
}

static void load(struct tiny *t)
{
	char *key = str_printf("%s/config", t->name), *save = NULL;
	char *text = strdup(st_metadata(t->st, key));
	struct config *cfg = config_new();
	struct tensor_entry *entries;
	struct model_spec spec;
	int nr;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		check_ok(config_set(cfg, l));
	check_ok(spec_from_config(cfg, 0, &spec));
	config_free(cfg);
	check_ok(model_new(&spec, NULL, &t->m));
	check_ok(model_alloc(t->m, t->dev));
	nr = model_entries(t->m, SEG_WEIGHT, SEG_WEIGHT, &entries);
	for (int i = 0; i < nr; i++)
		load_weight(t, &entries[i]);
	model_entries_free(entries, nr);
	free(text);
	free(key);
}

static struct tensor *input(struct tiny *t, int i, const char *name)
{
	int64_t n[2] = { t->tokens->shape[0], t->tokens->shape[1] };
	size_t bytes = n[0] * n[1] * sizeof(int32_t);
	struct tensor *in = graph_tensor(t->g, TENSOR_INPUT, name, DT_I32, 2, n, NULL);

	t->host[i] = malloc(bytes);
	for (int64_t k = 0; k < n[0] * n[1]; k++)
		t->host[i][k] = (int32_t)(i ? k % n[1] : st_element(t->tokens, k));
	check_ok(device_alloc(t->dev, bytes, name, &t->buffer[i]));
	check_ok(device_write(t->buffer[i], 0, t->host[i], bytes));
	tensor_bind(in, t->buffer[i], 0);
	return in;
}

static void begin(struct tiny *t, const char *name)
{
	char *path = tree_path("tests/data/golden/families.safetensors");
	struct builder b = { 0 };

	memset(t, 0, sizeof(*t));
	t->name = name;
	check_ok(st_open(path, &t->st));
	free(path);
	check_ok(device_open("cpu", &t->dev));
	t->tokens = find(t, "tokens");
	t->logits = find(t, "logits");
	load(t);
	b.model = t->m;
	b.graph = t->g = graph_new();
	b.ids = input(t, 0, "ids");
	b.positions = input(t, 1, "positions");
	t->out = model_logits(&b, model_hidden(&b));
	graph_output(t->out);
	check_ok(graph_error(t->g));
}

static void end(struct tiny *t)
{
	graph_free(t->g);
	for (int i = 0; i < 2; i++) {
		buffer_free(t->buffer[i]);
		free(t->host[i]);
	}
	model_free(t->m);
	device_close(t->dev);
	st_close(t->st);
}

static double largest(const struct tiny *t)
{
	double max = 0;

	for (size_t i = 0; i < t->logits->bytes / sizeof(double); i++)
		max = fmax(max, fabs(st_element(t->logits, i)));
	return max;
}

static void check_logit(const struct tiny *t, int64_t i, double got, double tolerance)
{
	double want = st_element(t->logits, i);

	ck_assert_msg(fabs(got - want) <= tolerance * largest(t),
		      "%s: logit %lld is %.15g, transformers say %.15g", t->name, (long long)i, got,
		      want);
}

/* ---- in fp64 ---------------------------------------------------------------------- */

static double *bound_values(const struct tiny *t, const struct tensor *bound)
{
	int64_t count = layout_count(&bound->max);
	double *values = malloc(count * sizeof(*values));
	float *host = malloc(count * sizeof(*host));

	if (bound->kind == TENSOR_PARAM)
		check_ok(tensor_read(bound, host, count * sizeof(*host)));
	for (int64_t i = 0; i < count; i++)
		values[i] = bound->kind == TENSOR_PARAM ? host[i]
			  : t->host[bound->buffer == t->buffer[1]][i];
	free(host);
	return values;
}

START_TEST(oracles)
{
	double **values;
	struct tiny t;

	begin(&t, families[_i]);
	values = calloc(t.g->nr_tensors, sizeof(*values));
	for (int i = 0; i < t.g->nr_tensors; i++)
		if (t.g->tensors[i]->kind != TENSOR_NODE)
			values[i] = bound_values(&t, t.g->tensors[i]);
	check_ok(oracle_run(t.g, values));
	for (size_t i = 0; i < t.logits->bytes / sizeof(double); i++)
		check_logit(&t, i, values[t.out->id][i], TOL_FP64);
	for (int i = 0; i < t.g->nr_tensors; i++)
		free(values[i]);
	free(values);
	end(&t);
}
END_TEST

/* ---- gradients, in fp64 -------------------------------------------------------------- */

/* The sum of all logits with every weight moved by @step times its direction. */
static double sum_at(const struct tiny *t, double step)
{
	double **values = calloc(t->g->nr_tensors, sizeof(*values)), sum = 0;

	for (int i = 0; i < t->g->nr_tensors; i++) {
		const struct tensor *bound = t->g->tensors[i];
		struct rng r = rng_stream(1, bound->name, 0);

		if (bound->kind == TENSOR_STATE)
			values[i] = calloc(layout_count(&bound->max), sizeof(double));
		else if (bound->kind != TENSOR_NODE)
			values[i] = bound_values(t, bound);
		if (bound->kind != TENSOR_PARAM)
			continue;
		for (int64_t k = 0; k < layout_count(&bound->max); k++)
			values[i][k] += step * rng_normal(&r, k);
	}
	check_ok(oracle_run(t->g, values));
	for (int64_t i = 0; i < layout_count(&t->out->max); i++)
		sum += values[t->out->id][i];
	for (int i = 0; i < t->g->nr_tensors; i++)
		free(values[i]);
	free(values);
	return sum;
}

/* Its slope in that direction, from the gradients. */
static double slope(const struct tiny *t, struct tensor *const *weights, int nr)
{
	double **values = calloc(t->g->nr_tensors, sizeof(*values)), sum = 0;

	for (int i = 0; i < t->g->nr_tensors; i++) {
		const struct tensor *bound = t->g->tensors[i];

		if (bound->kind == TENSOR_STATE)
			values[i] = calloc(layout_count(&bound->max), sizeof(double));
		else if (bound->kind != TENSOR_NODE)
			values[i] = bound_values(t, bound);
	}
	check_ok(oracle_run(t->g, values));
	for (int i = 0; i < nr; i++) {
		struct rng r = rng_stream(1, weights[i]->name, 0);

		for (int64_t k = 0; k < layout_count(&weights[i]->max); k++)
			sum += values[weights[i]->grad->id][k] * rng_normal(&r, k);
	}
	for (int i = 0; i < t->g->nr_tensors; i++)
		free(values[i]);
	free(values);
	return sum;
}

START_TEST(gradients)
{
	const double step = 1e-4;
	struct tensor *weights[80];
	double want, got;
	struct tiny t;
	int nr = 0;

	begin(&t, families[_i]);
	for (int i = 0; i < t.g->nr_tensors; i++)
		if (t.g->tensors[i]->kind == TENSOR_PARAM)
			weights[nr++] = t.g->tensors[i];
	ck_assert_int_eq(nr, t.m->nr_params);
	/* Fourth order. */
	want = (8 * (sum_at(&t, step) - sum_at(&t, -step)) -
		(sum_at(&t, 2 * step) - sum_at(&t, -2 * step))) / (12 * step);
	for (int i = 0; i < nr; i++) {
		char *name = str_printf("%s.grad", weights[i]->name);

		weights[i]->grad = graph_tensor(t.g, TENSOR_STATE, name, DT_F32,
						weights[i]->max.nd, weights[i]->max.n, NULL);
		free(name);
	}
	check_ok(graph_backward(t.g, t.out, &(struct backward_options){ 0 }));
	got = slope(&t, weights, nr);
	ck_assert_msg(fabs(got - want) <= 1e-6 * fabs(want), "%s: slope %.12g, must be %.12g",
		      t.name, got, want);
	end(&t);
}
END_TEST

/* ---- by the kernels ------------------------------------------------------------------ */

START_TEST(kernels)
{
	int64_t count;
	struct plan *plan;
	struct tiny t;
	float *got;

	begin(&t, families[_i]);
	count = t.logits->bytes / sizeof(double);
	got = malloc(count * sizeof(*got));
	check_ok(graph_plan(t.g, t.dev, false, &plan));
	check_ok(plan_run(plan));
	check_ok(tensor_read(t.out, got, count * sizeof(*got)));
	for (int64_t i = 0; i < count; i++)
		check_logit(&t, i, got[i], TOL_FP32);
	free(got);
	plan_free(plan);
	end(&t);
}
END_TEST

START_TEST(token_by_token)
{
	int length, vocab;
	struct decoder *d;
	struct tiny t;
	float *got;

	begin(&t, families[_i]);
	length = (int)t.tokens->shape[1];
	vocab = t.m->spec.vocab;
	got = malloc(vocab * sizeof(*got));
	check_ok(decoder_new(t.m, t.dev, &(struct decoder_options){ 0 }, &d));
	for (int i = 0; i < length; i++) {
		check_ok(decoder_feed(d, t.host[0] + i, 1, got));
		for (int v = 0; v < vocab; v++)
			check_logit(&t, (int64_t)i * vocab + v, got[v], TOL_FP32);
	}
	decoder_free(d);
	free(got);
	end(&t);
}
END_TEST

static void add(TCase *tc)
{
	const int nr = sizeof(families) / sizeof(families[0]);

	tcase_add_loop_test(tc, oracles, 0, nr);
	tcase_add_loop_test(tc, gradients, 0, nr);
	tcase_add_loop_test(tc, kernels, 0, nr);
	tcase_add_loop_test(tc, token_by_token, 0, nr);
}
TEST_REGISTER(families, add);
