// SPDX-License-Identifier: MIT
/*
 * Two small models against PyTorch: forward, every gradient, ten steps of AdamW; of one also
 * ten steps of SGD, and of Muon with groups that have other learning rates and optimizers.
 *
 * scripts/peers/golden_models.py makes tests/data/golden/{gpt2,llama} and says what is in
 * them.  Everything is trained by the trainer itself, from a data folder with the tokens of
 * the golden file.  The same three graphs are also run in fp64 through the oracles.
 */
#include <math.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "data/shard.h"
#include "io/safetensors.h"
#include "nn/model.h"
#include "ops/adamw.h"
#include "ops/linear-cross-entropy.h"
#include "tensor/segment.h"
#include "tests/unit/data-helper.h"
#include "train/trainer-internal.h"

/*
 * Of the largest element of each tensor.  TOL_FP32: about a hundred roundings, for what is
 * computed from equal weights; TOL_STEPS: for weights that Adam made by dividing such
 * errors by the root of gradients that may be small themselves, and what follows from them.
 */
#define TOL_FP32	1e-5
#define TOL_STEPS	5e-5
#define TOL_FP64	1e-10

/* ---- a trainer on the golden tokens ------------------------------------------------- */

struct golden {
	struct st *st;
	char *scratch, *folder;		/* model.safetensors is in @folder */
	struct config *cfg;
	struct dataset *data;
	struct device *dev;
	struct trainer *t;
	int steps;
	double worst;			/* largest error so far, in tolerances */
	char where[256];		/* its tensor, element and values */
};

/* A data folder whose training split is the golden stream. */
static void make_data(struct golden *g, int vocab)
{
	char zeros[] = "00000000000000000000000000000000", *path;
	struct manifest m = { .format = MANIFEST_FORMAT, .tokenizer = "byte", .vocab = vocab,
			      .separator = "" };
	const struct st_view *tokens;
	struct shard_writer *w;

	memcpy(m.tokenizer_hash, zeros, HASH_HEX);
	check_ok(st_find(g->st, "tokens", &tokens));
	for (int s = 0; s < DATA_SPLITS; s++) {
		struct manifest_shard *shard = manifest_add_shard(&m.split[s]);

		*shard = (struct manifest_shard){ .file = "tokens.bin",
						  .tokens = tokens->shape[0] };
		memcpy(shard->hash, zeros, HASH_HEX);
		m.split[s].tokens = tokens->shape[0];
	}
	path = path_join(g->scratch, "tokens.bin");
	check_ok(shard_create(path, shard_width(vocab), &w));
	check_ok(shard_append(w, tokens->data, tokens->shape[0]));
	check_ok(shard_finish(w));
	free(path);
	path = path_join(g->scratch, MANIFEST_FILE);
	check_ok(manifest_write(&m, path));
	free(path);
	for (int s = 0; s < DATA_SPLITS; s++)
		free(m.split[s].shards);
	check_ok(dataset_open(g->scratch, &g->data));
}

/* The golden file's config, then @more: assignments, one a line. */
static void configure(struct golden *g, const char *more)
{
	char *text = str_printf("%s\n%s", st_metadata(g->st, "config"), more), *save = NULL;

	g->cfg = config_new();
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		check_ok(config_set(g->cfg, l));
	free(text);
}

static void begin(struct golden *g, const char *name, const char *device, const char *more)
{
	char *path;

	memset(g, 0, sizeof(*g));
	path = str_printf("tests/data/golden/%s", name);
	g->folder = tree_path(path);
	free(path);
	path = path_join(g->folder, "golden.safetensors");
	check_ok(st_open(path, &g->st));
	free(path);
	g->scratch = scratch_make();
	configure(g, more);
	make_data(g, (int)config_int(g->cfg, PARAM_MODEL_VOCAB));
	check_ok(device_open(device, &g->dev));
	check_ok(trainer_new(g->cfg, g->data, g->dev, false, &g->t));
	check_ok(trainer_start(g->t, g->folder));
	g->steps = (int)trainer_shape(g->t)->steps;
	ck_assert_int_eq(g->steps, 10);
}

static void end(struct golden *g)
{
	trainer_free(g->t);
	device_close(g->dev);
	dataset_close(g->data);
	config_free(g->cfg);
	scratch_remove(g->scratch);
	free(g->folder);
	st_close(g->st);
}

