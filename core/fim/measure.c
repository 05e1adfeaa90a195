// SPDX-License-Identifier: MIT
#include "fim/measure.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/progress.h"
#include "fim/diagonal.h"

const char *const fim_side_name[FIM_SIDES] = { "batch", "one by one", "sequence", "position" };

/** struct sides - all that is measured. @gradient: of a batch, and of one sequence. */
struct sides {
	struct fim_job *job;
	int batch;
	struct fim_pass gradient[2];
	struct diagonal *estimate[2];
};

static int make_gradient(struct sides *s, struct fim_pass *p, int rows)
{
	struct backward_options opts;
	struct tensor *losses;
	int ret = fim_pass_begin(p, s->job, rows, true, false);

	if (ret)
		return ret;
	losses = fim_pass_losses(p, model_hidden(&p->b), false);
	ret = graph_error(p->graph);
	opts = (struct backward_options){ .accumulate = p->add };
	if (!ret)
		ret = graph_backward(p->graph, losses, &opts);
	if (!ret)
		ret = fim_pass_plan(p);
	return ret ? ret : model_init(p->model, 1);
}

static int make_sides(struct sides *s)
{
	int ret = make_gradient(s, &s->gradient[0], s->batch);

	if (!ret)
		ret = make_gradient(s, &s->gradient[1], 1);
	for (int i = 0; i < 2 && !ret; i++) {
		ret = diagonal_new(s->job, i, &s->estimate[i]);
		if (!ret)
			ret = model_init(diagonal_pass(s->estimate[i])->model, 1);
	}
	return ret;
}

static void free_sides(struct sides *s)
{
	for (int i = 0; i < 2; i++) {
		fim_pass_end(&s->gradient[i]);
		diagonal_free(s->estimate[i]);
	}
}

static int run_gradient(struct fim_pass *p, int64_t sample)
{
	int32_t add = 0;
	int ret = fim_pass_put(p, FIM_ADD, &add, sizeof(add));

	if (!ret)
		ret = fim_pass_sample(p, sample);
	return ret ? ret : fim_pass_run(p, sample, 0);
}

static int run_side(struct sides *s, enum fim_side side, double *seconds, double *cpu)
{
	double start = clock_seconds(), spent = clock_cpu_seconds();
	int ret = side == FIM_SIDE_BATCH ? run_gradient(&s->gradient[0], 0) : 0;

	for (int i = 0; i < s->batch && !ret && side != FIM_SIDE_BATCH; i++)
		ret = side == FIM_SIDE_ONE
		    ? run_gradient(&s->gradient[1], i)
		    : diagonal_sequence(s->estimate[side == FIM_SIDE_POSITION], i);
	*seconds = clock_seconds() - start;
	*cpu = clock_cpu_seconds() - spent;
	return ret;
}

/* @time, @cpu: (sides, turns) */
static int run_turns(struct sides *s, int turns, double *time, double *cpu)
{
	bool bar = progress_begin("bench", turns + 1);
	double seconds[FIM_SIDES], spent[FIM_SIDES];
	int ret = 0;

	for (int t = -1; t < turns && !ret; t++) {
		for (int side = 0; side < FIM_SIDES && !ret; side++)
			ret = run_side(s, side, &seconds[side], &spent[side]);
		for (int side = 0; side < FIM_SIDES && t >= 0; side++) {
			time[side * turns + t] = seconds[side];
			cpu[side * turns + t] = spent[side];
		}
		progress_update(bar, t + 2, "%s", "");
	}
	progress_end(bar);
	return ret;
}

/* Medians of the ratios to the first side, turn by turn. */
static void find_ratios(const double *time, int turns, double *work, double *ratio)
{
	for (int side = 0; side < FIM_SIDES; side++) {
		for (int t = 0; t < turns; t++)
			work[t] = time[side * turns + t] / time[FIM_SIDE_BATCH * turns + t];
		ratio[side] = clock_median(work, turns);
	}
}

static int find_medians(double *time, double *cpu, int turns, struct fim_costs *c)
{
	double *work = malloc(turns * sizeof(*work));

	if (!work)
		return fail_nomem(turns * sizeof(*work), "times");
	find_ratios(time, turns, work, c->ratio);
	find_ratios(cpu, turns, work, c->cpu_ratio);
	for (int side = 0; side < FIM_SIDES; side++)	/* sorts them */
		c->seconds[side] = clock_median(time + side * turns, turns);
	free(work);
	return 0;
}

static int prepare(struct fim_job *j, const struct config *cfg)
{
	j->cfg = config_copy(cfg);
	if (!j->cfg)
		return fail_nomem(0, "parameters");
	j->context = (int)config_int(cfg, PARAM_MODEL_CONTEXT);
	j->facts.context = j->context;
	j->facts.draws = j->facts.batch = 1;
	return loader_init(&j->loader, j->data, DATA_TRAIN, j->context, true, 1);
}

int fim_measure(struct fim_job *j, const struct config *cfg, int batch, int turns,
		struct fim_costs *c)
{
	struct sides s = { .job = j, .batch = batch };
	double *time = calloc((size_t)2 * FIM_SIDES * turns, sizeof(*time));
	double *cpu = time + FIM_SIDES * turns;
	int ret = time ? prepare(j, cfg) : fail_nomem(turns * sizeof(*time), "times");

	if (!ret)
		ret = make_sides(&s);
	if (!ret)
		ret = run_turns(&s, turns, time, cpu);
	if (!ret)
		ret = find_medians(time, cpu, turns, c);
	if (!ret) {
		c->parameters = model_count(s.gradient[0].model, false);
		c->tokens = (int64_t)batch * j->context;
	}
	free_sides(&s);
	free(time);
	return ret;
}
