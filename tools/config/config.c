// SPDX-License-Identifier: MIT
/*
 * knlp config - show the configuration, resolved.
 */
#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

#define RUN_CONFIG "config"	/* name of the config in a run folder */
#define RUN_CONFIG_MAX (1 << 20)

static struct {
	const char *help_for;
	bool hash;
} opt;

static void parameter_names(struct strbuf *sb)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		strbuf_addf(sb, "%s%s", i ? " " : "", params[i].name);
}

static const struct option options[] = {
	OPTION_TABLE(option_table_config),
	OPTION_BOOL(0, "hash", &opt.hash, "print the hash of the config only"),
	OPTION_WORD(0, "help-for", "NAME", &opt.help_for, parameter_names,
		    "explain one parameter: meaning, type, default, value"),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static int explain(const struct config *cfg)
{
	int id = param_find(opt.help_for);
	const struct param_words *words;
	const struct param *p;
	const char *near;

	if (id < 0) {
		near = param_nearest(opt.help_for);
		return near ? usage_error("unknown parameter %s: did you mean %s?",
					  opt.help_for, near) :
			      usage_error("unknown parameter %s", opt.help_for);
	}
	p = &params[id];
	words = param_words(p);
	printf("%s%s%s\n\n%s%stype:    %s\ndefault: %s\nvalue:   %s\n", p->name,
	       *words->prompt ? ": " : "", words->prompt, words->help,
	       *words->help ? "\n\n" : "", words->type, p->default_text, config_text(cfg, id));
	if (p->from && !strcmp(p->from, PARAM_FROM_END))
		puts("training never reads it");
	else if (p->from)
		printf("takes effect only from: %s\n",
		       strcmp(p->from, p->name) ? p->from : "its own step");
	return 0;
}

static void json_param(struct json_out *o, const struct config *cfg, int id)
{
	const char *name = params[id].name;
	enum param_type type = params[id].type;

	if (type == PARAM_BOOL)
		json_out_bool(o, name, config_bool(cfg, id));
	else if (config_is_auto(cfg, id))
		json_out_text(o, name, "auto");
	else if (type == PARAM_INT || type == PARAM_TOKENS)
		json_out_int(o, name, config_int(cfg, id));
	else if (type == PARAM_FLOAT)
		json_out_number(o, name, config_float(cfg, id));
	else
		json_out_text(o, name, config_text(cfg, id));
}

static int print_json(const struct config *cfg, const char *hash)
{
	struct json_out *o = json_out_new(), *list;
	char name[64];

	json_out_text(o, "hash", hash);
	list = json_out_object(o, "parameters");
	for (int i = 0; i < PARAM_COUNT; i++)
		json_param(list, cfg, i);
	list = json_out_array(o, "features");
	for (const char *const *f = config_features; *f; f++)
		if (config_feature_name(*f, name))
			json_out_text(list, NULL, name);
	return json_out_print(o);
}

static int show(const struct config *cfg)
{
	char hash[HASH_HEX];
	int ret;

	if (opt.help_for)
		return explain(cfg);
	ret = config_hash(cfg, hash);
	if (ret)
		return ret;
	if (config_options.json)
		return print_json(cfg, hash);
	if (opt.hash) {
		puts(hash);
		return 0;
	}
	return config_write(cfg, stdout);
}

/* As it is stored: it may come from a binary with other features than this one. */
static int show_stored(const char *path)
{
	char *text;
	size_t len;
	int ret;

	ret = file_read_all(path, RUN_CONFIG_MAX, &text, &len);
	if (ret)
		return ret;
	fwrite(text, 1, len, stdout);
	free(text);
	return 0;
}

static bool is_plain(void)
{
	return !opt.hash && !opt.help_for && !config_options.json && !config_options.files.nr &&
	       !config_options.sets.nr && !config_options.threads;
}

/* The stored config of @run; a parameter or a file in its place is a likely mistake. */
static int find_stored(const char *run, char **path)
{
	bool missing = !file_exists(run);
	struct stat st;
	int ret = 0;

	*path = path_join(run, RUN_CONFIG);
	if (!*path)
		return fail_nomem(strlen(run), "a path");
	if (file_exists(*path))
		return 0;
	if (missing && param_find(run) >= 0)
		ret = usage_error("config: %s is a parameter, not a run: say --help-for=%s", run,
				  run);
	else if (missing)
		ret = fail(-ENOENT, "%s: no such run", run);
	else if (!stat(run, &st) && !S_ISDIR(st.st_mode))
		ret = usage_error("config: %s is a file, not a run: say --config=%s", run, run);
	else
		ret = fail(-ENOENT, "%s: not a run: it holds no file '%s'", run, RUN_CONFIG);
	free(*path);
	*path = NULL;
	return ret;
}

static int config_run(int argc, char **argv)
{
	struct config *cfg;
	char *path = NULL;
	int ret;

	ret = argc ? find_stored(argv[0], &path) : 0;
	if (ret)
		return ret;
	if (path && is_plain()) {
		ret = show_stored(path);
	} else {
		ret = config_read_options(&cfg, path);
		if (!ret) {
			ret = show(cfg);
			config_free(cfg);
		}
	}
	free(path);
	return ret;
}

static const struct command config = {
	.name = "config",
	.group = "About knlp",
	.summary = "show parameters and features, resolved",
	.usage = (const char *const []){
		"[RUN] [--config=FILE]... [--set=KEY=VALUE]... [--hash] [--json]",
		"--help-for=NAME",
		NULL
	},
	.description =
		"Prints all parameters and features in .config form: the values embedded in "
		"the binary, then those of each --config, then each --set. With RUN, the "
		"folder of a run, its stored config takes the place of the embedded one.",
	.options = options,
	.args = "RUN",
	.max_args = 1,
	.run = config_run,
};
COMMAND_REGISTER(config);
