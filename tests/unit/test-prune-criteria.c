// SPDX-License-Identifier: MIT
/*
 * Scores against their formulas, written once more in fp64, in one table.
 */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/thread.h"
#include "prune/choose.h"
#include "prune/mask.h"
#include "tensor/dtype.h"
#include "tests/unit/test.h"

#define ROWS 37
#define COLS 53
#define NR (ROWS * COLS)

/* One of each input, with values as they are in a trained model. */
struct sample {
	float in[PRUNE_FLAT][NR], norm[COLS];
	double inverse_a[COLS], inverse_g[ROWS];
	struct prune_tensor t;
	struct prune_choice c;
	uint64_t *mask;
};

static void sample_make(struct sample *s)
{
	struct rng r = rng_stream(5, "test/sample", 0);

	memset(s, 0, sizeof(*s));
	s->t = (struct prune_tensor){ .name = "w", .rows = ROWS, .cols = COLS, .sparsity = 0.5,
				      .norm = s->norm, .inverse_a = s->inverse_a,
				      .inverse_g = s->inverse_g };
	for (int i = 0; i < PRUNE_FLAT; i++) {
		s->t.in[i] = s->in[i];
		for (int k = 0; k < NR; k++)
			s->in[i][k] = 0.02f * rng_normal(&r, i * NR + k);
	}
	for (int k = 0; k < NR; k++) {
		s->in[PRUNE_EXP_AVG][k] *= 1e-2f;
		s->in[PRUNE_EXP_AVG_SQ][k] = expf(2 * rng_normal(&r, 9 * NR + k) - 18);
		s->in[PRUNE_FISHER][k] = fabsf(s->in[PRUNE_FISHER][k]);
	}
	s->in[PRUNE_WEIGHT][5] = 0;
	s->in[PRUNE_EXP_AVG_SQ][6] = 0;
	for (int k = 0; k < COLS; k++) {
		s->norm[k] = fabsf(rng_normal(&r, 10 * NR + k));
		s->inverse_a[k] = 1 + s->norm[k];
	}
	for (int k = 0; k < ROWS; k++)
		s->inverse_g[k] = 2 + fabsf(rng_normal(&r, 11 * NR + k));
	s->mask = s->t.mask = mask_new(NR);
	s->c.values = (struct score_values){ 1, 859008, 0.25, 1e-11 };
	s->c.scope = PRUNE_TENSOR;
}

static double half(double x)
{
	return f16_to_f32(f32_to_f16((float)x));
}

/* What the criterion @name is, in fp64 from its definition. */
static double formula(const struct sample *s, const char *name, int k)
{
	double w = s->in[PRUNE_WEIGHT][k], m = s->in[PRUNE_EXP_AVG][k];
	double v = s->in[PRUNE_EXP_AVG_SQ][k], sign = (w > 0) - (w < 0);

	if (!strcmp(name, "bitter0"))
		return fabs(w * m) * fabs(w) / (sqrt(v) + 1e-8);
	if (!strcmp(name, "bitter3") || !strcmp(name, "bitter4"))
		return fabs(w) * sqrt(fabs(m) + 1e-8);
	if (!strcmp(name, "bitter5"))
		return sign * m / (sqrt(v) + 1e-8) + 0.1 * fabs(w);
	if (!strcmp(name, "bitter6"))
		return fabs(w) * sqrt(fabs(m) + 1e-8) * sqrt(m * m / (v + 1e-8));
	if (!strcmp(name, "bitter7"))
		return fabs(w) * pow(v + 1e-8, 0.25);
	if (!strcmp(name, "bitter7_eps"))
		return fabs(w) * pow(v + 1e-8 * 124.4e6 / 859008, 0.25);
	if (!strcmp(name, "bitter8") || !strcmp(name, "bitter9"))
		return half(half(fabs(w)) *
			    half(1 / sqrt(half(1 / sqrt(half(half(v) + 1e-5))))));
	if (!strcmp(name, "scale_free"))
		return fabs(w) * pow(v + 1e-11, s->c.values.power);
	if (!strcmp(name, "movement"))
		return s->in[PRUNE_MOVEMENT][k];
	if (!strcmp(name, "movement_w0"))
		return w * (w - s->in[PRUNE_INITIAL][k]);
	if (!strcmp(name, "obd"))
		return w * w * s->in[PRUNE_FISHER][k];
	if (!strcmp(name, "gradient"))
		return fabs(s->in[PRUNE_GRADIENT][k]);
	if (!strcmp(name, "wanda"))
		return fabs(w) * s->norm[k % COLS];
	if (!strcmp(name, "obs_kfac"))
		return w * w / (s->inverse_g[k / COLS] * s->inverse_a[k % COLS]);
	return fabs(w);		/* magnitude, bitter1, bitter2 */
}

