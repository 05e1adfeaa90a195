// SPDX-License-Identifier: MIT
/*
 * FIM files: what is written is what was estimated; damaged ones are refused by name; unit
 * adam against the moments that are in the optimizer.
 */
#include <math.h>
#include <unistd.h>

#include "io/run.h"
#include "io/safetensors.h"
#include "nn/model.h"
#include "tensor/segment.h"
#include "tests/unit/fim-helper.h"
#include "tests/unit/train-helper.h"

#define T 12

/* ---- parts ------------------------------------------------------------------------------ */

#define ALL_PARTS (1 << FIM_DIAGONAL | 1 << FIM_ROW | 1 << FIM_COLUMN | 1 << FIM_SUM |	\
		   1 << FIM_HALF)

static void check_sums(const struct fim_item *item)
{
	int64_t rows = item->n[0], columns = item->n[1];
	double sum = 0, tol = 1e-6;

	for (int64_t r = 0; r < rows; r++) {
		double row = 0;

		for (int64_t c = 0; c < columns; c++)
			row += fim_value(item, FIM_DIAGONAL, r * columns + c);
		ck_assert_double_eq_tol(fim_value(item, FIM_ROW, r), row, tol * row + 1e-30);
		sum += row;
	}
	for (int64_t c = 0; c < columns && item->nd == 2; c++) {
		double column = 0;

		for (int64_t r = 0; r < rows; r++)
			column += fim_value(item, FIM_DIAGONAL, r * columns + c);
		ck_assert_double_eq_tol(fim_value(item, FIM_COLUMN, c), column,
				       tol * column + 1e-30);
	}
	ck_assert_double_eq_tol(fim_value(item, FIM_SUM, 0), sum, tol * sum + 1e-30);
	CHECK(item->nd == 2 || !item->part[FIM_COLUMN]);
}

/* Rows, columns and sums are those of the diagonal, shrunk or not; GPT-2's are turned. */
START_TEST(parts)
{
	static const double shrinks[] = { FIM_SHRINK_NONE, 0.25, FIM_SHRINK_AUTO };
	struct toy t;
	struct fim *f;

	toy_begin(&t, _i % 2 ? "gpt2" : "llama", T, 8);
	check_ok(toy_try(&t, "FIM_SEQUENCES=8", T, ALL_PARTS, shrinks[_i / 2], "f.st"));
	f = toy_open(&t, "f.st");
	for (int i = 0; i < f->nr; i++)
		check_sums(&f->item[i]);
	fim_close(f);
	toy_end(&t);
}
END_TEST

/* The first half is what an estimate of half as many sequences is. */
START_TEST(halves)
{
	struct fim *whole, *half;
	struct toy t;

	toy_begin(&t, "gpt2", T, 8);
	check_ok(toy_try(&t, "FIM_SEQUENCES=8", T, ALL_PARTS, FIM_SHRINK_NONE, "whole.st"));
	check_ok(toy_try(&t, "FIM_SEQUENCES=4", T, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE, "half.st"));
	whole = toy_open(&t, "whole.st");
	half = toy_open(&t, "half.st");
	for (int i = 0; i < whole->nr; i++)
		for (int64_t k = 0; k < fim_count(&whole->item[i], FIM_HALF); k++) {
			float want = fim_value(&half->item[i], FIM_DIAGONAL, k);

			ck_assert_float_eq_tol(fim_value(&whole->item[i], FIM_HALF, k), want,
					       1e-6f * want + 1e-30f);
		}
	fim_close(whole);
	fim_close(half);
	check_fails(toy_try(&t, "FIM_SEQUENCES=3", T, ALL_PARTS, FIM_SHRINK_NONE, "x.st"), -EINVAL,
		    "FIM_SEQUENCES is 3: halves of the sample need an even number");
	toy_end(&t);
}
END_TEST

