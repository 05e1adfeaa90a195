/* SPDX-License-Identifier: MIT */
/*
 * Options that many commands share, handled in one place.  A command puts the tables
 * that it wants into its own with OPTION_TABLE() and calls one of the two functions.
 */
#ifndef TOOLS_CONFIG_OPTIONS_H
#define TOOLS_CONFIG_OPTIONS_H

#include "base/config.h"
#include "tools/option.h"

extern const struct option option_table_config[];	/* --config --set --threads */
extern const struct option option_table_output[];	/* -q -v */
extern const struct option option_table_json[];		/* --json */

/** struct config_options - what those options said. */
struct config_options {
	struct option_list files, sets;
	int threads;		/* 0: not given */
	bool quiet, verbose, json;
};
extern struct config_options config_options;

/**
 * config_from_options() - the config of this run, and put into effect what is global.
 *
 * The embedded .config, then each --config, then each --set, in their order; -q, -v
 * and --threads count as --set of RUN_VERBOSITY and RUN_THREADS.  Sets the level of
 * messages and starts the threads.
 *
 * Return: 0 and a config to free; COMMAND_USAGE for a wrong --set; -errno.
 */
int config_from_options(struct config **cfg);

/**
 * config_options_over() - the same over @cfg instead of the embedded .config.
 *
 * For what goes on with a stored configuration. @cfg stays the caller's.
 */
int config_options_over(struct config *cfg);

/**
 * config_read_options() - the same without any effect, for commands that only show it.
 * @base: a file read before those of --config, or NULL
 */
int config_read_options(struct config **cfg, const char *base);

/** output_from_options() - -q, -v and --json alone, for commands without a config. */
int output_from_options(void);

#endif
