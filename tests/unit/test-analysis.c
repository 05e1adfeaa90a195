// SPDX-License-Identifier: MIT
/*
 * What a run of an experiment says, from folders that are made by hand: every number is known,
 * so every word of the analysis is.
 */
#include "experiment/analysis.h"

#include <math.h>
#include <stdarg.h>

#include "base/log.h"
#include "base/rng.h"
#include "eval/dump.h"
#include "experiment/internal.h"
#include "io/safetensors.h"
#include "tests/unit/data-helper.h"

#define SEEDS 5
#define STEPS 2

static const char plan[] =
	"experiment: known\n"
	"hypothesis: All is known.\n"
	"data: data/x\n"
	"metric: {name: loss, from: eval.loss, better: %s, unit: nats/token}\n"
	"delta: 0.01\n"
	"seeds: [1, 2, 3, 4, 5]\n"
	"vary: [TRAIN_LR]\n"
	"arms:\n"
	"  plain: {role: baseline}\n"
	"  twin: {role: control, expect: same}\n"
	"  good: {role: primary, expect: better}\n"
	"  other: {role: arm}\n"
	"  third: {role: arm}\n"
	"  chance: {role: control}\n"
	"measure:\n"
	"  - {name: docs, run: [info, \"{model}\"]}\n"
	"at: [0.5, 1]\n";

enum { PLAIN, TWIN, GOOD, OTHER, THIRD, CHANCE, ARMS };

/* struct world - the folder of a run, and what was read of it. */
struct world {
	char *scratch, *path;
	struct experiment *plan;
	struct experiment_run *run;
	struct analysis *a;
};

__attribute__((format(printf, 2, 3)))
static void put(const char *path, const char *format, ...)
{
	struct strbuf sb;
	char *dir = path_dir(path);
	va_list ap;

	strbuf_init(&sb);
	va_start(ap, format);
	strbuf_vaddf(&sb, format, ap);
	va_end(ap);
	check_ok(dir_make(dir));
	write_raw(path, sb.s, sb.len);
	strbuf_free(&sb);
	free(dir);
}

static void put_plan(const char *dir, const char *better)
{
	static const char *const rates[] = { "good", "2e-3", "other", "3e-3", "third", "4e-3",
					     "chance", "5e-3" };
	char *path = str_printf("%s/plan.yaml", dir), *base = str_printf("%s/defconfig", dir);
	struct strbuf sb;

	strbuf_init(&sb);
	strbuf_adds(&sb, plan);
	*strstr(sb.s, "%s") = '\0';
	put(path, "%s%s%s", sb.s, better, strstr(plan, "%s") + 2);
	strbuf_free(&sb);
	put(base, "CONFIG_TRAIN_LR=\"1e-3\"\nCONFIG_TRAIN_BATCH=1\nCONFIG_MODEL_CONTEXT=32\n"
	    "CONFIG_TRAIN_TOKENS=\"64\"\nCONFIG_TRAIN_SAMPLE_TOKENS=0\n");
	for (int i = 0; i < 8; i += 2) {
		char *fragment = str_printf("%s/%s.config", dir, rates[i]);

		put(fragment, "CONFIG_TRAIN_LR=\"%s\"\n", rates[i + 1]);
		free(fragment);
	}
	free(base);
	free(path);
}

static void world_begin(struct world *w, const char *better)
{
	struct plan_files files;
	struct config *cfgs[ARMS];
	struct experiment_facts facts = {
		.version = "1", .source = "gone", .data = "gone", .data_hash = "x", .cfgs = cfgs,
	};
	char *dir;

	memset(w, 0, sizeof(*w));
	w->scratch = scratch_make();
	w->path = path_join(w->scratch, "run");
	dir = path_join(w->path, "plan");
	put_plan(dir, better);
	check_ok(experiment_read(dir, &w->plan));
	check_ok(plan_files_read(dir, &files));
	for (int i = 0; i < ARMS; i++)
		cfgs[i] = w->plan->arms[i].cfg;
	check_ok(experiment_manifest_write(w->path, w->plan, &files, &facts));
	plan_files_free(&files);
	free(dir);
}

static void world_forget(struct world *w)
{
	analysis_free(w->a);
	experiment_run_close(w->run);
	w->a = NULL;
	w->run = NULL;
}

static void world_end(struct world *w)
{
	world_forget(w);
	experiment_free(w->plan);
	scratch_remove(w->scratch);
	free(w->path);
}

static void world_read(struct world *w)
{
	world_forget(w);
	check_ok(experiment_run_open(w->path, &w->run));
	check_ok(analysis_make(w->run, &w->a));
}

