// SPDX-License-Identifier: MIT
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "data/dataset.h"
#include "train/trainer-internal.h"

/* ---- making a trainer --------------------------------------------------------- */

int train_shape_read(const struct config *cfg, struct train_shape *s)
{
	int64_t tokens = config_int(cfg, PARAM_TRAIN_TOKENS);

	s->batch = (int)config_int(cfg, PARAM_TRAIN_BATCH);
	s->accum = (int)config_int(cfg, PARAM_TRAIN_ACCUM);
	s->context = (int)config_int(cfg, PARAM_MODEL_CONTEXT);
	s->tokens_per_step = (int64_t)s->batch * s->accum * s->context;
	if (tokens < 1)
		return fail(-EINVAL, "TRAIN_TOKENS is 0: there is nothing to train on");
	s->steps = config_steps(cfg);
	return 0;
}

static int make_model(struct trainer *t)
{
	struct model_spec spec;
	int ret = spec_from_config(t->cfg, (int)dataset_vocab(t->data), &spec);

	if (!ret)
		ret = model_new(&spec, t->groups, &t->model);
	if (!ret && !strcmp(config_text(t->cfg, PARAM_TRAIN_DTYPE), "bf16"))
		t->model->compute = DT_BF16;
	if (!ret && !t->dry)
		ret = model_alloc(t->model, t->dev);
	else if (!ret)
		ret = model_layout(t->model);
	return ret;
}

static int find_parts(struct trainer *t)
{
	int ret = optim_groups_new(t->cfg, &t->groups);

	if (ret)
		return ret;
	t->schedule = schedule_find(config_text(t->cfg, PARAM_TRAIN_SCHEDULE));
	return t->schedule ? 0 : -EINVAL;
}

static int make_evaluator(struct trainer *t)
{
	return evaluator_new(t->model, t->dev, t->shape.batch, t->shape.context,
			     config_bool(t->cfg, PARAM_DATA_DOC_MASK), t->dry, &t->eval);
}

static uint64_t samples_at(const struct trainer *t, int64_t step)
{
	return (uint64_t)step * t->shape.accum * t->shape.batch;
}

/* Held-out text too short for one window is found now and not at the first evaluation. */
static int make_loaders(struct trainer *t)
{
	struct loader held_out;
	int ret = loader_init(&t->loader, t->data, DATA_TRAIN, t->shape.context,
			      config_bool(t->cfg, PARAM_DATA_SHUFFLE),
			      (uint64_t)config_int(t->cfg, PARAM_TRAIN_SEED));

	loader_noise(&t->loader, config_float(t->cfg, PARAM_DATA_NOISE),
		     samples_at(t, config_int(t->cfg, PARAM_DATA_NOISE_START)));
	return ret ? ret : loader_init(&held_out, t->data, DATA_VAL, t->shape.context, false, 0);
}

static int build(struct trainer *t)
{
	const struct config *cfg = t->cfg;
	int ret = train_shape_read(cfg, &t->shape);

	if (!ret)
		ret = make_loaders(t);
	if (!ret)
		ret = find_parts(t);
	if (!ret)
		ret = make_model(t);
	if (!ret)
		ret = pruner_new(t);
	if (!ret)
		ret = feed_new(t->dry ? NULL : t->dev, t->shape.batch, t->shape.context,
			       config_bool(cfg, PARAM_DATA_DOC_MASK), &t->feed);
	if (!ret && !t->dry)
		ret = device_alloc(t->dev, SCALARS_BYTES, "scalars", &t->scalars);
	if (!ret)
		ret = stages_build(t);
	return ret ? ret : make_evaluator(t);
}

/* TRAIN_MIN_LR, or what its auto stands for. */
static double min_lr(const struct config *cfg)
{
	return config_is_auto(cfg, PARAM_TRAIN_MIN_LR) ? config_float(cfg, PARAM_TRAIN_LR) / 10
						       : config_float(cfg, PARAM_TRAIN_MIN_LR);
}

static int check_rates(const struct config *cfg)
{
	if (min_lr(cfg) > config_float(cfg, PARAM_TRAIN_LR))
		return fail(-EINVAL, "TRAIN_MIN_LR %s is above TRAIN_LR %s",
			    config_text(cfg, PARAM_TRAIN_MIN_LR), config_text(cfg, PARAM_TRAIN_LR));
	return 0;
}

static int check_room(const struct trainer *plan)
{
	struct train_memory mem = trainer_memory(plan);
	size_t need = train_memory_total(&mem), room = device_available(plan->dev);
	char a[FORMAT_MAX], b[FORMAT_MAX];

	if (need <= room)
		return 0;
	return fail(-ENOMEM, "training needs %s, %s are available: fewer MODEL_LAYERS, a smaller "
		    "MODEL_WIDTH or TRAIN_BATCH, or TRAIN_RECOMPUTE=layer",
		    format_bytes(a, need), format_bytes(b, room));
}

