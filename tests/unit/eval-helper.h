/* SPDX-License-Identifier: MIT */
/* What the tests of core/eval share: the model of tests/data/eval. */
#ifndef TESTS_UNIT_EVAL_HELPER_H
#define TESTS_UNIT_EVAL_HELPER_H

#include <stdlib.h>
#include <unistd.h>

#include "eval/model.h"
#include "eval/text.h"
#include "tests/unit/data-helper.h"

/* struct eval_lab - the model, open, and the golden lines. */
struct eval_lab {
	char *scratch, *folder, *path;
	struct device *dev;
	struct eval_model em;
	struct eval_text golden;
};

static inline void link_file(const char *from, const char *dir, const char *name)
{
	char *path = tree_path(from), *full = realpath(path, NULL), *to = path_join(dir, name);

	CHECK(full && !symlink(full, to));
	free(path);
	free(full);
	free(to);
}

static inline char *eval_path(const char *name)
{
	char *relative = str_printf("tests/data/eval/%s", name), *path = tree_path(relative);

	free(relative);
	return path;
}

static inline void eval_lab_begin(struct eval_lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	lab->scratch = scratch_make();
	lab->folder = path_join(lab->scratch, "model");
	check_ok(dir_make(lab->folder));
	link_file("tests/data/eval/config", lab->folder, "config");
	link_file("tests/data/eval/model.safetensors", lab->folder, "model.safetensors");
	link_file("tests/data/tokenizer/small.json", lab->folder, "tokenizer.json");
	check_ok(device_open("cpu", &lab->dev));
	check_ok(eval_model_open(lab->folder, "f32", lab->dev, &lab->em));
	lab->path = eval_path("golden.jsonl");
	check_ok(eval_text_read(lab->path, &lab->golden));
}

static inline void eval_lab_end(struct eval_lab *lab)
{
	eval_text_free(&lab->golden);
	eval_model_close(&lab->em);
	device_close(lab->dev);
	scratch_remove(lab->scratch);
	free(lab->folder);
	free(lab->path);
}

#endif
