// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dotconfig.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"

#define CONFIG_FILE_MAX (1 << 20)	/* a .config has some 10 KB */

struct config {
	struct param_value values[PARAM_COUNT];
};

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	for (int i = 0; i < PARAM_COUNT; i++)
		param_value_free(&cfg->values[i]);
	free(cfg);
}

int config_put(struct config *cfg, enum param_id id, const char *text)
{
	struct param_value value;
	int ret = param_check(&params[id], text, &value);

	if (ret)
		return ret;
	param_value_free(&cfg->values[id]);
	cfg->values[id] = value;
	return 0;
}

/* A config whose values are texts[0 ... PARAM_COUNT - 1], or those of @from. */
static struct config *config_make(const char *const *texts, const struct config *from)
{
	struct config *cfg = calloc(1, sizeof(*cfg));

	if (!cfg) {
		fail_nomem(sizeof(*cfg), "a config");
		return NULL;
	}
	for (int i = 0; i < PARAM_COUNT; i++)
		if (config_put(cfg, i, from ? from->values[i].text : texts[i])) {
			config_free(cfg);
			return NULL;
		}
	return cfg;
}

struct config *config_new(void)
{
	return config_make(config_embedded, NULL);
}

struct config *config_copy(const struct config *cfg)
{
	return config_make(NULL, cfg);
}

/* ---- names ---- */

static const char *without_prefix(const char *name)
{
	return strncmp(name, "CONFIG_", 7) ? name : name + 7;
}

int param_find(const char *name)
{
	name = without_prefix(name);
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!strcmp(params[i].name, name))
			return i;
	return -1;
}

/* Length of the symbol in a line of config_features, and where it begins. */
static size_t feature_symbol(const char *line, const char **symbol)
{
	*symbol = strstr(line, "CONFIG_") + 7;
	return strcspn(*symbol, "= ");
}

static const char *feature_line(const char *symbol)
{
	for (const char *const *f = config_features; *f; f++) {
		const char *name;
		size_t len = feature_symbol(*f, &name);

		if (len == strlen(symbol) && !memcmp(name, symbol, len))
			return *f;
	}
	return NULL;
}

bool config_has_feature(const char *symbol)
{
	const char *line = feature_line(symbol);

	return line && *line != '#' && (!strcmp(strchr(line, '='), "=y") ||
					!strcmp(strchr(line, '='), "=m"));
}

const char *config_feature_name(const char *line, char *name)
{
	const char *symbol;
	size_t len = feature_symbol(line, &symbol);

	if (*line == '#' || (strcmp(symbol + len, "=y") && strcmp(symbol + len, "=m")))
		return NULL;
	snprintf(name, 64, "%.*s", (int)len, symbol);
	return name;
}

struct nearest {
	const char *wanted;
	char best[64];
	int distance;
};

/* LR is near TRAIN_LR, whatever the number of edits. */
static int name_distance(const char *wanted, const char *name)
{
	size_t lw = strlen(wanted), ln = strlen(name);

	if (lw > 1 && ln > lw && name[ln - lw - 1] == '_' && !strcasecmp(name + ln - lw, wanted))
		return 1;
	return str_distance(wanted, name);
}

static void nearest_try(struct nearest *n, const char *name, size_t len)
{
	char text[sizeof(n->best)];
	int d;

	snprintf(text, sizeof(text), "%.*s", (int)len, name);
	d = name_distance(n->wanted, text);
	/* Of names that are as near, the shortest. */
	if (d < n->distance || (d == n->distance && len < strlen(n->best))) {
		n->distance = d;
		memcpy(n->best, text, sizeof(text));
	}
}

static struct nearest nearest_begin(const char *name)
{
	int limit = (int)strlen(name) / 3 + 1;

	return (struct nearest){ .wanted = name, .distance = limit < 2 ? 2 : limit };
}

const char *param_nearest(const char *name)
{
	struct nearest n = nearest_begin(without_prefix(name));

	for (int i = 0; i < PARAM_COUNT; i++)
		nearest_try(&n, params[i].name, strlen(params[i].name));
	return *n.best ? params[param_find(n.best)].name : NULL;
}

static int unknown_symbol(const char *symbol)
{
	struct nearest n = nearest_begin(symbol);

	for (int i = 0; i < PARAM_COUNT; i++)
		nearest_try(&n, params[i].name, strlen(params[i].name));
	for (const char *const *f = config_features; *f; f++) {
		const char *name;
		size_t len = feature_symbol(*f, &name);

		nearest_try(&n, name, len);
	}
	if (*n.best)
		return fail(-EINVAL, "unknown symbol CONFIG_%s: did you mean CONFIG_%s?",
			    symbol, n.best);
	return fail(-EINVAL, "unknown symbol CONFIG_%s", symbol);
}

