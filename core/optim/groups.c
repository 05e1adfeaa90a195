// SPDX-License-Identifier: MIT
#include "optim/groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/strbuf.h"
#include "optim/optim.h"

static const char *const kind_names[WEIGHT_KINDS] = {
	[WEIGHT_MATRIX] = "matrix", [WEIGHT_EMBEDDING] = "embedding", [WEIGHT_HEAD] = "head",
	[WEIGHT_NORM] = "norm", [WEIGHT_BIAS] = "bias",
};

/* ---- reading rules ------------------------------------------------------------- */

/* Cut blanks off both ends of @s. */
static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t");
	for (end = s + strlen(s); end > s && strchr(" \t", end[-1]); end--)
		;
	*end = '\0';
	return s;
}

/* The end of a rule or of its selector; what stands between slashes is none. */
static char *find_end(char *s, char end)
{
	bool in_regex = false;

	for (; *s; s++) {
		if (*s == '/')
			in_regex = !in_regex;
		else if (*s == end && !in_regex)
			return s;
	}
	return NULL;
}

static int read_kinds(struct group_rule *r, char *text)
{
	char *save = NULL;

	for (char *word = strtok_r(text, "+", &save); word; word = strtok_r(NULL, "+", &save)) {
		int kind = 0;

		word = trim(word);
		while (kind < WEIGHT_KINDS && strcmp(word, kind_names[kind]))
			kind++;
		if (kind == WEIGHT_KINDS)
			return fail(-EINVAL, "OPTIM_GROUPS: '%s' is neither a kind (matrix "
				    "embedding head norm bias) nor a /regular expression/", word);
		r->kinds |= 1u << kind;
	}
	return r->kinds ? 0 : fail(-EINVAL, "OPTIM_GROUPS: a rule without selector");
}

static int read_regex(struct group_rule *r, char *text)
{
	size_t len = strlen(text);
	char why[128];
	int err;

	if (len < 3 || text[len - 1] != '/')
		return fail(-EINVAL, "OPTIM_GROUPS: '%s' is not a /regular expression/", text);
	text[len - 1] = '\0';
	err = regcomp(&r->regex, text + 1, REG_EXTENDED | REG_NOSUB);
	r->has_regex = !err;
	if (!err)
		return 0;
	regerror(err, &r->regex, why, sizeof(why));
	return fail(-EINVAL, "OPTIM_GROUPS: %s/: %s", text, why);
}

static int read_number(const char *key, const char *text, double max, double *value)
{
	if (!str_to_double(text, value) && *value >= 0 && *value <= max)
		return 0;
	return fail(-EINVAL, "OPTIM_GROUPS: %s=%s is not a number from 0 to %g", key, text, max);
}

static int set_twice(const struct group_rule *r, const char *key)
{
	return fail(-EINVAL, "OPTIM_GROUPS: rule '%s' sets %s twice", r->selector, key);
}

static int read_setting(struct group_rule *r, char *text)
{
	char *value = strchr(text, '='), *key;

	if (!value)
		return fail(-EINVAL, "OPTIM_GROUPS: '%s' is not KEY=VALUE", trim(text));
	*value = '\0';
	value = trim(value + 1);
	key = trim(text);
	if (!strcmp(key, "lr_scale"))
		return isnan(r->lr_scale) ? read_number(key, value, 1e6, &r->lr_scale)
					  : set_twice(r, key);
	if (!strcmp(key, "decay"))
		return isnan(r->decay) ? read_number(key, value, 10, &r->decay)
				       : set_twice(r, key);
	if (strcmp(key, "optimizer"))
		return fail(-EINVAL, "OPTIM_GROUPS: unknown key '%s'; there are optimizer, "
			    "lr_scale, decay", key);
	if (r->optimizer)
		return set_twice(r, key);
	r->optimizer = optimizer_find(value);
	return r->optimizer ? 0 : fail_in(-EINVAL, "OPTIM_GROUPS");
}

static int read_settings(struct group_rule *r, char *text)
{
	char *save = NULL;
	int ret = 0, nr = 0;

	for (char *s = strtok_r(text, ",", &save); s && !ret; s = strtok_r(NULL, ",", &save)) {
		ret = read_setting(r, s);
		nr++;
	}
	if (!ret && !nr)
		return fail(-EINVAL, "OPTIM_GROUPS: rule '%s' sets nothing", r->selector);
	return ret;
}

static int read_rule(struct optim_groups *g, char *text)
{
	struct group_rule *r = &g->rule[g->nr_rules];
	char *colon = find_end(text, ':');
	int ret;

	if (g->nr_rules == GROUP_RULES_MAX)
		return fail(-E2BIG, "OPTIM_GROUPS: more than %d rules", GROUP_RULES_MAX);
	if (!colon)
		return fail(-EINVAL, "OPTIM_GROUPS: '%s' is not SELECTOR:KEY=VALUE,...", text);
	*colon = '\0';
	text = trim(text);
	*r = (struct group_rule){
		.selector = strdup(text), .lr_scale = NAN, .decay = NAN,
	};
	g->nr_rules++;
	if (!r->selector)
		return fail_nomem(strlen(text), "a rule");
	ret = *text == '/' ? read_regex(r, text) : read_kinds(r, text);
	return ret ? ret : read_settings(r, colon + 1);
}