/* At most 8 roundings of f32; halves are exact, but for what lies between two of them. */
static void check_formula(struct sample *s, const struct criterion *k)
{
	bool is_half = !strcmp(k->name, "bitter8") || !strcmp(k->name, "bitter9");
	double u = is_half ? 0x1p-11 : 0x1p-24;
	float score[NR];

	s->c.criterion = k;
	check_ok(prune_scores(&s->c, &s->t, score));
	CHECK(!s->t.not_finite);
	for (int i = 0; i < NR; i++) {
		double want = formula(s, k->name, i);
		double scale = !strcmp(k->name, "bitter5") || !strcmp(k->name, "movement_w0")
			     ? 1 + fabs(want) : fabs(want);

		ck_assert_msg(fabs(score[i] - want) <= 8 * u * scale + 1e-44,
			      "%s %d: %.9g, not %.9g", k->name, i, score[i], want);
		CHECK(score[i] >= s->t.low && score[i] <= s->t.high);
	}
}

static void prune_criteria_formulas(void)
{
	static const double powers[] = { 0, 0.25, 0.5, 0.33 };
	struct sample *s = malloc(sizeof(*s));
	const struct criterion *k;

	sample_make(s);
	registry_for_each(criterion_table(), k) {
		if (!k->score || !strcmp(k->name, "random"))
			continue;
		for (int i = 0; i < 4; i++) {
			s->c.values.power = powers[i];
			check_formula(s, k);
		}
	}
	free(s->mask);
	free(s);
}
TEST_REGISTER(prune_criteria_formulas);

static void scores_of(struct sample *s, const char *name, float *score)
{
	s->c.criterion = criterion_find(name);
	CHECK(s->c.criterion);
	check_ok(prune_scores(&s->c, &s->t, score));
}

/* q = 0 is magnitude bit for bit; so are the names under which it was published. */
static void prune_criteria_magnitude(void)
{
	static const char *const same[] = { "bitter1", "bitter2", "scale_free" };
	struct sample *s = malloc(sizeof(*s));
	float want[NR], got[NR];

	sample_make(s);
	s->c.values.power = 0;
	scores_of(s, "magnitude", want);
	for (int i = 0; i < 3; i++) {
		scores_of(s, same[i], got);
		CHECK(!memcmp(want, got, sizeof(want)));
	}
	scores_of(s, "bitter8", want);
	scores_of(s, "bitter9", got);
	CHECK(!memcmp(want, got, sizeof(want)));
	free(s->mask);
	free(s);
}
TEST_REGISTER(prune_criteria_magnitude);

/*
 * A weight that grows in a few steps of gradient descent is kept by movement, one that
 * shrinks is dropped; bitter5 does the opposite, as its note says.
 */
