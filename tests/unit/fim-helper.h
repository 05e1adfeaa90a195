/* SPDX-License-Identifier: MIT */
/* What the tests of core/fim share: estimates of the small models in tests/data/formats. */
#ifndef TESTS_UNIT_FIM_HELPER_H
#define TESTS_UNIT_FIM_HELPER_H

#include "fim/estimate.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

#define FIM_VOCAB 12	/* of those models */

/* struct toy - a model, random text, and a folder for files. */
struct toy {
	char *scratch, *model;
	struct dataset *data;
	struct device *dev;
	struct fim_job job;	/* of the last estimate */
};

/* @windows: of @context tokens to train on */
static inline void toy_begin(struct toy *t, const char *model, int context, int windows)
{
	char *name = str_printf("tests/data/formats/%s", model);

	memset(t, 0, sizeof(*t));
	t->scratch = scratch_make();
	t->model = tree_path(name);
	free(name);
	check_ok(dataset_random(FIM_VOCAB, (uint64_t)context * windows + 1, &t->data));
	check_ok(device_open("cpu", &t->dev));
}

static inline void toy_end(struct toy *t)
{
	fim_job_free(&t->job);
	device_close(t->dev);
	dataset_close(t->data);
	scratch_remove(t->scratch);
	free(t->model);
}

/* @set: FIM_ parameters, divided by blanks. Return: what fim_estimate() did. */
static inline int toy_try(struct toy *t, const char *set, int context, unsigned int parts,
			  double shrink, const char *file)
{
	struct config *cfg = config_new();
	char *text = strdup(set), *save = NULL, *path = path_join(t->scratch, file);
	int ret;

	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		check_ok(config_set(cfg, a));
	fim_job_free(&t->job);
	t->job = (struct fim_job){
		.model = t->model, .data = t->data, .dev = t->dev, .context = context,
		.out = { path, parts, shrink },
	};
	ret = fim_estimate(&t->job, cfg);
	config_free(cfg);
	free(text);
	free(path);
	return ret;
}

static inline struct fim *toy_open(struct toy *t, const char *file)
{
	char *path = path_join(t->scratch, file);
	struct fim *f;

	check_ok(fim_open(path, &f));
	free(path);
	return f;
}

/* An estimate's diagonal, read back. */
static inline struct fim *toy_estimate(struct toy *t, const char *set, int context)
{
	check_ok(toy_try(t, set, context, 1 << FIM_DIAGONAL, FIM_SHRINK_NONE, "f.st"));
	return toy_open(t, "f.st");
}

#endif
