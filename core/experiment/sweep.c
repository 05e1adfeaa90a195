// SPDX-License-Identifier: MIT
/* The plans of a sweep. */
#include "experiment/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotconfig.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/dataset.h"
#include "experiment/internal.h"
#include "experiment/match.h"
#include "train/trainer.h"

/* ---- values ------------------------------------------------------------------------ */

void sweep_free(struct sweep *s)
{
	for (int i = 0; i < s->nr; i++)
		free(s->values[i]);
	s->nr = 0;
}

/* Values are compared as the parameter writes them: 3e-4 is 0.0003. */
static int add_value(struct sweep *s, const char *text)
{
	struct param_value value;
	int ret = param_check(&params[s->param], text, &value);

	if (ret)
		return ret;
	for (int i = 0; i < s->nr && !ret; i++)
		if (!strcmp(s->values[i], value.text))
			ret = fail(-EINVAL, "%s: %s is there twice", params[s->param].name,
				   value.text);
	if (!ret && s->nr == SWEEP_VALUES_MAX)
		ret = fail(-EINVAL, "%s: more than %d values", params[s->param].name,
			   SWEEP_VALUES_MAX);
	if (!ret) {
		s->values[s->nr] = strdup(value.text);
		ret = s->values[s->nr] ? 0 : fail_nomem(0, "a value");
		s->nr += !ret;
	}
	param_value_free(&value);
	return ret;
}

static bool is_number(enum param_id id)
{
	return params[id].type == PARAM_INT || params[id].type == PARAM_FLOAT ||
	       params[id].type == PARAM_TOKENS;
}

/* @v as a value of parameter @id, which may be an integer. */
static int add_number(struct sweep *s, double v)
{
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	if (params[s->param].type == PARAM_FLOAT)
		strbuf_addf(&sb, "%.4g", v);	/* nobody wants 0.00031622776601683794 */
	else
		strbuf_addf(&sb, "%.0f", v);
	ret = add_value(s, sb.s);
	strbuf_free(&sb);
	return ret;
}

static int wrong_grid(const char *grid)
{
	return fail(-EINVAL, "a grid is LOW:HIGH:NUMBER, with LOW above 0 and below HIGH, and at "
		    "least two: not '%s'", grid);
}

static int add_grid(struct sweep *s, const char *grid)
{
	char low_text[32] = "", high_text[32] = "", nr_text[32] = "";
	double low, high;
	long long nr;
	int ret = 0;

	if (!is_number(s->param))
		return fail(-EINVAL, "%s is no number: name its values", params[s->param].name);
	if (sscanf(grid, "%31[^:]:%31[^:]:%31[^:]", low_text, high_text, nr_text) != 3 ||
	    str_to_double(low_text, &low) || str_to_double(high_text, &high) ||
	    str_to_int(nr_text, &nr) || !(low > 0) || !(high > low) || nr < 2 ||
	    nr > SWEEP_VALUES_MAX)
		return wrong_grid(grid);
	for (int i = 0; i < nr && !ret; i++)
		ret = add_number(s, low * pow(high / low, (double)i / (double)(nr - 1)));
	if (ret == -EINVAL)
		ret = fail_in(ret, params[s->param].type == PARAM_FLOAT
			      ? "%s, rounded to four digits" : "%s, rounded to whole numbers",
			      grid);
	return ret;
}

int sweep_values(struct sweep *s, const char *list, const char *grid)
{
	char *copy = strdup(list ? list : ""), *next = copy, *word;
	int ret = copy ? 0 : fail_nomem(0, "values");

	s->nr = 0;
	while (!ret && list && (word = strsep(&next, ",")))
		ret = add_value(s, word);
	if (!ret && grid)
		ret = add_grid(s, grid);
	if (!ret && s->nr < 2)
		ret = fail(-EINVAL, "%s: one value is no choice", params[s->param].name);
	free(copy);
	if (ret)
		sweep_free(s);
	return ret;
}

/* ---- variants: the arms of the plans --------------------------------------------------- */

struct variant {
	char name[EXPERIMENT_NAME_MAX];
	struct config *cfg;
	const char *what;
};

