// SPDX-License-Identifier: MIT
#include "prune/model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "base/temporary.h"
#include "data/dataset.h"
#include "prune/allocation.h"
#include "prune/mask.h"
#include "prune/model-internal.h"
#include "prune/targets.h"
#include "train/load.h"

/* ---- opening ------------------------------------------------------------------------------- */

/* The parameters of the model, to know their kinds. */
static int read_shape(struct pruning *p)
{
	struct model_spec spec;
	int ret = spec_copy(&p->src->spec, &spec);

	return ret ? ret : model_new(&spec, NULL, &p->shape);
}

static int make_target(struct pruning *p, int i, const struct param_info *info)
{
	const struct source_tensor *s = source_find(p->src, info->name);
	struct target *t = &p->target[i];

	if (!s)
		return fail(-EINVAL, "%s: tensor '%s' is missing", p->f->model, info->name);
	t->info = info;
	t->source = s;
	t->type = dtype_is_block(s->dtype) ? DT_F32 : s->dtype;
	p->t[i] = (struct prune_tensor){ .name = info->name, .layer = prune_layer(info->name),
					 .rows = info->n[0], .cols = info->n[1] };
	p->t[i].mask = mask_new(prune_tensor_count(&p->t[i]));
	t->now = malloc(dtype_bytes(t->type, prune_tensor_count(&p->t[i])) + 1);
	if (p->t[i].mask && t->now)
		return 0;
	return fail_nomem(prune_tensor_count(&p->t[i]), info->name);
}

static int make_targets(struct pruning *p)
{
	int *index, ret = 0, nr = prune_targets(p->shape, p->s->cfg, &index);

	if (nr < 0)
		return nr;
	p->t = calloc(nr + 1, sizeof(*p->t));
	p->target = calloc(nr + 1, sizeof(*p->target));
	if (!p->t || !p->target)
		ret = fail_nomem(nr * sizeof(*p->t), "a list of tensors");
	else
		p->nr = nr;
	for (int i = 0; i < nr && !ret; i++)
		ret = make_target(p, i, &p->shape->params[index[i]]);
	free(index);
	return ret;
}

static int check_groups(const struct pruning *p)
{
	const struct prune_choice *c = &p->s->choice;
	int columns = (int)config_int(p->s->cfg, PARAM_PRUNE_COLUMNS);

	int ret = prune_check(c, p->t, p->nr);

	if (!ret && c->of && !c->criterion->score && columns % c->of)
		return fail(-EINVAL, "PRUNE_COLUMNS=%d: %d:%d does not divide it", columns, c->keep,
			    c->of);
	return ret;
}

static int open_data(struct pruning *p)
{
	bool tables = config_bool(p->s->cfg, PARAM_PRUNE_TABLES);
	int ret;

	if (!(prune_reads(p->s) & READS_CALIBRATION))
		return 0;
	if (tables)
		return fail(-EINVAL, "PRUNE_TABLES: calibration is of the inputs of linear layers");
	if (!p->f->data)
		return fail(-EINVAL, "%s reads the inputs of layers: --data says which text to "
			    "take", p->s->choice.criterion->name);
	ret = dataset_open(p->f->data, &p->data);
	if (!ret && !p->src->tokenizer)
		ret = fail(-EINVAL, "%s has no tokenizer", p->f->model);
	return ret ? ret : model_check_ids(p->f->model, p->src->tokenizer, p->data);
}

int pruning_new(const struct prune_settings *s, const struct prune_files *f, struct pruning **out)
{
	struct pruning *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return fail_nomem(sizeof(*p), "pruning");
	p->s = s;
	p->f = f;
	p->result = calloc(s->nr, sizeof(*p->result));
	ret = p->result ? source_open(f->model, &p->src) : fail_nomem(s->nr, "results");
	if (!ret)
		ret = read_shape(p);
	if (!ret)
		ret = make_targets(p);
	if (!ret)
		ret = check_groups(p);
	if (!ret)
		ret = open_data(p);
	if (!ret)
		ret = inputs_read(p);
	if (!ret)
		ret = prune_values(s, p->t, p->nr, model_count(p->shape, false), &p->values);
	if (ret)
		pruning_free(p);
	else
		*out = p;
	return ret;
}

static void free_target(struct target *t)
{
	for (int i = 0; i < PRUNE_FLAT; i++)
		free(t->flat[i]);
	free(t->norm);
	free(t->inverse_a);
	free(t->inverse_g);
	free(t->now);
}

void pruning_free(struct pruning *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->nr; i++) {
		free(p->t[i].mask);
		free_target(&p->target[i]);
	}
	for (int i = 0; i < p->s->nr && p->result; i++) {
		prune_event_free(&p->result[i].event);
		free(p->result[i].path);
	}
	if (p->has_dense)
		calib_free(&p->dense);
	dataset_close(p->data);
	model_free(p->shape);
	source_close(p->src);
	free(p->result);
	free(p->target);
	free(p->t);
	free(p);
}

