// SPDX-License-Identifier: MIT
/*
 * Units kfac and attention against brute force: inputs, gradients of outputs, queries and keys
 * of the model's graph, as the oracles give them in fp64; eigenvalues by Jacobi's method.
 */
#include <math.h>

#include "io/safetensors.h"
#include "ops/attention.h"
#include "ops/rope.h"
#include "tests/unit/fim-brute.h"

#define SEQUENCES 3
#define TOLERANCE 1e-5

/* ---- kfac -------------------------------------------------------------------------------- */

/* Add x^T x of the rows of @t. */
static void add_gram(double *to, const struct brute *b, const struct tensor *t)
{
	const double *x = b->values[t->id];
	int64_t n = layout_last(&t->now), rows = layout_rows(&t->now);

	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < n; i++)
			for (int64_t j = 0; j < n; j++)
				to[i * n + j] += x[r * n + i] * x[r * n + j];
}

static void check_factor(const struct fim_item *item, enum fim_part part, double *want)
{
	double off = 0, norm = 0;

	CHECK(item->part[part]);
	for (int64_t k = 0; k < fim_count(item, part); k++) {
		double d = fim_value(item, part, k) - want[k];

		off += d * d;
		norm += want[k] * want[k];
	}
	ck_assert_msg(sqrt(off) < TOLERANCE * sqrt(norm), "%s%s: %g", item->name, fim_suffix(part),
		      sqrt(off / norm));
	free(want);
}

START_TEST(kfac)
{
	static const char *const models[] = { "llama", "gpt2", "qwen3" };
	struct brute b;
	struct toy t;
	struct fim *f;
	double *a[256], *g[256];
	int checked = 0;

	toy_begin(&t, models[_i], T, SEQUENCES);
	check_ok(toy_try(&t, "FIM_UNIT=kfac FIM_SEQUENCES=3", T, 1 << FIM_DIAGONAL,
			 FIM_SHRINK_NONE, "f.st"));
	ck_assert_uint_eq(t.dev->bytes_peak, t.job.memory);
	f = toy_open(&t, "f.st");
	brute_begin(&b, &t);
	for (int i = 0; i < b.g->nr_weight_grads; i++) {
		const struct tensor *w = b.g->weight_grads[i].weight;

		a[i] = calloc(w->max.n[1] * w->max.n[1], sizeof(double));
		g[i] = calloc(w->max.n[0] * w->max.n[0], sizeof(double));
	}
	for (int s = 0; s < SEQUENCES; s++) {
		brute_sample(&b, &t, s);
		brute_run(&b, b.labels);
		for (int i = 0; i < b.g->nr_weight_grads; i++) {
			add_gram(a[i], &b, b.g->weight_grads[i].input);
			if (b.g->weight_grads[i].delta)
				add_gram(g[i], &b, b.g->weight_grads[i].delta);
		}
	}
	for (int i = 0; i < b.g->nr_weight_grads; i++) {
		const struct tensor *w = b.g->weight_grads[i].weight;
		const struct fim_item *item = fim_find(f, w->name);

		ck_assert_int_eq(item != NULL, b.g->weight_grads[i].delta != NULL);
		for (int64_t k = 0; k < w->max.n[1] * w->max.n[1]; k++)
			a[i][k] /= SEQUENCES * T;
		for (int64_t k = 0; k < w->max.n[0] * w->max.n[0]; k++)
			g[i][k] /= SEQUENCES * T;
		if (!item) {	/* the head */
			free(a[i]);
			free(g[i]);
			continue;
		}
		check_factor(item, FIM_FACTOR_A, a[i]);
		check_factor(item, FIM_FACTOR_G, g[i]);
		checked++;
	}
	ck_assert_int_eq(checked, f->nr);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

/* ---- attention ----------------------------------------------------------------------------- */

/* The largest eigenvalue of the symmetric @m (T, T), which is destroyed. */
static double jacobi(double m[T][T])
{
	double most = 0;

	for (int sweep = 0; sweep < 60; sweep++)
		for (int p = 0; p < T; p++)
			for (int q = p + 1; q < T; q++) {
				double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]), t, c, s;

				if (fabs(m[p][q]) < 1e-300)
					continue;
				t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
				c = 1 / sqrt(t * t + 1);
				s = t * c;
				for (int k = 0; k < T; k++) {
					double x = m[k][p], y = m[k][q];

					m[k][p] = c * x - s * y;
					m[k][q] = s * x + c * y;
				}
				for (int k = 0; k < T; k++) {
					double x = m[p][k], y = m[q][k];

					m[p][k] = c * x - s * y;
					m[q][k] = s * x + c * y;
				}
			}
	for (int i = 0; i < T; i++)
		most = fmax(most, m[i][i]);
	return most;
}

