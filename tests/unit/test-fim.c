// SPDX-License-Identifier: MIT
/*
 * Estimators of Fisher information against brute force: gradients one by one, by the op's
 * oracles in fp64, squared and averaged here.
 */
#include <math.h>

#include "base/rng.h"
#include "tests/unit/fim-brute.h"

#define WINDOWS 6
#define TOLERANCE 1e-5		/* of a tensor's norm, for models of up to four layers */

static void only(int32_t *labels, int position, int32_t label)
{
	for (int i = 0; i < T; i++)
		labels[i] = i == position ? label : -1;
}

static void add_squares(struct brute *b, double factor)
{
	for (int i = 0; i < b->m->nr_params; i++)
		for (int64_t k = 0; k < brute_count(b, i); k++)
			b->sum[i][k] += factor * brute_grad(b, i)[k] * brute_grad(b, i)[k];
}

/* Where element @k of a parameter lies in the file. */
static int64_t in_file(const struct param_info *p, int64_t k)
{
	return p->transposed && p->nd == 2 ? k % p->n[1] * p->n[0] + k / p->n[1] : k;
}

/* ||file - brute|| / ||brute|| */
static double distance(const struct brute *b, int i, const struct fim_item *item)
{
	double off = 0, norm = 0;

	for (int64_t k = 0; k < brute_count(b, i); k++) {
		double want = b->sum[i][k];
		double d = fim_value(item, FIM_DIAGONAL, in_file(&b->m->params[i], k)) - want;

		off += d * d;
		norm += want * want;
	}
	return norm > 0 ? sqrt(off / norm) : sqrt(off);
}

/* Gradients in fp32 have passed through all layers. */
static double tolerance(const struct brute *b)
{
	return TOLERANCE * fmax(1, b->m->spec.layers / 4.0);
}

static void check_all(const struct brute *b, const struct fim *f)
{
	ck_assert_int_eq(f->nr, b->m->nr_params);
	for (int i = 0; i < b->m->nr_params; i++) {
		const struct fim_item *item = fim_find(f, b->m->params[i].name);
		double d;

		CHECK(item);
		d = distance(b, i, item);
		ck_assert_msg(d < tolerance(b), "%s: %g", item->name, d);
	}
}

static const char *const models[] = { "llama", "gpt2", "gemma3", "qwen3", "llama.gguf" };
#define NR_MODELS ((int)(sizeof(models) / sizeof(models[0])))

