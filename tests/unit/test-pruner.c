// SPDX-License-Identifier: MIT
/*
 * Pruning in training against plain fp64 code: schedules, masks, updates, sums.
 */
#include <math.h>
#include <stdlib.h>

#include "prune/event.h"
#include "prune/mask.h"
#include "prune/schedule.h"
#include "tensor/segment.h"
#include "tests/unit/train-helper.h"
#include "train/pruner-internal.h"

/* ---- schedules ------------------------------------------------------------------------- */

static double share(enum prune_ramp ramp, int64_t step)
{
	const struct prune_schedule s = { .ramp = ramp, .start = 100, .end = 3000, .interval = 50 };

	return prune_schedule_share(&s, step);
}

static void schedule_shares(void)
{
	/* What a warm-up of 100 and a ramp to 3000 give for 50 %, to a tenth of a percent. */
	static const double late[][2] = { { 1000, 1.5 }, { 1500, 5.6 }, { 2000, 14.1 },
					  { 2500, 28.4 }, { 3000, 50 } };
	static const double zg[][2] = { { 1000, 33.6 }, { 1500, 43.1 }, { 2000, 48.0 },
					{ 2500, 49.7 }, { 3000, 50 } };

	for (int i = 0; i < 5; i++) {
		ck_assert_double_eq_tol(50 * share(RAMP_CUBIC_LATE, (int64_t)late[i][0]),
					late[i][1], 0.06);
		ck_assert_double_eq_tol(50 * share(RAMP_CUBIC_ZG, (int64_t)zg[i][0]), zg[i][1],
					0.06);
	}
	for (int64_t step = 0; step <= 4000; step += 25) {
		double p = step < 100 ? 0 : step > 3000 ? 1 : (double)(step - 100) / 2900;

		ck_assert_double_eq(share(RAMP_LINEAR, step), p);
		ck_assert_double_eq_tol(share(RAMP_CUBIC_LATE, step), pow(p, 3), 1e-15);
		ck_assert_double_eq_tol(share(RAMP_CUBIC_ZG, step), 1 - pow(1 - p, 3), 1e-15);
		ck_assert_double_eq(share(RAMP_ONE_SHOT, step), 1);
	}
}
TEST_REGISTER(schedule_shares);

static void schedule_steps(void)
{
	struct prune_schedule s = { .ramp = RAMP_LINEAR, .start = 10, .end = 33, .interval = 5 };
	int due = 0;

	for (int64_t step = 0; step < 60; step++)
		due += prune_schedule_is_due(&s, step);
	ck_assert_int_eq(due, 5);
	for (int64_t step = 15; step <= 30; step += 5)
		CHECK(prune_schedule_is_due(&s, step));
	CHECK(prune_schedule_is_due(&s, 33));
	CHECK(!prune_schedule_is_due(&s, 10));
	ck_assert_int_eq(prune_schedule_first(&s), 15);
	s.interval = 100;
	ck_assert_int_eq(prune_schedule_first(&s), 33);
	CHECK(prune_schedule_is_due(&s, 33) && !prune_schedule_is_due(&s, 32));
	s.ramp = RAMP_KEEP;
	CHECK(!prune_schedule_is_due(&s, 33));
}
TEST_REGISTER(schedule_steps);

/* ---- a replay ----------------------------------------------------------------------------- */

/* struct shadow - a tensor as plain fp64 code has it. */
struct shadow {
	int64_t nr;
	double *w, *m, *v, *moved, *score;
	float *g;
	bool *kept;
};

static float *read_array(struct trainer *t, int i, enum segment_kind kind)
{
	const struct param_info *info = pruned_param(t, i);
	const struct segment *s = t->model->segment[kind][info->group];
	int64_t nr = prune_tensor_count(&t->pruner->t[i]);
	float *x = malloc(nr * sizeof(*x));

	check_ok(device_read(s->buffer, s->views[info->view].at, x, nr * sizeof(*x)));
	return x;
}