/* Row @i of head @h of an attention node, written from the formula. */
static void brute_row(const struct brute *b, const struct node *n, int h, int i, double *p)
{
	const struct attention_attr *attr = n->attr;
	const struct layout *q = &n->in[0]->now, *k = &n->in[1]->now;
	int64_t width = q->n[3], group = q->n[2] / k->n[2];
	double turned_q[64], turned_k[64], sum = 0;

	for (int j = 0; j < T; j++) {
		const double *qi = b->values[n->in[0]->id] + (i * q->n[2] + h) * width;
		const double *kj = b->values[n->in[1]->id] + (j * k->n[2] + h / group) * width;
		double s = 0;

		memcpy(turned_q, qi, width * sizeof(double));
		memcpy(turned_k, kj, width * sizeof(double));
		if (attr->rope.base > 0) {
			rope_oracle_turn(&attr->rope, i, width, qi, turned_q);
			rope_oracle_turn(&attr->rope, j, width, kj, turned_k);
		}
		for (int64_t d = 0; d < width; d++)
			s += turned_q[d] * turned_k[d];
		s *= attr->scale > 0 ? attr->scale : 1 / sqrt((double)width);
		if (attr->softcap > 0)
			s = attr->softcap * tanh(s / attr->softcap);
		p[j] = j > i || (attr->window && i - j >= attr->window) ? 0 : exp(s);
		sum += p[j];
	}
	for (int j = 0; j < T; j++)
		p[j] /= sum;
}

struct head {
	double f[T][T], entropy;
};

static void add_row(struct head *head, const double *p)
{
	for (int i = 0; i < T; i++) {
		for (int j = 0; j < T; j++)
			head->f[i][j] += ((i == j ? p[i] : 0) - p[i] * p[j]) / (SEQUENCES * T);
		if (p[i] > 0)
			head->entropy -= p[i] * log(p[i]) / (SEQUENCES * T);
	}
}

static void check_head(struct head *head, const struct fim_item *item, int h)
{
	double trace = 0, norm = 0;

	for (int i = 0; i < T; i++) {
		trace += head->f[i][i];
		for (int j = 0; j < T; j++)
			norm += head->f[i][j] * head->f[i][j];
	}
	ck_assert_double_eq_tol(fim_value(item, FIM_TRACE, h), trace, 1e-5);
	ck_assert_double_eq_tol(fim_value(item, FIM_RANK, h), trace * trace / norm, 1e-4);
	ck_assert_double_eq_tol(fim_value(item, FIM_LARGEST, h), jacobi(head->f), 1e-5);
	ck_assert_double_eq_tol(fim_value(item, FIM_ENTROPY, h), head->entropy, 1e-4);
}

static int next_attention(const struct graph *g, int from)
{
	while (from < g->nr_nodes && strcmp(g->nodes[from]->op->name, "attention"))
		from++;
	return from;
}

