// SPDX-License-Identifier: MIT
#include "experiment/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/internal.h"
#include "io/json.h"

/* ---- training ------------------------------------------------------------------------- */

static void add_common(const struct command_cell *c, long long until, struct argv *words)
{
	argv_addf(words, "--run=%s", c->cell->path);
	argv_addf(words, "--threads=%d", c->threads);
	argv_add(words, "--quiet");
	if (until)
		argv_addf(words, "--until=%lld", until);
}

static void add_config(const struct command_cell *c, struct argv *words)
{
	const struct experiment *e = c->run->plan;
	char *config = arm_file(c->run->path, e, c->cell->arm);

	argv_addf(words, "--config=%s", config ? config : "");
	argv_addf(words, "--set=TRAIN_SEED=%lld", e->seeds[c->cell->seed]);
	if (!config)
		words->err = -ENOMEM;
	free(config);
}

int command_train(const struct command_cell *c, bool resume, long long until,
		  struct argv *words)
{
	argv_add(words, "knlp");
	argv_add(words, "train");
	add_common(c, until, words);
	argv_addf(words, "--data=%s", c->data);
	if (resume)
		argv_add(words, "--resume");
	else
		add_config(c, words);
	return argv_ok(words);
}

int command_fork(const struct command_cell *c, const struct experiment_cell *parent, long long at,
		 long long until, struct argv *words)
{
	argv_add(words, "knlp");
	argv_add(words, "train");
	add_common(c, until, words);
	argv_addf(words, "--data=%s", c->data);
	argv_addf(words, "--fork=%s", parent->path);
	argv_addf(words, "--at=%lld", at);
	add_config(c, words);
	return argv_ok(words);
}

/* ---- measuring -------------------------------------------------------------------------- */

/* The cell that holds the checkpoint of @step: what a cell shares lies with the other one. */
static const struct experiment_cell *cell_with(const struct command_cell *c, long long step)
{
	const struct experiment_cell *cell = c->cell;

	while (c->share[cell->arm].parent >= 0 && step < c->share[cell->arm].at) {
		char *path = cell_checkpoint(cell, step);
		bool there = path && file_exists(path);

		free(path);
		if (there)
			break;
		cell = experiment_cell(c->run, c->share[cell->arm].parent, cell->seed);
	}
	return cell;
}

/* What stands for {@name}, as a new string; NULL: no memory. */
static char *placeholder(const struct command_cell *c, const char *name, int at)
{
	const struct experiment *e = c->run->plan;
	const struct experiment_cell *cell = c->cell;
	long long step = cell_step(c->run, cell, at);

	if (!strcmp(name, "arm"))
		return strdup(e->arms[cell->arm].name);
	if (!strcmp(name, "seed"))
		return str_printf("%lld", e->seeds[cell->seed]);
	if (!strcmp(name, "cell"))
		return strdup(cell->path);
	if (!strcmp(name, "config"))
		return c->run->model ? arm_file(c->run->path, e, cell->arm)
				     : path_join(cell->path, "config");
	if (!strcmp(name, "data"))
		return strdup(c->data);
	if (!strcmp(name, "model") && c->run->model)
		return strdup(c->model);
	if (!strcmp(name, "model"))
		return cell_checkpoint(cell_with(c, step), step);
	if (!strcmp(name, "baseline") && cell->arm != e->baseline)
		cell = experiment_cell(c->run, e->baseline, cell->seed);
	return cell_measure_dir(c->run, cell, at);	/* "measure" and "baseline" */
}

/** struct filler - what fills in the placeholders. */
struct filler {
	char *(*value)(const struct filler *f, const char *name);
	const struct command_cell *c;
	int at;
	const struct experiment *e;
};

static char *cell_value(const struct filler *f, const char *name)
{
	return placeholder(f->c, name, f->at);
}

/* Paths may be anything; a seed is a number. */
static char *example_value(const struct filler *f, const char *name)
{
	return strcmp(name, "seed") ? strdup(name) : str_printf("%lld", f->e->seeds[0]);
}

/* The names in braces were checked when the plan was read. */
static int fill_in(const struct filler *f, const char *word, struct argv *words)
{
	struct strbuf sb;
	const char *open;
	int ret = 0;

	strbuf_init(&sb);
	while (!ret && (open = strchr(word, '{'))) {
		size_t len = strcspn(open + 1, "}");
		char *name = strndup(open + 1, len);
		char *value = name ? f->value(f, name) : NULL;

		strbuf_add(&sb, word, (size_t)(open - word));
		if (value)
			strbuf_adds(&sb, value);
		else
			ret = fail_nomem(0, "a command line");
		free(value);
		free(name);
		word = open + len + 2;
	}
	strbuf_adds(&sb, word);
	if (!ret)
		ret = strbuf_ok(&sb);
	if (!ret)
		argv_add(words, sb.s);
	strbuf_free(&sb);
	return ret;
}

static int fill_all(const struct filler *f, const struct experiment_measure *m, struct argv *words)
{
	int ret = 0;

	argv_add(words, "knlp");
	for (char **word = m->argv; *word && !ret; word++)
		ret = fill_in(f, *word, words);
	return ret ? ret : argv_ok(words);
}

int command_measure(const struct command_cell *c, int measure, int at, struct argv *words)
{
	struct filler f = { .value = cell_value, .c = c, .at = at };

	return fill_all(&f, &c->run->plan->measures[measure], words);
}

int command_example(const struct experiment *e, int measure, struct argv *words)
{
	struct filler f = { .value = example_value, .e = e };

	return fill_all(&f, &e->measures[measure], words);
}

int command_answer(const struct child *child, const char *measure, const char *file, char **why)
{
	char *answer = NULL;
	cJSON *root = NULL;
	int ret = child_answer(child, &answer);

	if (!ret && (*answer != '{' || json_parse(measure, answer, strlen(answer), &root))) {
		*why = str_printf("measure '%s' printed no JSON object on its last line (does it "
				  "have --json?)", measure);
		ret = *why ? 0 : fail_nomem(0, "a text");
	} else if (!ret) {
		ret = file_write_atomic(file, answer, strlen(answer));
	}
	cJSON_Delete(root);
	free(answer);
	return ret;
}
