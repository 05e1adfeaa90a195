// SPDX-License-Identifier: MIT
/*
 * Diagonals from gradients: units batch, sequence, token and position.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/progress.h"
#include "base/rng.h"
#include "fim/diagonal.h"
#include "ops/square-accumulate.h"

/**
 * struct diagonal - an estimate under way.
 * @block: sum of up to FIM_BLOCK squares: the gradients themselves where those are squares
 * @sum: of blocks, of the second half of the sample, or of all; @half: of the first
 * @covered: which of the model's parameters are estimated
 */
struct diagonal {
	struct fim_job *job;
	struct fim_pass pass;
	bool by_position;
	struct segment *block, *sum, *half;
	struct fim_stage square, fold, fold_half;
	int in_block;
	bool in_half;
	double scale, half_scale;
	bool *covered;
	struct fim_tensor *tensor;
	int *param;		/* tensor i is parameter param[i] */
	int nr;
};

/* ---- graphs ----------------------------------------------------------------------------- */

static int make_segment(struct diagonal *d, const char *name, struct segment **s)
{
	*s = segment_like(d->pass.model->segment[SEG_WEIGHT][0], name, DT_F32);
	if (!*s)
		return -ENOMEM;
	return d->pass.dry ? 0 : segment_alloc(*s, d->job->dev);
}

static int build_pass(struct diagonal *d)
{
	struct fim_pass *p = &d->pass;
	struct backward_options opts = { .accumulate = p->add };
	struct tensor *hidden, *losses;
	struct position_tap tap;
	int ret;

	hidden = model_hidden(&p->b);
	if (d->by_position)
		position_prepare(p, d->covered);
	losses = fim_pass_losses(p, hidden, d->by_position);
	ret = graph_error(p->graph);
	if (ret)
		return ret;
	if (d->by_position)
		position_tap(&tap, p, &opts);
	ret = graph_backward(p->graph, losses, &opts);
	return ret ? ret : fim_pass_plan(p);
}

/* block = [block +] gradients^2 */
static int build_square(struct diagonal *d)
{
	struct graph *g = d->square.graph = graph_new();

	if (!g)
		return -ENOMEM;
	op_square_accumulate(g, segment_flat(d->block, g, TENSOR_STATE),
			     segment_flat(d->pass.model->segment[SEG_GRAD][0], g, TENSOR_STATE),
			     fim_pass_scalar(&d->pass, g, FIM_ADD_SQUARES), false);
	return fim_stage_plan(&d->pass, &d->square);
}

static bool wants_half(const struct fim_job *j)
{
	return j->out.parts & 1 << FIM_HALF || j->out.shrink == FIM_SHRINK_AUTO;
}

static int build(struct diagonal *d)
{
	int ret = build_pass(d);

	d->block = d->pass.model->segment[SEG_GRAD][0];
	if (!ret && !d->by_position)
		ret = make_segment(d, "a block of squares", &d->block);
	if (!ret && !d->by_position)
		ret = build_square(d);
	if (!ret)
		ret = make_segment(d, "squares", &d->sum);
	if (!ret)
		ret = fim_fold_build(&d->pass, d->block, d->sum, &d->fold);
	if (!ret && wants_half(d->job))
		ret = make_segment(d, "squares of the first half", &d->half);
	if (!ret && d->half)
		ret = fim_fold_build(&d->pass, d->block, d->half, &d->fold_half);
	return ret;
}

static void diagonal_end(struct diagonal *d)
{
	if (!d->by_position)
		segment_free(d->block);
	segment_free(d->sum);
	segment_free(d->half);
	fim_stage_free(&d->square);
	fim_stage_free(&d->fold);
	fim_stage_free(&d->fold_half);
	fim_pass_end(&d->pass);
	free(d->covered);
	free(d->tensor);
	free(d->param);
}

static int diagonal_begin(struct diagonal *d, struct fim_job *j, bool by_position, bool dry)
{
	int ret;

	*d = (struct diagonal){ .job = j, .by_position = by_position };
	ret = fim_pass_begin(&d->pass, j, 1, true, dry);
	if (ret)
		return ret;
	d->covered = malloc(d->pass.model->nr_params * sizeof(*d->covered));
	if (!d->covered)
		return fail_nomem(0, "an estimate");
	for (int i = 0; i < d->pass.model->nr_params; i++)
		d->covered[i] = true;
	return build(d);
}

static size_t bytes_of(const struct diagonal *d)
{
	size_t bytes = fim_pass_bytes(&d->pass) + d->sum->bytes;

	if (!d->by_position)
		bytes += d->block->bytes;
	if (d->half)
		bytes += d->half->bytes;
	return bytes + fim_stage_bytes(&d->square) + fim_stage_bytes(&d->fold) +
	       fim_stage_bytes(&d->fold_half);
}

