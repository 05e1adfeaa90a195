// SPDX-License-Identifier: MIT
#include "tools/config-options.h"

#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/thread.h"
#include "tools/command.h"
#include "tools/json-out.h"

struct config_options config_options;

const struct option option_table_config[] = {
	OPTION_LIST('c', "config", "FILE", &config_options.files,
		    "read parameters from a .config file; may be given several times, "
		    "later files count more"),
	OPTION_LIST('s', "set", "KEY=VALUE", &config_options.sets,
		    "set one parameter, after all files; may be given several times"),
	OPTION_INT('t', "threads", "N", &config_options.threads, 1, 4096,
		   "threads that compute; results do not depend on it"),
	OPTION_END
};

const struct option option_table_output[] = {
	OPTION_BOOL('q', "quiet", &config_options.quiet,
		    "no progress and no messages but warnings and errors"),
	OPTION_BOOL('v', "verbose", &config_options.verbose,
		    "say what was chosen and why"),
	OPTION_END
};

const struct option option_table_json[] = {
	OPTION_BOOL(0, "json", &config_options.json,
		    "print the answer as one JSON object on the last line"),
	OPTION_END
};

static void apply_verbosity(const char *name)
{
	bool quiet = !strcmp(name, "quiet");

	log_set_level(quiet ? LOG_WARN : !strcmp(name, "debug") ? LOG_DEBUG : LOG_INFO);
	progress_enable(!quiet);
}

static int check_output(void)
{
	if (config_options.quiet && config_options.verbose)
		return usage_error("--quiet and --verbose exclude each other");
	return config_options.json ? json_out_check() : 0;
}

int output_from_options(void)
{
	apply_verbosity(config_options.quiet ? "quiet" :
			config_options.verbose ? "debug" : "normal");
	return check_output();
}

/* A --set that nothing reads would be ignored without a word. */
static int check_is_read(const char *assignment)
{
	const struct command *cmd = command_running();
	int len = (int)strcspn(assignment, "=");
	char name[64];
	int id;

	snprintf(name, sizeof(name), "%.*s", len, assignment);
	id = param_find(name);
	if (id < 0 || !cmd || command_reads(cmd, params[id].name))
		return 0;
	if (!strncmp(params[id].name, "MODEL_", 6))
		return usage_error("--set: %s is fixed by the model", params[id].name);
	return usage_error("--set: `knlp %s` does not read %s", cmd->name, params[id].name);
}

static int apply_set(struct config *cfg, const char *assignment)
{
	if (config_set(cfg, assignment))
		return fail_in(COMMAND_USAGE, "--set");
	return check_is_read(assignment);
}

/* What the options say, over @cfg. */
static int read_options(struct config *cfg)
{
	const struct option_list *files = &config_options.files, *sets = &config_options.sets;
	char text[16];
	int ret = 0;

	for (int i = 0; i < files->nr && !ret; i++)
		ret = config_load(cfg, files->item[i]);
	for (int i = 0; i < sets->nr && !ret; i++)
		ret = apply_set(cfg, sets->item[i]);
	if (!ret && config_options.quiet)
		ret = config_put(cfg, PARAM_RUN_VERBOSITY, "quiet");
	if (!ret && config_options.verbose)
		ret = config_put(cfg, PARAM_RUN_VERBOSITY, "debug");
	if (!ret && config_options.threads) {
		snprintf(text, sizeof(text), "%d", config_options.threads);
		ret = config_put(cfg, PARAM_RUN_THREADS, text);
	}
	return ret;
}

int config_read_options(struct config **out, const char *base)
{
	struct config *cfg;
	int ret = check_output();

	if (ret)
		return ret;
	cfg = config_new();
	if (!cfg)
		return -ENOMEM;
	if (base)
		ret = config_load(cfg, base);
	if (!ret)
		ret = read_options(cfg);
	if (ret) {
		config_free(cfg);
		return ret;
	}
	*out = cfg;
	return 0;
}

/* What is global: the level of messages and the threads. */
static int apply(const struct config *cfg)
{
	apply_verbosity(config_text(cfg, PARAM_RUN_VERBOSITY));
	return threads_start(config_is_auto(cfg, PARAM_RUN_THREADS) ?
			     threads_default() : (int)config_int(cfg, PARAM_RUN_THREADS));
}

int config_options_over(struct config *cfg)
{
	int ret = check_output();

	if (!ret)
		ret = read_options(cfg);
	return ret ? ret : apply(cfg);
}

int config_from_options(struct config **out)
{
	struct config *cfg;
	int ret = config_read_options(&cfg, NULL);

	if (ret)
		return ret;
	ret = apply(cfg);
	if (ret) {
		config_free(cfg);
		return ret;
	}
	*out = cfg;
	return 0;
}