/* ---- comparing ------------------------------------------------------------------------ */

/* Keep the worst: the tests say at their end whether it was too large. */
static void note(struct golden *g, const char *name, int64_t i, double got, double want,
		 double tolerance)
{
	double error = fabs(got - want) / tolerance;

	if (error <= g->worst)
		return;
	g->worst = isnan(error) ? INFINITY : error;
	snprintf(g->where, sizeof(g->where), "%s: element %lld is %.17g, PyTorch says %.17g "
		 "(tolerance %.3g)", name, (long long)i, got, want, tolerance);
}

static void check_close(const struct golden *g)
{
	ck_assert_msg(g->worst > 0, "nothing was compared");
	ck_assert_msg(g->worst <= 1, "%s", g->where);
}

/*
 * @got against tensor @name of the golden file.
 * @transposed: @got is (rows, columns), the file has (columns, rows)
 */
static void compare(struct golden *g, const char *name, const double *got, int64_t count,
		    bool transposed, double tolerance)
{
	const struct st_view *v;
	double max = 0;

	check_ok(st_find(g->st, name, &v));
	ck_assert_uint_eq(count * sizeof(double), v->bytes);
	for (int64_t i = 0; i < count; i++)
		max = fmax(max, fabs(st_element(v, i)));
	for (int64_t i = 0; i < count; i++) {
		int64_t rows = v->shape[v->nd - 1], columns = count / rows;

		note(g, name, i, got[i],
		     st_element(v, transposed ? i % columns * rows + i / columns : i),
		     tolerance * max);
	}
}

/* The whole segment, in fp64; NULL if the model has none of this kind. */
static double *read_segment(const struct model *m, int kind, int group)
{
	const struct segment *s = m->segment[kind][group];
	int64_t count = s ? segment_count(s) : 0;
	float *host = malloc((count + 1) * sizeof(*host));
	double *out = malloc((count + 1) * sizeof(*out));

	if (s)
		check_ok(device_read(s->buffer, 0, host, count * sizeof(*host)));
	for (int64_t i = 0; i < count; i++)
		out[i] = host[i];
	free(host);
	return out;
}

/* Every parameter of segments of one kind against tensors PREFIX/NAME. */
static void compare_params(struct golden *g, const char *prefix,
			   double *const values[GROUP_MAX], double tolerance)
{
	const struct model *m = g->t->model;

	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];
		const struct segment_view *v = &m->segment[SEG_WEIGHT][p->group]->views[p->view];
		char *name = str_printf("%s/%s", prefix, p->name);

		compare(g, name, values[p->group] + v->at / sizeof(float),
			layout_count(&v->layout), p->transposed, tolerance);
		free(name);
	}
}

static void compare_kind(struct golden *g, const char *prefix, int kind, double tolerance)
{
	double *values[GROUP_MAX];

	for (int group = 0; group < GROUP_MAX; group++)
		values[group] = read_segment(g->t->model, kind, group);
	compare_params(g, prefix, values, tolerance);
	for (int group = 0; group < GROUP_MAX; group++)
		free(values[group]);
}

static void compare_scalar(struct golden *g, const char *name, int step, double got,
			   double tolerance)
{
	const struct st_view *v;

	check_ok(st_find(g->st, name, &v));
	note(g, name, step, got, st_element(v, step), tolerance * fabs(st_element(v, step)));
}

/* ---- forward --------------------------------------------------------------------------- */

struct forward {
	struct graph *graph;
	struct tensor *logits, *losses;
};

static struct forward forward_build(struct golden *g)
{
	struct builder b = { .model = g->t->model, .graph = graph_new() };
	struct forward f = { .graph = b.graph };
	struct feed_inputs in;
	struct tensor *hidden;

	check_ok(feed_inputs(g->t->feed, b.graph, &in));
	b.ids = in.part[FEED_IDS];
	b.positions = in.part[FEED_POSITIONS];
	hidden = model_hidden(&b);
	f.logits = model_logits(&b, hidden);
	f.losses = op_linear_cross_entropy_eval(b.graph, hidden, model_head(&b),
						in.part[FEED_TARGETS],
						b.model->spec.logit_softcap);
	graph_output(f.logits);
	graph_output(f.losses);
	check_ok(graph_error(b.graph));
	check_ok(feed_fill(g->t->feed, &g->t->loader, 0, g->t->shape.batch));
	return f;
}

