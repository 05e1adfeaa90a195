/* SPDX-License-Identifier: MIT */
/* Matched arms: which parameters differ, and which may. */
#ifndef EXPERIMENT_MATCH_H
#define EXPERIMENT_MATCH_H

#include "experiment/experiment.h"

/**
 * experiment_may_vary() - may arms of @e differ in parameter @id?  Those of `vary`, and local
 * ones, which change no result.
 */
bool experiment_may_vary(const struct experiment *e, int id);

/**
 * experiment_match() - do @cfgs, one for each arm, differ only in what `vary` names?
 * @cfgs: (nr_arms) as written, or resolved: what `auto` stands for counts as well then
 *
 * Return: 0; -EINVAL with the arm's file and the symbol.
 */
int experiment_match(const struct experiment *e, struct config *const *cfgs);

/** config_same() - are all parameters but the local ones the same? */
bool config_same(const struct config *a, const struct config *b);

#endif