/* (1 - s) F + s mean(F); the estimated s is the noise's share of the variance. */
START_TEST(shrinking)
{
	struct fim *raw, *fixed, *own;
	struct toy t;

	toy_begin(&t, "llama", T, 8);
	check_ok(toy_try(&t, "FIM_SEQUENCES=8", T, ALL_PARTS, FIM_SHRINK_NONE, "raw.st"));
	check_ok(toy_try(&t, "FIM_SEQUENCES=8", T, 1 << FIM_DIAGONAL, 0.25, "fixed.st"));
	check_ok(toy_try(&t, "FIM_SEQUENCES=8", T, 1 << FIM_DIAGONAL, FIM_SHRINK_AUTO, "own.st"));
	raw = toy_open(&t, "raw.st");
	fixed = toy_open(&t, "fixed.st");
	own = toy_open(&t, "own.st");
	for (int i = 0; i < raw->nr; i++) {
		const struct fim_item *r = &raw->item[i];
		int64_t count = fim_count(r, FIM_DIAGONAL);
		double mean = 0, noise = 0, variance = 0, s;

		for (int64_t k = 0; k < count; k++)
			mean += fim_value(r, FIM_DIAGONAL, k) / (double)count;
		for (int64_t k = 0; k < count; k++) {
			double x = fim_value(r, FIM_DIAGONAL, k), first = fim_value(r, FIM_HALF, k);
			double second = 2 * x - first, d = (first - second) / 2;

			noise += d * d;
			variance += (x - mean) * (x - mean);
			ck_assert_double_eq_tol(fim_value(&fixed->item[i], FIM_DIAGONAL, k),
						0.75 * x + 0.25 * mean, 1e-6 * (x + mean) + 1e-30);
		}
		s = fmin(1, noise / variance);
		ck_assert_double_eq_tol(fim_value(&own->item[i], FIM_SHRINK, 0), s, 1e-4);
		ck_assert_float_eq(fim_value(&fixed->item[i], FIM_SHRINK, 0), 0.25f);
		CHECK(!raw->item[i].part[FIM_SHRINK]);
	}
	fim_close(raw);
	fim_close(fixed);
	fim_close(own);
	toy_end(&t);
}
END_TEST

/* ---- adam --------------------------------------------------------------------------------- */

static struct run *save(struct lab *lab, const char *name)
{
	static const struct run_facts facts = { .version = "0.1.0", .data_hash = "0" };
	char *path = path_join(lab->scratch, name);
	struct run *run;

	check_ok(run_create(path, lab->cfg, &facts, &run));
	check_ok(trainer_save(lab->t, run));
	free(path);
	return run;
}

static int estimate(struct lab *lab, struct fim_job *j, const char *run, const char *set,
		    char *out)
{
	char *text = strdup(set), *at = NULL, *model = path_join(lab->scratch, run);
	struct config *cfg = config_new();
	int ret;

	for (char *a = strtok_r(text, " ", &at); a; a = strtok_r(NULL, " ", &at))
		check_ok(config_set(cfg, a));
	*j = (struct fim_job){ .model = model, .data = lab->data, .dev = lab->dev,
			       .out = { out, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE } };
	ret = fim_estimate(j, cfg);
	fim_job_free(j);
	config_free(cfg);
	free(text);
	free(model);
	return ret;
}

/* After three steps: v of each weight, times B T / (1 - beta2^3). */
START_TEST(adam_by_hand)
{
	const double factor = 4 * 32 / (1 - pow(0.9, 3));
	struct fim_job j;
	struct step_result r;
	struct lab lab;
	struct fim *f;
	struct model *m;
	char *out;

	lab_begin(&lab, "OPTIM_BETA2=0.9 MODEL_FAMILY=gpt2", false);
	out = path_join(lab.scratch, "adam.st");
	check_ok(trainer_start(lab.t, NULL));
	for (int i = 0; i < 3; i++)
		check_ok(trainer_step(lab.t, &r));
	run_close(save(&lab, "run"));
	check_ok(estimate(&lab, &j, "run", "FIM_UNIT=adam", out));
	check_ok(fim_open(out, &f));
	m = trainer_model(lab.t);
	ck_assert_int_eq(f->nr, m->nr_params);
	ck_assert_int_eq(f->facts.step, 3);
	ck_assert_int_eq(f->facts.batch, 4);
	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];
		const struct segment *s = m->segment[SEG_STATE + 1][p->group];
		const struct fim_item *item = fim_find(f, p->name);
		int64_t cols = p->nd == 2 ? p->n[1] : 1, count = p->n[0] * cols;
		float *v = malloc(count * sizeof(*v));

		CHECK(item);
		check_ok(device_read(s->buffer, s->views[p->view].at, v, count * sizeof(*v)));
		for (int64_t k = 0; k < count; k++) {
			int64_t at = p->transposed ? k % cols * p->n[0] + k / cols : k;

			ck_assert_double_eq_tol(fim_value(item, FIM_DIAGONAL, at), factor * v[k],
						1e-6 * factor * v[k] + 1e-30);
		}
		free(v);
	}
	fim_close(f);
	check_fails(estimate(&lab, &j, "run", "FIM_UNIT=adam FIM_LABELS=sampled", out), -EINVAL,
		    "unit adam has no sampled labels");
	free(out);
	lab_end(&lab);
}
END_TEST

