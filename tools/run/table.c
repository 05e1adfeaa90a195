// SPDX-License-Identifier: MIT
#include "tools/run/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/analysis.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define VALUE_WIDTH 12
#define SEEDS_SHOWN 6		/* a wider table would not fit a terminal */

static const struct analysis_arm *arm_of(const struct analysis *a, int arm)
{
	return &a->tables[0].arm[arm];
}

/* Means of other seeds are no comparison: those that all arms have, or NaN. */
static double common_mean(const struct analysis *a, int arm, int *seeds)
{
	double sum = 0;

	*seeds = 0;
	for (int s = 0; s < a->plan->nr_seeds; s++) {
		bool all = true;

		for (int i = 0; i < a->plan->nr_arms; i++)
			all &= arm_of(a, i)->value[s].state == VALUE_OK;
		if (all)
			sum += arm_of(a, arm)->value[s].value;
		*seeds += all;
	}
	return *seeds ? sum / *seeds : NAN;
}

/* Of which something is claimed, or which warns the reader. */
static bool is_said(const struct analysis *a, int arm)
{
	enum arm_role role = a->plan->arms[arm].role;

	return role == ARM_PRIMARY || role == ARM_OTHER || a->expect[arm] == CONTROL_BROKEN;
}

/* ---- for people ------------------------------------------------------------------------ */

static int name_width(const struct experiment *e)
{
	size_t width = strlen("arm");

	for (int i = 0; i < e->nr_arms; i++)
		if (strlen(e->arms[i].name) > width)
			width = strlen(e->arms[i].name);
	return (int)width;
}

static void print_head(const struct experiment *e, int width, int seeds)
{
	char title[32];

	printf("%s%s%s\n", e->metric.name, *e->metric.unit ? ", " : "", e->metric.unit);
	printf("%-*s  %-8s  %*s", width, "arm", "role", VALUE_WIDTH, "mean");
	for (int s = 0; s < seeds; s++) {
		snprintf(title, sizeof(title), "seed %lld", e->seeds[s]);
		printf("  %*s", VALUE_WIDTH, title);
	}
	puts(seeds < e->nr_seeds ? "  ..." : "");
}

static void print_arm(const struct analysis *a, int arm, int width, int seeds)
{
	const struct experiment *e = a->plan;
	int nr;
	double mean = common_mean(a, arm, &nr);

	printf("%-*s  %-8s", width, e->arms[arm].name, arm_role_name(e->arms[arm].role));
	if (nr)
		printf("  %*.6g", VALUE_WIDTH, mean);
	else
		printf("  %*s", VALUE_WIDTH, "-");
	for (int s = 0; s < seeds; s++) {
		const struct analysis_value *v = &arm_of(a, arm)->value[s];
		enum cell_state state = experiment_cell(a->run, arm, s)->state;

		if (v->state == VALUE_OK)
			printf("  %*.6g", VALUE_WIDTH, v->value);
		else	/* a damaged answer of a measure is found in a cell that is done */
			printf("  %*s", VALUE_WIDTH, v->state == VALUE_FAILED ? "failed" :
			       cell_state_name(state));
	}
	putchar('\n');
}

static int print_verdicts(const struct analysis *a)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	for (int arm = 0; arm < a->plan->nr_arms; arm++) {
		if (!is_said(a, arm))
			continue;
		strbuf_addc(&sb, '\n');
		analysis_say(a, arm, &sb);
	}
	ret = strbuf_ok(&sb);
	if (!ret && sb.len)
		puts(sb.s);
	strbuf_free(&sb);
	return ret;
}

static int print_text(const struct analysis *a)
{
	const struct experiment *e = a->plan;
	int width = name_width(e), seeds = e->nr_seeds < SEEDS_SHOWN ? e->nr_seeds : SEEDS_SHOWN;
	char *report;
	int common, ret;

	print_head(e, width, seeds);
	for (int arm = 0; arm < e->nr_arms; arm++)
		print_arm(a, arm, width, seeds);
	common_mean(a, 0, &common);
	if (common && common < e->nr_seeds)
		printf("means: of the %d seed%s that all arms have\n", common,
		       common > 1 ? "s" : "");
	ret = print_verdicts(a);
	report = path_join(a->run->path, "report.html");
	printf("\n%s\n", report && file_exists(report) ? report : a->run->path);
	free(report);
	return ret;
}

/* ---- for programs ------------------------------------------------------------------------ */

static int arm_json(const struct analysis *a, int arm, struct json_out *list)
{
	const struct analysis_contrast *c = &arm_of(a, arm)->contrast;
	struct json_out *o = json_out_object(list, NULL);
	struct strbuf sb;
	int seeds, ret;

	strbuf_init(&sb);
	analysis_say(a, arm, &sb);
	ret = strbuf_ok(&sb);
	json_out_text(o, "arm", a->plan->arms[arm].name);
	json_out_text(o, "role", arm_role_name(a->plan->arms[arm].role));
	json_out_number(o, "mean", common_mean(a, arm, &seeds));
	if (a->plan->arms[arm].role == ARM_PRIMARY || a->plan->arms[arm].role == ARM_OTHER)
		json_out_text(o, "verdict", verdict_name(c->verdict.word));
	if (!ret)
		json_out_text(o, "says", sb.s);
	strbuf_free(&sb);
	return ret;
}

static void cell_json(const struct analysis *a, int i, struct json_out *list)
{
	const struct experiment_cell *cell = &a->run->cells[i];
	struct json_out *c = json_out_object(list, NULL);

	json_out_text(c, "arm", a->plan->arms[cell->arm].name);
	json_out_int(c, "seed", a->plan->seeds[cell->seed]);
	json_out_text(c, "state", cell_state_name(cell->state));
	json_out_int(c, "steps", cell->done);
	json_out_number(c, "value", arm_of(a, cell->arm)->value[cell->seed].value);
	if (*cell->failure)
		json_out_text(c, "failure", cell->failure);
}

static int print_json(const struct analysis *a)
{
	const struct experiment_run *run = a->run;
	struct json_out *o = json_out_new(), *list;
	int ret = 0;

	json_out_text(o, "experiment", a->plan->name);
	json_out_text(o, "run", run->path);
	json_out_text(o, "plan_hash", run->hash);
	json_out_text(o, "metric", a->plan->metric.name);
	json_out_int(o, "cells_done", a->state[CELL_DONE]);
	list = json_out_array(o, "arms");
	for (int arm = 0; arm < a->plan->nr_arms && !ret; arm++)
		ret = arm_json(a, arm, list);
	list = json_out_array(o, "cells");
	for (int i = 0; i < run->nr_cells; i++)
		cell_json(a, i, list);
	if (!ret)
		return json_out_print(o);
	json_out_free(o);
	return ret;
}

int run_print(const struct experiment_run *run)
{
	struct analysis *a;
	int ret = analysis_make(run, &a);

	if (ret)
		return ret;
	ret = config_options.json ? print_json(a) : print_text(a);
	analysis_free(a);
	return ret;
}