static int check_room(struct fim_job *j, bool by_position)
{
	struct diagonal d;
	int ret = diagonal_begin(&d, j, by_position, true);

	if (!ret)
		ret = fim_check_room(j, bytes_of(&d));
	diagonal_end(&d);
	return ret;
}

/* ---- squares ------------------------------------------------------------------------------ */

static int fold(struct diagonal *d)
{
	int ret = 0;

	if (d->in_block)
		ret = plan_run(d->in_half ? d->fold_half.plan : d->fold.plan);
	d->in_block = 0;
	return ret;
}

static int put_flag(struct diagonal *d, enum fim_scalar at, bool add)
{
	int32_t flag = add;

	return fim_pass_put(&d->pass, at, &flag, sizeof(flag));
}

/* The gradients of one unit are there: square them. */
static int take_square(struct diagonal *d)
{
	int ret = put_flag(d, FIM_ADD_SQUARES, d->in_block > 0);

	if (!ret && !d->by_position)
		ret = plan_run(d->square.plan);
	d->in_block++;
	return !ret && d->in_block == FIM_BLOCK ? fold(d) : ret;
}

/* One gradient of the sample that is there. */
static int run(struct diagonal *d, int64_t sample, int64_t draw, bool add)
{
	int ret = put_flag(d, FIM_ADD, add);

	return ret ? ret : fim_pass_run(&d->pass, sample, draw);
}

static int sequence_step(struct diagonal *d, int64_t s)
{
	int ret = fim_pass_sample(&d->pass, s);

	for (int64_t draw = 0; draw < d->job->facts.draws && !ret; draw++) {
		ret = run(d, s, draw, d->by_position && d->in_block);
		if (!ret)
			ret = take_square(d);
	}
	return ret;
}

static int token_step(struct diagonal *d, int64_t s)
{
	const struct fim_facts *f = &d->job->facts;
	struct rng r = rng_stream((uint64_t)f->seed, "fim/positions", (uint64_t)s);
	int ret = fim_pass_sample(&d->pass, s);

	for (int64_t k = 0; k < f->positions && !ret; k++) {
		ret = fim_pass_position(&d->pass, (int64_t)rng_permute(&r, k, f->context));
		for (int64_t draw = 0; draw < f->draws && !ret; draw++) {
			ret = run(d, s, draw, false);
			if (!ret)
				ret = take_square(d);
		}
	}
	return ret;
}

/* The batch that begins with sample @s. */
static int batch_step(struct diagonal *d, int64_t s)
{
	const struct fim_facts *f = &d->job->facts;
	int ret = 0;

	for (int64_t draw = 0; draw < f->draws && !ret; draw++) {
		for (int64_t i = 0; i < f->batch && !ret; i++) {
			ret = fim_pass_sample(&d->pass, s + i);
			if (!ret)
				ret = run(d, s + i, draw, i > 0);
		}
		if (!ret)
			ret = take_square(d);
	}
	return ret;
}

static int run_all(struct diagonal *d, int (*step)(struct diagonal *d, int64_t s), bool bar)
{
	const struct fim_facts *f = &d->job->facts;
	int64_t half = d->half ? f->sequences / 2 : 0;
	int ret = 0;

	for (int64_t s = 0; s < f->sequences && !ret; s += f->batch) {
		if (s == half)
			ret = fold(d);
		d->in_half = s < half;
		if (!ret)
			ret = step(d, d->job->first + s);
		progress_update(bar, s + f->batch, "%s", "");
	}
	return ret ? ret : fold(d);
}

/* ---- the file ------------------------------------------------------------------------------ */

static int read_piece(const struct diagonal *d, const struct segment *s, int tensor, int64_t at,
		      int64_t nr, float *to)
{
	const struct param_info *p = &d->pass.model->params[d->param[tensor]];

	return device_read(s->buffer, s->views[p->view].at + at * sizeof(*to), to,
			   nr * sizeof(*to));
}

static int add_half(const struct diagonal *d, int tensor, int64_t at, int64_t nr, float *to)
{
	float *first = malloc(nr * sizeof(*first));
	int ret = first ? read_piece(d, d->half, tensor, at, nr, first)
			: fail_nomem(nr * sizeof(*first), "half of an estimate");

	for (int64_t i = 0; i < nr && !ret; i++)
		to[i] += first[i];
	free(first);
	return ret;
}

static int fetch(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to)
{
	const struct diagonal *d = ctx;
	double scale = half ? d->half_scale : d->scale;
	int ret = read_piece(d, half ? d->half : d->sum, tensor, at, nr, to);

	if (!ret && !half && d->half)
		ret = add_half(d, tensor, at, nr, to);
	for (int64_t i = 0; i < nr && !ret; i++)
		to[i] = (float)(scale * to[i]);
	return ret;
}