static void compare_output(struct golden *g, const char *name, const struct tensor *t)
{
	int64_t count = layout_count(&t->now);
	float *host = malloc(count * sizeof(*host));
	double *got = malloc(count * sizeof(*got));

	check_ok(tensor_read(t, host, count * sizeof(*host)));
	for (int64_t i = 0; i < count; i++)
		got[i] = host[i];
	compare(g, name, got, count, false, TOL_FP32);
	free(host);
	free(got);
}

static void check_forward(const char *name, const char *device)
{
	struct forward f;
	struct plan *plan;
	struct golden g;

	begin(&g, name, device, "");
	f = forward_build(&g);
	check_ok(graph_plan(f.graph, g.dev, false, &plan));
	check_ok(plan_run(plan));
	compare_output(&g, "logits", f.logits);
	compare_output(&g, "losses", f.losses);
	check_close(&g);
	plan_free(plan);
	graph_free(f.graph);
	end(&g);
}

/* ---- training in fp32, by the kernels --------------------------------------------------- */

static void train(struct golden *g)
{
	for (int step = 0; step < g->steps; step++) {
		double tolerance = step ? TOL_STEPS : TOL_FP32;
		struct step_result r;

		check_ok(trainer_step(g->t, &r));
		compare_scalar(g, "step_losses", step, r.loss, tolerance);
		compare_scalar(g, "grad_norms", step, r.grad_norm, tolerance);
		if (!step) {
			compare_kind(g, "grad", SEG_GRAD, TOL_FP32);
			compare_kind(g, "after1", SEG_WEIGHT, TOL_STEPS);
		}
	}
	compare_kind(g, "after10", SEG_WEIGHT, TOL_STEPS);
}

static void check_training(const char *name, const char *device, const char *more)
{
	struct golden g;

	begin(&g, name, device, more);
	train(&g);
	check_close(&g);
	end(&g);
}

/* A slightly other model or training must be told from the golden one. */
static void check_noticed(const char *name, const char *change)
{
	struct golden g;

	begin(&g, name, "cpu", change);
	train(&g);
	ck_assert_msg(g.worst > 1, "%s: nothing shows that %s", name, change);
	end(&g);
}

/* ---- other optimizers ------------------------------------------------------------------ */

/* Ten steps with the optimizer and the groups of llama/NAME.safetensors. */
static void train_other(struct golden *g, const char *name, const char *more)
{
	char *path = str_printf("tests/data/golden/llama/%s.safetensors", name), *full, *config;
	struct step_result r;
	struct st *other;

	full = tree_path(path);
	check_ok(st_open(full, &other));
	config = str_printf("%s\n%s", st_metadata(other, "config"), more);
	begin(g, "llama", "cpu", config);
	st_close(g->st);
	g->st = other;
	for (int step = 0; step < g->steps; step++) {
		check_ok(trainer_step(g->t, &r));
		compare_scalar(g, "step_losses", step, r.loss, TOL_STEPS);
		compare_scalar(g, "grad_norms", step, r.grad_norm, TOL_STEPS);
	}
	compare_kind(g, "after10", SEG_WEIGHT, TOL_STEPS);
	free(config);
	free(full);
	free(path);
}

/* ---- training in fp64, by the oracles ------------------------------------------------------ */

/* What the graphs' bound tensors hold; scalars are spread as in the scalars buffer. */
struct fp64 {
	double *segment[SEG_KINDS][GROUP_MAX];
	double scalars[SCALARS_BYTES / sizeof(float)];
};

static void fp64_begin(struct fp64 *x, const struct golden *g)
{
	memset(x, 0, sizeof(*x));
	for (int k = 0; k < SEG_KINDS; k++)
		for (int group = 0; group < GROUP_MAX; group++)
			x->segment[k][group] = read_segment(g->t->model, k, group);
}

static void fp64_end(struct fp64 *x)
{
	for (int k = 0; k < SEG_KINDS; k++)
		for (int group = 0; group < GROUP_MAX; group++)
			free(x->segment[k][group]);
}

/* Where a bound tensor's values are kept; NULL for those of the feed. */
static double *home(struct fp64 *x, const struct trainer *t, const struct tensor *bound)
{
	if (bound->buffer == t->scalars)
		return x->scalars + bound->offset / sizeof(float);
	for (int k = 0; k < SEG_KINDS; k++)
		for (int group = 0; group < GROUP_MAX; group++)
			if (t->model->segment[k][group] &&
			    bound->buffer == t->model->segment[k][group]->buffer)
				return x->segment[k][group] + bound->offset / sizeof(float);
	return NULL;
}