static void prune_criteria_signs(void)
{
	const float target[4] = { 2, 0.1f, -2, -0.1f };
	float w[4] = { 1, 1, -1, -1 }, w0[4] = { 1, 1, -1, -1 }, moved[4] = { 0 };
	float m[4] = { 0 }, v[4] = { 0 }, score[4];
	uint64_t *mask = mask_new(4);
	struct prune_tensor t = { .name = "w", .rows = 1, .cols = 4, .sparsity = 0.5,
				  .mask = mask };
	struct prune_choice c = { .scope = PRUNE_TENSOR };
	static const struct {
		const char *name;
		bool keeps_growing;
	} wants[] = { { "movement", true }, { "movement_w0", true }, { "bitter5", false } };

	for (int step = 0; step < 10; step++)
		for (int i = 0; i < 4; i++) {
			float g = w[i] - target[i];

			moved[i] -= w[i] * g;
			m[i] = 0.9f * m[i] + 0.1f * g;
			v[i] = 0.99f * v[i] + 0.01f * g * g;
			w[i] -= 0.05f * g;
		}
	t.in[PRUNE_WEIGHT] = w;
	t.in[PRUNE_INITIAL] = w0;
	t.in[PRUNE_MOVEMENT] = moved;
	t.in[PRUNE_EXP_AVG] = m;
	t.in[PRUNE_EXP_AVG_SQ] = v;
	for (int k = 0; k < 3; k++) {
		c.criterion = criterion_find(wants[k].name);
		check_ok(prune_scores(&c, &t, score));
		check_ok(prune_choose(&c, &t, 1));
		CHECK(mask_get(mask, 0) == wants[k].keeps_growing);
		CHECK(mask_get(mask, 1) != wants[k].keeps_growing);
		CHECK(mask_get(mask, 2) == wants[k].keeps_growing);
		CHECK(mask_get(mask, 3) != wants[k].keeps_growing);
	}
	free(mask);
}
TEST_REGISTER(prune_criteria_signs);

/* Random masks: another for each seed and tensor, and sparser ones inside denser ones. */
static void prune_criteria_random(void)
{
	struct sample *s = malloc(sizeof(*s));
	uint64_t *dense = mask_new(NR), *other = mask_new(NR);

	sample_make(s);
	s->c.criterion = criterion_find("random");
	s->t.mask = dense;
	s->t.sparsity = 0.3;
	check_ok(prune_choose(&s->c, &s->t, 1));
	s->t.mask = s->mask;
	s->t.sparsity = 0.6;
	check_ok(prune_choose(&s->c, &s->t, 1));
	CHECK(!mask_regrown(dense, s->mask, NR));
	s->t.mask = other;
	s->c.values.seed = 2;
	check_ok(prune_choose(&s->c, &s->t, 1));
	CHECK(mask_changed(s->mask, other, NR) > NR / 4);
	s->c.values.seed = 1;
	s->t.name = "v";
	check_ok(prune_choose(&s->c, &s->t, 1));
	CHECK(mask_changed(s->mask, other, NR) > NR / 4);
	free(dense);
	free(other);
	free(s->mask);
	free(s);
}
TEST_REGISTER(prune_criteria_random);

/* ---- scopes ---------------------------------------------------------------------------- */

#define TENSORS 5

struct set {
	float *w[TENSORS];
	struct prune_tensor t[TENSORS];
};

static void set_make(struct set *s)
{
	static const int64_t shape[TENSORS][2] = {
		{ 31, 64 }, { 64, 32 }, { 17, 40 }, { 200, 64 }, { 3, 1000 },
	};
	static const char *const names[TENSORS] = { "a", "b", "c", "d", "e" };
	struct rng r = rng_stream(8, "test/set", 0);

	for (int i = 0; i < TENSORS; i++) {
		int64_t nr = shape[i][0] * shape[i][1];

		s->w[i] = malloc(nr * sizeof(float));
		for (int64_t k = 0; k < nr; k++)
			s->w[i][k] = (i + 1) * rng_normal(&r, i * 100000 + k);
		s->t[i] = (struct prune_tensor){ .name = names[i], .layer = i / 2,
						 .rows = shape[i][0], .cols = shape[i][1],
						 .sparsity = 0.37, .mask = mask_new(nr) };
		s->t[i].in[PRUNE_WEIGHT] = s->w[i];
	}
}

static void set_free(struct set *s)
{
	for (int i = 0; i < TENSORS; i++) {
		free(s->w[i]);
		free(s->t[i].mask);
	}
}

