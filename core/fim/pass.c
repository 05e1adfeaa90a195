// SPDX-License-Identifier: MIT
#include "fim/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/dataset.h"
#include "ops/accumulate.h"
#include "ops/linear-cross-entropy.h"
#include "ops/sum.h"
#include "train/load.h"

static int make_model(struct fim_pass *p, bool gradients)
{
	struct fim_job *j = p->job;
	struct model_spec spec;
	int ret = spec_from_config(j->cfg, (int)dataset_vocab(j->data), &spec);

	if (ret)
		return fail_in(ret, "%s", j->model);
	spec.dropout = 0;
	ret = model_new(&spec, NULL, &p->model);
	if (ret)
		return ret;
	p->model->gradients = gradients;
	return p->dry ? model_layout(p->model) : model_alloc(p->model, j->dev);
}

static int make_graph(struct fim_pass *p, bool gradients)
{
	int ret;

	p->graph = graph_new();
	if (!p->graph)
		return -ENOMEM;
	ret = feed_inputs(p->feed, p->graph, &p->in);
	p->b = (struct builder){
		.graph = p->graph, .model = p->model, .training = gradients,
		.ids = p->in.part[FEED_IDS], .positions = p->in.part[FEED_POSITIONS],
		.doc_start = p->in.part[FEED_DOC_START],
	};
	p->add = fim_pass_scalar(p, p->graph, FIM_ADD);
	return ret;
}

int fim_pass_begin(struct fim_pass *p, struct fim_job *job, int rows, bool gradients, bool dry)
{
	float one = 1;
	int ret;

	*p = (struct fim_pass){ .job = job, .dry = dry, .rows = rows };
	ret = make_model(p, gradients);
	if (!ret)
		ret = feed_new(dry ? NULL : job->dev, rows, job->context, job->doc_mask,
			       &p->feed);
	if (!ret && !dry)
		ret = device_alloc(job->dev, FIM_SCALARS, "scalars", &p->scalars);
	if (!ret && !dry)
		ret = fim_pass_put(p, FIM_LOSS_SCALE, &one, sizeof(one));
	return ret ? ret : make_graph(p, gradients);
}

void fim_pass_end(struct fim_pass *p)
{
	plan_free(p->plan);
	graph_free(p->graph);
	buffer_free(p->scalars);
	feed_free(p->feed);
	model_free(p->model);
	*p = (struct fim_pass){ 0 };
}

int fim_pass_load(struct fim_pass *p)
{
	return model_load_weights(p->model, p->job->model);
}

struct tensor *fim_pass_scalar(const struct fim_pass *p, struct graph *g, enum fim_scalar at)
{
	static const int64_t two = 2;
	struct tensor *t;

	if (at == FIM_LOSS_SCALE)
		t = graph_tensor(g, TENSOR_INPUT, "loss_scale", DT_F32, 0, NULL, NULL);
	else if (at == FIM_KEY)
		t = graph_tensor(g, TENSOR_INPUT, "key", DT_I64, 1, &two, NULL);
	else
		t = graph_tensor(g, TENSOR_INPUT, "add", DT_I32, 0, NULL, NULL);
	if (t && p->scalars)
		tensor_bind(t, p->scalars, at);
	return t;
}

struct tensor *fim_pass_losses(struct fim_pass *p, struct tensor *hidden, bool squares)
{
	struct graph *g = p->graph;
	struct tensor *head = model_head(&p->b), *scale = fim_pass_scalar(p, g, FIM_LOSS_SCALE);
	struct tensor *key = p->job->sampled ? fim_pass_scalar(p, g, FIM_KEY) : NULL;
	struct tensor *losses;

	losses = (squares ? op_linear_cross_entropy_squares : op_linear_cross_entropy)(
		g, hidden, head, p->in.part[FEED_TARGETS], scale,
		head && head->grad ? p->add : NULL, key, p->model->spec.logit_softcap);
	p->loss = op_sum(g, losses);
	graph_output(p->loss);
	return losses;
}

