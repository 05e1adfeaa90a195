/* SPDX-License-Identifier: MIT */
/*
 * Parameter groups: which optimizer a parameter has, with which learning rate and decay.
 *
 * OPTIM_GROUPS is a list of rules divided by ';', SELECTOR:KEY=VALUE,KEY=VALUE.  A
 * selector is one or more kinds joined by '+', or a POSIX extended regular expression
 * between slashes, searched in the parameter's name.  The first rule that matches a
 * parameter decides; what it does not set is as without rules.  Parameters that end up
 * with the same settings form one group, contiguous in memory, updated in one pass.
 */
#ifndef OPTIM_GROUPS_H
#define OPTIM_GROUPS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct optimizer;

#define GROUP_MAX 8		/* as many squared norms are added up by one clip_scale */
#define GROUP_RULES_MAX 32

/** What a parameter is for.  A head that is tied to the embedding is an embedding. */
enum weight_kind {
	WEIGHT_MATRIX,
	WEIGHT_EMBEDDING,	/* of tokens and positions */
	WEIGHT_HEAD,
	WEIGHT_NORM,		/* gains and biases of norms */
	WEIGHT_BIAS,		/* of linear layers */
	WEIGHT_KINDS
};

/**
 * struct optim_group - settings that parameters share.
 * @lr_scale: its learning rate as a multiple of the schedule's
 * @decay: weight decay
 * @tensors, @elements: how many parameters, and numbers in them
 */
struct optim_group {
	const struct optimizer *optimizer;
	double lr_scale;
	double decay;
	int tensors;
	int64_t elements;
};

/** struct group_rule - one rule of OPTIM_GROUPS; a NaN or NULL setting is left alone. */
struct group_rule {
	char *selector;		/* as written, for messages */
	unsigned int kinds;	/* bit mask */
	bool has_regex;		/* @regex decides, not @kinds */
	regex_t regex;
	const struct optimizer *optimizer;
	double lr_scale, decay;
	bool used;
};

/** struct optim_groups - the rules, and the groups that they made so far. */
struct optim_groups {
	const struct config *cfg;
	const struct optimizer *optimizer;	/* OPTIM_NAME */
	struct group_rule rule[GROUP_RULES_MAX];
	int nr_rules;
	struct optim_group group[GROUP_MAX];
	int nr;
};

/**
 * optim_groups_new() - the rules of @cfg, checked; no groups yet.
 * @cfg: must outlive the groups
 * Return: 0; -EINVAL naming the rule and what is wrong with it.
 */
int optim_groups_new(const struct config *cfg, struct optim_groups **out);
void optim_groups_free(struct optim_groups *g);

/**
 * optim_groups_place() - find or make the group of a parameter.
 * @nd, @n: its shape
 * Return: index of the group; -EINVAL if an optimizer that wants matrices is given a
 * vector; -E2BIG if there would be more than GROUP_MAX groups.
 */
int optim_groups_place(struct optim_groups *g, const char *name, enum weight_kind kind, int nd,
		       const int64_t *n);

/** optim_groups_check() - after all parameters: -EINVAL naming a rule that matched none. */
int optim_groups_check(const struct optim_groups *g);

#define GROUP_TEXT 160

/** optim_group_text() - "muon, learning rate 0.02, decay 0.1: 24 tensors, 786,432 parameters". */
const char *optim_group_text(const struct optim_groups *g, int index, char text[GROUP_TEXT]);

#endif
