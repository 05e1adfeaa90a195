/* SPDX-License-Identifier: MIT */
/*
 * Run parameters.
 *
 * Kconfig.run files declare them; scripts/kconfig/genparams turns those files into
 * the table params[] and the enum param_id (PARAM_TRAIN_LR, ...), and the .config of
 * the build into the embedded defaults.  A struct config holds one value for each.
 *
 * Lookup order: --set KEY=VALUE, then --config FILE, then the embedded .config.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/param.h"
#include "base/section.h"
#include "param-ids.h"	/* generated: enum param_id, PARAM_COUNT */

/** params - the table, in the order of enum param_id. */
extern const struct param params[PARAM_COUNT];

struct config;

/** config_new() - a config with the embedded values; NULL when out of memory. */
struct config *config_new(void);
struct config *config_copy(const struct config *cfg);
void config_free(struct config *cfg);

/**
 * config_load() - read a .config file (or a fragment of one) over @cfg.
 *
 * Errors name file, line and symbol: unknown symbol (with the nearest name), wrong
 * type, out of range, a feature that this binary lacks.  On error @cfg is unchanged.
 * Symbols that were renamed are accepted under their old name.
 */
int config_load(struct config *cfg, const char *path);

/** config_set() - "NAME=VALUE" or "CONFIG_NAME=VALUE", as from --set. */
int config_set(struct config *cfg, const char *assignment);

/**
 * config_load_text() - like config_load(), from memory.
 * @path: where the text comes from, for messages
 * @text: NUL-terminated; it is changed
 */
int config_load_text(struct config *cfg, const char *path, char *text);

/** config_put() - set one parameter from text, checked. */
int config_put(struct config *cfg, enum param_id id, const char *text);

bool config_bool(const struct config *cfg, enum param_id id);
/** config_int() - value of an INT or TOKENS parameter; -1 stands for auto. */
long long config_int(const struct config *cfg, enum param_id id);
/** config_float() - value of a FLOAT parameter; NaN stands for auto. */
double config_float(const struct config *cfg, enum param_id id);
/** config_is_auto() - is the value "auto"? */
bool config_is_auto(const struct config *cfg, enum param_id id);
/** config_text() - canonical text of any parameter ("0.0003" for 3e-4). */
const char *config_text(const struct config *cfg, enum param_id id);
/**
 * config_list_item() - entry @layer of a per-layer list over @nr_layers layers.
 * "gqa*10,mla*2" gives "gqa" for layers 0-9; a single name stands for all layers.
 * Return: the name, or NULL with a message if the list does not fit @nr_layers.
 */
const char *config_list_item(const struct config *cfg, enum param_id id, int layer,
			     int nr_layers);

/**
 * config_write() - all parameters and features in .config form, one per line.
 *
 * Kconfig and config_load() read it back.  Return: 0, or -errno if writing failed.
 */
int config_write(const struct config *cfg, FILE *f);

/**
 * config_write_shared() - the same without the local parameters, for results: how many
 * threads one machine had, or how much it was to say, is nothing that others should repeat.
 */
int config_write_shared(const struct config *cfg, FILE *f);

/**
 * config_hash() - checksum of "NAME=VALUE\n" of all parameters but the local ones,
 * in the order of their names, with canonical values ("auto" counts as itself).
 * Return: 0 or -ENOMEM.
 */
int config_hash(const struct config *cfg, char hex[HASH_HEX]);

/** config_steps() - of a training by @cfg: the smallest number that spends TRAIN_TOKENS. */
long long config_steps(const struct config *cfg);

#define CONFIG_NEVER LLONG_MAX

/**
 * config_acts_from() - steps that a training is through before parameter @id counts.
 *
 * Return: 0 for most; what the parameter behind `from` says, in steps or as a share of them;
 * CONFIG_NEVER for what a training never reads, or what is local.
 */
long long config_acts_from(const struct config *cfg, enum param_id id);

/**
 * config_same_until() - so many steps are the same in trainings by @a and @b.
 *
 * Both configs are resolved, or neither is: `auto` is another value than what it stands for.
 * @id: gets a parameter that differs and counts first, -1 if there is none; or NULL
 * Return: steps; CONFIG_NEVER: all of them.
 */
long long config_same_until(const struct config *a, const struct config *b, int *id);

/** param_find() - number of the parameter called @name (CONFIG_ may precede it), or -1. */
int param_find(const char *name);

/** param_nearest() - the parameter most like @name, for "did you mean"; or NULL. */
const char *param_nearest(const char *name);

/** config_embedded - the values of the build's .config, in the order of enum param_id. */
extern const char *const config_embedded[PARAM_COUNT];

/**
 * config_features - the lines of the build's .config that are not parameters
 * ("CONFIG_CUDA=y", "# CONFIG_LTO is not set"), sorted by symbol, NULL-terminated.
 */
extern const char *const config_features[];

/**
 * config_feature_name() - the symbol of a line of config_features that is y or m,
 * "CHECKPOINT", as all lists of features name it; NULL for other lines.
 * @name: 64 bytes
 */
const char *config_feature_name(const char *line, char *name);

/** config_has_feature() - is CONFIG_@symbol compiled in (y or m)? */
bool config_has_feature(const char *symbol);

/**
 * struct renamed - a parameter or feature that has a new name.
 *
 * Old .config files and --set still work, with a warning.  Whoever renames a symbol
 * adds a line to the file that reads it:
 *
 *	RENAMED_REGISTER(TRAIN_LEARNING_RATE, TRAIN_LR);
 */
struct renamed {
	const char *name;	/* the old one, without CONFIG_ */
	const char *now;
};
SECTION_DECLARE(knlp_renamed, struct renamed);
#define RENAMED_REGISTER(old, new)						\
	static const struct renamed renamed_##old = { #old, #new };		\
	SECTION_ENTRY(knlp_renamed, struct renamed, renamed_##old)

#endif