/* Each token by itself: the mean of its squares. */
START_TEST(tokens)
{
	struct brute b;
	struct toy t;
	struct fim *f;
	int32_t labels[T];

	toy_begin(&t, models[_i], T, WINDOWS);
	f = toy_estimate(&t, "FIM_UNIT=token FIM_SEQUENCES=3 FIM_POSITIONS=12", T);
	brute_begin(&b, &t);
	for (int s = 0; s < 3; s++) {
		brute_sample(&b, &t, s);
		for (int p = 0; p < T; p++) {
			only(labels, p, b.labels[p]);
			brute_run(&b, labels);
			add_squares(&b, 1.0 / (3 * T));
		}
	}
	check_all(&b, f);
	ck_assert_int_eq(f->facts.tokens, 3 * T);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

/* Some of the positions: those that the seed draws, each at most once. */
START_TEST(positions_of_tokens)
{
	struct rng r = rng_stream(7, "fim/positions", 0);
	struct brute b;
	struct toy t;
	struct fim *f;
	int32_t labels[T];
	unsigned int seen = 0;

	toy_begin(&t, "llama", T, WINDOWS);
	f = toy_estimate(&t, "FIM_UNIT=token FIM_SEQUENCES=1 FIM_POSITIONS=5 FIM_SEED=7", T);
	brute_begin(&b, &t);
	brute_sample(&b, &t, 0);
	for (int k = 0; k < 5; k++) {
		int p = (int)rng_permute(&r, k, T);

		CHECK(!(seen & 1U << p));
		seen |= 1U << p;
		only(labels, p, b.labels[p]);
		brute_run(&b, labels);
		add_squares(&b, 0.2);
	}
	check_all(&b, f);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

static void check_sequences(const char *model, int nr, int windows)
{
	struct brute b;
	struct toy t;
	struct fim *f;
	char settings[64];

	snprintf(settings, sizeof(settings), "FIM_UNIT=sequence FIM_SEQUENCES=%d", nr);
	toy_begin(&t, model, T, windows);
	f = toy_estimate(&t, settings, T);
	brute_begin(&b, &t);
	for (int s = 0; s < nr; s++) {
		brute_sample(&b, &t, s);
		brute_run(&b, b.labels);
		add_squares(&b, 1.0 / (nr * T));
	}
	check_all(&b, f);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}

START_TEST(sequences)
{
	check_sequences(models[_i], 5, WINDOWS);
}
END_TEST

/* Thousands of squares, in blocks: no digits are lost on the way. */
START_TEST(many_sequences)
{
	check_sequences("llama", 2500, 2500);
}
END_TEST

/* B T (gradient of the mean over B T tokens)^2, mean over batches. */
START_TEST(batches)
{
	double *mean[256];
	struct brute b;
	struct toy t;
	struct fim *f;

	toy_begin(&t, models[_i], T, WINDOWS);
	f = toy_estimate(&t, "FIM_UNIT=batch FIM_SEQUENCES=6 FIM_BATCH=3", T);
	brute_begin(&b, &t);
	for (int first = 0; first < 6; first += 3) {
		for (int i = 0; i < b.m->nr_params; i++)
			mean[i] = calloc(brute_count(&b, i), sizeof(double));
		for (int s = first; s < first + 3; s++) {
			brute_sample(&b, &t, s);
			brute_run(&b, b.labels);
			for (int i = 0; i < b.m->nr_params; i++)
				for (int64_t k = 0; k < brute_count(&b, i); k++)
					mean[i][k] += brute_grad(&b, i)[k] / (3 * T);
		}
		for (int i = 0; i < b.m->nr_params; i++) {
			for (int64_t k = 0; k < brute_count(&b, i); k++)
				b.sum[i][k] += 3 * T * mean[i][k] * mean[i][k] / 2;
			free(mean[i]);
		}
	}
	check_all(&b, f);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

/* ---- position ----------------------------------------------------------------------- */

/* In the last block only keys and values are read by later positions. */
static bool is_exact(const struct model *m, const char *name)
{
	static const char *const parts[] = { "mlp", "self_attn.q", "self_attn.o",
					     "attn.c_proj" };
	char last[64];

	for (int i = 0; i < 4; i++) {
		snprintf(last, sizeof(last), ".%d.%s", m->spec.layers - 1, parts[i]);
		if (strstr(name, last))
			return true;
	}
	return !strcmp(name, "lm_head.weight");
}

/*
 * In the last block's MLP, and in the head, what a position contributes is the gradient of
 * its own loss and no other; below, later losses are in it.
 */
START_TEST(position)
{
	struct brute b;
	struct toy t;
	struct fim *f;
	int32_t labels[T];
	int exact = 0, other = 0;

	toy_begin(&t, models[_i], T, WINDOWS);
	f = toy_estimate(&t, "FIM_UNIT=position FIM_SEQUENCES=3", T);
	brute_begin(&b, &t);
	for (int s = 0; s < 3; s++) {
		brute_sample(&b, &t, s);
		for (int p = 0; p < T; p++) {
			only(labels, p, b.labels[p]);
			brute_run(&b, labels);
			add_squares(&b, 1.0 / (3 * T));
		}
	}
	for (int i = 0; i < b.m->nr_params; i++) {
		const struct param_info *p = &b.m->params[i];
		const struct fim_item *item = fim_find(f, p->name);
		double d;

		ck_assert_int_eq(item != NULL, p->kind == WEIGHT_MATRIX || p->kind == WEIGHT_HEAD);
		if (!item)
			continue;
		d = distance(&b, i, item);
		if (is_exact(b.m, p->name)) {
			exact++;
			ck_assert_msg(d < tolerance(&b), "%s: %g", p->name, d);
		} else {
			other++;
			ck_assert_msg(d > 1e-3, "%s: %g is hardly different", p->name, d);
		}
	}
	ck_assert_int_ge(exact, b.m->spec.tied ? 3 : 5);
	ck_assert_int_ge(other, 2);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
}
END_TEST

/* ---- sampled labels ------------------------------------------------------------------ */

/* struct moments - of the sum of a tensor's squares, over the vocabulary, exact. */
struct moments {
	double mean[256], variance[256];	/* of one draw */
};

/* Over all labels of all positions of sample 0: E and Var of (1/T) sum_t |g_t|^2. */
static void exact_moments(struct brute *b, struct moments *m)
{
	int32_t labels[T];

	memset(m, 0, sizeof(*m));
	for (int p = 0; p < T; p++) {
		double mean[256] = { 0 }, square[256] = { 0 }, all = 0;

		for (int y = 0; y < FIM_VOCAB; y++) {
			double prob;

			only(labels, p, y);
			brute_run(b, labels);
			prob = exp(-b->values[b->losses->id][p]);
			all += prob;
			for (int i = 0; i < b->m->nr_params; i++) {
				double sq = 0;

				for (int64_t k = 0; k < brute_count(b, i); k++)
					sq += brute_grad(b, i)[k] * brute_grad(b, i)[k];
				mean[i] += prob * sq;
				square[i] += prob * sq * sq;
			}
		}
		ck_assert_double_eq_tol(all, 1, 1e-9);
		for (int i = 0; i < b->m->nr_params; i++) {
			m->mean[i] += mean[i] / T;
			m->variance[i] += (square[i] - mean[i] * mean[i]) / (T * T);
		}
	}
}

static double sum_of(const struct fim *f, const char *name)
{
	const struct fim_item *item = fim_find(f, name);
	double sum = 0;

	CHECK(item);
	for (int64_t i = 0; i < fim_count(item, FIM_DIAGONAL); i++)
		sum += fim_value(item, FIM_DIAGONAL, i);
	return sum;
}

#define Z_MOST 5.0	/* of two or three dozen normal numbers: once in 50,000 draws of a seed */

/* The sums of all tensors against their exact expectation and deviation. */
START_TEST(sampled_tokens)
{
	const int draws = 400;
	struct moments m;
	struct brute b;
	struct toy t;
	struct fim *f;
	char *set = str_printf("FIM_UNIT=token FIM_LABELS=sampled FIM_SEQUENCES=1 "
			       "FIM_POSITIONS=%d FIM_DRAWS=%d", T, draws);

	toy_begin(&t, models[_i], T, 1);
	f = toy_estimate(&t, set, T);
	brute_begin(&b, &t);
	brute_sample(&b, &t, 0);
	exact_moments(&b, &m);
	for (int i = 0; i < b.m->nr_params; i++) {
		double z = (sum_of(f, b.m->params[i].name) - m.mean[i]) /
			   sqrt(m.variance[i] / draws);

		ck_assert_msg(fabs(z) < Z_MOST, "%s: z = %g", b.m->params[i].name, z);
	}
	ck_assert_int_eq(f->facts.squares, (int64_t)T * draws);
	fim_close(f);
	brute_end(&b);
	toy_end(&t);
	free(set);
}
END_TEST

#define SEEDS 12
#define T_MOST 9.0	/* Student's t with 11 degrees of freedom: p = 2e-6 */

/*
 * Whole sequences, and batches, have the same expectation: cross terms vanish.  Their
 * deviation is taken from several seeds; there is one window, so that all see the same text.
 */
START_TEST(sampled_sequences)
{
	static double sums[256][SEEDS];
	struct moments m;
	struct brute b;
	struct toy t;
	struct fim *f;

	toy_begin(&t, "llama", T, 1);
	brute_begin(&b, &t);
	for (int s = 0; s < SEEDS; s++) {
		char *set = str_printf("FIM_UNIT=%s FIM_BATCH=1 FIM_LABELS=sampled "
				       "FIM_SEQUENCES=1 FIM_DRAWS=300 FIM_SEED=%d",
				       _i ? "batch" : "sequence", s);

		f = toy_estimate(&t, set, T);
		for (int i = 0; i < b.m->nr_params; i++)
			sums[i][s] = sum_of(f, b.m->params[i].name);
		fim_close(f);
		free(set);
	}
	brute_sample(&b, &t, 0);
	exact_moments(&b, &m);
	for (int i = 0; i < b.m->nr_params; i++) {
		double mean = 0, var = 0, student;

		for (int s = 0; s < SEEDS; s++)
			mean += sums[i][s] / SEEDS;
		for (int s = 0; s < SEEDS; s++)
			var += (sums[i][s] - mean) * (sums[i][s] - mean) / (SEEDS - 1);
		student = (mean - m.mean[i]) / sqrt(var / SEEDS);
		ck_assert_msg(fabs(student) < T_MOST, "%s: t = %g", b.m->params[i].name, student);
		/* ... and it could have been found wrong: a tenth off is beyond the bound. */
		ck_assert_msg(0.1 * m.mean[i] > 3 * sqrt(var / SEEDS), "%s: too few draws",
			      b.m->params[i].name);
	}
	brute_end(&b);
	toy_end(&t);
}
END_TEST

/* Labels follow from seed, draw, sample and position: units see the same ones. */
START_TEST(labels_are_those_of_the_position)
{
	struct fim *token, *sequence;
	struct toy t;
	double a, b;

	toy_begin(&t, "llama", T, 1);
	check_ok(toy_try(&t, "FIM_UNIT=token FIM_LABELS=sampled FIM_SEQUENCES=1 FIM_POSITIONS=12",
			 T, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE, "token.st"));
	a = t.job.loss;
	check_ok(toy_try(&t, "FIM_UNIT=position FIM_LABELS=sampled FIM_SEQUENCES=1", T,
			 1 << FIM_DIAGONAL, FIM_SHRINK_NONE, "position.st"));
	b = t.job.loss;
	ck_assert_double_eq_tol(a, b, 1e-6);
	token = toy_open(&t, "token.st");
	sequence = toy_open(&t, "position.st");
	a = sum_of(token, "lm_head.weight");
	b = sum_of(sequence, "lm_head.weight");
	ck_assert_double_eq_tol(a, b, 1e-5 * a);
	fim_close(token);
	fim_close(sequence);
	toy_end(&t);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------- */

/* What was planned is what is taken. */
START_TEST(memory)
{
	static const char *const sets[] = {
		"FIM_UNIT=sequence FIM_SEQUENCES=4", "FIM_UNIT=position FIM_SEQUENCES=4",
		"FIM_UNIT=batch FIM_SEQUENCES=4 FIM_BATCH=2",
		"FIM_UNIT=token FIM_SEQUENCES=4 FIM_LABELS=sampled",
	};
	struct toy t;

	toy_begin(&t, "qwen3", T, WINDOWS);
	check_ok(toy_try(&t, sets[_i], T, 1 << FIM_DIAGONAL | 1 << FIM_HALF, FIM_SHRINK_NONE,
			 "f.st"));
	ck_assert_uint_eq(t.dev->bytes_peak, t.job.memory);
	ck_assert_uint_eq(t.dev->bytes_used, 0);
	toy_end(&t);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, tokens, 0, NR_MODELS);
	tcase_add_test(tc, positions_of_tokens);
	tcase_add_loop_test(tc, sequences, 0, NR_MODELS);
	tcase_add_test(tc, many_sequences);
	tcase_add_loop_test(tc, batches, 0, NR_MODELS);
	tcase_add_loop_test(tc, position, 0, NR_MODELS);
	tcase_add_loop_test(tc, sampled_tokens, 0, 2);
	tcase_add_loop_test(tc, sampled_sequences, 0, 2);
	tcase_add_test(tc, labels_are_those_of_the_position);
	tcase_add_loop_test(tc, memory, 0, 4);
}
TEST_REGISTER(fim_estimate, add);
