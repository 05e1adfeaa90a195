// SPDX-License-Identifier: MIT
#include "tools/run/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define VALUE_WIDTH 12
#define SEEDS_SHOWN 6		/* a wider table would not fit a terminal */

/* The metric of a cell at the end; NaN if it has none, and why is in the message. */
static double value_of(const struct experiment_run *run, const struct experiment_cell *cell)
{
	double value;

	if (cell->state == CELL_FAILED ||
	    cell_metric(run, cell, &run->plan->metric, run->plan->nr_at - 1, &value)) {
		fail_clear();
		return NAN;
	}
	return value;
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

static void print_arm(const struct experiment_run *run, int arm, int width, int seeds)
{
	const struct experiment *e = run->plan;
	double sum = 0;
	int nr = 0;

	for (int s = 0; s < e->nr_seeds; s++) {
		double value = value_of(run, experiment_cell(run, arm, s));

		sum += isnan(value) ? 0 : value;
		nr += !isnan(value);
	}
	printf("%-*s  %-8s", width, e->arms[arm].name, arm_role_name(e->arms[arm].role));
	if (nr)
		printf("  %*.6g", VALUE_WIDTH, sum / nr);
	else
		printf("  %*s", VALUE_WIDTH, "-");
	for (int s = 0; s < seeds; s++) {
		const struct experiment_cell *cell = experiment_cell(run, arm, s);
		double value = value_of(run, cell);

		if (isnan(value))
			printf("  %*s", VALUE_WIDTH, cell_state_name(cell->state));
		else
			printf("  %*.6g", VALUE_WIDTH, value);
	}
	putchar('\n');
}

static void print_text(const struct experiment_run *run)
{
	const struct experiment *e = run->plan;
	char *report;
	int width = name_width(e), seeds = e->nr_seeds < SEEDS_SHOWN ? e->nr_seeds : SEEDS_SHOWN;

	print_head(e, width, seeds);
	for (int arm = 0; arm < e->nr_arms; arm++)
		print_arm(run, arm, width, seeds);
	report = path_join(run->path, "report.html");
	printf("\n%s\n", report && file_exists(report) ? report : run->path);
	free(report);
}

/* ---- for programs ------------------------------------------------------------------------ */

static int print_json(const struct experiment_run *run)
{
	const struct experiment *e = run->plan;
	struct json_out *o = json_out_new(), *list;
	int done = 0;

	for (int i = 0; i < run->nr_cells; i++)
		done += run->cells[i].state == CELL_DONE;
	json_out_text(o, "experiment", e->name);
	json_out_text(o, "run", run->path);
	json_out_text(o, "plan_hash", run->hash);
	json_out_text(o, "metric", e->metric.name);
	json_out_int(o, "cells_done", done);
	list = json_out_array(o, "cells");
	for (int i = 0; i < run->nr_cells; i++) {
		const struct experiment_cell *cell = &run->cells[i];
		struct json_out *c = json_out_object(list, NULL);

		json_out_text(c, "arm", e->arms[cell->arm].name);
		json_out_int(c, "seed", e->seeds[cell->seed]);
		json_out_text(c, "state", cell_state_name(cell->state));
		json_out_int(c, "steps", cell->done);
		json_out_number(c, "value", value_of(run, cell));
		if (*cell->failure)
			json_out_text(c, "failure", cell->failure);
	}
	return json_out_print(o);
}

int run_print(const struct experiment_run *run)
{
	if (config_options.json)
		return print_json(run);
	print_text(run);
	return 0;
}