static double feed_value(const struct feed *f, const struct tensor *bound, int64_t i)
{
	for (int p = 0; p < FEED_PARTS; p++)
		if (f->buffer[p] && f->buffer[p] == bound->buffer)
			return f->host[p][i];
	ck_abort_msg("tensor '%s' is bound to unknown memory", bound->name);
}

static double **fp64_run(struct fp64 *x, const struct trainer *t, struct graph *graph)
{
	double **values = calloc(graph->nr_tensors, sizeof(*values));

	for (int n = 0; n < graph->nr_tensors; n++) {
		const struct tensor *bound = graph->tensors[n];
		int64_t count = layout_count(&bound->max);
		double *from = bound->kind == TENSOR_NODE ? NULL : home(x, t, bound);

		if (bound->kind == TENSOR_NODE)
			continue;
		values[n] = malloc(count * sizeof(double));
		for (int64_t i = 0; i < count; i++)
			values[n][i] = from ? from[i] : feed_value(t->feed, bound, i);
	}
	check_ok(oracle_run(graph, values));
	for (int n = 0; n < graph->nr_tensors; n++) {
		const struct tensor *bound = graph->tensors[n];

		if (bound->kind != TENSOR_NODE && home(x, t, bound))
			memcpy(home(x, t, bound), values[n],
			       layout_count(&bound->max) * sizeof(double));
	}
	return values;
}

static void fp64_drop(double **values, const struct graph *graph)
{
	for (int n = 0; n < graph->nr_tensors; n++)
		free(values[n]);
	free(values);
}

static void fp64_hyper(struct fp64 *x, const struct golden *g, int group, int step)
{
	double *hyper = x->scalars + (SCALAR_HYPER + group * SCALAR_HYPER_STRIDE) / sizeof(float);

	hyper[ADAMW_LR] = config_float(g->cfg, PARAM_TRAIN_LR);
	hyper[ADAMW_CORRECT1] = 1 - pow(config_float(g->cfg, PARAM_OPTIM_BETA1), step + 1);
	hyper[ADAMW_CORRECT2] = 1 - pow(config_float(g->cfg, PARAM_OPTIM_BETA2), step + 1);
	hyper[ADAMW_DECAY] = 1;
}

static void fp64_step(struct fp64 *x, struct golden *g, int step)
{
	const struct trainer *t = g->t;
	double tokens = (double)t->shape.tokens_per_step, **values;

	for (int i = 0; i < t->groups->nr; i++)
		fp64_hyper(x, g, i, step);
	x->scalars[SCALAR_LOSS_SCALE / sizeof(float)] = 1 / tokens;
	check_ok(feed_fill(t->feed, &t->loader, (uint64_t)step * t->shape.batch, t->shape.batch));
	values = fp64_run(x, t, t->step.graph);
	compare_scalar(g, "step_losses", step, values[t->loss->id][0] / tokens, TOL_FP64);
	fp64_drop(values, t->step.graph);
	values = fp64_run(x, t, t->norm.graph);
	compare_scalar(g, "grad_norms", step, sqrt(values[t->sq_norm->id][0]), TOL_FP64);
	fp64_drop(values, t->norm.graph);
	fp64_drop(fp64_run(x, t, t->update.graph), t->update.graph);
}

static void check_oracles(const char *name)
{
	struct forward f;
	struct golden g;
	struct fp64 x;
	double **values;

	begin(&g, name, "cpu", "");
	fp64_begin(&x, &g);
	f = forward_build(&g);
	values = fp64_run(&x, g.t, f.graph);
	compare(&g, "logits", values[f.logits->id], layout_count(&f.logits->now), false, TOL_FP64);
	compare(&g, "losses", values[f.losses->id], layout_count(&f.losses->now), false, TOL_FP64);
	fp64_drop(values, f.graph);
	graph_free(f.graph);
	for (int step = 0; step < g.steps; step++) {
		fp64_step(&x, &g, step);
		if (!step) {
			compare_params(&g, "grad", x.segment[SEG_GRAD], TOL_FP64);
			compare_params(&g, "after1", x.segment[SEG_WEIGHT], TOL_FP64);
		}
	}
	compare_params(&g, "after10", x.segment[SEG_WEIGHT], TOL_FP64);
	check_close(&g);
	fp64_end(&x);
	end(&g);
}

