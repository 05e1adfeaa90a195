// SPDX-License-Identifier: MIT
/* The text of plan.yaml. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "experiment/internal.h"

#define ITEMS_MAX 1024		/* seeds, arms, measures: no plan is meant to have more */

static const char *const roles[] = { "baseline", "primary", "arm", "control", NULL };
static const char *const expects[] = { "", "better", "worse", "same", NULL };
static const char *const betters[] = { "higher", "lower", NULL };
static const char *const placeholders[] = { "arm", "baseline", "cell", "config", "data",
					    "measure", "model", "seed", NULL };

const char *arm_role_name(enum arm_role role)
{
	return roles[role];
}

const char *arm_expect_name(enum arm_expect expect)
{
	return expects[expect];
}

/* ---- checks that several keys need --------------------------------------------- */

bool plan_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= EXPERIMENT_NAME_MAX || !isalnum((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

static void join_words(struct strbuf *sb, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (*words[i])
			strbuf_addf(sb, "%s%s", sb->len ? ", " : "", words[i]);
}

static int check_keys(const struct yml *map, const char *const *known)
{
	struct strbuf list;
	const struct yml *v;
	int ret = 0;

	yml_for_each(v, map) {
		if (word_index(known, v->key) >= 0)
			continue;
		strbuf_init(&list);
		join_words(&list, known);
		ret = fail(-EINVAL, "%s:%ld: unknown key '%s': there are %s", v->file, v->line,
			   v->key, list.s);
		strbuf_free(&list);
		break;
	}
	return ret;
}

/* What is written down as nothing is not written down. */
static int get_text(const struct yml *map, const char *key, bool needed, char **out)
{
	const char *text = "";
	int ret = needed || yml_get(map, key) ? yml_text(map, key, &text) : 0;

	if (!ret && needed && !*text)
		ret = yml_fail(yml_get(map, key), "is empty");
	if (ret)
		return ret == -ENOENT ? -EINVAL : ret;
	*out = strdup(text);
	return *out ? 0 : fail_nomem(strlen(text), "a plan");
}

static int get_name(const struct yml *v, const char *name, char **out)
{
	if (!plan_name_ok(name))
		return fail(-EINVAL, "%s:%ld: '%s' is no name: letters, digits, '-', '_' and '.'",
			    v->file, v->line, name);
	*out = strdup(name);
	return *out ? 0 : fail_nomem(strlen(name), "a plan");
}

/* One of @words; @fallback if the key is missing, unless that is negative. */
static int get_word(const struct yml *map, const char *key, const char *const *words,
		    int fallback, int *out)
{
	const char *text;
	struct strbuf list;
	int ret;

	*out = fallback;
	if (fallback >= 0 && !yml_get(map, key))
		return 0;
	ret = yml_text(map, key, &text);
	if (ret)
		return -EINVAL;
	*out = *text ? word_index(words, text) : -1;
	if (*out >= 0)
		return 0;
	strbuf_init(&list);
	join_words(&list, words);
	ret = fail(-EINVAL, "%s:%ld: '%s' is '%s': it may be %s", map->file,
		   yml_get(map, key)->line, key, text, list.s);
	strbuf_free(&list);
	return ret;
}

/* The items of list @key in new memory of @size each; @nr is their number, at least 1. */
static int get_list(const struct yml *root, const char *key, size_t size, const struct yml **list,
		    void *items, int *nr)
{
	void *memory;
	size_t count;

	if (yml_list(root, key, list))
		return -EINVAL;
	count = yml_count(*list);
	if (!count)
		return yml_fail(*list, "is empty");
	if (count > ITEMS_MAX)
		return yml_fail(*list, "has too many items");
	memory = calloc(count, size);
	if (!memory)
		return fail_nomem(count * size, "a plan");
	*(void **)items = memory;
	*nr = (int)count;
	return 0;
}

/* ---- seeds, vary, at ----------------------------------------------------------- */

static int read_seeds(struct experiment *e, const struct yml *root)
{
	const struct param *p = &params[PARAM_TRAIN_SEED];
	const struct yml *list, *v;
	int ret = get_list(root, "seeds", sizeof(*e->seeds), &list, &e->seeds, &e->nr_seeds);
	int nr = 0;

	if (ret)
		return ret;
	yml_for_each(v, list) {
		long long *seed = &e->seeds[nr];

		if (v->kind != YML_IS_TEXT || str_to_int(v->text, seed) ||
		    (double)*seed < p->min || (double)*seed > p->max)
			return fail(-EINVAL, "%s:%ld: a seed is a number %.0f..%.0f", v->file,
				    v->line, p->min, p->max);
		for (int i = 0; i < nr; i++)
			if (e->seeds[i] == *seed)
				return fail(-EINVAL, "%s:%ld: seed %lld is there twice", v->file,
					    v->line, *seed);
		nr++;
	}
	return 0;
}

static int check_vary(const struct experiment *e, const struct yml *v, int nr)
{
	const char *name = v->kind == YML_IS_TEXT ? v->text : "", *near;
	int id = param_find(name);

	if (id < 0 || strcmp(params[id].name, name)) {
		near = *name ? param_nearest(name) : NULL;
		return fail(-EINVAL, "%s:%ld: 'vary': '%s' is no parameter%s%s%s", v->file, v->line,
			    name, near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
	}
	if (id == PARAM_TRAIN_SEED)
		return fail(-EINVAL, "%s:%ld: 'vary': TRAIN_SEED is what pairs the arms: `seeds` "
			    "says which there are", v->file, v->line);
	for (int i = 0; i < nr; i++)
		if (!strcmp(e->vary[i], name))
			return fail(-EINVAL, "%s:%ld: 'vary': %s is there twice", v->file, v->line,
				    name);
	return 0;
}

static int read_vary(struct experiment *e, const struct yml *root)
{
	const struct yml *list, *v;
	int nr = 0, ret = get_list(root, "vary", sizeof(*e->vary), &list, &e->vary, &e->nr_vary);

	if (ret)
		return ret;
	yml_for_each(v, list) {
		ret = check_vary(e, v, nr);
		if (ret)
			return ret;
		e->vary[nr] = strdup(v->text);
		if (!e->vary[nr++])
			return fail_nomem(strlen(v->text), "a plan");
	}
	return 0;
}

static int read_share(struct experiment *e, const struct yml *v, int i)
{
	double *at = &e->at[i];

	if (v->kind != YML_IS_TEXT || str_to_double(v->text, at) || !(*at > 0) || *at > 1)
		return fail(-EINVAL, "%s:%ld: a share of the training is a number above 0 and up "
			    "to 1", v->file, v->line);
	if (i && *at <= at[-1])
		return fail(-EINVAL, "%s:%ld: 'at': %s does not follow %s: the shares rise",
			    v->file, v->line, v->text, e->at_text[i - 1]);
	if (i + 1 == e->nr_at && *at < 1)
		return fail(-EINVAL, "%s:%ld: 'at' ends with %s: the last share is 1, the end of "
			    "the training", v->file, v->line, v->text);
	if (!plan_name_ok(v->text))	/* it names a folder */
		return fail(-EINVAL, "%s:%ld: 'at': write %s as 0.1", v->file, v->line, v->text);
	e->at_text[i] = strdup(v->text);
	return e->at_text[i] ? 0 : fail_nomem(strlen(v->text), "a plan");
}

/* Without `at` there is the end. */
static int read_shares(struct experiment *e, const struct yml *root)
{
	static const struct yml the_end = { .text = "1" };
	const struct yml *list = NULL, *v = &the_end;
	int ret, i = 0;

	if (yml_get(root, "at") && e->model)
		return yml_fail(yml_get(root, "at"), "are shares of a training, and with a "
				"`model` nothing is trained");
	if (yml_get(root, "at")) {
		ret = get_list(root, "at", sizeof(*e->at), &list, &e->at, &e->nr_at);
		if (ret)
			return ret;
		v = list->child;
	} else {
		e->at = calloc(1, sizeof(*e->at));
		e->nr_at = 1;
	}
	e->at_text = calloc((size_t)e->nr_at, sizeof(*e->at_text));
	if (!e->at || !e->at_text)
		return fail_nomem(sizeof(*e->at), "a plan");
	for (; v; v = v->next) {
		ret = read_share(e, v, i++);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- measures ------------------------------------------------------------------ */

static int check_word(const struct yml *v)
{
	const char *open = v->text;
	struct strbuf list;
	char name[32];
	size_t len;
	int ret;

	while ((open = strchr(open, '{'))) {
		len = strcspn(++open, "}");
		snprintf(name, sizeof(name), "%.*s", (int)(len < 31 ? len : 31), open);
		if (open[len] == '}' && word_index(placeholders, name) >= 0)
			continue;
		strbuf_init(&list);
		join_words(&list, placeholders);
		ret = fail(-EINVAL, "%s:%ld: '{%s%s' in '%s': what may stand in braces is %s",
			   v->file, v->line, name, open[len] ? "}" : "", v->text, list.s);
		strbuf_free(&list);
		return ret;
	}
	return 0;
}

static int read_words(struct experiment_measure *m, const struct yml *map)
{
	const struct yml *list, *v;
	int nr = 0, i = 0, ret;

	ret = yml_list(map, "run", &list) ? -EINVAL : 0;
	if (!ret && !list->child)
		ret = yml_fail(list, "is empty");
	if (ret)
		return ret;
	nr = (int)yml_count(list);
	m->argv = calloc((size_t)nr + 1, sizeof(*m->argv));
	if (!m->argv)
		return fail_nomem(0, "a plan");
	yml_for_each(v, list) {
		ret = v->kind == YML_IS_TEXT ? check_word(v) : yml_fail(v, "is not a text");
		if (ret)
			return ret;
		m->argv[i] = strdup(v->text);
		if (!m->argv[i++])
			return fail_nomem(strlen(v->text), "a plan");
	}
	return 0;
}

static int read_measure(struct experiment *e, const struct yml *v, struct experiment_measure *m)
{
	static const char *const keys[] = { "name", "run", "in", NULL };
	const char *name, *in;
	int ret;

	if (v->kind != YML_IS_MAP)
		return fail(-EINVAL, "%s:%ld: a measure has a name and a command: {name: ..., "
			    "run: [...]}", v->file, v->line);
	ret = check_keys(v, keys);
	if (!ret && yml_text(v, "name", &name))
		ret = -EINVAL;
	if (!ret && experiment_measure(e, name) >= 0)
		ret = fail(-EINVAL, "%s:%ld: measure '%s' is there twice", v->file, v->line, name);
	/* A dot would end the name in "NAME.path.to.number"; eval.loss is the training's. */
	if (!ret && (strchr(name, '.') || !strcmp(name, "eval")))
		ret = fail(-EINVAL, "%s:%ld: a measure cannot be called '%s'", v->file, v->line,
			   name);
	if (!ret)
		ret = get_name(v, name, &m->name);
	if (!ret && yml_get(v, "in")) {
		ret = yml_text(v, "in", &in);
		if (!ret && strcmp(in, "baseline"))
			ret = fail(-EINVAL, "%s:%ld: 'in' is '%s': it is baseline, or left out",
				   v->file, v->line, in);
		m->only_baseline = !ret;
	}
	return ret ? ret : read_words(m, v);
}

static int read_measures(struct experiment *e, const struct yml *root)
{
	struct experiment_measure *m = NULL;
	const struct yml *list, *v;
	int nr, ret;

	if (!yml_get(root, "measure"))
		return 0;
	ret = get_list(root, "measure", sizeof(*m), &list, &m, &nr);
	if (ret)
		return ret;
	e->measures = m;
	yml_for_each(v, list) {
		/* Counted first, so that what it has by then is freed. */
		m = &e->measures[e->nr_measures];
		ret = read_measure(e, v, m);
		e->nr_measures++;
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- metrics ------------------------------------------------------------------- */

static int check_from(const struct experiment *e, const struct yml *map, const char *from)
{
	const struct yml *v = yml_get(map, "from");
	size_t len = strcspn(from, ".");
	char name[EXPERIMENT_NAME_MAX];

	if (!strcmp(from, "eval.loss") && e->model)
		return fail(-EINVAL, "%s:%ld: 'from' is eval.loss, and with a `model` nothing is "
			    "trained: it is MEASURE.NUMBER", v->file, v->line);
	if (!strcmp(from, "eval.loss"))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), from);
	if (experiment_measure(e, name) < 0)
		return fail(-EINVAL, "%s:%ld: 'from' is '%s': it is eval.loss, or MEASURE.NUMBER "
			    "with a measure of this plan", v->file, v->line, from);
	if (e->measures[experiment_measure(e, name)].only_baseline)
		return fail(-EINVAL, "%s:%ld: 'from' is '%s', which only the baseline measures",
			    v->file, v->line, from);
	if (!from[len] || !from[len + 1] || strstr(from, "..") || from[strlen(from) - 1] == '.')
		return fail(-EINVAL, "%s:%ld: 'from' is '%s': say which number of it: %s.NUMBER",
			    v->file, v->line, from, name);
	return 0;
}

static int read_metric(struct experiment *e, const struct yml *v, struct experiment_metric *m)
{
	static const char *const keys[] = { "name", "from", "better", "unit", NULL };
	int better, ret;

	if (v->kind != YML_IS_MAP)
		return fail(-EINVAL, "%s:%ld: a metric is {name: ..., from: ..., better: lower, "
			    "unit: ...}", v->file, v->line);
	ret = check_keys(v, keys);
	if (!ret)
		ret = get_text(v, "name", true, &m->name);
	if (!ret)
		ret = get_text(v, "from", true, &m->from);
	if (!ret)
		ret = get_text(v, "unit", false, &m->unit);
	if (!ret)
		ret = check_from(e, v, m->from);
	if (!ret)
		ret = get_word(v, "better", betters, -1, &better);
	if (!ret)
		m->lower = better;
	return ret;
}

static int read_metrics(struct experiment *e, const struct yml *root)
{
	const struct yml *list, *v;
	int ret, i = 0;

	if (yml_map(root, "metric", &v))
		return -EINVAL;
	ret = read_metric(e, v, &e->metric);
	if (ret || !yml_get(root, "more"))
		return ret;
	ret = get_list(root, "more", sizeof(*e->more), &list, &e->more, &e->nr_more);
	if (ret)
		return ret;
	yml_for_each(v, list) {
		ret = read_metric(e, v, &e->more[i++]);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_delta(struct experiment *e, const struct yml *root)
{
	if (yml_double(root, "delta", &e->delta))
		return -EINVAL;
	if (!(e->delta > 0) || isinf(e->delta))
		return yml_fail(yml_get(root, "delta"), "is not above 0: it is the smallest gain "
				"worth claiming");
	return 0;
}

/* ---- arms ---------------------------------------------------------------------- */

static int read_arm(struct experiment *e, const struct yml *v, struct experiment_arm *a)
{
	static const char *const keys[] = { "role", "what", "expect", NULL };
	int role, expect, ret;

	if (v->kind != YML_IS_MAP)
		return yml_fail(v, "is no arm: {role: ..., what: ...}");
	a->line = v->line;
	ret = check_keys(v, keys);
	if (!ret)
		ret = get_name(v, v->key, &a->name);
	if (!ret)
		ret = get_text(v, "what", false, &a->what);
	if (!ret)
		ret = get_word(v, "role", roles, -1, &role);
	if (!ret)
		ret = get_word(v, "expect", expects, EXPECT_NOTHING, &expect);
	if (ret)
		return ret;
	a->role = role;
	a->expect = expect;
	if (role == ARM_BASELINE && expect)
		return yml_fail(v, "is the baseline: there is nothing that it could be compared "
				"with");
	return 0;
}

/* The number of the only arm with @role, or -1. */
static int only_arm(const struct experiment *e, enum arm_role role, int *out)
{
	*out = -1;
	for (int i = 0; i < e->nr_arms; i++) {
		if (e->arms[i].role != role)
			continue;
		if (*out >= 0)
			return fail(-EINVAL, "%s:%ld: '%s' and '%s' are both the %s", e->file,
				    e->arms[i].line, e->arms[*out].name, e->arms[i].name,
				    roles[role]);
		*out = i;
	}
	return 0;
}

static int check_arms(struct experiment *e, const struct yml *arms)
{
	int ret = only_arm(e, ARM_BASELINE, &e->baseline);

	if (!ret)
		ret = only_arm(e, ARM_PRIMARY, &e->primary);
	if (!ret && e->baseline < 0)
		ret = yml_fail(arms, "have no baseline: one of them needs role: baseline");
	if (!ret && e->nr_arms < 2)
		ret = yml_fail(arms, "are one: there is nothing to compare");
	return ret;
}

static int read_arms(struct experiment *e, const struct yml *root)
{
	const struct yml *arms, *v;
	size_t nr;
	int ret;

	if (yml_map(root, "arms", &arms))
		return -EINVAL;
	nr = yml_count(arms);
	if (nr > ITEMS_MAX)
		return yml_fail(arms, "are too many");
	e->arms = calloc(nr + 1, sizeof(*e->arms));
	if (!e->arms)
		return fail_nomem(nr * sizeof(*e->arms), "a plan");
	yml_for_each(v, arms) {
		ret = read_arm(e, v, &e->arms[e->nr_arms++]);
		if (ret)
			return ret;
	}
	return check_arms(e, arms);
}

/* Intervals of fewer pairs are too wide to claim anything by. */
static int check_seeds(const struct experiment *e, const struct yml *root)
{
	const struct yml *v = yml_get(root, "seeds");

	if (e->primary < 0 || e->nr_seeds >= EXPERIMENT_SEEDS_MIN)
		return 0;
	return fail(-EINVAL, "%s:%ld: %d seeds are too few for a verdict on '%s': at least %d, or "
		    "no primary arm", v->file, v->line, e->nr_seeds, e->arms[e->primary].name,
		    EXPERIMENT_SEEDS_MIN);
}

/* ---- all of it ----------------------------------------------------------------- */

static int read_plan(struct experiment *e, const struct yml *root)
{
	static const char *const keys[] = { "experiment", "hypothesis", "model", "data", "prepare",
					    "metric", "more", "delta", "seeds", "vary", "arms",
					    "measure", "at", NULL };
	const char *name;
	int ret;

	if (root->kind != YML_IS_MAP)
		return fail(-EINVAL, "%s:%ld: not a mapping", e->file, root->line);
	ret = check_keys(root, keys);
	if (!ret && yml_text(root, "experiment", &name))
		ret = -EINVAL;
	if (!ret)
		ret = get_name(yml_get(root, "experiment"), name, &e->name);
	if (!ret)
		ret = get_text(root, "hypothesis", true, &e->hypothesis);
	if (!ret)
		ret = get_text(root, "data", true, &e->data);
	if (!ret && yml_get(root, "model"))
		ret = get_text(root, "model", true, &e->model);
	if (!ret)
		ret = get_text(root, "prepare", false, &e->prepare);
	if (!ret)
		ret = read_measures(e, root);
	if (!ret)
		ret = read_metrics(e, root);
	if (!ret)
		ret = read_delta(e, root);
	if (!ret)
		ret = read_seeds(e, root);
	if (!ret)
		ret = read_vary(e, root);
	if (!ret)
		ret = read_arms(e, root);
	if (!ret)
		ret = read_shares(e, root);
	return ret ? ret : check_seeds(e, root);
}

int experiment_parse(const char *file, const char *text, size_t len, struct experiment **out)
{
	struct experiment *e = calloc(1, sizeof(*e));
	struct yml *root = NULL;
	int ret;

	*out = NULL;
	if (!e)
		return fail_nomem(sizeof(*e), "a plan");
	e->baseline = e->primary = -1;
	e->file = strdup(file);
	e->dir = path_dir(file);
	ret = e->file && e->dir ? yml_parse(file, text, len, &root) : fail_nomem(0, "a path");
	if (!ret)
		ret = read_plan(e, root);
	yml_free(root);
	if (ret)
		experiment_free(e);
	else
		*out = e;
	return ret;
}
