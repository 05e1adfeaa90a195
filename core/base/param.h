/* SPDX-License-Identifier: MIT */
/*
 * The type and range of a run parameter, and the check of a value against them.
 *
 * Shared by the program (config.c) and by the generator that reads the Kconfig.run
 * files (scripts/kconfig/genparams.c), so that both accept exactly the same values.
 */
#ifndef BASE_PARAM_H
#define BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum param_type {
	PARAM_BOOL,	/* "Type: bool" */
	PARAM_INT,	/* "Type: int 1..4096", optionally "or auto" */
	PARAM_FLOAT,	/* "Type: float 0..1", optionally "or auto" */
	PARAM_CHOICE,	/* "Type: one of adamw muon sgd" */
	PARAM_LIST,	/* "Type: per-layer list of gqa mla", grammar gqa*10,mla*2 */
	PARAM_TOKENS,	/* "Type: tokens": 15000000, 15M, 1.5G, 2e6 */
	PARAM_STRING,	/* "Type: string" */
};

/** PARAM_TOKENS_MAX - the most tokens a TOKENS value may name: exact as a double. */
#define PARAM_TOKENS_MAX 9007199254740992.0

/** struct param_words - what is for people alone. */
struct param_words {
	const char *prompt;		/* what it is, in some words */
	const char *help;		/* the help text without its Type line */
	const char *type;		/* the Type line */
};

/** struct param - one run parameter, as its Kconfig.run entry declares it. */
struct param {
	const char *name;		/* without CONFIG_ */
	const struct param_words *words; /* NULL in a program without CONFIG_PARAM_HELP */
	const char *default_text;	/* Kconfig's default */
	enum param_type type;
	bool is_local;			/* not part of the config hash: paths, threads */
	bool may_be_auto;
	double min, max;
	const char *const *choices;	/* NULL-terminated, for CHOICE and LIST */
	const char *from;		/* takes effect only from this parameter's step, or share
					 * of the steps; or PARAM_FROM_END; or NULL */
};

/** PARAM_FROM_END - `from` of what training never reads, only what measures its result. */
#define PARAM_FROM_END "end"

/** PARAM_WORDS() - (prompt, help, type) as struct param_words, or NULL in a program without. */
#define PARAM_WORDS(...) \
	(IS_ENABLED(CONFIG_PARAM_HELP) ? &(const struct param_words){ __VA_ARGS__ } : NULL)

/** struct param_item - one entry of a per-layer list: @nr layers use @name. */
struct param_item {
	const char *name;		/* one of the parameter's choices */
	int nr;				/* 0: all layers, a list of just one bare name */
};

/** struct param_value - a checked value. */
struct param_value {
	char *text;			/* canonical */
	bool is_auto;
	long long integer;		/* BOOL, INT, TOKENS; -1 for auto */
	double number;			/* those and FLOAT; NaN for auto */
	struct param_item *items;	/* LIST */
	int nr_items;
};

/**
 * param_check() - check @text against @p's type and range.
 * @out: filled on success; free it with param_value_free()
 *
 * The canonical text is the same for all ways to write one value: 3e-4 and 0.0003
 * give "0.0003", 15M gives "15000000", "full,full" gives "full*2".
 *
 * Return: 0; -EINVAL or -ERANGE with a message that names the parameter; -ENOMEM.
 */
int param_check(const struct param *p, const char *text, struct param_value *out);
void param_value_free(struct param_value *v);

/** param_words() - those of @p, each "" in a program without CONFIG_PARAM_HELP. */
const struct param_words *param_words(const struct param *p);

/** param_is_text() - does Kconfig keep values of @p as a quoted string? */
bool param_is_text(const struct param *p);

/** number_add() - append the shortest decimal that reads back as the same double. */
void number_add(struct strbuf *sb, double v);

#endif