static double *zeros(int64_t nr)
{
	double *x = calloc(nr, sizeof(*x));

	CHECK(x);
	return x;
}

static void shadow_begin(struct shadow *s, struct trainer *t, int i)
{
	s->nr = prune_tensor_count(&t->pruner->t[i]);
	s->w = zeros(s->nr);
	s->m = zeros(s->nr);
	s->v = zeros(s->nr);
	s->moved = zeros(s->nr);
	s->score = zeros(s->nr);
	s->kept = malloc(s->nr * sizeof(*s->kept));
	for (int64_t k = 0; k < s->nr; k++)
		s->kept[k] = true;
}

static void shadow_end(struct shadow *s)
{
	free(s->w);
	free(s->m);
	free(s->v);
	free(s->moved);
	free(s->score);
	free(s->kept);
}

static void take(double *to, struct trainer *t, int i, enum segment_kind kind)
{
	float *x = read_array(t, i, kind);

	for (int64_t k = 0; k < prune_tensor_count(&t->pruner->t[i]); k++)
		to[k] = x[k];
	free(x);
}

/* AdamW in fp64, from the state before the step and the gradient that the step left. */
static void shadow_step(struct shadow *s, struct trainer *t, int i, const struct step_result *r)
{
	const struct optim_group *group = &t->groups->group[pruned_param(t, i)->group];
	double b1 = config_float(t->cfg, PARAM_OPTIM_BETA1);
	double b2 = config_float(t->cfg, PARAM_OPTIM_BETA2);
	double limit = config_float(t->cfg, PARAM_OPTIM_CLIP);
	double clip = r->grad_norm > limit ? limit / r->grad_norm : 1;
	double c1 = 1 - pow(b1, (double)t->done), c2 = 1 - pow(b2, (double)t->done);

	s->g = read_array(t, i, SEG_GRAD);
	for (int64_t k = 0; k < s->nr; k++) {
		double g = s->g[k] * clip;

		if (t->done > t->pruner->schedule.start)
			s->moved[k] -= s->w[k] * s->g[k];
		s->m[k] = b1 * s->m[k] + (1 - b1) * g;
		s->v[k] = b2 * s->v[k] + (1 - b2) * g * g;
		s->w[k] -= r->lr * group->decay * s->w[k] +
			   r->lr * s->m[k] / c1 / (sqrt(s->v[k] / c2) +
						    config_float(t->cfg, PARAM_OPTIM_EPS));
		if (!s->kept[k])
			s->w[k] = s->m[k] = s->v[k] = 0;
	}
}