/* A path in the folder of a cell; free it. */
static char *in_cell(const struct world *w, int arm, int seed, const char *name)
{
	char *dir = cell_path(w->path, w->plan, arm, seed, ""), *path = path_join(dir, name);

	free(dir);
	return path;
}

/* The log of a cell whose held-out loss is @half in the middle and @end at the end. */
static void put_log(const struct world *w, int arm, int seed, double half, double end)
{
	char *log = in_cell(w, arm, seed, "metrics.jsonl");
	struct strbuf last;

	strbuf_init(&last);
	json_add_double(&last, end);
	put(log, "{\"event\":\"train\",\"step\":1,\"tokens\":32,\"loss\":4,\"elapsed\":0.5}\n"
	    "{\"event\":\"eval\",\"step\":1,\"loss\":%.17g}\n"
	    "{\"event\":\"train\",\"step\":2,\"tokens\":64,\"loss\":3,\"elapsed\":2}\n"
	    "{\"event\":\"eval\",\"step\":2,\"loss\":%s}\n", half, last.s);
	strbuf_free(&last);
	free(log);
}

static int no_bytes(void *ctx, size_t offset, size_t len, void *buf)
{
	(void)ctx;
	(void)offset;
	memset(buf, 0, len);
	return 0;
}

static void put_cell(const struct world *w, int arm, int seed, double half, double end)
{
	struct tensor_entry weights = {
		.name = "w", .dtype = DT_F32, .nd = 2, .shape = { 2, 3 }, .fetch = no_bytes,
	};
	static const char *const files[] = { "manifest.yaml", "measure/docs.json",
					     "measure/at-0.5/docs.json",
					     "checkpoints/step-0000000002/state.yaml" };
	char *path;

	for (int i = 0; i < 4; i++) {
		path = in_cell(w, arm, seed, files[i]);
		put(path, i == 3 ? "state:\n  unique_tokens: 60\n" : "{}\n");
		free(path);
	}
	path = in_cell(w, arm, seed, "checkpoints/step-0000000002/model.safetensors");
	check_ok(st_write(path, &weights, 1, NULL, 0, NULL));
	free(path);
	put_log(w, arm, seed, half, end);
}

static void fail_cell(const struct world *w, int arm, int seed)
{
	char *path = cell_path(w->path, w->plan, arm, seed, ""), *why;

	dir_remove_tree(path);
	free(path);
	why = cell_path(w->path, w->plan, arm, seed, ".failed");
	put(why, "step 7: the loss is not finite\n");
	free(why);
}

static void forget_failure(const struct world *w, int arm, int seed)
{
	char *path = cell_path(w->path, w->plan, arm, seed, ".failed");

	CHECK(!remove(path));
	free(path);
}

static void remove_measure(const struct world *w, int arm, int seed)
{
	char *path = in_cell(w, arm, seed, "measure/docs.json");

	CHECK(!remove(path));
	free(path);
}

static void remove_cell(const struct world *w, int arm, int seed)
{
	char *path = cell_path(w->path, w->plan, arm, seed, "");

	dir_remove_tree(path);
	free(path);
}

/* What a seed adds to all arms is much; what is left between seeds is 0.001 or so. */
static double loss_of(int arm, int seed)
{
	static const double gain[ARMS] = { 0, 0, 0.05, -0.03, 0.0005, 0.02 };
	static const double wobble[SEEDS] = { 0.001, -0.002, 0.0015, 0, -0.0005 };

	return 3 + seed - gain[arm] - (arm > TWIN ? wobble[(seed + arm) % SEEDS] : 0);
}

static void world_fill(struct world *w)
{
	for (int arm = 0; arm < ARMS; arm++)
		for (int s = 0; s < SEEDS; s++)
			put_cell(w, arm, s, 4 + s, loss_of(arm, s));
}

static const struct analysis_contrast *contrast(const struct world *w, int arm)
{
	return &w->a->tables[0].arm[arm].contrast;
}