/*
 * After one step without clipping, v is the square of that step's gradient: what unit batch
 * finds at the first weights, with the first batch of the same seed.
 */
START_TEST(adam_is_batch)
{
	struct fim *adam, *batch;
	struct step_result r;
	struct fim_job j;
	struct lab lab;
	struct run *run;
	char *a, *b;

	lab_begin(&lab, "OPTIM_CLIP=0 TRAIN_SEED=3", false);
	a = path_join(lab.scratch, "a.st");
	b = path_join(lab.scratch, "b.st");
	check_ok(trainer_start(lab.t, NULL));
	run = save(&lab, "run");
	check_fails(estimate(&lab, &j, "run", "FIM_UNIT=adam", a), -EINVAL, "no step was done yet");
	check_ok(estimate(&lab, &j, "run", "FIM_UNIT=batch FIM_BATCH=4 FIM_SEQUENCES=4 FIM_SEED=3",
			  b));
	check_ok(trainer_step(lab.t, &r));
	check_ok(trainer_save(lab.t, run));
	run_close(run);
	check_ok(estimate(&lab, &j, "run", "FIM_UNIT=adam", a));
	check_ok(fim_open(a, &adam));
	check_ok(fim_open(b, &batch));
	ck_assert_int_eq(adam->nr, batch->nr);
	for (int i = 0; i < batch->nr; i++) {
		const struct fim_item *item = fim_find(adam, batch->item[i].name);
		double off = 0, norm = 0;

		for (int64_t k = 0; k < fim_count(item, FIM_DIAGONAL); k++) {
			double want = fim_value(&batch->item[i], FIM_DIAGONAL, k);
			double d = fim_value(item, FIM_DIAGONAL, k) - want;

			off += d * d;
			norm += want * want;
		}
		ck_assert_msg(off <= 1e-10 * norm, "%s: %g", item->name, sqrt(off / norm));
	}
	fim_close(adam);
	fim_close(batch);
	free(a);
	free(b);
	lab_end(&lab);
}
END_TEST

/* ---- files that are not what they say ------------------------------------------------------ */

static struct tensor_entry entry(const char *name, enum dtype type, int nd, int64_t n, int64_t m,
				 const float *data)
{
	return (struct tensor_entry){ .name = name, .dtype = type, .nd = nd, .shape = { n, m },
				      .fetch = tensor_fetch_memory, .ctx = (void *)data };
}

static const struct st_meta good[] = {
	{ "format", "knlp fim" }, { "version", "1" }, { "scale", "nats^2 per token" },
	{ "unit", "sequence" }, { "labels", "observed" }, { "model", "m" }, { "data", "d" },
	{ "samples", "0-1" }, { "sequences", "2" }, { "positions", "0" }, { "draws", "1" },
	{ "batch", "1" }, { "context", "8" }, { "squares", "2" }, { "tokens", "16" },
	{ "step", "0" }, { "seed", "1" }, { "tensors", "a 2 3\nb 4" },
};
#define NR_GOOD (int)(sizeof(good) / sizeof(good[0]))

/* One key changed, or missing (value NULL). */
static const struct {
	const char *key, *value, *message;
} damages[] = {
	{ "format", NULL, "no 'format' in its metadata: not a FIM file" },
	{ "format", "pt", "format is 'pt', this program reads 'knlp fim'" },
	{ "version", "2", "version is '2', this program reads '1'" },
	{ "scale", "bits", "scale is 'bits'" },
	{ "unit", NULL, "no 'unit'" },
	{ "samples", NULL, "no 'samples'" },
	{ "tokens", "0", "tokens is 0" },
	{ "tokens", "-3", "tokens is '-3': must be a whole number" },
	{ "draws", "99999999999999999999", "draws is '99999999999999999999'" },
	{ "seed", "x", "seed is 'x'" },
	{ "tensors", NULL, "no 'tensors'" },
	{ "tensors", "", "it holds 2 tensors, its metadata tell of 0" },
	{ "tensors", "a 2 3", "it holds 2 tensors, its metadata tell of 1" },
	{ "tensors", "a 3 2\nb 4", "'a' has not the type or shape that 'a' asks for" },
	{ "tensors", "a 6\nb 4", "'a' has not the type or shape" },
	{ "tensors", "a 2 3\nb 4\nb 4", "it holds 2 tensors, its metadata tell of 3" },
	{ "tensors", "a 2 3 4\nb 4", "its list of tensors is damaged at 'a'" },
	{ "tensors", "a 2 -3\nb 4", "damaged at 'a'" },
	{ "tensors", "a\nb 4", "damaged at 'a'" },
	{ "tensors", "a 4611686018427387904 4611686018427387904\nb 4", "damaged at 'a'" },
	{ "tensors", "a 2 x\nb 4", "damaged at 'a'" },
};