static double score(const char *criterion, const struct shadow *s, int64_t k)
{
	if (!strcmp(criterion, "magnitude"))
		return fabs(s->w[k]);
	if (!strcmp(criterion, "bitter7"))
		return fabs(s->w[k]) * pow(s->v[k] + 1e-8, 0.25);
	if (!strcmp(criterion, "movement"))
		return s->moved[k];
	return fabs(s->g[k]);	/* gradient */
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Those that fp32 may see the other way round are left to the program; the count is exact. */
static void check_mask(const char *criterion, struct shadow *s, struct trainer *t, int i,
		       double sparsity)
{
	const uint64_t *mask = t->pruner->t[i].mask;
	int64_t drop = (int64_t)(sparsity * (double)s->nr + 1e-6), near = 0, wrong = 0;
	double *sorted = zeros(s->nr), limit, slack;

	for (int64_t k = 0; k < s->nr; k++)
		sorted[k] = s->score[k] = score(criterion, s, k);
	qsort(sorted, s->nr, sizeof(*sorted), by_value);
	limit = sorted[drop];
	slack = 1e-4 * (fabs(limit) + sorted[s->nr - 1] * 1e-3);
	ck_assert_int_eq(mask_kept(mask, s->nr), s->nr - drop);
	for (int64_t k = 0; k < s->nr; k++) {
		s->kept[k] = mask_get(mask, k);
		if (fabs(s->score[k] - limit) <= slack)
			near++;
		else
			wrong += s->kept[k] != (s->score[k] > limit);
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_lt(near, s->nr / 20);
	free(sorted);
}

/* What is kept is what the update made of it; what is dropped is 0, and so are its moments. */
static void check_array(const double *want, const bool *kept, struct trainer *t, int i,
			enum segment_kind kind)
{
	int64_t nr = prune_tensor_count(&t->pruner->t[i]), wrong = 0;
	float *have = read_array(t, i, kind);
	double most = 0;

	for (int64_t k = 0; k < nr; k++)
		most = fmax(most, fabs(want[k]));
	for (int64_t k = 0; k < nr; k++) {
		if (kept[k])
			wrong += fabs(have[k] - want[k]) > 1e-5 * fabs(want[k]) + 1e-6 * most;
		else
			wrong += have[k] != 0 || signbit(have[k]);
	}
	ck_assert_int_eq(wrong, 0);
	free(have);
}

static void check_state(struct shadow *s, struct trainer *t, int i)
{
	check_array(s->w, s->kept, t, i, SEG_WEIGHT);
	check_array(s->m, s->kept, t, i, SEG_STATE);
	check_array(s->v, s->kept, t, i, SEG_STATE + 1);
	free(s->g);
}

static void replay_step(const char *criterion, struct shadow *s, struct lab *lab)
{
	struct pruner *p = lab->t->pruner;
	struct step_result r;
	double sparsity;

	for (int i = 0; i < p->nr; i++) {
		take(s[i].w, lab->t, i, SEG_WEIGHT);
		take(s[i].m, lab->t, i, SEG_STATE);
		take(s[i].v, lab->t, i, SEG_STATE + 1);
	}
	check_ok(trainer_step(lab->t, &r));
	sparsity = 0.6 * prune_schedule_share(&p->schedule, lab->t->done);
	for (int i = 0; i < p->nr; i++) {
		shadow_step(&s[i], lab->t, i, &r);
		if (trainer_event(lab->t))
			check_mask(criterion, &s[i], lab->t, i, sparsity);
		check_state(&s[i], lab->t, i);
	}
}

static const char *const replayed[] = { "magnitude", "bitter7", "movement", "gradient" };

START_TEST(replay)
{
	char *more = str_printf("TRAIN_TOKENS=5120 PRUNE_SCHEDULE=cubic_zg PRUNE_INTERVAL=3 "
				"PRUNE_SPARSITY=0.6 PRUNE_CRITERION=%s", replayed[_i]);
	struct shadow s[16];
	struct lab lab;
	int events = 0, nr;

	lab_begin(&lab, more, false);
	check_ok(trainer_start(lab.t, NULL));
	nr = lab.t->pruner->nr;
	ck_assert_int_eq(nr, 8);
	for (int i = 0; i < nr; i++)
		shadow_begin(&s[i], lab.t, i);
	for (int i = 0; i < 40; i++) {
		replay_step(replayed[_i], s, &lab);
		events += !!trainer_event(lab.t);
	}
	ck_assert_int_eq(events, 4);	/* steps 15, 18, 21 and 24 of 12 to 24 */
	for (int i = 0; i < nr; i++)
		shadow_end(&s[i]);
	lab_end(&lab);
	free(more);
}
END_TEST

/* ---- Fisher information -------------------------------------------------------------------- */

/* Squares of gradients of single sequences, from a trainer that sees one at a time. */
static void sum_squares(struct lab *one, struct trainer *t, int i, int nr, double *sum)
{
	struct step_result r;

	for (int s = 0; s < nr; s++) {
		float *g;

		one->t->done = t->done * t->shape.batch + s;
		check_ok(trainer_step(one->t, &r));
		g = read_array(one->t, i, SEG_GRAD);
		for (int64_t k = 0; k < prune_tensor_count(&t->pruner->t[i]); k++)
			sum[k] += (double)g[k] * g[k];
		free(g);
	}
}

static void copy_weights(struct trainer *to, struct trainer *from)
{
	for (int g = 0; g < from->groups->nr; g++) {
		struct segment *a = to->model->segment[SEG_WEIGHT][g];
		struct segment *b = from->model->segment[SEG_WEIGHT][g];
		void *host = malloc(b->bytes);

		check_ok(device_read(b->buffer, 0, host, b->bytes));
		check_ok(device_write(a->buffer, 0, host, b->bytes));
		free(host);
	}
}

#define SEQUENCES 5
#define PRUNED "TRAIN_TOKENS=5120 PRUNE_SCHEDULE=cubic_zg PRUNE_CRITERION=obd PRUNE_SEQUENCES=5"

/* At the first choice, of the weights that there were before it. */
START_TEST(fisher)
{
	struct lab pruned, plain, one;
	struct step_result r;
	double *sum;

	lab_begin(&pruned, PRUNED " PRUNE_INTERVAL=2", false);
	lab_begin(&plain, "TRAIN_TOKENS=5120", false);
	lab_begin(&one, PRUNED " TRAIN_BATCH=1 TRAIN_LR=0 TRAIN_MIN_LR=0 PRUNE_START=0.9 "
		  "PRUNE_END=1", false);
	check_ok(trainer_start(pruned.t, NULL));
	check_ok(trainer_start(plain.t, NULL));
	check_ok(trainer_start(one.t, NULL));
	for (int i = 0; i < 14; i++) {
		check_ok(trainer_step(pruned.t, &r));
		check_ok(trainer_step(plain.t, &r));
	}
	CHECK(trainer_event(pruned.t));
	for (int i = 0; i < pruned.t->pruner->nr; i++) {
		const struct prune_tensor *t = &pruned.t->pruner->t[i];
		int64_t nr = prune_tensor_count(t), drop = nr - mask_kept(t->mask, nr), wrong = 0;
		double *score = zeros(nr), *sorted = zeros(nr), *w = zeros(nr);

		sum = zeros(nr);
		copy_weights(one.t, plain.t);
		take(w, one.t, i, SEG_WEIGHT);
		sum_squares(&one, pruned.t, i, SEQUENCES, sum);
		for (int64_t k = 0; k < nr; k++)
			sorted[k] = score[k] = w[k] * w[k] * sum[k];
		qsort(sorted, nr, sizeof(*sorted), by_value);
		for (int64_t k = 0; k < nr; k++)
			wrong += mask_get(t->mask, k) != (score[k] >= sorted[drop]);
		ck_assert_int_gt(drop, nr / 8);
		ck_assert_int_le(wrong, nr / 200);
		free(score);
		free(sorted);
		free(w);
		free(sum);
	}
	lab_end(&one);
	lab_end(&plain);
	lab_end(&pruned);
}
END_TEST

/* ---- regrowth ---------------------------------------------------------------------------- */

/* Of what is new in the mask each has a larger gradient than all that stays out. */
START_TEST(regrowth)
{
	struct step_result r;
	struct lab lab;
	int64_t grown = 0;

	lab_begin(&lab, "TRAIN_TOKENS=5120 PRUNE_SCHEDULE=one_shot PRUNE_REGROW=0.2 "
		  "PRUNE_START=0.1 PRUNE_END=1 PRUNE_INTERVAL=4", false);
	check_ok(trainer_start(lab.t, NULL));
	for (int i = 0; i < 40; i++) {
		const struct prune_event *e;

		check_ok(trainer_step(lab.t, &r));
		e = trainer_event(lab.t);
		if (!e || i < 10)
			continue;
		grown += e->all.regrown;
		ck_assert_int_eq(e->all.kept, e->all.weights / 2);
		for (int k = 0; k < lab.t->pruner->nr; k++) {
			const struct prune_tensor *t = &lab.t->pruner->t[k];
			float *g = read_array(lab.t, k, SEG_GRAD), least = INFINITY, most = 0;

			for (int64_t n = 0; n < prune_tensor_count(t); n++) {
				bool was = mask_get(t->before, n), is = mask_get(t->mask, n);

				if (is && !was)
					least = fminf(least, fabsf(g[n]));
				else if (!is && !was)
					most = fmaxf(most, fabsf(g[n]));
			}
			CHECK(least >= most);
			free(g);
		}
	}
	ck_assert_int_gt(grown, 1000);
	lab_end(&lab);
}
END_TEST

/* ---- memory and refusals ----------------------------------------------------------------- */

static const char *const shapes[] = {
	"PRUNE_CRITERION=movement", "PRUNE_CRITERION=obd TRAIN_DEVICE=remote",
	"PRUNE_CRITERION=bitter7 TRAIN_DTYPE=bf16", "OPTIM_NAME=muon",
};

/* --dry-run knows what a trainer takes. */
START_TEST(memory)
{
	char *more = str_printf("PRUNE_SCHEDULE=linear %s", shapes[_i]);
	struct train_memory m;
	struct lab dry, wet;

	lab_begin(&dry, more, true);
	m = trainer_memory(dry.t);
	lab_end(&dry);
	lab_begin(&wet, more, false);
	ck_assert_uint_eq(wet.dev->bytes_used, train_memory_total(&m));
	lab_end(&wet);
	free(more);
}
END_TEST

static void refuses(const char *more, const char *why)
{
	struct lab lab;

	lab_begin(&lab, "", false);
	config_free(lab.cfg);
	trainer_free(lab.t);
	lab.t = NULL;
	lab_config(&lab, more);
	check_fails(trainer_new(lab.cfg, lab.data, lab.dev, false, &lab.t), -EINVAL, why);
	lab_end(&lab);
}

START_TEST(refused)
{
	refuses("PRUNE_SCHEDULE=linear PRUNE_END=0.3", "PRUNE_END=0.3 is step ");
	refuses("PRUNE_SCHEDULE=keep", "PRUNE_START=0.3 is to be 0");
	refuses("PRUNE_SCHEDULE=linear PRUNE_CRITERION=wanda", "it is for `knlp prune`");
	refuses("PRUNE_SCHEDULE=linear PRUNE_CRITERION=obs_kfac", "it is for `knlp prune`");
	refuses("PRUNE_SCHEDULE=linear PRUNE_ALLOC=owl", "PRUNE_ALLOC=owl looks at the inputs");
	refuses("PRUNE_SCHEDULE=linear PRUNE_SPARSITY=0.2,0.3", "a training has one sparsity");
	refuses("PRUNE_SCHEDULE=linear PRUNE_SPARSITY=2:5", "does not divide");
	refuses("PRUNE_SCHEDULE=linear PRUNE_SPARSITY=2:4 PRUNE_REGROW=0.1", "too small for it");
	refuses("PRUNE_SCHEDULE=linear PRUNE_CRITERION=bitter7 OPTIM_NAME=sgd",
		"reads exp_avg_sq, which optimizer sgd of ");
	refuses("PRUNE_SCHEDULE=linear PRUNE_INCLUDE=nothing", "matches none");
}
END_TEST

/* A choice that would leave nothing of a tensor ends the training by name. */
START_TEST(emptied)
{
	struct step_result r;
	struct lab lab;
	int ret = 0;

	lab_begin(&lab, "TRAIN_TOKENS=5120 PRUNE_SCHEDULE=one_shot PRUNE_SCOPE=global "
		  "PRUNE_SPARSITY=0.9999 PRUNE_INTERVAL=1", false);
	check_ok(trainer_start(lab.t, NULL));
	for (int i = 0; i < 12; i++)
		check_ok(trainer_step(lab.t, &r));
	ret = trainer_step(lab.t, &r);
	check_fails(ret, -EINVAL, "step 13: pruning");
	CHECK(message_has("nothing would be left of it"));
	lab_end(&lab);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, replay, 0, 4);
	tcase_add_test(tc, fisher);
	tcase_add_test(tc, regrowth);
	tcase_add_loop_test(tc, memory, 0, 4);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, emptied);
}
TEST_REGISTER(pruner, add);