static const char *current_name(const char *symbol)
{
	for (const struct renamed *const *r = __start_knlp_renamed; r < __stop_knlp_renamed; r++)
		if (!strcmp((*r)->name, symbol)) {
			log_warn("CONFIG_%s is now called CONFIG_%s", symbol, (*r)->now);
			return (*r)->now;
		}
	return symbol;
}

/* ---- files and assignments ---- */

static int check_feature(const char *symbol, const struct dotconfig_line *line)
{
	const char *have = feature_line(symbol), *value;
	struct strbuf sb;
	int ret = 0;

	if (!have)
		return unknown_symbol(symbol);
	if (!line->quoted && !strcmp(line->value, "n"))
		return 0;	/* not asked for; that the binary has it does no harm */
	if (*have == '#')
		return fail(-ENOTSUP,
			    "asks for feature CONFIG_%s, which this binary was built without",
			    symbol);
	value = strchr(have, '=') + 1;
	if (!line->quoted && config_has_feature(symbol) &&
	    (!strcmp(line->value, "y") || !strcmp(line->value, "m")))
		return 0;	/* built in or a module: it is there */
	strbuf_init(&sb);
	if (line->quoted)
		dotconfig_quote(&sb, line->value);
	else
		strbuf_adds(&sb, line->value);
	if (strcmp(sb.s, value))
		ret = fail(-ENOTSUP, "asks for CONFIG_%s=%s, but this binary was built with %s",
			   symbol, sb.s, value);
	strbuf_free(&sb);
	return ret;
}

static int apply_line(void *ctx, const struct dotconfig_line *line)
{
	const char *symbol = current_name(line->symbol);
	int id = param_find(symbol);

	if (id < 0)
		return check_feature(symbol, line);
	/* Kconfig would drop it without a word. */
	if (!param_is_text(&params[id]) && line->quoted)
		return fail(-EINVAL, "%s: the value takes no quotes: CONFIG_%s=%s", symbol,
			    symbol, line->value);
	return config_put(ctx, id, line->value);
}

int config_load_text(struct config *cfg, const char *path, char *text)
{
	struct config *copy = config_copy(cfg), old;
	int ret;

	if (!copy)
		return -ENOMEM;
	ret = dotconfig_walk(path, text, apply_line, copy);
	if (!ret) {
		old = *cfg;
		*cfg = *copy;
		*copy = old;
	}
	config_free(copy);
	return ret;
}

int config_load(struct config *cfg, const char *path)
{
	size_t len;
	char *text;
	int ret;

	ret = file_read_all(path, CONFIG_FILE_MAX, &text, &len);
	if (ret)
		return ret;
	if (memchr(text, '\0', len))
		ret = fail(-EINVAL, "%s: not a .config file: it holds NUL bytes", path);
	else
		ret = config_load_text(cfg, path, text);
	free(text);
	return ret;
}

int config_set(struct config *cfg, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	const char *near;
	char name[64];
	int id;

	if (!equals || equals == assignment)
		return fail(-EINVAL, "expected KEY=VALUE, found '%s'", assignment);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
	id = param_find(current_name(without_prefix(name)));
	if (id >= 0)
		return config_put(cfg, id, equals + 1);
	if (feature_line(without_prefix(name)))
		return fail(-EINVAL, "%s is a feature of the build, not a run parameter: "
			    "it can only be changed with make menuconfig", name);
	near = param_nearest(name);
	return near ? fail(-EINVAL, "unknown parameter %s: did you mean %s?", name, near) :
		      fail(-EINVAL, "unknown parameter %s (knlp config lists all)", name);
}

/* ---- values ---- */

bool config_bool(const struct config *cfg, enum param_id id)
{
	BUG_ON(params[id].type != PARAM_BOOL);
	return cfg->values[id].integer;
}

long long config_int(const struct config *cfg, enum param_id id)
{
	BUG_ON(params[id].type != PARAM_INT && params[id].type != PARAM_TOKENS);
	return cfg->values[id].integer;
}

double config_float(const struct config *cfg, enum param_id id)
{
	BUG_ON(params[id].type != PARAM_FLOAT);
	return cfg->values[id].number;
}

bool config_is_auto(const struct config *cfg, enum param_id id)
{
	return cfg->values[id].is_auto;
}

const char *config_text(const struct config *cfg, enum param_id id)
{
	return cfg->values[id].text;
}

