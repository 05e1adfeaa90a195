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
 * experiment_verify() - train @cell again from its stored configuration, and compare.
 * @compared: the files that were found equal, one a line
 *
 * Checkpoints are compared byte by byte, the log in all that does not depend on the clock.
 * Return: 0 if all is equal; -EILSEQ naming the first file that differs; -EINVAL for other
 * kernels or libraries; -ENODATA if the cell is not trained; -EINTR; -errno.
 */
int experiment_verify(const struct experiment_run *run, const struct experiment_cell *cell,
		      const struct verify_options *o, struct strbuf *compared);

#endif
