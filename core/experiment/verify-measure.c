// SPDX-License-Identifier: MIT
/* The measures of a cell, once more: the numbers that the plan reads are to be the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "experiment/commands.h"
#include "experiment/internal.h"
#include "experiment/verify-internal.h"

/* ---- running them -------------------------------------------------------------- */

static int make_words(const struct verify *v, int measure, int at, struct argv *words)
{
	const struct experiment *e = v->run->plan;
	struct share *share = calloc((size_t)e->nr_arms, sizeof(*share));
	struct command_cell c = {
		.run = v->run, .cell = &v->again, .data = v->o->data ? v->o->data : v->run->data,
		.model = v->run->model,
		.threads = v->o->threads, .share = share,
	};
	int ret = share ? 0 : fail_nomem(0, "arms");

	/* It was trained from the start, and has all of its checkpoints. */
	for (int i = 0; i < e->nr_arms && !ret; i++)
		share[i].parent = -1;
	if (!ret)
		ret = command_measure(&c, measure, at, words);
	free(share);
	return ret;
}

static int run_measure(struct verify *v, int measure, int at)
{
	char *file = cell_measure_file(v->run, &v->again, measure, at, ".json"), *why = NULL;
	char *dir = file ? path_dir(file) : NULL;
	struct argv words = { 0 };
	struct child child;
	int ret = dir ? dir_make(dir) : fail_nomem(0, "a path");

	v->measure = v->run->plan->measures[measure].name;
	if (!ret)
		ret = make_words(v, measure, at, &words);
	if (!ret)
		ret = verify_child(v, &words, v->measure, true, &child);
	if (!ret) {
		ret = command_answer(&child, v->measure, file, &why);
		child_end(&child);
	}
	if (!ret && why)
		ret = fail(-ECHILD, "%s", why);
	if (!ret)
		v->result->measures++;
	argv_free(&words);
	free(why);
	free(dir);
	free(file);
	return ret;
}

/* ---- what they said ------------------------------------------------------------ */

/* Is @m a number of a measure that the cell has already?  That of the log was compared. */
static bool is_measured(const struct verify *v, const struct experiment_metric *m, int at)
{
	char *name = strndup(m->from, strcspn(m->from, "."));
	int measure = name ? experiment_measure(v->run->plan, name) : -1;

	free(name);
	return measure >= 0 && cell_is_measured(v->run, v->cell, measure, at);
}

static int compare_number(const struct verify *v, const struct experiment_metric *m, int at)
{
	const struct experiment *e = v->run->plan;
	const char *share = e->at_text[at];
	double then, now;
	int ret;

	if (!is_measured(v, m, at))
		return 0;
	ret = cell_metric(v->run, v->cell, m, at, &then);
	if (ret && m != &e->metric) {
		fail_clear();		/* reports say that it is missing */
		return 0;
	}
	if (!ret)
		ret = cell_metric(v->run, &v->again, m, at, &now);
	if (ret)
		return ret;
	if (then == now) {
		strbuf_addf(&v->result->numbers, "%s at %s\n", m->from, share);
	} else if (m == &e->metric) {
		ret = fail(-EILSEQ, "%s: the measured %s at %s differs: it is %.17g, and %.17g "
			   "this time", v->cell->path, m->from, share, then, now);
	} else {
		log_warn("%s at %s differs: it is %.17g, and %.17g this time", m->from, share, then,
			 now);
		strbuf_addf(&v->result->others, "%s at %s\n", m->from, share);
	}
	return ret;
}

int verify_measures(struct verify *v)
{
	const struct experiment *e = v->run->plan;
	int ret = 0;

	/* In the order of the run: later ones read what earlier ones left. */
	for (int at = 0; at < e->nr_at && !ret; at++)
		for (int m = 0; m < e->nr_measures && !ret; m++)
			if (cell_is_measured(v->run, v->cell, m, at))
				ret = run_measure(v, m, at);
	for (int at = 0; at < e->nr_at && !ret; at++) {
		ret = compare_number(v, &e->metric, at);
		for (int i = 0; i < e->nr_more && !ret; i++)
			ret = compare_number(v, &e->more[i], at);
	}
	return ret;
}