static int64_t dropped(const struct prune_tensor *t)
{
	return prune_tensor_count(t) - mask_kept(t->mask, prune_tensor_count(t));
}

/* The scope that tensor @i belongs to: the first tensor of it. */
static int scope_of(int scope, int i)
{
	return scope == PRUNE_GLOBAL ? 0 : scope == PRUNE_BLOCK ? i / 2 * 2 : i;
}

/* To one weight per scope. */
static void prune_choose_scopes(void)
{
	struct prune_choice c = { .criterion = criterion_find("magnitude") };
	struct set s;

	set_make(&s);
	for (int scope = 0; scope < PRUNE_SCOPES; scope++) {
		int64_t all[TENSORS] = { 0 }, got[TENSORS] = { 0 }, want;

		c.scope = scope;
		check_ok(prune_choose(&c, s.t, TENSORS));
		for (int i = 0; i < TENSORS; i++) {
			all[scope_of(scope, i)] += prune_tensor_count(&s.t[i]);
			got[scope_of(scope, i)] += dropped(&s.t[i]);
		}
		for (int i = 0; i < TENSORS; i++) {
			want = (int64_t)floor(0.37 * all[i] + 1e-6);
			if (scope == PRUNE_ROW)
				want = s.t[i].rows * (int64_t)floor(0.37 * s.t[i].cols + 1e-6);
			CHECK(want == got[i]);
		}
	}
	set_free(&s);
}
TEST_REGISTER(prune_choose_scopes);

static void prune_choose_groups(void)
{
	struct prune_choice c = { .criterion = criterion_find("magnitude"), .keep = 2, .of = 4 };
	struct set s;

	set_make(&s);
	check_ok(prune_choose(&c, s.t, TENSORS));
	for (int i = 0; i < TENSORS; i++)
		for (int64_t at = 0; at < prune_tensor_count(&s.t[i]); at += 4) {
			int kept = 0;

			for (int k = 0; k < 4; k++)
				kept += mask_get(s.t[i].mask, at + k);
			CHECK(kept == 2);
		}
	c.of = 16;
	check_fails(prune_choose(&c, s.t, TENSORS), -EINVAL, "c: 2:16 does not divide its 40");
	set_free(&s);
}
TEST_REGISTER(prune_choose_groups);

static void prune_choose_threads(void)
{
	struct prune_choice c = { .criterion = criterion_find("random"), .scope = PRUNE_GLOBAL };
	uint64_t *first[TENSORS];
	struct set s;

	set_make(&s);
	for (int threads = 1; threads <= 4; threads *= 2) {
		check_ok(threads_start(threads));
		check_ok(prune_choose(&c, s.t, TENSORS));
		for (int i = 0; i < TENSORS; i++) {
			int64_t nr = prune_tensor_count(&s.t[i]);

			if (threads == 1) {
				first[i] = s.t[i].mask;
				s.t[i].mask = mask_new(nr);
			} else {
				CHECK(!mask_changed(first[i], s.t[i].mask, nr));
			}
		}
	}
	threads_stop();
	for (int i = 0; i < TENSORS; i++)
		free(first[i]);
	set_free(&s);
}
TEST_REGISTER(prune_choose_threads);

static void prune_choose_means(void)
{
	struct set s;
	double mean, median, sum = 0;
	int64_t nr = 0, below = 0;

	set_make(&s);
	check_ok(prune_mean(s.t, TENSORS, PRUNE_WEIGHT, &mean));
	check_ok(prune_median(s.t, TENSORS, PRUNE_WEIGHT, &median));
	for (int i = 0; i < TENSORS; i++)
		for (int64_t k = 0; k < prune_tensor_count(&s.t[i]); k++, nr++) {
			sum += s.w[i][k];
			below += s.w[i][k] < median;
		}
	CHECK(fabs(mean - sum / nr) < 1e-12);
	CHECK(below == (nr - 1) / 2);
	set_free(&s);
}
TEST_REGISTER(prune_choose_means);