/* ---- tests ------------------------------------------------------------------------------- */

static const char *const names[] = { "gpt2", "llama" };
static const char *const devices[] = { "cpu", "remote" };
#define NR_DEVICES (IS_ENABLED(CONFIG_REMOTE) ? 2 : 1)

/* Other ways to the same numbers. */
static const char *const ways[] = {
	"TRAIN_BATCH=1\nTRAIN_ACCUM=2",
	"TRAIN_RECOMPUTE=layer",
};

/* Changes that both models feel. */
static const char *const changes[] = {
	"MODEL_NORM_EPS=2e-5", "MODEL_ATTN_SOFTCAP=50", "MODEL_LOGIT_SOFTCAP=100",
	"TRAIN_LR=3.01e-3", "TRAIN_WARMUP=1", "TRAIN_SCHEDULE=cosine",
	"DATA_SHUFFLE=y", "OPTIM_BETA1=0.901", "OPTIM_BETA2=0.955", "OPTIM_EPS=1e-5",
	"OPTIM_WEIGHT_DECAY=0.11", "OPTIM_DECAY_1D=y", "OPTIM_CLIP=1.5",
};

/* Of the other optimizers; the same for those of both. */
static const struct { const char *name, *change; } other_changes[] = {
	{ "sgd", "TRAIN_LR=0.1005" }, { "sgd", "OPTIM_MOMENTUM=0.805" },
	{ "sgd", "OPTIM_NESTEROV=y" }, { "sgd", "OPTIM_WEIGHT_DECAY=0.11" },
	{ "sgd", "OPTIM_DECAY_1D=y" }, { "sgd", "OPTIM_GROUPS=head:lr_scale=1.01" },
	{ "muon", "OPTIM_MUON_LR=0.01005" }, { "muon", "TRAIN_LR=3.02e-3" },
	{ "muon", "OPTIM_MOMENTUM=0.905" }, { "muon", "OPTIM_NESTEROV=n" },
	{ "muon", "OPTIM_MUON_SCALE=match_rms" }, { "muon", "OPTIM_WEIGHT_DECAY=0.11" },
	{ "muon", "OPTIM_GROUPS=embedding:lr_scale=0.5,decay=0.02; /k_proj/:lr_scale=0.25" },
};
#define NR(array) ((int)(sizeof(array) / sizeof(array[0])))

START_TEST(forward)
{
	check_forward(names[_i / NR_DEVICES], devices[_i % NR_DEVICES]);
}
END_TEST

START_TEST(training)
{
	check_training(names[_i / NR_DEVICES], devices[_i % NR_DEVICES], "");
}
END_TEST

START_TEST(training_ways)
{
	check_training(names[_i / NR(ways)], "cpu", ways[_i % NR(ways)]);
}
END_TEST

START_TEST(noticed)
{
	check_noticed(names[_i / NR(changes)], changes[_i % NR(changes)]);
}
END_TEST

START_TEST(oracles)
{
	check_oracles(names[_i]);
}
END_TEST

START_TEST(others)
{
	static const char *const optimizers[] = { "sgd", "muon" };
	struct golden g;

	train_other(&g, optimizers[_i], "");
	check_close(&g);
	end(&g);
}
END_TEST

START_TEST(others_noticed)
{
	struct golden g;

	train_other(&g, other_changes[_i].name, other_changes[_i].change);
	ck_assert_msg(g.worst > 1, "nothing shows that %s", other_changes[_i].change);
	end(&g);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 5 * TEST_SECONDS);
	tcase_add_loop_test(tc, forward, 0, NR(names) * NR_DEVICES);
	tcase_add_loop_test(tc, training, 0, NR(names) * NR_DEVICES);
	tcase_add_loop_test(tc, training_ways, 0, NR(names) * NR(ways));
	tcase_add_loop_test(tc, noticed, 0, NR(names) * NR(changes));
	tcase_add_loop_test(tc, others, 0, 2);
	tcase_add_loop_test(tc, others_noticed, 0, NR(other_changes));
	tcase_add_loop_test(tc, oracles, 0, NR(names));
}
TEST_REGISTER(golden_models, add);
