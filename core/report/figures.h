/* SPDX-License-Identifier: MIT */
/*
 * The numbers that a run is judged by, the same in every format.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "base/strbuf.h"
#include "report/report.h"

#define FIGURE_TEXT_MAX 64

enum report_figure {
	FIGURE_LOSS,		/* the last held-out loss, nats per token */
	FIGURE_PPL,
	FIGURE_PER_BYTE,
	FIGURE_BEST,		/* the lowest held-out loss */
	FIGURE_BEST_STEP,
	FIGURE_TRAIN_LOSS,	/* mean of the last steps, as the smoothed curve has it */
	FIGURE_STEPS,
	FIGURE_TOKENS,
	FIGURE_SECONDS,
	FIGURE_RATE,		/* tokens per second of training, over all of it */
	FIGURE_PEAK,		/* memory, MiB */
	FIGURE_COUNT
};

/** struct figure_info - what a figure is called. */
struct figure_info {
	const char *key;	/* in JSON */
	const char *label, *unit;
};
extern const struct figure_info figures[FIGURE_COUNT];

/** figure_value() - NaN if the run does not say. */
double figure_value(const struct report_run *run, enum report_figure f);

/** figure_text() - the same for people, without its unit; "-" for NaN. Return: @buf. */
const char *figure_text(const struct report_run *run, enum report_figure f,
			char buf[FIGURE_TEXT_MAX]);

/** figures_state() - append "is finished", "is running, at step 5 of 20 (25 %)", "is cut at ...",
 * "failed after step 6 of 20 (30 %): step 7: the loss is not finite".
 */
void figures_state(const struct report_run *run, struct strbuf *sb);

/** figures_state_key() - "finished", "running", "cut" or "failed". */
const char *figures_state_key(const struct report_run *run);

/** enum report_compared - which held-out losses of several runs may be compared. */
enum report_compared {
	COMPARED_PER_TOKEN,	/* the same data and tokenizer */
	COMPARED_PER_BYTE,	/* other tokenizers */
	COMPARED_NOT,		/* other data */
};
enum report_compared figures_compared(const struct report *r);

/** figures_verdict() - append a sentence or two: how far the runs came, and how well. */
void figures_verdict(const struct report *r, struct strbuf *sb);

#endif
