/* SPDX-License-Identifier: MIT */
/* Brute force: the training graph of one sequence, by the ops' oracles in fp64. */
#ifndef TESTS_UNIT_FIM_BRUTE_H
#define TESTS_UNIT_FIM_BRUTE_H

#include "nn/model.h"
#include "ops/linear-cross-entropy.h"
#include "tensor/plan.h"
#include "tensor/segment.h"
#include "tests/unit/fim-helper.h"
#include "train/load.h"

#define T 12		/* tokens of a sequence */

/* struct brute - the training graph of one sequence in fp64. */
struct brute {
	struct model *m;
	struct graph *g;
	struct tensor *ids, *targets, *positions, *scale, *losses;
	double **values;
	struct tensor **param;	/* (nr_params) */
	double *sum[256];	/* one for each parameter */
	int32_t tokens[T], labels[T];
};

static inline struct tensor *ints(struct brute *b, const char *name)
{
	int64_t n[2] = { 1, T };

	return graph_tensor(b->g, TENSOR_INPUT, name, DT_I32, 2, n, NULL);
}

static inline struct tensor *find_tensor(const struct graph *g, const char *name)
{
	for (int i = 0; i < g->nr_tensors; i++)
		if (!strcmp(g->tensors[i]->name, name))
			return g->tensors[i];
	return NULL;
}

static inline double *give(struct brute *b, const struct tensor *t)
{
	double *v = calloc(layout_count(&t->max), sizeof(*v));

	b->values[t->id] = v;
	return v;
}

static inline void give_weights(struct brute *b, int i)
{
	const struct param_info *p = &b->m->params[i];
	const struct segment *s = b->m->segment[SEG_WEIGHT][0];
	struct tensor *t = find_tensor(b->g, p->name);
	int64_t count = layout_count(&t->max);
	float *host = malloc(count * sizeof(*host));
	double *v = give(b, t);

	check_ok(device_read(s->buffer, s->views[p->view].at, host, count * sizeof(*host)));
	for (int64_t k = 0; k < count; k++)
		v[k] = host[k];
	free(host);
	give(b, t->grad);
	b->param[i] = t;
	b->sum[i] = calloc(count, sizeof(double));
}

static inline void brute_begin(struct brute *b, struct toy *t)
{
	struct builder build = { .training = true };
	struct config *cfg = config_new();
	struct model_spec spec;
	double *v;

	memset(b, 0, sizeof(*b));
	check_ok(model_config(t->model, cfg));
	check_ok(spec_from_config(cfg, FIM_VOCAB, &spec));
	config_free(cfg);
	spec.dropout = 0;
	check_ok(model_new(&spec, NULL, &b->m));
	ck_assert_int_le(b->m->nr_params, 256);
	b->m->gradients = true;
	check_ok(model_alloc(b->m, t->dev));
	check_ok(model_load_weights(b->m, t->model));
	b->g = build.graph = graph_new();
	build.model = b->m;
	build.ids = b->ids = ints(b, "ids");
	build.positions = b->positions = ints(b, "positions");
	b->targets = ints(b, "targets");
	b->scale = graph_tensor(b->g, TENSOR_INPUT, "scale", DT_F32, 0, NULL, NULL);
	b->losses = op_linear_cross_entropy(b->g, model_hidden(&build), model_head(&build),
					    b->targets, b->scale, NULL, NULL,
					    b->m->spec.logit_softcap);
	check_ok(graph_error(b->g));
	check_ok(graph_backward(b->g, b->losses, NULL));
	b->values = calloc(b->g->nr_tensors, sizeof(*b->values));
	b->param = calloc(b->m->nr_params, sizeof(*b->param));
	for (int i = 0; i < b->m->nr_params; i++)
		give_weights(b, i);
	give(b, b->ids);
	give(b, b->targets);
	v = give(b, b->positions);
	for (int i = 0; i < T; i++)
		v[i] = i;
	*give(b, b->scale) = 1;
}

static inline void brute_end(struct brute *b)
{
	for (int i = 0; i < b->g->nr_tensors; i++)
		free(b->values[i]);
	for (int i = 0; i < b->m->nr_params; i++)
		free(b->sum[i]);
	free(b->values);
	free(b->param);
	graph_free(b->g);
	model_free(b->m);
}

static inline void brute_sample(struct brute *b, struct toy *t, int64_t sample)
{
	check_ok(loader_fill(&t->job.loader, sample, 1, b->tokens, b->labels, NULL));
}

/* Gradient of the losses of the tokens for which @labels has one. */
static inline void brute_run(struct brute *b, const int32_t *labels)
{
	for (int i = 0; i < T; i++) {
		b->values[b->ids->id][i] = b->tokens[i];
		b->values[b->targets->id][i] = labels[i];
	}
	check_ok(oracle_run(b->g, b->values));
}

static inline const double *brute_grad(const struct brute *b, int i)
{
	return b->values[b->param[i]->grad->id];
}

static inline int64_t brute_count(const struct brute *b, int i)
{
	return layout_count(&b->param[i]->max);
}

#endif
