/* SPDX-License-Identifier: MIT */
/* What the tests of core/train and core/infer share. */
#ifndef TESTS_UNIT_TRAIN_HELPER_H
#define TESTS_UNIT_TRAIN_HELPER_H

#include "base/config.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/prepare.h"
#include "tensor/arch.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"
#include "train/trainer.h"

/* struct lab - a small training with all that it needs. */
struct lab {
	char *scratch;
	struct config *cfg;
	struct dataset *data;
	struct device *dev;
	struct trainer *t;
};

/* Documents of words that are drawn from a few: bytes that can be learned. */
static inline void lab_data(struct lab *lab)
{
	static const char *const words[] = { "the ", "cat ", "sat ", "on ", "a ", "mat.\n" };
	char *text = path_join(lab->scratch, "text"), *out = path_join(lab->scratch, "data");
	const char *input[] = { text };
	struct prepare_options opt = {
		.input = input, .nr_input = 1, .tokenizer = "byte", .out = out,
		.val_fraction = 0.2, .seed = 1,
	};
	struct rng r = rng_stream(1, "test", 0);
	struct manifest m;
	struct strbuf sb;

	strbuf_init(&sb);
	for (int i = 0; i < 4000; i++)
		strbuf_addf(&sb, "%s%s", words[rng_below(&r, i, 6)],
			    i % 40 == 39 ? TOKENIZER_EOT : "");
	write_raw(text, sb.s, sb.len);
	check_ok(prepare_data(&opt, &m));
	check_ok(dataset_open(out, &lab->data));
	manifest_free(&m);
	strbuf_free(&sb);
	free(text);
	free(out);
}

/* @more: assignments divided by blanks, over those of a tiny model. */
static inline void lab_config(struct lab *lab, const char *more)
{
	char *text = str_printf("MODEL_LAYERS=2 MODEL_WIDTH=32 MODEL_HEADS=2 MODEL_CONTEXT=32 "
				"TRAIN_BATCH=4 TRAIN_TOKENS=2k TRAIN_WARMUP=2 %s", more);
	char *save = NULL;

	lab->cfg = config_new();
	CHECK(lab->cfg);
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		check_ok(config_set(lab->cfg, a));
	free(text);
}

static inline void lab_begin(struct lab *lab, const char *more, bool dry)
{
	memset(lab, 0, sizeof(*lab));
	lab->scratch = scratch_make();
	lab_data(lab);
	lab_config(lab, more);
	check_ok(device_open(config_text(lab->cfg, PARAM_TRAIN_DEVICE), &lab->dev));
	check_ok(trainer_new(lab->cfg, lab->data, lab->dev, dry, &lab->t));
}

static inline void lab_end(struct lab *lab)
{
	trainer_free(lab->t);
	device_close(lab->dev);
	dataset_close(lab->data);
	config_free(lab->cfg);
	scratch_remove(lab->scratch);
}

#endif
