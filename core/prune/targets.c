// SPDX-License-Identifier: MIT
#include "prune/targets.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "nn/model.h"

int prune_layer(const char *name)
{
	for (const char *s = strchr(name, '.'); s; s = strchr(s + 1, '.'))
		if (isdigit((unsigned char)s[1])) {
			char *end;
			long layer = strtol(s + 1, &end, 10);

			if (*end == '.')
				return (int)layer;
		}
	return -1;
}

static bool is_prunable(const struct param_info *p, const struct config *cfg)
{
	if (p->nd != 2 || p->positional)
		return false;
	return p->kind == WEIGHT_MATRIX || config_bool(cfg, PARAM_PRUNE_TABLES);
}

/* A regular expression of a parameter; empty: there is none. */
struct filter {
	const char *param, *text;
	regex_t regex;
	bool is_set, used;
};

static int filter_make(const struct config *cfg, enum param_id id, struct filter *f)
{
	char why[128];
	int err;

	*f = (struct filter){ .param = params[id].name, .text = config_text(cfg, id) };
	if (!*f->text)
		return 0;
	err = regcomp(&f->regex, f->text, REG_EXTENDED | REG_NOSUB);
	f->is_set = !err;
	if (!err)
		return 0;
	regerror(err, &f->regex, why, sizeof(why));
	return fail(-EINVAL, "%s: '%s': %s", f->param, f->text, why);
}

static void filter_free(struct filter *f)
{
	if (f->is_set)
		regfree(&f->regex);
}

static bool filter_matches(struct filter *f, const char *name)
{
	bool found = f->is_set && !regexec(&f->regex, name, 0, NULL, 0);

	f->used |= found;
	return found;
}

static int filter_check(const struct filter *f)
{
	if (!f->is_set || f->used)
		return 0;
	return fail(-EINVAL, "%s: '%s' matches none of the tensors that can be pruned", f->param,
		    f->text);
}

static int collect(const struct model *m, const struct config *cfg, struct filter *include,
		   struct filter *exclude, int *index)
{
	int nr = 0, ret;

	for (int i = 0; i < m->nr_params; i++) {
		const struct param_info *p = &m->params[i];

		if (!is_prunable(p, cfg))
			continue;
		if (include->is_set && !filter_matches(include, p->name))
			continue;
		if (!filter_matches(exclude, p->name))
			index[nr++] = i;
	}
	ret = filter_check(include);
	if (!ret)
		ret = filter_check(exclude);
	if (!ret && !nr)
		ret = fail(-EINVAL, "PRUNE_EXCLUDE: '%s' leaves nothing to prune", exclude->text);
	return ret ? ret : nr;
}

int prune_targets(const struct model *m, const struct config *cfg, int **index)
{
	struct filter include, exclude = { 0 };
	int ret = filter_make(cfg, PARAM_PRUNE_INCLUDE, &include);

	if (!ret)
		ret = filter_make(cfg, PARAM_PRUNE_EXCLUDE, &exclude);
	*index = calloc(m->nr_params + 1, sizeof(**index));
	if (!*index)
		ret = fail_nomem(m->nr_params * sizeof(**index), "a list of tensors");
	if (!ret)
		ret = collect(m, cfg, &include, &exclude, *index);
	filter_free(&include);
	filter_free(&exclude);
	if (ret < 0)
		free(*index);
	return ret;
}
