/* SPDX-License-Identifier: MIT */
/*
 * Scoring of items (items.h), as lm-eval does it.
 *
 * The tokens of a continuation are those of context and continuation together, behind as many
 * as the context alone has; blanks at the end of the context belong to the continuation.  What
 * does not fit into the model's context is cut off on the left.  A context without a token is
 * replaced by what documents stand behind.
 *
 *	acc		the choice with the largest sum of ln p of the continuation's tokens
 *	acc_norm	the same sum divided by the characters of the choice
 *	acc_norm_token	the mean ln p of the tokens that the choices do not have in common,
 *			context included: llama.cpp's HellaSwag score, which it calls acc_norm
 *	acc, ln_ppl	of TASK_GREEDY: is each token the most probable one; the mean of
 *			-ln p of the continuation
 */
#ifndef EVAL_CHOICE_H
#define EVAL_CHOICE_H

#include "eval/items.h"
#include "eval/model.h"
#include "eval/table.h"

/**
 * choice_run() - score @items with @em.
 * @text: the file that they came from
 *
 * Return: 0 and a table with a row for each item; -EINVAL naming an item that cannot be
 * scored; -errno.
 */
int choice_run(struct eval_model *em, const struct eval_task *task, const struct eval_text *text,
	       const struct eval_items *items, struct eval_table **table);

/** choice_strip() - length of @s without the white space at its end, as Python's rstrip(). */
size_t choice_strip(const char *s, size_t len);

#endif