static int make(const struct config *cfg, struct dataset *data, struct device *dev, bool dry,
		struct trainer **out)
{
	struct trainer *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return fail_nomem(sizeof(*t), "a trainer");
	t->cfg = cfg;
	t->data = data;
	t->dev = dev;
	t->dry = dry;
	ret = build(t);
	if (ret)
		trainer_free(t);
	else
		*out = t;
	return ret;
}

static int resolve_decay(struct config *cfg)
{
	const struct optimizer *o = optimizer_find(config_text(cfg, PARAM_OPTIM_NAME));
	char text[32];

	if (!o)
		return -EINVAL;
	snprintf(text, sizeof(text), "%.9g", o->decay);
	return config_put(cfg, PARAM_OPTIM_WEIGHT_DECAY, text);
}

int trainer_resolve(struct config *cfg, int vocab)
{
	struct model_spec spec;
	char text[32];
	int ret = spec_from_config(cfg, vocab, &spec);

	if (ret)
		return ret;
	ret = spec_resolve(&spec, cfg);
	spec_free(&spec);
	if (!ret && config_is_auto(cfg, PARAM_OPTIM_WEIGHT_DECAY))
		ret = resolve_decay(cfg);
	if (ret || !config_is_auto(cfg, PARAM_TRAIN_MIN_LR))
		return ret;
	snprintf(text, sizeof(text), "%.9g", min_lr(cfg));
	return config_put(cfg, PARAM_TRAIN_MIN_LR, text);
}

int trainer_new(const struct config *cfg, struct dataset *data, struct device *dev, bool dry,
		struct trainer **out)
{
	struct trainer *plan = NULL;
	int ret = check_rates(cfg);

	if (!ret)
		ret = make(cfg, data, dev, true, &plan);
	if (ret)
		return ret;
	if (dry) {
		*out = plan;
		return 0;
	}
	ret = check_room(plan);
	trainer_free(plan);
	return ret ? ret : make(cfg, data, dev, false, out);
}

void trainer_free(struct trainer *t)
{
	if (!t)
		return;
	evaluator_free(t->eval);
	stages_free(t);
	pruner_free(t->pruner);
	feed_free(t->feed);
	buffer_free(t->scalars);
	model_free(t->model);
	optim_groups_free(t->groups);
	for (int i = 0; t->kernels && t->kernels[i]; i++)
		free(t->kernels[i]);
	free(t->kernels);
	free(t->tokenizer_config);
	free(t);
}

/* ---- facts ----------------------------------------------------------------------- */

struct model *trainer_model(struct trainer *t)
{
	return t->model;
}

const struct optim_groups *trainer_groups(const struct trainer *t)
{
	return t->groups;
}

const struct train_shape *trainer_shape(const struct trainer *t)
{
	return &t->shape;
}

struct train_memory trainer_memory(const struct trainer *t)
{
	const struct model *m = t->model;

	return (struct train_memory){
		.weights = model_bytes(m, SEG_WEIGHT, SEG_WEIGHT) +
			   model_bytes(m, SEG_SHADOW, SEG_SHADOW),
		.gradients = model_bytes(m, SEG_GRAD, SEG_GRAD),
		.states = model_bytes(m, SEG_STATE, SEG_STATES_END) + pruner_bytes(t->pruner),
		.intermediates = device_bytes(t->step.plan->arena_bytes) +
				 device_bytes(t->norm.plan->arena_bytes) +
				 device_bytes(t->update.plan->arena_bytes) +
				 device_bytes(SCALARS_BYTES) + feed_bytes(t->feed) +
				 evaluator_bytes(t->eval),
	};
}

double trainer_flops(struct trainer *t)
{
	return t->shape.accum * plan_cost(t->step.plan).flops + plan_cost(t->norm.plan).flops +
	       plan_cost(t->update.plan).flops;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Split the sorted listing of all plans into distinct lines. */
static char **distinct_lines(char *text)
{
	size_t nr = 0, kept = 0;
	char **lines, *save = NULL;

	for (char *p = text; *p; p++)
		nr += *p == '\n';
	lines = calloc(nr + 1, sizeof(*lines));
	if (!lines)
		return NULL;
	nr = 0;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		lines[nr++] = strdup(l);
	qsort(lines, nr, sizeof(*lines), by_text);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !strcmp(lines[kept - 1], lines[i]))
			free(lines[i]);
		else
			lines[kept++] = lines[i];
	}
	lines[kept] = NULL;
	return lines;
}

const char *const *trainer_kernels(struct trainer *t)
{
	static const char *const none[] = { NULL };
	char *text = NULL;
	size_t len;
	FILE *f;

	if (!t->kernels && (f = open_memstream(&text, &len))) {
		plan_kernels(t->step.plan, f);
		plan_kernels(t->norm.plan, f);
		plan_kernels(t->update.plan, f);
		plan_kernels(evaluator_plan(t->eval), f);
		fclose(f);
		t->kernels = distinct_lines(text);
		free(text);
	}
	return t->kernels ? (const char *const *)t->kernels : none;
}

int64_t trainer_done(const struct trainer *t)
{
	return t->done;
}