static void check_says(const struct world *w, int arm, const char *text)
{
	struct strbuf sb;

	strbuf_init(&sb);
	analysis_say(w->a, arm, &sb);
	ck_assert_msg(!strcmp(sb.s, text), "said '%s', not '%s'", sb.s, text);
	strbuf_free(&sb);
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

static void analysis_verdicts(void)
{
	struct world w;
	double d[SEEDS];
	struct stats_paired p;

	world_begin(&w, "lower");
	world_fill(&w);
	world_read(&w);
	for (int s = 0; s < SEEDS; s++)
		d[s] = loss_of(PLAIN, s) - loss_of(GOOD, s);
	p = stats_paired(d, SEEDS, 0.95);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_SUPPORTED);
	CHECK(near(contrast(&w, GOOD)->gain.low, p.low) && near(p.mean, 0.05));
	CHECK(near(w.a->tables[0].arm[GOOD].value[2].gain, d[2]));
	CHECK(contrast(&w, OTHER)->verdict.word == VERDICT_NOT_SUPPORTED);
	CHECK(contrast(&w, OTHER)->verdict.reversed && !contrast(&w, OTHER)->verdict.equivalent);
	CHECK(contrast(&w, THIRD)->verdict.word == VERDICT_NOT_SUPPORTED);
	CHECK(contrast(&w, THIRD)->verdict.equivalent);
	CHECK(contrast(&w, OTHER)->verdict.p_adjusted > contrast(&w, OTHER)->verdict.p);
	CHECK(contrast(&w, GOOD)->verdict.p_adjusted == contrast(&w, GOOD)->verdict.p);
	CHECK(contrast(&w, CHANCE)->verdict.word == VERDICT_UNTESTED);
	CHECK(contrast(&w, GOOD)->found > 0.01 && contrast(&w, GOOD)->found < 0.015);
	CHECK(isnan(contrast(&w, CHANCE)->found));
	CHECK(near(w.a->tables[0].arm[PLAIN].mean, 5));
	CHECK(near(w.a->tables[0].arm[PLAIN].sd, sqrt(2.5)));
	check_says(&w, GOOD, "good: supported: gain +0.05 [0.0483, 0.0517] nats/token, n = 5; "
		   "the smallest worth claiming is 0.01");
	check_says(&w, PLAIN, "plain: the baseline, loss 5 nats/token (1.6 between seeds), n = 5");
	world_end(&w);
}
TEST_REGISTER(analysis_verdicts);

static void analysis_controls(void)
{
	struct world w;

	world_begin(&w, "lower");
	world_fill(&w);
	world_read(&w);
	CHECK(w.a->expect[TWIN] == CONTROL_KEPT && contrast(&w, TWIN)->same);
	CHECK(w.a->expect[GOOD] == CONTROL_KEPT && w.a->expect[OTHER] == CONTROL_NONE);
	CHECK(near(w.a->over_control[CHANCE].gain.mean, 0.03));
	CHECK(w.a->over_control[TWIN].gain.n == 0 && w.a->over_control[GOOD].gain.n == 0);
	check_says(&w, TWIN, "twin: as expected: exactly the same in all 5 seeds");
	/* A twin that differs in the last bit is none. */
	put_log(&w, TWIN, 3, 7, nextafter(loss_of(TWIN, 3), 9));
	world_read(&w);
	CHECK(w.a->expect[TWIN] == CONTROL_BROKEN);
	/* One that is missing may still turn out the same; one that differs may not. */
	put_cell(&w, TWIN, 3, 7, loss_of(TWIN, 3));
	remove_cell(&w, TWIN, 4);
	world_read(&w);
	CHECK(w.a->expect[TWIN] == CONTROL_OPEN);
	world_end(&w);
}
TEST_REGISTER(analysis_controls);

/* What does not depend on the seed is one replicate, however many seeds there are. */
static void analysis_one_replicate(void)
{
	struct world w;

	world_begin(&w, "lower");
	world_fill(&w);
	for (int s = 0; s < SEEDS; s++) {
		put_log(&w, PLAIN, s, 7, 3);
		put_log(&w, TWIN, s, 7, 3);
		put_log(&w, GOOD, s, 7, 2.5);
	}
	world_read(&w);
	CHECK(contrast(&w, GOOD)->one && contrast(&w, GOOD)->gain.sd == 0);
	CHECK(!contrast(&w, TWIN)->one && !contrast(&w, OTHER)->one && !contrast(&w, PLAIN)->one);
	put_log(&w, GOOD, 3, 7, 2.25);
	world_read(&w);
	CHECK(!contrast(&w, GOOD)->one);
	world_end(&w);
}
TEST_REGISTER(analysis_one_replicate);

/* The same numbers with `better: higher`: what gained has lost. */
static void analysis_direction(void)
{
	struct world w;

	world_begin(&w, "higher");
	world_fill(&w);
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_NOT_SUPPORTED);
	CHECK(contrast(&w, GOOD)->verdict.reversed && near(contrast(&w, GOOD)->gain.mean, -0.05));
	CHECK(w.a->expect[GOOD] == CONTROL_BROKEN);
	CHECK(contrast(&w, OTHER)->verdict.word == VERDICT_SUPPORTED);
	world_end(&w);
}
TEST_REGISTER(analysis_direction);

