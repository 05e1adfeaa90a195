// SPDX-License-Identifier: MIT
/*
 * Unit adam: the second moments that the optimizer left in a checkpoint, without their bias
 * to zero (Kingma and Ba 2015, section 3), at the scale of the others.  They are of gradients
 * after clipping, of weights as they were during the last 1 / (1 - beta_2) steps or so.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "fim/estimate.h"
#include "io/checkpoint.h"
#include "nn/model.h"
#include "train/load.h"

#define NAME_LEN 256

/** struct moments - those of a checkpoint. @view: of tensor i. */
struct moments {
	struct checkpoint *ck;
	struct model *model;
	struct fim_tensor *tensor;
	const struct st_view **view;
	int nr;
	double factor;
};

static int fetch(void *ctx, int tensor, bool half, int64_t at, int64_t nr, float *to)
{
	const struct moments *m = ctx;

	BUG_ON(half);
	for (int64_t i = 0; i < nr; i++)
		to[i] = (float)(m->factor * st_element(m->view[tensor], at + i));
	return 0;
}

static const struct st_view *find_moment(const struct checkpoint *ck, const char *param)
{
	char name[NAME_LEN];

	snprintf(name, sizeof(name), "%s.exp_avg_sq", param);
	for (size_t i = 0; i < st_count(ck->optimizer); i++)
		if (!strcmp(st_at(ck->optimizer, i)->name, name))
			return st_at(ck->optimizer, i);
	return NULL;
}

/* In the file's orientation on both sides. */
static bool fits(const struct param_info *p, const struct st_view *v)
{
	bool turn = p->transposed && p->nd == 2;

	return v->dtype == DT_F32 && v->nd == p->nd && v->shape[0] == p->n[turn] &&
	       (p->nd == 1 || v->shape[1] == p->n[!turn]);
}

static int list_moments(struct fim_job *j, struct moments *m)
{
	int nr_params = m->model->nr_params;

	m->tensor = calloc(nr_params, sizeof(*m->tensor));
	m->view = calloc(nr_params, sizeof(*m->view));
	if (!m->tensor || !m->view)
		return fail_nomem(0, "a list of tensors");
	for (int i = 0; i < nr_params; i++) {
		const struct param_info *p = &m->model->params[i];
		const struct st_view *v = find_moment(m->ck, p->name);

		if (!v)
			continue;
		if (!fits(p, v))
			return fail(-EINVAL, "%s: '%s' has not the type or shape of its weight",
				    m->ck->dir, v->name);
		m->view[m->nr] = v;
		m->tensor[m->nr++] = (struct fim_tensor){
			.name = p->name, .nd = p->nd,
			.n = { v->shape[0], p->nd == 2 ? v->shape[1] : 1 },
		};
	}
	if (!m->nr)
		return fail(-EINVAL, "%s: its optimizer keeps no second moments", j->model);
	if (m->nr < nr_params)
		log_info("%d of %d tensors have no second moments: their optimizer keeps none",
			 nr_params - m->nr, nr_params);
	return 0;
}

/* A folder of Hugging Face has weights alone. */
static int check_state(const char *model, const char *dir)
{
	char *path = path_join(dir, "state.yaml");
	int ret = path ? 0 : fail_nomem(0, "a path");

	if (!ret && !file_exists(path))
		ret = fail(-ENOENT, "%s has no state of an optimizer: unit adam reads the "
			   "checkpoints of a run", model);
	free(path);
	return ret;
}

static int open_checkpoint(struct fim_job *j, struct moments *m)
{
	char *dir;
	int ret = model_folder(j->model, &dir);

	if (ret)
		return fail_in(ret, "unit adam reads checkpoints of runs");
	ret = check_state(j->model, dir);
	if (!ret)
		ret = checkpoint_open(dir, &m->ck);
	free(dir);
	if (!ret && !m->ck->optimizer)
		ret = fail(-ENOENT, "%s: a checkpoint without optimizer.safetensors", m->ck->dir);
	if (!ret && m->ck->step < 1)
		ret = fail(-EINVAL, "%s: no step was done yet: its second moments are 0",
			   m->ck->dir);
	return ret;
}

static int describe(struct fim_job *j, struct moments *m)
{
	double beta2 = config_float(j->cfg, PARAM_OPTIM_BETA2), seen;
	struct fim_facts *f = &j->facts;

	f->batch = config_int(j->cfg, PARAM_TRAIN_BATCH) * config_int(j->cfg, PARAM_TRAIN_ACCUM);
	f->context = config_int(j->cfg, PARAM_MODEL_CONTEXT);
	f->step = m->ck->step;
	seen = 1 - pow(beta2, (double)f->step);
	m->factor = (double)(f->batch * f->context) / seen;
	/* Steps that weigh as much as the average: (sum w)^2 / sum w^2, w = beta_2^k. */
	f->squares = (int64_t)ceil(seen * (1 + beta2) /
				   ((1 - beta2) * (1 + pow(beta2, (double)f->step))) - 1e-9);
	f->sequences = f->squares * f->batch;
	f->tokens = f->sequences * f->context;
	return 0;
}

static int make_model(struct fim_job *j, struct moments *m)
{
	struct model_spec spec;
	struct tokenizer *tok = NULL;
	int ret = tokenizer_load(m->ck->dir, &tok);

	if (!ret)
		ret = model_spec_read(m->ck->dir, j->cfg, tok, &spec);
	tokenizer_free(tok);
	return ret ? ret : model_new(&spec, NULL, &m->model);
}

static int adam_run(struct fim_job *j)
{
	struct moments m = { 0 };
	struct fim_values v = { .fetch = fetch, .ctx = &m };
	int ret = open_checkpoint(j, &m);

	if (!ret)
		ret = describe(j, &m);
	if (!ret)
		ret = make_model(j, &m);
	if (!ret)
		ret = list_moments(j, &m);
	v.tensor = m.tensor;
	v.nr = m.nr;
	if (!ret)
		ret = fim_write_diagonal(&v, &j->facts, &j->out, &j->total);
	model_free(m.model);
	checkpoint_close(m.ck);
	free(m.tensor);
	free(m.view);
	return ret;
}

static const struct fim_unit adam = {
	.name = "adam",
	.summary = "second moments of the optimizer, from a checkpoint",
	.is_diagonal = true,
	.run = adam_run,
};
FIM_UNIT_REGISTER(adam);