/* ---- running ------------------------------------------------------------------------------- */

/* The weights as they were. */
static int reset(struct pruning *p)
{
	int ret = 0;

	for (int i = 0; i < p->nr && !ret; i++) {
		struct target *t = &p->target[i];
		int64_t nr = prune_tensor_count(&p->t[i]);

		if (t->type == t->source->dtype)
			memcpy(t->now, t->source->data, dtype_bytes(t->type, nr));
		else
			memcpy(t->now, p->t[i].in[PRUNE_WEIGHT], nr * sizeof(float));
	}
	return ret;
}

/* The model as it was is looked at once. */
static int look_at_dense(struct pruning *p, double *seconds)
{
	bool products = prune_reads(p->s) & READS(HESSIAN);
	double from = clock_seconds();
	int ret;

	if (p->has_dense)
		return stage_norms(p, 0, p->nr, &p->dense);
	ret = stage_calibrate(p, 0, p->nr, products && !p->s->sequential, &p->dense);
	p->has_dense = !ret;
	*seconds += clock_seconds() - from;
	return ret ? ret : stage_norms(p, 0, p->nr, &p->dense);
}

static int stage_end(const struct pruning *p, int begin)
{
	int end = begin;

	if (!(prune_reads(p->s) & READS_CALIBRATION) || !p->s->sequential)
		return p->nr;
	while (end < p->nr && p->t[end].layer == p->t[begin].layer)
		end++;
	return end;
}

static int run_one(struct pruning *p, struct prune_result *r)
{
	struct prune_choice choice = p->s->choice;
	bool needs_dense = p->s->alloc->reads & READS(NORM) ||
			   (prune_reads(p->s) & READS_CALIBRATION && !p->s->sequential);
	double from = clock_seconds();
	int ret = reset(p), end;

	choice.values = p->values;
	if (!ret && needs_dense)
		ret = look_at_dense(p, &r->calibration);
	if (!ret)
		ret = prune_assign(p->s, r->sparsity, &choice, p->t, p->nr);
	if (!ret && !stage_chooses(p))
		ret = stage_choose(p, 0, p->nr);
	for (int begin = 0; begin < p->nr && !ret; begin = end) {
		end = stage_end(p, begin);
		ret = stage_run(p, begin, end, &r->calibration);
	}
	from = clock_seconds() - from - r->calibration;
	if (!ret)
		ret = prune_event_make(&choice, p->t, p->nr, from, &r->event);
	if (!ret)
		ret = prune_event_check(&r->event);
	if (!ret)
		prune_event_warn(choice.criterion, &r->event);
	return ret;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* A folder for each sparsity, if there are several. */
static char *folder_of(const struct pruning *p, const char *dir, int i)
{
	return p->s->nr == 1 ? strdup(dir) : str_printf("%s/%g", dir, p->s->sparsity[i]);
}

static int run_and_write(struct pruning *p, int i, const char *tmp)
{
	struct prune_result *r = &p->result[i];
	char *path = folder_of(p, tmp, i);
	int ret;

	r->sparsity = p->s->sparsity[i];
	r->path = folder_of(p, p->f->out, i);
	ret = path && r->path ? run_one(p, r) : fail_nomem(strlen(tmp), "a path");
	if (!ret)
		ret = output_write(p, r, path);
	free(path);
	return ret;
}

static int run_all(struct pruning *p, const char *tmp)
{
	int ret = p->s->nr > 1 ? dir_make(tmp) : 0;

	for (int i = 0; i < p->s->nr && !ret; i++)
		ret = run_and_write(p, i, tmp);
	if (!ret && rename(tmp, p->f->out))
		ret = fail_errno("%s", p->f->out);
	return ret;
}

static char *without_slashes(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return strndup(path, len);
}

int pruning_run(struct pruning *p, const struct prune_result **results)
{
	char *name = without_slashes(p->f->out), *message;
	char *tmp = name ? str_printf("%s.tmp-%ld", name, (long)getpid()) : NULL;
	int ret;

	free(name);
	if (!tmp)
		return fail_nomem(strlen(p->f->out), "a path");
	temporary_add(tmp);
	ret = dir_remove_tree(tmp);
	if (!ret)
		ret = run_all(p, tmp);
	if (ret) {
		message = strdup(fail_message());
		dir_remove_tree(tmp);
		fail(ret, "%s", message ? message : "out of memory");
		free(message);
	}
	temporary_done(tmp);
	free(tmp);
	*results = p->result;
	return ret;
}