/* Pairs are made by seed: losses that belong to other seeds drown the gain. */
static void analysis_pairs(void)
{
	struct world w;

	world_begin(&w, "lower");
	world_fill(&w);
	for (int s = 0; s < SEEDS; s++)
		put_log(&w, GOOD, s, 7, loss_of(GOOD, (s + 1) % SEEDS));
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_INCONCLUSIVE);
	CHECK(contrast(&w, GOOD)->gain.sd > 1);
	world_end(&w);
}
TEST_REGISTER(analysis_pairs);

static void analysis_unfinished(void)
{
	struct world w;
	double p;

	world_begin(&w, "lower");
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_UNFINISHED);
	CHECK(contrast(&w, GOOD)->to_come == SEEDS && w.a->state[CELL_MISSING] == ARMS * SEEDS);
	check_says(&w, GOOD, "good: unfinished: 5 of 5 seeds are still to come");
	check_says(&w, PLAIN, "plain: the baseline, loss not known yet, n = 0");
	world_fill(&w);
	world_read(&w);
	p = contrast(&w, OTHER)->verdict.p_adjusted;
	/* A cell of the baseline is one of every pair. */
	remove_cell(&w, PLAIN, 1);
	remove_cell(&w, GOOD, 1);
	remove_cell(&w, GOOD, 2);
	world_read(&w);
	CHECK(contrast(&w, GOOD)->to_come == 2 && contrast(&w, OTHER)->to_come == 1);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_UNFINISHED);
	CHECK(contrast(&w, OTHER)->verdict.word == VERDICT_UNFINISHED);
	CHECK(contrast(&w, GOOD)->gain.n == 3 && !near(contrast(&w, GOOD)->gain.mean, 0.05));
	CHECK(w.a->expect[GOOD] == CONTROL_OPEN);
	/* Arms that are missing count in the family: nothing that was said is taken back. */
	put_cell(&w, PLAIN, 1, 7, loss_of(PLAIN, 1));
	remove_cell(&w, THIRD, 0);
	world_read(&w);
	CHECK(contrast(&w, OTHER)->verdict.word == VERDICT_NOT_SUPPORTED);
	CHECK(contrast(&w, OTHER)->verdict.p_adjusted >= p);
	/* Also if those that are there show very much. */
	for (int s = 1; s < SEEDS; s++)
		put_log(&w, THIRD, s, 7, loss_of(PLAIN, s) - 64);
	world_read(&w);
	CHECK(contrast(&w, THIRD)->gain.p == 0);
	CHECK(contrast(&w, OTHER)->verdict.p_adjusted == 2 * contrast(&w, OTHER)->verdict.p);
	world_end(&w);
}
TEST_REGISTER(analysis_unfinished);

/* The seeds that survive are no fair sample: one that diverged ends the verdict. */
static void analysis_failed(void)
{
	struct world w;

	world_begin(&w, "lower");
	world_fill(&w);
	fail_cell(&w, GOOD, 2);
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_NONE && contrast(&w, GOOD)->failed == 1);
	CHECK(isnan(w.a->tables[0].arm[GOOD].value[2].gain));
	CHECK(w.a->tables[0].arm[GOOD].values == 4 && w.a->state[CELL_FAILED] == 1);
	check_says(&w, GOOD, "good: no verdict: 1 of 5 seeds failed; good, seed 3: step 7: the "
		   "loss is not finite");
	/* It was trained, and so has a loss; what failed is a measure. */
	put_cell(&w, GOOD, 2, 7, loss_of(GOOD, 2));
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_NONE);
	CHECK(isnan(w.a->tables[0].arm[GOOD].value[2].value));
	CHECK(w.a->tables[1].arm[GOOD].value[2].value == 7);
	/* Its measure is still to come. */
	forget_failure(&w, GOOD, 2);
	remove_measure(&w, GOOD, 2);
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_UNFINISHED);
	/* A loss that is NaN is null in the log. */
	put_cell(&w, GOOD, 2, 7, loss_of(GOOD, 2));
	put_log(&w, OTHER, 0, 7, NAN);
	world_read(&w);
	CHECK(contrast(&w, GOOD)->verdict.word == VERDICT_SUPPORTED);
	CHECK(contrast(&w, OTHER)->failed == 1);
	CHECK(contrast(&w, OTHER)->verdict.word == VERDICT_NONE);
	world_end(&w);
}
TEST_REGISTER(analysis_failed);