int fim_pass_plan(struct fim_pass *p)
{
	int ret = graph_error(p->graph);

	return ret ? ret : graph_plan(p->graph, p->job->dev, p->dry, &p->plan);
}

size_t fim_pass_bytes(const struct fim_pass *p)
{
	return model_bytes(p->model, SEG_WEIGHT, SEG_GRAD) + feed_bytes(p->feed) +
	       device_bytes(FIM_SCALARS) + device_bytes(p->plan->arena_bytes);
}

int fim_pass_put(struct fim_pass *p, enum fim_scalar at, const void *value, size_t bytes)
{
	return device_write(p->scalars, at, value, bytes);
}

static int set_length(struct fim_pass *p, int64_t length)
{
	int ret = plan_set_extent(p->plan, p->in.batch_extent, p->rows);

	return ret ? ret : plan_set_extent(p->plan, p->in.time_extent, length);
}

int fim_pass_sample(struct fim_pass *p, int64_t sample)
{
	int ret = feed_fill(p->feed, &p->job->loader, (uint64_t)sample, p->rows);

	return ret ? ret : set_length(p, p->job->context);
}

/* What comes after the position cannot matter to it. */
int fim_pass_position(struct fim_pass *p, int64_t position)
{
	const int32_t *targets = p->feed->host[FEED_TARGETS];
	int32_t *only = malloc((position + 1) * sizeof(*only));
	int ret;

	if (!only)
		return fail_nomem((position + 1) * sizeof(*only), "targets");
	for (int64_t i = 0; i < position; i++)
		only[i] = -1;
	only[position] = targets[position];
	ret = device_write(p->feed->buffer[FEED_TARGETS], 0, only, (position + 1) * sizeof(*only));
	free(only);
	return ret ? ret : set_length(p, position + 1);
}

/* ---- other graphs ----------------------------------------------------------------------- */

int fim_stage_plan(const struct fim_pass *p, struct fim_stage *s)
{
	int ret = graph_error(s->graph);

	return ret ? ret : graph_plan(s->graph, p->job->dev, p->dry, &s->plan);
}

void fim_stage_free(struct fim_stage *s)
{
	plan_free(s->plan);
	graph_free(s->graph);
}

size_t fim_stage_bytes(const struct fim_stage *s)
{
	return s->plan ? device_bytes(s->plan->arena_bytes) : 0;
}

int fim_fold_build(const struct fim_pass *p, const struct segment *block,
		   const struct segment *to, struct fim_stage *s)
{
	struct graph *g = s->graph = graph_new();

	if (!g)
		return -ENOMEM;
	op_accumulate(g, segment_flat(to, g, TENSOR_STATE), segment_flat(block, g, TENSOR_STATE),
		      NULL, true);
	return fim_stage_plan(p, s);
}

/* ---- a run ------------------------------------------------------------------------------ */

/* Run again, looking at every value, to name what broke. */
static int explain(struct fim_pass *p, int64_t sample)
{
	int ret = plan_run_checked(p->plan);

	if (ret)
		return fail_in(ret, "sample %lld", (long long)sample);
	return fail(-EDOM, "sample %lld: the loss is not finite", (long long)sample);
}

int fim_pass_run(struct fim_pass *p, int64_t sample, int64_t draw)
{
	int64_t key[2] = { p->job->facts.seed, draw << 32 | sample };
	float loss = 0;
	int ret = fim_pass_put(p, FIM_KEY, key, sizeof(key));

	if (!ret)
		ret = plan_run(p->plan);
	if (!ret && p->loss)
		ret = tensor_read(p->loss, &loss, sizeof(loss));
	if (ret)
		return ret;
	if (!isfinite(loss))
		return explain(p, sample);
	p->job->loss += loss;
	return 0;
}