static int list_tensors(struct diagonal *d)
{
	const struct model *m = d->pass.model;

	d->tensor = calloc(m->nr_params, sizeof(*d->tensor));
	d->param = calloc(m->nr_params, sizeof(*d->param));
	if (!d->tensor || !d->param)
		return fail_nomem(0, "a list of tensors");
	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];

		if (!d->covered[i])
			continue;
		d->param[d->nr] = i;
		d->tensor[d->nr++] = (struct fim_tensor){
			.name = p->name, .nd = p->nd,
			.n = { p->n[0], p->nd == 2 ? p->n[1] : 1 },
			.transposed = p->transposed && p->nd == 2,
		};
	}
	return 0;
}

static int write_out(struct diagonal *d)
{
	struct fim_job *j = d->job;
	struct fim_values v = { .has_half = d->half, .fetch = fetch, .ctx = d };
	int ret = list_tensors(d);

	d->scale = 1.0 / (double)j->facts.tokens / (double)j->facts.draws;
	d->half_scale = 2 * d->scale;
	v.tensor = d->tensor;
	v.nr = d->nr;
	return ret ? ret : fim_write_diagonal(&v, &j->facts, &j->out, &j->total);
}

int diagonal_new(struct fim_job *j, bool by_position, struct diagonal **out)
{
	struct diagonal *d = malloc(sizeof(*d));
	int ret;

	if (!d)
		return fail_nomem(sizeof(*d), "an estimate");
	ret = diagonal_begin(d, j, by_position, false);
	if (ret)
		diagonal_free(d);
	else
		*out = d;
	return ret;
}

void diagonal_free(struct diagonal *d)
{
	if (d)
		diagonal_end(d);
	free(d);
}

struct fim_pass *diagonal_pass(struct diagonal *d)
{
	return &d->pass;
}

int diagonal_sequence(struct diagonal *d, int64_t sample)
{
	return sequence_step(d, sample);
}

static int estimate(struct fim_job *j, int (*step)(struct diagonal *d, int64_t s),
		    bool by_position)
{
	struct diagonal d;
	bool bar;
	int ret = check_room(j, by_position);

	if (ret)
		return ret;
	ret = diagonal_begin(&d, j, by_position, false);
	if (!ret)
		ret = fim_pass_load(&d.pass);
	if (!ret) {
		bar = progress_begin("fim", j->facts.sequences);
		ret = run_all(&d, step, bar);
		progress_end(bar);
	}
	if (!ret)
		ret = write_out(&d);
	diagonal_end(&d);
	return ret;
}

/* ---- units --------------------------------------------------------------------------------- */

static int sequence_run(struct fim_job *j)
{
	struct fim_facts *f = &j->facts;

	f->squares = f->sequences * f->draws;
	f->tokens = f->sequences * f->context;
	return estimate(j, sequence_step, false);
}

static int token_run(struct fim_job *j)
{
	struct fim_facts *f = &j->facts;

	if (f->positions > f->context)
		return fail(-EINVAL, "FIM_POSITIONS is %lld, a sequence has %lld",
			    (long long)f->positions, (long long)f->context);
	f->tokens = f->sequences * f->positions;
	f->squares = f->tokens * f->draws;
	return estimate(j, token_step, false);
}

static int batch_run(struct fim_job *j)
{
	struct fim_facts *f = &j->facts;

	f->squares = f->sequences / f->batch * f->draws;
	f->tokens = f->sequences * f->context;
	return estimate(j, batch_step, false);
}

static int position_run(struct fim_job *j)
{
	struct fim_facts *f = &j->facts;

	f->tokens = f->sequences * f->context;
	f->squares = f->tokens * f->draws;
	return estimate(j, sequence_step, true);
}

static const struct fim_unit sequence = {
	.name = "sequence",
	.summary = "gradients of whole sequences",
	.is_diagonal = true, .has_labels = true, .has_halves = true, .from_data = true,
	.run = sequence_run,
};
FIM_UNIT_REGISTER(sequence);

static const struct fim_unit token = {
	.name = "token",
	.summary = "gradients of single tokens",
	.is_diagonal = true, .has_labels = true, .has_halves = true, .from_data = true,
	.run = token_run,
};
FIM_UNIT_REGISTER(token);

static const struct fim_unit batch = {
	.name = "batch",
	.summary = "gradients of means over batches",
	.is_diagonal = true, .has_labels = true, .has_halves = true, .from_data = true,
	.run = batch_run,
};
FIM_UNIT_REGISTER(batch);

static const struct fim_unit position = {
	.name = "position",
	.summary = "squares of what positions contribute to linear layers",
	.is_diagonal = true, .has_labels = true, .has_halves = true, .from_data = true,
	.run = position_run,
};
FIM_UNIT_REGISTER(position);