static int read_rules(struct optim_groups *g, char *text)
{
	int ret = 0;

	while (text && !ret) {
		char *next = find_end(text, ';');

		if (next)
			*next++ = '\0';
		text = trim(text);
		if (*text)
			ret = read_rule(g, text);
		text = next;
	}
	return ret;
}

int optim_groups_new(const struct config *cfg, struct optim_groups **out)
{
	struct optim_groups *g = calloc(1, sizeof(*g));
	char *text = strdup(config_text(cfg, PARAM_OPTIM_GROUPS));
	int ret = 0;

	if (!g || !text)
		ret = fail_nomem(sizeof(*g), "parameter groups");
	if (!ret) {
		g->cfg = cfg;
		g->optimizer = optimizer_find(config_text(cfg, PARAM_OPTIM_NAME));
		ret = g->optimizer ? read_rules(g, text) : -EINVAL;
	}
	free(text);
	if (ret)
		optim_groups_free(g);
	else
		*out = g;
	return ret;
}

void optim_groups_free(struct optim_groups *g)
{
	for (int i = 0; g && i < g->nr_rules; i++) {
		if (g->rule[i].has_regex)
			regfree(&g->rule[i].regex);
		free(g->rule[i].selector);
	}
	free(g);
}

/* ---- placing parameters ----------------------------------------------------------- */

static struct group_rule *find_rule(struct optim_groups *g, const char *name,
				    enum weight_kind kind)
{
	for (int i = 0; i < g->nr_rules; i++) {
		struct group_rule *r = &g->rule[i];

		if (r->has_regex ? !regexec(&r->regex, name, 0, NULL, 0) : r->kinds >> kind & 1)
			return r;
	}
	return NULL;
}

/* Without a rule: an optimizer that is for matrices leaves the rest to another one. */
static const struct optimizer *usual_optimizer(const struct optim_groups *g,
					       enum weight_kind kind)
{
	const struct optimizer *o = g->optimizer;

	return o->unit == OPTIM_MATRIX && kind != WEIGHT_MATRIX ? optimizer_find(o->others) : o;
}

static int settings(struct optim_groups *g, const char *name, enum weight_kind kind, int nd,
		    struct optim_group *s)
{
	struct group_rule *r = find_rule(g, name, kind);
	bool decays = nd > 1 || config_bool(g->cfg, PARAM_OPTIM_DECAY_1D);

	*s = (struct optim_group){ .lr_scale = 1 };
	s->optimizer = r && r->optimizer ? r->optimizer : usual_optimizer(g, kind);
	if (!s->optimizer)
		return -EINVAL;
	s->decay = decays ? optimizer_decay(g->cfg, g->optimizer) : 0;
	if (r) {
		r->used = true;
		s->lr_scale = isnan(r->lr_scale) ? 1 : r->lr_scale;
		s->decay = isnan(r->decay) ? s->decay : r->decay;
	}
	if (s->optimizer->lr_scale)
		s->lr_scale *= s->optimizer->lr_scale(g->cfg);
	if (s->optimizer->unit == OPTIM_MATRIX && nd != 2)
		return fail(-EINVAL, "OPTIM_GROUPS: %s updates matrices, and '%s' is none",
			    s->optimizer->name, name);
	return 0;
}

static bool same(const struct optim_group *a, const struct optim_group *b)
{
	return a->optimizer == b->optimizer && a->lr_scale == b->lr_scale && a->decay == b->decay;
}

int optim_groups_place(struct optim_groups *g, const char *name, enum weight_kind kind, int nd,
		       const int64_t *n)
{
	struct optim_group s;
	int64_t elements = 1;
	int i = 0, ret = settings(g, name, kind, nd, &s);

	if (ret)
		return ret;
	while (i < g->nr && !same(&g->group[i], &s))
		i++;
	if (i == GROUP_MAX)
		return fail(-E2BIG, "OPTIM_GROUPS: the rules make more than %d groups; '%s' would "
			    "be in the next one", GROUP_MAX, name);
	if (i == g->nr)
		g->group[g->nr++] = s;
	for (int d = 0; d < nd; d++)
		elements *= n[d];
	g->group[i].tensors++;
	g->group[i].elements += elements;
	return i;
}

int optim_groups_check(const struct optim_groups *g)
{
	for (int i = 0; i < g->nr_rules; i++) {
		const struct group_rule *r = &g->rule[i];

		if (!r->used)
			return fail(-EINVAL, "OPTIM_GROUPS: rule '%s' matches no parameter of this "
				    "model that an earlier rule leaves%s", r->selector,
				    r->kinds & 1u << WEIGHT_HEAD
				    ? " (a tied head counts as embedding)" : "");
	}
	return 0;
}

const char *optim_group_text(const struct optim_groups *g, int index, char text[GROUP_TEXT])
{
	const struct optim_group *s = &g->group[index];
	char count[FORMAT_MAX];

	snprintf(text, GROUP_TEXT, "%s, learning rate %.6g, decay %.6g: %d tensor%s, %s parameters",
		 s->optimizer->name, s->lr_scale * config_float(g->cfg, PARAM_TRAIN_LR), s->decay,
		 s->tensors, s->tensors == 1 ? "" : "s", format_grouped(count, s->elements));
	return text;
}
