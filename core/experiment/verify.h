/* SPDX-License-Identifier: MIT */
/* Does a cell come out the same when it is trained again? */
#ifndef EXPERIMENT_VERIFY_H
#define EXPERIMENT_VERIFY_H

#include <signal.h>
#include <stdbool.h>

#include "base/strbuf.h"
#include "experiment/experiment.h"

struct verify_options {
	const char *data;		/* folder of token shards; NULL: that of the manifest */
	const char *scratch;		/* folder to train in, made and removed */
	int threads;
	bool force;			/* also with other kernels and libraries */
	const volatile sig_atomic_t *stop;
};

/**
 * struct verify_result - what was compared; names, one a line.
 * @files: of the training, found equal
 * @measures: how many were run again: 0 if the cell has none yet
 * @numbers: that the plan reads of measures, found equal: "loss.loss at 0.5"
 * @others: those of `more` that differ; they may depend on the clock
 */
struct verify_result {
	struct strbuf files;
	int measures;
	struct strbuf numbers, others;
};

/**
 * experiment_verify() - train @cell again from its stored configuration, run its measures
 * again, and compare.
 * @result: its texts are ready for use
 *
 * Checkpoints are compared byte by byte, the log in all that does not depend on the clock, and
 * of what measures printed the numbers that the plan reads.  What a measure reads of the
 * baseline is the run's own, unless @cell is the baseline's.
 * Return: 0 if all is equal; -EILSEQ naming the first file or number that differs; -EINVAL for
 * other kernels or libraries, other data, or if the cell has not the configuration of its arm
 * and seed;
 * -ENODATA if it is not trained; -EINTR; -errno.
 */
int experiment_verify(const struct experiment_run *run, const struct experiment_cell *cell,
		      const struct verify_options *o, struct verify_result *result);

#endif
