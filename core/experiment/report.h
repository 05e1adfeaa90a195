/* SPDX-License-Identifier: MIT */
/*
 * Reports of experiments: what a run's folder says, as a page, as Markdown and as JSON.  They
 * follow from the folder alone, without a date; unfinished runs show what there is.
 */
#ifndef EXPERIMENT_REPORT_H
#define EXPERIMENT_REPORT_H

#include <stdbool.h>

#include "base/fail.h"
#include "base/strbuf.h"
#include "experiment/experiment.h"

#if IS_ENABLED(CONFIG_EXPERIMENT) && IS_ENABLED(CONFIG_REPORT)

/**
 * experiment_report_write() - write report.html, report.md and report.json into run folder @dir.
 *
 * Return: 0; -ENOENT if no experiment's run is there; -EINVAL naming a file that is damaged;
 * -errno.  Reports that are there are replaced, each at once.  Without CONFIG_REPORT there are
 * none.
 */
int experiment_report_write(const char *dir);

/**
 * experiment_report_write_run() - the same of a run that is open already: whether it is under
 * way is what @run says.  Who holds its lock and is done with it could not ask the lock.
 */
int experiment_report_write_run(const struct experiment_run *run);

/** experiment_report() - append the report in @format ("html", "md", "json") to @out. */
int experiment_report(const char *dir, const char *format, struct strbuf *out);

/** report_of_experiment() - is @dir the folder of an experiment's run? */
bool report_of_experiment(const char *dir);

#else

static inline bool report_of_experiment(const char *dir)
{
	return false;
}

static inline int experiment_report_write(const char *dir)
{
	return 0;
}

static inline int experiment_report_write_run(const struct experiment_run *run)
{
	return 0;
}

static inline int experiment_report(const char *dir, const char *format, struct strbuf *out)
{
	return fail(-ENOSYS, "%s: knlp was built without reports of experiments", dir);
}

#endif

#endif