static void write_file(const char *path, const char *key, const char *value,
		       const struct tensor_entry *e, int nr)
{
	struct st_meta meta[NR_GOOD];
	int kept = 0;

	for (int i = 0; i < NR_GOOD; i++) {
		meta[kept] = good[i];
		if (key && !strcmp(key, good[i].key))
			meta[kept].value = value;
		kept += meta[kept].value != NULL;
	}
	unlink(path);
	check_ok(st_write(path, e, nr, meta, kept, NULL));
}

START_TEST(damaged)
{
	static const float values[6] = { 1, 2, 3, 4, 5, 6 };
	static const float bad[6] = { 1, NAN, 3, -4, 5, INFINITY };
	const struct tensor_entry two[] = {
		entry("a", DT_F32, 2, 2, 3, values), entry("b", DT_F32, 1, 4, 0, values),
	};
	const struct tensor_entry more[] = {
		two[0], two[1], entry("b.col", DT_F32, 1, 1, 0, values),
	};
	const struct tensor_entry ints[] = { entry("a", DT_I32, 2, 2, 3, values), two[1] };
	const struct tensor_entry holes[] = { entry("a", DT_F32, 2, 2, 3, bad), two[1] };
	char *dir = scratch_make(), *path = path_join(dir, "f.st");
	struct fim *f = NULL;
	float to[6];

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		write_file(path, damages[i].key, damages[i].value, two, 2);
		check_fails(fim_open(path, &f), -EINVAL, damages[i].message);
	}
	write_file(path, NULL, NULL, more, 3);
	check_fails(fim_open(path, &f), -EINVAL, "'b.col' has not the type or shape");
	write_file(path, NULL, NULL, ints, 2);
	check_fails(fim_open(path, &f), -EINVAL, "'a' has not the type or shape");
	write_file(path, NULL, NULL, holes, 2);
	check_ok(fim_open(path, &f));
	check_fails(fim_read(f, &f->item[0], FIM_DIAGONAL, to), -EINVAL, "as element 1");
	fim_close(f);
	write_file(path, NULL, NULL, two, 2);
	check_ok(fim_open(path, &f));
	check_ok(fim_read(f, &f->item[0], FIM_DIAGONAL, to));
	ck_assert_float_eq(to[5], 6);
	fim_close(f);
	free(path);
	scratch_remove(dir);
}
END_TEST

/* What does not fit is refused, and nothing is written. */
START_TEST(refused)
{
	static const struct {
		const char *set, *message;
	} wrong[] = {
		{ "FIM_SEQUENCES=9", "FIM_SEQUENCES is 9, random tokens has 8 of 12 tokens" },
		{ "FIM_UNIT=token FIM_SEQUENCES=1 FIM_POSITIONS=13",
		  "FIM_POSITIONS is 13, a sequence has 12" },
		{ "FIM_UNIT=batch FIM_SEQUENCES=8 FIM_BATCH=3", "must be a multiple of FIM_BATCH" },
	};
	struct toy t;
	char *path;

	toy_begin(&t, "llama", T, 8);
	path = path_join(t.scratch, "f.st");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		check_fails(toy_try(&t, wrong[i].set, T, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE,
				    "f.st"), -EINVAL, wrong[i].message);
		CHECK(access(path, F_OK));
	}
	check_fails(toy_try(&t, "FIM_SEQUENCES=1", 129, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE,
			    "f.st"), -EINVAL, "--context 129: the model's is 128");
	free(path);
	toy_end(&t);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, parts, 0, 6);
	tcase_add_test(tc, halves);
	tcase_add_test(tc, shrinking);
	tcase_add_test(tc, adam_by_hand);
	tcase_add_test(tc, adam_is_batch);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, refused);
}
TEST_REGISTER(fim_file, add);
