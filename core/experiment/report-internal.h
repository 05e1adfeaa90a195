/* SPDX-License-Identifier: MIT */
/* What the files of an experiment's report share. */
#ifndef EXPERIMENT_REPORT_INTERNAL_H
#define EXPERIMENT_REPORT_INTERNAL_H

#include "experiment/analysis.h"
#include "report/doc.h"
#include "report/report.h"

/**
 * struct xreport - a run, read for its report.
 * @cell: (nr_cells) the training runs; NULL where none has begun
 * @config: (nr_cells) why it may have another configuration than its arm and seed; or NULL
 * @flops: (nr_arms) floating-point operations of one training; NaN: the data is gone
 */
struct xreport {
	const struct experiment_run *run;
	struct analysis *a;
	struct report_run **cell;
	char **config;
	double *flops;
};

#define XREPORT_TEXT 64

/** xreport_run() - the training run of a cell, NULL: not begun. */
const struct report_run *xreport_run(const struct xreport *r, int arm, int seed);

/** xreport_unit() - of the plan's metric, with a blank before it if there is one. */
const char *xreport_unit(const struct xreport *r, char text[XREPORT_TEXT]);

/**
 * xreport_number() - a value or gain of @metric with as many digits as its smallest gain worth
 * claiming asks for; "-" for NaN, "0" for exactly 0.  @sign: with a plus.
 */
const char *xreport_number(const struct xreport *r, const struct experiment_metric *metric,
			   double v, bool sign, char text[XREPORT_TEXT]);

/** xreport_interval() - "[-0.0140, 0.0020]", "-" without one. */
const char *xreport_interval(const struct xreport *r, const struct experiment_metric *metric,
			     const struct stats_paired *p, char text[XREPORT_TEXT]);

/** xreport_colour() - of arm number @arm: the baseline has the first one. */
int xreport_colour(const struct xreport *r, int arm);

/** struct xreport_work - steps of training, the tokens they took, and seconds. */
struct xreport_work {
	double steps, tokens, seconds;
};

/** xreport_shared() - of a cell's training what was done in another run, in which it began. */
struct xreport_work xreport_shared(const struct report_run *cell);

/** xreport_spent() - what was done in the cells of an arm, and not in others. */
struct xreport_work xreport_spent(const struct xreport *r, int arm);

/** xreport_figures() / xreport_curves() - append charts to a page. 0 or -ENOMEM. */
int xreport_figures(const struct xreport *r, struct strbuf *out);
int xreport_curves(const struct xreport *r, struct strbuf *out);
/** xreport_course() - charts of the metrics over the shares of the training. */
int xreport_course(const struct xreport *r, struct strbuf *out);

/** xreport_document() - append the page, or the Markdown. 0 or -errno. */
int xreport_document(const struct xreport *r, enum doc_kind kind, struct strbuf *out);
/** xreport_back() - its second half: cost, configurations, what ran on what. */
int xreport_back(const struct xreport *r, struct doc *d);

int xreport_json(const struct xreport *r, struct strbuf *out);

#endif