const char *config_list_item(const struct config *cfg, enum param_id id, int layer,
			     int nr_layers)
{
	const struct param_value *v = &cfg->values[id];
	const char *found = NULL;
	int nr = 0;

	BUG_ON(params[id].type != PARAM_LIST || layer < 0 || layer >= nr_layers);
	if (!v->items[0].nr)
		return v->items[0].name;
	for (int i = 0; i < v->nr_items; i++) {
		nr += v->items[i].nr;
		if (!found && layer < nr)
			found = v->items[i].name;
	}
	if (nr != nr_layers) {
		fail(-EINVAL, "%s=%s names %d layers, but the model has %d", params[id].name,
		     v->text, nr, nr_layers);
		return NULL;
	}
	return found;
}

/* ---- from which step on ---- */

long long config_steps(const struct config *cfg)
{
	long long per_step = config_int(cfg, PARAM_TRAIN_BATCH) *
			     config_int(cfg, PARAM_TRAIN_ACCUM) *
			     config_int(cfg, PARAM_MODEL_CONTEXT);

	return (config_int(cfg, PARAM_TRAIN_TOKENS) + per_step - 1) / per_step;
}

/* A number of steps, or a share of them. */
static long long steps_before(const struct config *cfg, enum param_id id)
{
	if (params[id].type == PARAM_INT)
		return config_int(cfg, id);
	return (long long)(config_float(cfg, id) * (double)config_steps(cfg) + 0.5);
}

long long config_acts_from(const struct config *cfg, enum param_id id)
{
	const struct param *p = &params[id];

	if (p->is_local)
		return CONFIG_NEVER;
	if (!p->from)
		return 0;
	return strcmp(p->from, PARAM_FROM_END) ? steps_before(cfg, param_find(p->from))
					       : CONFIG_NEVER;
}

long long config_same_until(const struct config *a, const struct config *b, int *id)
{
	long long same = CONFIG_NEVER;

	if (id)
		*id = -1;
	for (int i = 0; i < PARAM_COUNT; i++) {
		long long in_a, in_b, first;

		if (!strcmp(config_text(a, i), config_text(b, i)))
			continue;
		in_a = config_acts_from(a, i);
		in_b = config_acts_from(b, i);
		first = in_a < in_b ? in_a : in_b;
		if (first >= same)
			continue;
		same = first;
		if (id)
			*id = i;
	}
	return same;
}

/* ---- output ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(params[*(const int *)a].name, params[*(const int *)b].name);
}

int config_hash(const struct config *cfg, char hex[HASH_HEX])
{
	int order[PARAM_COUNT];
	struct strbuf sb;
	int ret;

	/* By name: a parameter that moves to another file changes no hash. */
	for (int i = 0; i < PARAM_COUNT; i++)
		order[i] = i;
	qsort(order, PARAM_COUNT, sizeof(*order), by_name);
	strbuf_init(&sb);
	for (int i = 0; i < PARAM_COUNT; i++)
		if (!params[order[i]].is_local)
			strbuf_addf(&sb, "%s=%s\n", params[order[i]].name,
				    cfg->values[order[i]].text);
	ret = strbuf_ok(&sb);
	if (!ret)
		hash_bytes(sb.s, sb.len, hex);
	strbuf_free(&sb);
	return ret;
}

static void add_param(struct strbuf *sb, const struct param *p, const char *text)
{
	if (p->type == PARAM_BOOL && *text == 'n') {
		strbuf_addf(sb, "# CONFIG_%s is not set\n", p->name);
		return;
	}
	strbuf_addf(sb, "CONFIG_%s=", p->name);
	if (param_is_text(p))
		dotconfig_quote(sb, text);
	else
		strbuf_adds(sb, text);
	strbuf_addc(sb, '\n');
}

static int write_params(const struct config *cfg, FILE *f, bool local)
{
	char hash[HASH_HEX];
	struct strbuf sb;
	int ret = config_hash(cfg, hash);

	if (ret)
		return ret;
	strbuf_init(&sb);
	strbuf_addf(&sb, "# Run parameters, hash %s\n", hash);
	for (int i = 0; i < PARAM_COUNT; i++)
		if (local || !params[i].is_local)
			add_param(&sb, &params[i], cfg->values[i].text);
	strbuf_adds(&sb, "\n# Features of the binary\n");
	for (const char *const *line = config_features; *line; line++)
		strbuf_addf(&sb, "%s\n", *line);
	ret = strbuf_ok(&sb);
	if (!ret && fwrite(sb.s, 1, sb.len, f) != sb.len)
		ret = fail_errno("cannot write the config");
	strbuf_free(&sb);
	return ret;
}

int config_write(const struct config *cfg, FILE *f)
{
	return write_params(cfg, f, true);
}

int config_write_shared(const struct config *cfg, FILE *f)
{
	return write_params(cfg, f, false);
}