struct variants {
	struct variant *v;
	int nr, baseline;
};

static void variants_free(struct variants *list)
{
	for (int i = 0; i < list->nr; i++)
		config_free(list->v[i].cfg);
	free(list->v);
}

static int add_variant(struct variants *list, const struct config *from, enum param_id id,
		       const char *value, const char *what)
{
	struct variant *more = realloc(list->v, ((size_t)list->nr + 1) * sizeof(*more));
	struct variant *v;

	if (!more)
		return fail_nomem(0, "arms");
	list->v = more;
	v = &more[list->nr];
	*v = (struct variant){ .cfg = config_copy(from), .what = what };
	if (!v->cfg)
		return -ENOMEM;
	list->nr++;
	return config_put(v->cfg, id, value);
}

/* "TRAIN_LR=0.003" names no folder; "0.003" does, and what is no name gets a number. */
static void name_value(struct variant *v, const char *value, int nr)
{
	if (plan_name_ok(value))
		snprintf(v->name, sizeof(v->name), "%s", value);
	else
		snprintf(v->name, sizeof(v->name), "value-%d", nr + 1);
}

/* ---- what `vary` has to name ------------------------------------------------------------- */

/* Parameters in which the resolved variants differ: what was set, and what follows by `auto`. */
static int find_vary(const struct variants *list, const char *data, bool differs[PARAM_COUNT])
{
	struct config *base = NULL, *cfg = NULL;
	struct dataset *ds = NULL;
	int ret = dataset_open(data, &ds);

	memset(differs, 0, PARAM_COUNT * sizeof(*differs));
	for (int i = -1; i < list->nr && !ret; i++) {
		cfg = config_copy(list->v[i < 0 ? list->baseline : i].cfg);
		ret = cfg ? trainer_resolve(cfg, (int)dataset_vocab(ds)) : -ENOMEM;
		if (!ret && i < 0) {
			base = cfg;
			continue;
		}
		for (int id = 0; id < PARAM_COUNT && !ret; id++)
			differs[id] |= !params[id].is_local &&
				       strcmp(config_text(cfg, id), config_text(base, id));
		config_free(cfg);
	}
	config_free(base);
	dataset_close(ds);
	return ret;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void put_metric(struct yml_writer *w, const char *key, const struct experiment_metric *m)
{
	yml_begin_map(w, key);
	yml_put_text(w, "name", m->name);
	yml_put_text(w, "from", m->from);
	yml_put_text(w, "better", m->lower ? "lower" : "higher");
	if (*m->unit)
		yml_put_text(w, "unit", m->unit);
	yml_end_map(w);
}

static void put_arms(struct yml_writer *w, const struct variants *list)
{
	yml_begin_map(w, "arms");
	for (int i = 0; i < list->nr; i++) {
		yml_begin_map(w, list->v[i].name);
		yml_put_text(w, "role", i == list->baseline ? "baseline" : "arm");
		yml_put_text(w, "what", list->v[i].what);
		yml_end_map(w);
	}
	yml_end_map(w);
}

static void put_measures(struct yml_writer *w, const struct experiment *e)
{
	if (!e->nr_measures)
		return;
	yml_begin_list(w, "measure");
	for (int i = 0; i < e->nr_measures; i++) {
		yml_begin_map(w, NULL);
		yml_put_text(w, "name", e->measures[i].name);
		yml_put_texts(w, "run", (const char *const *)e->measures[i].argv);
		if (e->measures[i].only_baseline)
			yml_put_text(w, "in", "baseline");
		yml_end_map(w);
	}
	yml_end_list(w);
}

static void put_plan(struct yml_writer *w, const struct sweep *s, const char *name,
		     const char *hypothesis, const struct variants *list, const bool *differs)
{
	const struct experiment *e = s->e;

	yml_put_text(w, "experiment", name);
	yml_put_text(w, "hypothesis", hypothesis);
	yml_put_text(w, "data", e->data);
	if (*e->prepare)
		yml_put_text(w, "prepare", e->prepare);
	put_metric(w, "metric", &e->metric);
	yml_put_double(w, "delta", e->delta);
	yml_begin_list(w, "seeds");
	for (int i = 0; i < s->seeds; i++)
		yml_put_int(w, NULL, e->seeds[i]);
	yml_end_list(w);
	yml_begin_list(w, "vary");
	for (int id = 0; id < PARAM_COUNT; id++)
		if (differs[id])
			yml_put_text(w, NULL, params[id].name);
	yml_end_list(w);
	put_arms(w, list);
	put_measures(w, e);
}

static int write_text(const char *dir, const char *name, const struct strbuf *sb)
{
	char *path = path_join(dir, name);
	int ret = strbuf_ok(sb);

	if (!ret)
		ret = path ? file_write_atomic(path, sb->s, sb->len) : fail_nomem(0, "a path");
	free(path);
	return ret;
}

/* What a variant changes in the base. */
static int write_fragment(const struct variants *list, int i, const char *dir)
{
	const struct config *base = list->v[list->baseline].cfg, *cfg = list->v[i].cfg;
	char *name = str_printf("%s%s", list->v[i].name, FRAGMENT_ENDING);
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	for (int id = 0; id < PARAM_COUNT; id++) {
		if (params[id].is_local || !strcmp(config_text(cfg, id), config_text(base, id)))
			continue;
		strbuf_addf(&sb, "CONFIG_%s=", params[id].name);
		if (param_is_text(&params[id]))
			dotconfig_quote(&sb, config_text(cfg, id));
		else
			strbuf_adds(&sb, config_text(cfg, id));
		strbuf_addc(&sb, '\n');
	}
	ret = name ? write_text(dir, name, &sb) : fail_nomem(0, "a path");
	strbuf_free(&sb);
	free(name);
	return ret;
}

static int put_config(void *ctx, FILE *f)
{
	return config_write_shared(ctx, f);
}

static int write_configs(const struct variants *list, const char *dir)
{
	char *base = path_join(dir, BASE_FILE);
	int ret = base ? file_write_stream(base, put_config, list->v[list->baseline].cfg)
		       : fail_nomem(0, "a path");

	for (int i = 0; i < list->nr && !ret; i++)
		ret = write_fragment(list, i, dir);
	free(base);
	return ret;
}

static int write_files(const struct sweep *s, const char *name, const char *hypothesis,
		       const struct variants *list, const bool *differs, const char *dir)
{
	struct yml_writer *w;
	struct strbuf sb;
	int ret = dir_remove_tree(dir);

	if (!ret)
		ret = dir_make(dir);
	if (!ret)
		ret = write_configs(list, dir);
	if (ret)
		return ret;
	w = yml_writer_new();
	if (!w)
		return fail_nomem(0, "a plan");
	put_plan(w, s, name, hypothesis, list, differs);
	strbuf_init(&sb);
	ret = yml_writer_end(w, &sb);
	if (!ret)
		ret = write_text(dir, PLAN_FILE, &sb);
	strbuf_free(&sb);
	return ret;
}

static int other_plan(const struct experiment_run *run)
{
	const struct experiment *e = run->plan;
	struct strbuf names;
	int ret;

	strbuf_init(&names);
	for (int i = 0; i < e->nr_arms; i++)
		strbuf_addf(&names, "%s%s", i ? ", " : "", e->arms[i].name);
	ret = fail(-EINVAL, "%s began with other values, seeds or another plan than this: with %s, "
		   "and %d seed%s; go on with those, or choose another folder with --out",
		   run->path, names.s, e->nr_seeds, e->nr_seeds > 1 ? "s" : "");
	strbuf_free(&names);
	return ret;
}

/* A run that is there has to be one of the plan in @dir. */
static int check_run(const char *path, const char *dir)
{
	struct plan_files files = { 0 };
	struct experiment_run *run;
	char hash[HASH_HEX];
	int ret;

	if (!experiment_is_run(path))
		return 0;
	ret = experiment_run_open(path, &run);
	if (ret)
		return ret;
	ret = plan_files_read(dir, &files);
	if (!ret)
		ret = plan_files_hash(&files, hash);
	if (!ret && strcmp(hash, run->hash))
		ret = other_plan(run);
	plan_files_free(&files);
	experiment_run_close(run);
	return ret;
}

/* Into the place of an older one, whose fragments would be no arm's; refused, that one stays. */
static int write_plan(const struct sweep *s, const char *name, const char *hypothesis,
		      const struct variants *list, const char *data,
		      const struct sweep_part *part)
{
	char *fresh = str_printf("%s.tmp", part->plan);
	bool differs[PARAM_COUNT];
	int ret = fresh ? find_vary(list, data, differs) : fail_nomem(0, "a path");

	if (!ret)
		ret = write_files(s, name, hypothesis, list, differs, fresh);
	if (!ret)
		ret = check_run(part->run, fresh);
	if (!ret)
		ret = dir_remove_tree(part->plan);
	if (!ret && rename(fresh, part->plan))
		ret = fail_errno("%s", part->plan);
	if (ret && fresh)
		dir_remove_tree(fresh);
	free(fresh);
	return ret;
}

/* ---- the two parts ------------------------------------------------------------------------- */

int sweep_can_tune(const struct experiment *e, enum param_id id)
{
	const char *name = params[id].name;

	if (params[id].is_local || id == PARAM_TRAIN_SEED)
		return fail(-EINVAL, "%s is nothing to tune", name);
	if (id == PARAM_TRAIN_TOKENS)
		return fail(-EINVAL, "%s is the budget, which all values share: nothing to tune",
			    name);
	if (!strncmp(name, "TRAIN_EVAL_", strlen("TRAIN_EVAL_")) ||
	    config_acts_from(e->arms[e->baseline].cfg, id) == CONFIG_NEVER)
		return fail(-EINVAL, "%s changes what is measured, not the model: nothing to tune",
			    name);
	return 0;
}

static int check_param(const struct sweep *s)
{
	for (int i = 0; i < s->e->nr_vary; i++)
		if (!strcmp(s->e->vary[i], params[s->param].name))
			return fail(-EINVAL, "%s: arms differ in %s: what is tuned on the baseline "
				    "has to be the same in all", s->e->file,
				    params[s->param].name);
	return 0;
}

static int tune_variants(const struct sweep *s, struct variants *list)
{
	const struct config *base = s->e->arms[s->e->baseline].cfg;
	int ret = check_param(s);

	for (int i = 0; i < s->nr && !ret; i++) {
		ret = add_variant(list, base, s->param, s->values[i], s->values[i]);
		if (ret)
			break;
		name_value(&list->v[i], s->values[i], i);
		if (!strcmp(s->values[i], config_text(base, s->param)))
			list->baseline = i;
	}
	return ret;
}

int sweep_check(const struct sweep *s, const char *data)
{
	struct variants list = { 0 };
	bool differs[PARAM_COUNT];
	int ret = tune_variants(s, &list);

	if (!ret)
		ret = find_vary(&list, data, differs);
	variants_free(&list);
	return ret;
}

int sweep_plan_tune(const struct sweep *s, const char *data, const struct sweep_part *part)
{
	char *hypothesis = str_printf("Some value of %s gives the baseline of %s a better %s.",
				      params[s->param].name, s->e->name, s->e->metric.name);
	struct variants list = { 0 };
	int ret = hypothesis ? tune_variants(s, &list) : fail_nomem(0, "a text");

	if (!ret)
		ret = write_plan(s, "tune", hypothesis, &list, data, part);
	variants_free(&list);
	free(hypothesis);
	return ret;
}

static const struct {
	double factor;
	const char *name, *what;
} factors[] = {
	{ 0.5, "half", "half of the best value" },
	{ 1, "best", "the best value" },
	{ 2, "double", "twice the best value" },
};
#define FACTORS 3

/* @value times factors[f] as the parameter writes it, into @text; -ERANGE: it cannot be. */
static int multiply(const struct sweep *s, const char *value, int f, char text[64])
{
	double v;

	if (factors[f].factor == 1) {
		snprintf(text, 64, "%s", value);
		return 0;
	}
	if (!is_number(s->param) || str_to_double(value, &v) || !(v > 0))
		return -ERANGE;
	v *= factors[f].factor;
	if (v < params[s->param].min || v > params[s->param].max ||
	    (params[s->param].type != PARAM_FLOAT && v != floor(v)))
		return -ERANGE;
	snprintf(text, 64, "%.17g", v);
	return 0;
}

bool sweep_can_check(const struct sweep *s, const char *value)
{
	char text[64];

	return !multiply(s, value, 0, text) && !multiply(s, value, 2, text);
}

/* Controls are no competitors of the baseline. */
static bool is_checked(const struct experiment_arm *a)
{
	return a->role != ARM_CONTROL;
}

static int add_checks(const struct sweep *s, int arm, const char *best, struct variants *list)
{
	const struct experiment_arm *a = &s->e->arms[arm];
	char text[64];
	int ret = 0;

	for (int f = 0; f < FACTORS && !ret; f++) {
		ret = multiply(s, best, f, text);
		if (!ret)
			ret = add_variant(list, a->cfg, s->param, text, factors[f].what);
		if (ret)
			return ret;
		if (snprintf(list->v[list->nr - 1].name, EXPERIMENT_NAME_MAX, "%s-%s", a->name,
			     factors[f].name) >= EXPERIMENT_NAME_MAX)
			return fail(-EINVAL, "arm '%s': its name is too long for a sweep", a->name);
		if (a->role == ARM_BASELINE && factors[f].factor == 1)
			list->baseline = list->nr - 1;
	}
	return ret;
}

int sweep_plan_check(const struct sweep *s, const char *best, const char *data,
		     const struct sweep_part *part)
{
	char *hypothesis = str_printf("Some arm of %s would rather have another %s than %s.",
				      s->e->name, params[s->param].name, best);
	struct variants list = { 0 };
	int ret = hypothesis ? 0 : fail_nomem(0, "a text");

	for (int arm = 0; arm < s->e->nr_arms && !ret; arm++)
		if (is_checked(&s->e->arms[arm]))
			ret = add_checks(s, arm, best, &list);
	if (!ret)
		ret = write_plan(s, "check", hypothesis, &list, data, part);
	variants_free(&list);
	free(hypothesis);
	return ret;
}

/* ---- what came of it ----------------------------------------------------------------------- */

void sweep_curve_free(struct sweep_curve *c)
{
	for (int i = 0; i < c->nr; i++)
		free(c->point[i].value);
	free(c->point);
	*c = (struct sweep_curve){ 0 };
}

static int read_point(const struct experiment_run *run, int arm, struct sweep_point *p)
{
	const struct experiment *e = run->plan;
	double sum = 0, squares = 0;

	p->value = calloc((size_t)e->nr_seeds, sizeof(*p->value));
	if (!p->value)
		return fail_nomem(0, "a curve");
	for (int s = 0; s < e->nr_seeds; s++) {
		const struct experiment_cell *cell = experiment_cell(run, arm, s);

		if (cell->state != CELL_DONE ||
		    cell_metric(run, cell, &e->metric, e->nr_at - 1, &p->value[s]))
			p->value[s] = NAN;
		if (cell->state == CELL_FAILED)
			p->failure = cell->failure;
		sum += p->value[s];
	}
	p->mean = sum / e->nr_seeds;
	for (int s = 0; s < e->nr_seeds; s++)
		squares += (p->value[s] - p->mean) * (p->value[s] - p->mean);
	p->sd = e->nr_seeds > 1 ? sqrt(squares / (e->nr_seeds - 1)) : NAN;
	return 0;
}

static bool is_flat(const struct sweep_curve *c)
{
	for (int i = 0; i < c->nr; i++)
		for (int s = 0; s < c->seeds; s++)
			if (!(c->point[i].value[s] == c->point[0].value[s]))
				return false;
	return true;
}

static int read_points(const struct sweep *s, const struct experiment_run *run,
		       struct sweep_curve *c)
{
	int ret = 0;

	*c = (struct sweep_curve){ .seeds = run->plan->nr_seeds, .best = -1 };
	c->point = calloc((size_t)run->plan->nr_arms, sizeof(*c->point));
	if (!c->point)
		return fail_nomem(0, "a curve");
	for (int i = 0; i < run->plan->nr_arms && !ret; i++) {
		ret = read_point(run, i, &c->point[c->nr++]);
		if (!ret && !isnan(c->point[i].mean) &&
		    (c->best < 0 || sweep_gain(s, &c->point[i], &c->point[c->best]) > 0))
			c->best = i;
	}
	c->flat = !ret && is_flat(c);
	fail_clear();
	return ret;
}

double sweep_gain(const struct sweep *s, const struct sweep_point *a,
		  const struct sweep_point *b)
{
	return s->e->metric.lower ? b->mean - a->mean : a->mean - b->mean;
}

int sweep_curve_read(const struct sweep *s, const struct experiment_run *run,
		     struct sweep_curve *c)
{
	int ret = read_points(s, run, c);

	for (int i = 0; i < c->nr; i++) {
		c->point[i].label = s->values[i];
		c->point[i].factor = 1;
	}
	return ret;
}

int sweep_check_read(const struct sweep *s, const struct experiment_run *run,
		     struct sweep_curve *c)
{
	int ret = read_points(s, run, c), i = 0;

	for (int arm = 0; arm < s->e->nr_arms && !ret; arm++) {
		if (!is_checked(&s->e->arms[arm]))
			continue;
		for (int f = 0; f < FACTORS; f++, i++) {
			c->point[i].label = s->e->arms[arm].name;
			c->point[i].factor = factors[f].factor;
		}
	}
	return ret;
}

static void advise_of_end(const struct sweep *s, const struct sweep_curve *tune,
			  struct strbuf *sb)
{
	double best, other;
	bool low = true, high = true;

	if (tune->flat)
		strbuf_addf(sb, "%s makes no difference: all values gave the same numbers.\n",
			    params[s->param].name);
	if (tune->flat || !is_number(s->param) || tune->best < 0 ||
	    str_to_double(s->values[tune->best], &best))
		return;
	for (int i = 0; i < tune->nr; i++) {
		if (i == tune->best || str_to_double(s->values[i], &other))
			continue;
		low &= other > best;
		high &= other < best;
	}
	if (low || high)
		strbuf_addf(sb, "%s=%s is the %s of the values: the best one may lie beyond.\n",
			    params[s->param].name, s->values[tune->best],
			    low ? "smallest" : "largest");
}

/* Any gain counts here: a best value that is not the best of these three is none. */
static void advise_of_baseline(const struct sweep *s, const struct sweep_point *p,
			       struct strbuf *sb)
{
	for (int f = 0; f < FACTORS; f += 2) {
		double gain = sweep_gain(s, &p[f], &p[1]);

		if (gain > 0)
			strbuf_addf(sb, "The baseline is better at %s, by %.3g %s: it was not "
				    "tried; sweep around it.\n", factors[f].what, gain,
				    s->e->metric.unit);
	}
}

static void advise_of_arm(const struct sweep *s, const struct sweep_point *p, struct strbuf *sb)
{
	if (!strcmp(p->label, s->e->arms[s->e->baseline].name)) {
		advise_of_baseline(s, p, sb);
		return;
	}
	for (int f = 0; f < FACTORS; f += 2) {
		double gain = sweep_gain(s, &p[f], &p[1]);

		if (gain > s->e->delta)
			strbuf_addf(sb, "Arm '%s' is better at %s, by %.3g %s, more than delta: "
				    "tuning on the baseline is not fair to it.\n", p->label,
				    factors[f].what, gain, s->e->metric.unit);
	}
}

void sweep_advice(const struct sweep *s, const struct sweep_curve *tune,
		  const struct sweep_curve *check, struct strbuf *sb)
{
	advise_of_end(s, tune, sb);
	for (int i = 0; i < tune->nr; i++)
		if (tune->point[i].failure)
			strbuf_addf(sb, "%s=%s failed: %s\n", params[s->param].name,
				    s->values[i], tune->point[i].failure);
	for (int i = 0; check && i + 2 < check->nr; i += FACTORS)
		advise_of_arm(s, &check->point[i], sb);
}
