// SPDX-License-Identifier: MIT
#include "tools/run/estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/thread.h"
#include "experiment/estimate.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

/** struct total - of all cells. */
struct total {
	double tokens, flops, seconds;
	uint64_t disk, memory;		/* memory: of those side by side, at most */
	int jobs;			/* side by side: no more than there are cells */
	int parallel;			/* of them at the same time: no more than processors */
};

static int64_t own_steps(const struct arm_cost *c)
{
	return c->steps - c->shared;
}

static int at_most(int n, int limit)
{
	return n < limit ? n : limit;
}

static struct total sum(const struct experiment *e, const struct arm_cost *cost, int jobs)
{
	struct total t = { .jobs = at_most(jobs, e->nr_arms * e->nr_seeds) };
	double longest = 0;
	uint64_t most = 0;

	t.parallel = at_most(t.jobs, threads_default());
	for (int i = 0; i < e->nr_arms; i++) {
		const struct arm_cost *c = &cost[i];
		double seeds = e->nr_seeds;

		t.tokens += seeds * (double)own_steps(c) * (double)c->tokens_per_step;
		t.flops += seeds * (double)own_steps(c) * c->flops_per_step;
		t.seconds += seeds * c->seconds / t.parallel;
		t.disk += (uint64_t)e->nr_seeds * c->disk;
		most = c->memory > most ? c->memory : most;
		longest = c->seconds > longest ? c->seconds : longest;
	}
	t.seconds = t.seconds > longest ? t.seconds : longest;
	t.memory = most * (uint64_t)t.jobs;
	return t;
}

static void print_text(const struct experiment *e, const struct arm_cost *cost,
		       const struct total *t)
{
	char a[FORMAT_MAX], b[FORMAT_MAX], c[FORMAT_MAX], d[FORMAT_MAX], s[FORMAT_MAX];
	int width = 5;

	for (int i = 0; i < e->nr_arms; i++)
		if ((int)strlen(e->arms[i].name) > width)
			width = (int)strlen(e->arms[i].name);
	printf("%-*s  %10s  %9s  %8s  %8s  %10s  %10s  %10s\n", width, "arm", "parameters", "steps",
	       "tokens", "FLOP", "memory", "disk", "time");
	for (int i = 0; i < e->nr_arms; i++) {
		const struct arm_cost *k = &cost[i];

		printf("%-*s  %10s  %9lld  %8s  %8s  %10s  %10s  %10s\n", width, e->arms[i].name,
		       format_count(a, (double)k->parameters), (long long)own_steps(k),
		       format_count(b, (double)own_steps(k) * (double)k->tokens_per_step),
		       format_count(c, (double)own_steps(k) * k->flops_per_step),
		       format_bytes(d, k->memory), format_bytes(s, k->disk),
		       format_duration((char[FORMAT_MAX]){ 0 }, k->seconds));
	}
	printf("%-*s  %10s  %9s  %8s  %8s  %10s  %10s  %10s\n", width, "all", "", "",
	       format_count(b, t->tokens), format_count(c, t->flops), format_bytes(d, t->memory),
	       format_bytes(s, t->disk), format_duration(a, t->seconds));
	printf("\n%d cells (%d arms, %d seeds), %d at a time", e->nr_arms * e->nr_seeds,
	       e->nr_arms, e->nr_seeds, t->jobs);
	if (t->parallel < t->jobs)
		printf(" on %d processor%s", t->parallel, t->parallel > 1 ? "s" : "");
	printf("\nthe time is that of steps and of the held-out loss; starting and saving come on "
	       "top\n");
	if (e->nr_measures)
		printf("and so do %lld measures, whose time is not known\n",
		       experiment_measures(e));
}

static int print_json(const struct experiment *e, const struct arm_cost *cost,
		      const struct total *t)
{
	struct json_out *o = json_out_new(), *list;

	json_out_text(o, "experiment", e->name);
	json_out_int(o, "cells", e->nr_arms * e->nr_seeds);
	json_out_int(o, "jobs", t->jobs);
	json_out_int(o, "parallel", t->parallel);
	json_out_int(o, "measures", experiment_measures(e));
	json_out_number(o, "tokens", t->tokens);
	json_out_number(o, "flops", t->flops);
	json_out_number(o, "seconds", t->seconds);
	json_out_int(o, "bytes_memory", (long long)t->memory);
	json_out_int(o, "bytes_disk", (long long)t->disk);
	list = json_out_array(o, "arms");
	for (int i = 0; i < e->nr_arms; i++) {
		const struct arm_cost *c = &cost[i];
		struct json_out *arm = json_out_object(list, NULL);

		json_out_text(arm, "arm", e->arms[i].name);
		json_out_int(arm, "parameters", c->parameters);
		json_out_int(arm, "steps", c->steps);
		json_out_int(arm, "steps_shared", c->shared);
		json_out_int(arm, "tokens_per_step", c->tokens_per_step);
		json_out_number(arm, "flops_per_step", c->flops_per_step);
		json_out_number(arm, "seconds_per_step", c->step_seconds);
		json_out_number(arm, "seconds", c->seconds);
		json_out_int(arm, "bytes_memory", (long long)c->memory);
		json_out_int(arm, "bytes_disk", (long long)c->disk);
	}
	return json_out_print(o);
}

/* Where the model is given: nobody knows what commands take. */
static int print_measures(const struct experiment *e)
{
	struct json_out *o;

	if (!config_options.json) {
		printf("%d cells (%d arms, %d seeds): nothing is trained; %lld measures, whose "
		       "time is not known\n", e->nr_arms * e->nr_seeds, e->nr_arms, e->nr_seeds,
		       experiment_measures(e));
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "experiment", e->name);
	json_out_int(o, "cells", e->nr_arms * e->nr_seeds);
	json_out_int(o, "measures", experiment_measures(e));
	return json_out_print(o);
}

int run_estimate(const struct experiment *e, const char *data, const char *model, int jobs,
		 int threads, bool share)
{
	struct arm_cost *cost = calloc((size_t)e->nr_arms, sizeof(*cost));
	struct resolved r = { 0 };
	struct total t;
	int ret = cost ? experiment_resolve(e, data ? data : e->data, model, &r)
		       : fail_nomem(0, "arms");

	jobs = at_most(jobs, e->nr_arms * e->nr_seeds);
	if (!ret && e->model) {
		ret = print_measures(e);
		goto out_free;
	}
	if (!ret)
		ret = experiment_estimate(e, &r, threads / jobs > 0 ? threads / jobs : 1, share,
					  cost);
	if (!ret) {
		t = sum(e, cost, jobs);
		if (config_options.json)
			ret = print_json(e, cost, &t);
		else
			print_text(e, cost, &t);
	}
out_free:
	resolved_free(&r);
	free(cost);
	return ret;
}
