/* SPDX-License-Identifier: MIT */
/* One training as the command sees it, and what is told of it. */
#ifndef TOOLS_TRAIN_JOB_H
#define TOOLS_TRAIN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "train/session.h"

/** struct job - one training. */
struct job {
	struct config *cfg;
	char *data_dir;			/* of a resumed run that was not told another */
	struct config *init_cfg;	/* with the MODEL_ parameters of --init's model; or NULL */
	struct dataset *data;
	struct device *dev;
	struct trainer *trainer;
	struct run *run;
	struct session session;
	bool bar;			/* the line of progress is ours */
	bool on_terminal;
	double sum;			/* terminal: smoothed loss; else of the losses since the */
	int64_t summed;			/* last line, and how many they are */
};

/** job_overview() - one line on what will be done, and warnings of what looks wrong. */
void job_overview(const struct job *j);

/** job_report_plan() - the answer of --dry-run. */
int job_report_plan(const struct job *j);

/** job_report() - the answer of a training. @finished: the whole budget was spent */
int job_report(const struct job *j, bool finished);

#endif