uint64_t trainer_unique_tokens(const struct trainer *t)
{
	return loader_unique_tokens(&t->loader, samples_at(t, t->done));
}

double trainer_epochs(const struct trainer *t)
{
	return loader_epochs(&t->loader, samples_at(t, t->done));
}

double trainer_epochs_planned(const struct trainer *t)
{
	return loader_epochs(&t->loader, samples_at(t, t->shape.steps));
}

/* ---- a step ------------------------------------------------------------------------- */

static int put_scalar(struct trainer *t, size_t at, const void *value, size_t bytes)
{
	return device_write(t->scalars, at, value, bytes);
}

static double learning_rate(const struct trainer *t)
{
	struct schedule_range r = {
		.lr = config_float(t->cfg, PARAM_TRAIN_LR),
		.min_lr = min_lr(t->cfg),
		.warmup = config_int(t->cfg, PARAM_TRAIN_WARMUP),
		.steps = t->shape.steps,
		.decay = config_float(t->cfg, PARAM_TRAIN_DECAY_FRACTION),
		.decay_shape = strcmp(config_text(t->cfg, PARAM_TRAIN_DECAY_SHAPE), "sqrt")
			     ? DECAY_LINEAR : DECAY_SQRT,
	};

	return schedule_lr(t->schedule, &r, t->done);
}

/* What stays the same in all micro batches of a step. */
static int write_scalars(struct trainer *t, double lr)
{
	float hyper[OPTIM_HYPER], loss_scale = 1.0f / (float)t->shape.tokens_per_step;
	int ret = put_scalar(t, SCALAR_LOSS_SCALE, &loss_scale, sizeof(loss_scale));

	for (int i = 0; i < t->groups->nr && !ret; i++) {
		const struct optim_group *g = &t->groups->group[i];

		optimizer_hyper(g->optimizer, t->cfg, t->done + 1, lr * g->lr_scale, hyper);
		ret = put_scalar(t, SCALAR_HYPER + i * SCALAR_HYPER_STRIDE, hyper, sizeof(hyper));
	}
	return ret;
}

/*
 * Dropout needs other draws in each micro batch of a step: the key's step counts micro
 * batches, not steps.
 */
static int begin_micro(struct trainer *t, int micro)
{
	int64_t key[2] = { config_int(t->cfg, PARAM_TRAIN_SEED),
			   t->done * t->shape.accum + micro };
	int32_t flag = micro > 0;
	int ret = put_scalar(t, SCALAR_FLAG, &flag, sizeof(flag));

	if (!ret)
		ret = put_scalar(t, SCALAR_KEY, key, sizeof(key));
	if (!ret)
		ret = feed_fill(t->feed, &t->loader,
				samples_at(t, t->done) + (uint64_t)micro * t->shape.batch,
				t->shape.batch);
	return ret;
}

/* Run the step again, looking at every value, to name what broke. */
static int explain(struct trainer *t, const char *what)
{
	int ret = 0;

	for (int micro = 0; micro < t->shape.accum && !ret; micro++) {
		ret = begin_micro(t, micro);
		if (!ret)
			ret = plan_run_checked(t->step.plan);
	}
	if (!ret)
		ret = plan_run_checked(t->norm.plan);
	if (ret)
		return fail_in(ret, "step %lld: %s is not finite", (long long)t->done + 1, what);
	return fail(-EDOM, "step %lld: %s is not finite", (long long)t->done + 1, what);
}

static int run_micro(struct trainer *t, int micro, double *nats)
{
	float sum = 0;
	int ret = begin_micro(t, micro);

	if (!ret)
		ret = plan_run(t->step.plan);
	if (!ret)
		ret = tensor_read(t->loss, &sum, sizeof(sum));
	*nats += sum;
	return ret;
}

int trainer_step(struct trainer *t, struct step_result *r)
{
	double nats = 0;
	float sq = 0;
	int ret;

	r->lr = learning_rate(t);
	ret = write_scalars(t, r->lr);
	for (int micro = 0; micro < t->shape.accum && !ret; micro++)
		ret = run_micro(t, micro, &nats);
	if (ret)
		return ret;
	r->loss = nats / (double)t->shape.tokens_per_step;
	if (!isfinite(r->loss))
		return explain(t, "the loss");
	ret = plan_run(t->norm.plan);
	if (!ret)
		ret = tensor_read(t->sq_norm, &sq, sizeof(sq));
	if (ret)
		return ret;
	r->grad_norm = sqrt(sq);
	if (!isfinite(r->grad_norm))
		return explain(t, "the gradient");
	ret = pruner_gradient(t);
	if (!ret)
		ret = plan_run(t->update.plan);
	if (ret)
		return ret;
	t->done++;
	return pruner_step(t);
}

const struct prune_event *trainer_event(const struct trainer *t)
{
	return pruner_event(t->pruner);
}

int trainer_eval(struct trainer *t, struct eval_result *result)
{
	return evaluator_run(t->eval, t->data,
			     (uint64_t)config_int(t->cfg, PARAM_TRAIN_EVAL_TOKENS), result);
}