/* GQA and rope, positions learned, a window with QK-norm, scaled angles. */
START_TEST(attention)
{
	static const char *const models[] = { "llama", "gpt2", "gemma3", "llama3" };
	static struct head heads[8][8];
	struct brute b;
	struct toy t;
	struct fim *f;
	double p[T];

	memset(heads, 0, sizeof(heads));
	toy_begin(&t, models[_i], T, SEQUENCES);
	check_ok(toy_try(&t, "FIM_UNIT=attention FIM_SEQUENCES=3", T, 1 << FIM_DIAGONAL,
			 FIM_SHRINK_NONE, "f.st"));
	f = toy_open(&t, "f.st");
	ck_assert_str_eq(f->facts.labels, "none");
	brute_begin(&b, &t);
	for (int s = 0; s < SEQUENCES; s++) {
		brute_sample(&b, &t, s);
		brute_run(&b, b.labels);
		for (int l = 0, at = 0; l < f->nr; l++, at++) {
			at = next_attention(b.g, at);
			for (int h = 0; h < f->item[l].n[0]; h++)
				for (int i = 0; i < T; i++) {
					brute_row(&b, b.g->nodes[at], h, i, p);
					add_row(&heads[l][h], p);
				}
		}
	}
	ck_assert_int_eq(f->nr, b.m->spec.layers);
	for (int l = 0; l < f->nr; l++)
		for (int h = 0; h < f->item[l].n[0]; h++)
			check_head(&heads[l][h], &f->item[l], h);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

static int fetch_zero(void *ctx, size_t offset, size_t len, void *to)
{
	memset(to, 0, len);
	return 0;
}

static int fetch_view(void *ctx, size_t offset, size_t len, void *to)
{
	const struct st_view *v = ctx;

	memcpy(to, (const char *)v->data + offset, len);
	return 0;
}

/* A copy of the model, its configuration as @config, or its own if that is NULL. */
static void copy_model(struct toy *t, const char *config, bool queries)
{
	char *from = path_join(t->model, "model.safetensors"), *dir = path_join(t->scratch, "copy");
	char *to = path_join(dir, "model.safetensors");
	char *own = path_join(t->model, "config.json"), *text;
	struct tensor_entry e[64] = { 0 };
	struct st *st;
	size_t len;

	check_ok(dir_make(dir));
	check_ok(file_read_all(own, 1 << 20, &text, &len));
	write_text(dir, "config.json", config ? config : text);
	check_ok(st_open(from, &st));
	ck_assert_uint_le(st_count(st), 64);
	for (size_t i = 0; i < st_count(st); i++) {
		const struct st_view *v = st_at(st, i);
		bool zero = !queries && strstr(v->name, "q_proj");

		e[i] = (struct tensor_entry){
			.name = v->name, .dtype = v->dtype, .nd = v->nd, .ctx = (void *)v,
			.fetch = zero ? fetch_zero : fetch_view,
		};
		memcpy(e[i].shape, v->shape, sizeof(v->shape));
	}
	check_ok(st_write(to, e, st_count(st), NULL, 0, NULL));
	st_close(st);
	free(text);
	free(from);
	free(to);
	free(own);
	free(t->model);
	t->model = dir;
}

/* More than any machine has is refused before any of it is taken. */
START_TEST(too_large)
{
	static const char config[] = "{\"model_type\":\"llama\",\"num_hidden_layers\":2,"
		"\"num_attention_heads\":2,\"num_key_value_heads\":1,\"hidden_size\":16,"
		"\"intermediate_size\":24,\"max_position_embeddings\":1000000,"
		"\"rms_norm_eps\":1e-05,\"vocab_size\":12}";
	struct toy t;

	toy_begin(&t, "llama", 1000000, 1);
	copy_model(&t, config, true);
	check_fails(toy_try(&t, "FIM_UNIT=attention FIM_SEQUENCES=1", 0, 1 << FIM_DIAGONAL,
			    FIM_SHRINK_NONE, "f.st"), -ENOMEM, "this estimate needs ");
	CHECK(message_has("a shorter --context"));
	ck_assert_uint_eq(t.dev->bytes_peak, 0);
	toy_end(&t);
}
END_TEST

/* Uniform rows: 1 - H_T / T, and entropy (1/T) sum ln i. */
START_TEST(uniform)
{
	static const int lengths[] = { 1, 2, 12, 64, 128 };
	int length = lengths[_i];
	double harmonic = 0, entropy = 0;
	struct toy t;
	struct fim *f;

	toy_begin(&t, "llama", length, 4);
	copy_model(&t, NULL, false);
	for (int i = 1; i <= length; i++) {
		harmonic += 1.0 / i;
		entropy += log(i) / length;
	}
	check_ok(toy_try(&t, "FIM_UNIT=attention FIM_SEQUENCES=4", length, 1 << FIM_DIAGONAL,
			 FIM_SHRINK_NONE, "f.st"));
	f = toy_open(&t, "f.st");
	for (int l = 0; l < f->nr; l++)
		for (int h = 0; h < f->item[l].n[0]; h++) {
			ck_assert_double_eq_tol(fim_value(&f->item[l], FIM_TRACE, h),
						1 - harmonic / length, 1e-7);
			ck_assert_double_eq_tol(fim_value(&f->item[l], FIM_ENTROPY, h), entropy,
						1e-6);
		}
	fim_close(f);
	toy_end(&t);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, kfac, 0, 3);
	tcase_add_loop_test(tc, attention, 0, 4);
	tcase_add_loop_test(tc, uniform, 0, 5);
	tcase_add_test(tc, too_large);
}
TEST_REGISTER(fim_factors, add);
