// SPDX-License-Identifier: MIT
#include <malloc.h>
#include <math.h>

#include "nn/model.h"
#include "tensor/segment.h"
#include "tests/unit/train-helper.h"

static size_t sum(struct train_memory m)
{
	return m.weights + m.gradients + m.states + m.intermediates;
}

static const char *const shapes[] = {
	"",
	"TRAIN_RECOMPUTE=layer",
	"MODEL_FAMILY=llama MODEL_KV_HEADS=1 DATA_DOC_MASK=y",
	"MODEL_DROPOUT=0.1 TRAIN_ACCUM=3 TRAIN_BATCH=1",
	"TRAIN_DEVICE=remote",
};

/* --dry-run takes nothing of the device, and says what a trainer then takes. */
START_TEST(memory)
{
	struct lab dry, wet;
	size_t planned;

	lab_begin(&dry, shapes[_i], true);
	ck_assert_uint_eq(dry.dev->bytes_peak, 0);
	planned = sum(trainer_memory(dry.t));
	lab_end(&dry);
	lab_begin(&wet, shapes[_i], false);
	ck_assert_uint_eq(sum(trainer_memory(wet.t)), planned);
	ck_assert_uint_eq(wet.dev->bytes_used, planned);
	ck_assert_uint_eq(wet.dev->bytes_peak, planned);
	lab_end(&wet);
}
END_TEST

/* A plan for more than this machine has is still a plan. */
START_TEST(dry_giant)
{
	struct lab lab;

	lab_begin(&lab, "TRAIN_BATCH=65536 MODEL_CONTEXT=2048 MODEL_WIDTH=4096 MODEL_HEADS=32 "
		  "MODEL_LAYERS=48", true);
	ck_assert_uint_gt(sum(trainer_memory(lab.t)), (size_t)1 << 40);
	lab_end(&lab);
}
END_TEST

START_TEST(recompute_takes_less)
{
	struct lab none, layer;

	lab_begin(&none, "TRAIN_BATCH=8 MODEL_LAYERS=6", true);
	lab_begin(&layer, "TRAIN_BATCH=8 MODEL_LAYERS=6 TRAIN_RECOMPUTE=layer", true);
	ck_assert_uint_lt(trainer_memory(layer.t).intermediates,
			  trainer_memory(none.t).intermediates);
	ck_assert(trainer_flops(layer.t) > trainer_flops(none.t));
	lab_end(&none);
	lab_end(&layer);
}
END_TEST

/* After the first steps nothing is allocated: neither on the device nor on the heap. */
START_TEST(steps_allocate_nothing)
{
	struct eval_result e;
	struct step_result r;
	struct lab lab;
	size_t device, heap;

	lab_begin(&lab, shapes[_i], false);
	check_ok(trainer_start(lab.t, NULL));
	for (int i = 0; i < 3; i++)
		check_ok(trainer_step(lab.t, &r));
	check_ok(trainer_eval(lab.t, &e));
	device = lab.dev->bytes_peak;
	heap = mallinfo2().uordblks;
	for (int i = 0; i < 5; i++)
		check_ok(trainer_step(lab.t, &r));
	check_ok(trainer_eval(lab.t, &e));
	ck_assert_uint_eq(lab.dev->bytes_peak, device);
	ck_assert_uint_le(mallinfo2().uordblks, heap);
	lab_end(&lab);
}
END_TEST

static void put_weight(struct model *m, int group, float value)
{
	const struct segment *s = m->segment[SEG_WEIGHT][group];

	check_ok(device_write(s->buffer, s->views[0].at, &value, sizeof(value)));
}

static size_t read_weights(struct model *m, float **values)
{
	const struct segment *s = m->segment[SEG_WEIGHT][0];

	*values = malloc(s->bytes);
	check_ok(device_read(s->buffer, 0, *values, s->bytes));
	return s->bytes;
}

/* A loss that is no number names its maker and leaves the weights alone. */
START_TEST(not_finite)
{
	struct eval_result e;
	struct step_result r;
	float *before, *after;
	struct lab lab;
	size_t bytes;

	lab_begin(&lab, "", false);
	check_ok(trainer_start(lab.t, NULL));
	check_ok(trainer_step(lab.t, &r));
	put_weight(trainer_model(lab.t), 1, NAN);
	bytes = read_weights(trainer_model(lab.t), &before);
	check_fails(trainer_step(lab.t, &r), -EDOM, "step 2: the loss is not finite");
	CHECK(message_has("NaN was in parameter '"));
	CHECK(message_has("ln_1.weight'"));
	ck_assert_int_eq(trainer_done(lab.t), 1);
	read_weights(trainer_model(lab.t), &after);
	ck_assert(!memcmp(before, after, bytes));
	check_fails(trainer_eval(lab.t, &e), -EDOM, "NaN was in parameter '");
	check_fails(trainer_save(lab.t, NULL), -EDOM, "no checkpoint is written");
	free(before);
	free(after);
	lab_end(&lab);
}
END_TEST

/* The gradient of the mean over a batch does not depend on how the batch is cut. */
START_TEST(accumulation)
{
	struct step_result whole, cut;
	struct lab a, b;

	lab_begin(&a, "TRAIN_BATCH=8", false);
	lab_begin(&b, "TRAIN_BATCH=2 TRAIN_ACCUM=4", false);
	check_ok(trainer_start(a.t, NULL));
	check_ok(trainer_start(b.t, NULL));
	for (int i = 0; i < 4; i++) {
		check_ok(trainer_step(a.t, &whole));
		check_ok(trainer_step(b.t, &cut));
		ck_assert_double_eq_tol(cut.loss, whole.loss, 1e-5 * whole.loss);
		ck_assert_double_eq_tol(cut.grad_norm, whole.grad_norm, 1e-4 * whole.grad_norm);
	}
	lab_end(&a);
	lab_end(&b);
}
END_TEST

static void add(TCase *tc)
{
	const int nr = sizeof(shapes) / sizeof(shapes[0]);

	tcase_add_loop_test(tc, memory, 0, nr);
	tcase_add_loop_test(tc, steps_allocate_nothing, 0, nr);
	tcase_add_test(tc, dry_giant);
	tcase_add_test(tc, recompute_takes_less);
	tcase_add_test(tc, not_finite);
	tcase_add_test(tc, accumulation);
}
TEST_REGISTER(trainer, add);
