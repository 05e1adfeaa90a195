/* SPDX-License-Identifier: MIT */
/* What the files of --verify share. */
#ifndef EXPERIMENT_VERIFY_INTERNAL_H
#define EXPERIMENT_VERIFY_INTERNAL_H

#include "experiment/argv.h"
#include "experiment/child.h"
#include "experiment/verify.h"

/** struct verify - the cell, and the same once more. */
struct verify {
	const struct experiment_run *run;
	const struct experiment_cell *cell;
	const struct verify_options *o;
	struct experiment_cell again;	/* as @cell, in a folder of its own */
	struct verify_result *result;
	bool bar;
	const char *measure;		/* that is run now; NULL: it is trained */
};

/**
 * verify_child() - run a command of knlp to its end.
 * @what: "the training", for the message if it fails
 * @keep_out: its answer is wanted
 * @child: if 0 is returned, child_end() it
 */
int verify_child(const struct verify *v, const struct argv *words, const char *what, bool keep_out,
		 struct child *child);

/** verify_measures() - run the cell's measures again, and compare what the plan reads of them. */
int verify_measures(struct verify *v);

#endif
