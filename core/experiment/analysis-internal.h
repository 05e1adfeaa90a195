/* SPDX-License-Identifier: MIT */
/* What the files of the analysis share. */
#ifndef EXPERIMENT_ANALYSIS_INTERNAL_H
#define EXPERIMENT_ANALYSIS_INTERNAL_H

#include "experiment/analysis.h"

/** analysis_table_read() - values, gains and contrasts of @t, whose metric and share are set. */
int analysis_table_read(const struct experiment_run *run, struct analysis_table *t);
void analysis_table_free(const struct experiment *e, struct analysis_table *t);

/** analysis_contrast() - of arm number @arm over arm number @base in table @t. */
int analysis_contrast(const struct experiment *e, const struct analysis_table *t, int arm,
		      int base, struct analysis_contrast *c);

/** analysis_cost_read() - cost of all arms. */
int analysis_cost_read(struct analysis *a);

/** analysis_documents_read() - document bootstraps of all arms whose dumps are there. */
#if IS_ENABLED(CONFIG_EVAL)
int analysis_documents_read(struct analysis *a);
#else
static inline int analysis_documents_read(struct analysis *a)
{
	(void)a;
	return 0;
}
#endif

#endif