/* Earlier shares of the training are shown, and nothing is claimed of them. */
static void analysis_shares(void)
{
	struct world w;

	world_begin(&w, "lower");
	world_fill(&w);
	world_read(&w);
	CHECK(w.a->nr_tables == 2 && w.a->tables[0].at == 1 && w.a->tables[1].at == 0);
	CHECK(w.a->tables[1].arm[GOOD].value[3].value == 7);
	CHECK(w.a->tables[1].arm[GOOD].contrast.same);
	CHECK(w.a->tables[1].arm[GOOD].contrast.verdict.word == VERDICT_UNTESTED);
	world_end(&w);
}
TEST_REGISTER(analysis_shares);

static void analysis_costs(void)
{
	struct world w;
	const struct analysis_cost *c;

	world_begin(&w, "lower");
	world_fill(&w);
	remove_cell(&w, GOOD, 4);
	world_read(&w);
	c = &w.a->cost[GOOD];
	CHECK(c->cells == 4 && c->tokens == 64 && c->seconds == 2 && c->seconds_all == 8);
	CHECK(c->parameters == 6 && near(c->tokens_per_parameter, 64 / 6.0));
	CHECK(c->tokens_per_s == 32 && c->unique_tokens == 60 && isnan(c->epochs));
	CHECK(w.a->nr_diff == 1 && w.a->diff[0] == PARAM_TRAIN_LR);
	world_end(&w);
}
TEST_REGISTER(analysis_costs);

/* ---- documents -------------------------------------------------------------------------- */

#define DOCS 40

/* Losses of @DOCS documents: what a document has is shared, @more is what all have more. */
static void put_dump(const struct world *w, int arm, int seed, double more, const char *data)
{
	struct rng r = rng_stream(1, "documents", 0);
	char *path = in_cell(w, arm, seed, "measure/docs.jsonl");
	struct eval_table *t;
	int nll, tokens, right;

	check_ok(table_new(DOCS, DOCS, &t));
	t->task = strdup("ppl");
	t->options = strdup("protocol=document context=32");
	t->data = strdup("text");
	t->model = strdup("model");
	strcpy(t->data_hash, data);
	strcpy(t->model_hash, "m");
	strcpy(t->tokenizer_hash, "t");
	strcpy(t->act, "f32");
	nll = table_column(t, "nll");
	tokens = table_column(t, "tokens");
	right = table_column(t, "right");
	table_metric(t, "loss", METRIC_RATIO, nll, tokens);
	table_metric(t, "right", METRIC_SHARE, right, -1);
	for (int i = 0; i < DOCS; i++) {
		t->column[tokens].x[i] = 10 + i;
		t->column[nll].x[i] = (10 + i) * (3 + rng_normal(&r, i) + more);
		t->column[right].x[i] = i < 10 || (arm == GOOD && i < 16);
	}
	check_ok(dump_write(t, path));
	table_free(t);
	free(path);
}

static void analysis_document_bootstrap(void)
{
	struct world w;
	const struct analysis_documents *d;

	world_begin(&w, "lower");
	world_fill(&w);
	for (int s = 0; s < SEEDS; s++) {
		put_dump(&w, PLAIN, s, s, "d");
		if (s < 3)
			put_dump(&w, GOOD, s, s - 0.5, "d");
	}
	world_read(&w);
	/* Three seeds, each with a test of its right answers; then their loss and answers. */
	CHECK(w.a->nr_documents == 5);
	d = w.a->documents;
	CHECK(d->seed == 0 && d->seeds == 1 && !strcmp(d->metric, "right"));
	CHECK(near(d->p, 0x1p-5) && isnan(d->interval.low) && near(d->difference.value, 0.15));
	d = &w.a->documents[4];
	CHECK(d->seed == -1 && near(d->difference.value, 0.15) && isnan(d->p));
	CHECK(d->interval.low > 0 && d->interval.high < 0.3);
	d = &w.a->documents[3];
	CHECK(d->arm == GOOD && d->seed == -1 && d->seeds == 3 && d->items == DOCS);
	CHECK(!strcmp(d->metric, "loss") && near(d->value - d->baseline, -0.5));
	/* All documents gain the same, so that it does not matter which ones are drawn. */
	CHECK(near(d->difference.value, -0.5) && near(d->interval.low, -0.5) &&
	      near(d->interval.high, -0.5) && isnan(d->p));
	/* Of other data nothing is compared, and the rest of the analysis stands. */
	put_dump(&w, GOOD, 1, 0, "other");
	log_set_level(LOG_ERROR);
	world_read(&w);
	CHECK(w.a->nr_documents == 0 && contrast(&w, GOOD)->verdict.word == VERDICT_SUPPORTED);
	world_end(&w);
}
TEST_REGISTER(analysis_document_bootstrap);
