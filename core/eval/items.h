/* SPDX-License-Identifier: MIT */
/*
 * Questions with answers to choose from, as files hold them.
 *
 * Each choice has a context and a continuation behind it.  Which strings these are is decided
 * here, as lm-eval's tasks do; how they become tokens and scores is choice.h.
 */
#ifndef EVAL_ITEMS_H
#define EVAL_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "eval/text.h"

#define ITEM_CHOICES_MAX 16

/**
 * struct eval_item - one question.
 * @context: of each choice; all the same string but where the choice stands before a common
 *	continuation (winogrande)
 * @continuation: of each choice, with the blank in front
 * @chars: of each choice, in characters, without that blank: what acc_norm divides by
 * @line: of the file
 */
struct eval_item {
	int choices, gold;
	char *context[ITEM_CHOICES_MAX];
	char *continuation[ITEM_CHOICES_MAX];
	int chars[ITEM_CHOICES_MAX];
	long line;
};

/** struct eval_items - @nr items, the first of @nr_all that the file has. */
struct eval_items {
	struct eval_item *item;
	size_t nr, cap, nr_all;
};

/**
 * enum item_form - how a file holds an item.
 * FORM_SIX_LINES: context, number of the right ending, four endings: llama.cpp's HellaSwag file
 * FORM_QUERY: JSON, "query", "choices", "gold"
 * FORM_OPTIONS: JSON, "context_options", "continuation", "gold": partial evaluation
 * FORM_CLOZE: JSON, "context" and "continuation", or "text", whose last word is continued to
 */
enum item_form { FORM_SIX_LINES, FORM_QUERY, FORM_OPTIONS, FORM_CLOZE };

/**
 * struct eval_task - a set of questions.
 * @answer: a query is followed by "\nAnswer:", if it does not end so itself
 * @metrics: TASK_*
 * @least, @most: choices that its questions have; 0: the form says so
 * @asks: its queries begin with "Question: "; -1: none does; 0: either
 *
 * By the last three, data of another task in the same form are told.
 */
struct eval_task {
	const char *name;
	enum item_form form;
	bool answer;
	unsigned int metrics;
	int least, most, asks;
};

#define TASK_ACC	1u	/* the most probable choice */
#define TASK_ACC_NORM	2u	/* by character, as lm-eval's acc_norm */
#define TASK_ACC_TOKEN	4u	/* by token, as llama.cpp's HellaSwag score */
#define TASK_GREEDY	8u	/* each token the most probable one, and the ln p of all */

/** eval_tasks - all of them, ended by one without a name. */
extern const struct eval_task eval_tasks[];

/** eval_task_find() - NULL if there is none. */
const struct eval_task *eval_task_find(const char *name);

/**
 * items_read() - the items of @text.
 * @limit: so many, the first; 0: all.  The rest is checked as well.
 *
 * Return: 0; -EINVAL naming file, line and what is wrong: no JSON, a missing or empty string,
 * a right answer that is not among the choices, bytes that are not UTF-8, or the file if no
 * question in it is like those of the task (if some are, that is a warning); -ENOMEM.
 */
int items_read(const struct eval_task *task, const struct eval_text *text, size_t limit,
	       struct eval_items *items);
void items_free(struct eval_items *items);

#endif
