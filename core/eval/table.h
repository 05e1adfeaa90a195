/* SPDX-License-Identifier: MIT */
/*
 * What an evaluation found: a row for each item (question, document, chunk), a column for
 * each quantity, and what to make of the columns.
 *
 * Rows are the units of all statistics.  A table can be written to a file and read again
 * (dump.h), and two tables of the same items can be compared (compare.h).
 */
#ifndef EVAL_TABLE_H
#define EVAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/strbuf.h"
#include "stats/mean.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_METRICS_MAX 12
#define TABLE_NAME_MAX 32
#define TABLE_OPTIONS_MAX 96

/** struct table_column - a quantity of each item. */
struct table_column {
	char name[TABLE_NAME_MAX];
	double *x;			/* (rows) */
};

/**
 * enum metric_kind - what a metric is.
 * METRIC_SHARE: share of the items that are right; its column holds 0 and 1
 * METRIC_RATIO: sum of one column over sum of another, such as nats per token
 */
enum metric_kind { METRIC_SHARE, METRIC_RATIO };

/**
 * struct table_metric - a result: "acc", "loss".
 * @sum: index of the column
 * @per: of METRIC_RATIO: the column it is divided by, or -1: by the number of items
 */
struct table_metric {
	char name[TABLE_NAME_MAX];
	enum metric_kind kind;
	int sum, per;
};

/**
 * struct eval_table - see above.
 * @task: "ppl", "hellaswag"
 * @options: what decides about the numbers beside data and model: "protocol=llama context=512"
 * @data, @data_hash: the file of items
 * @rows: items that were evaluated, the first of @rows_all
 * @details: of each row, more members of its JSON object (",..."), or NULL
 */
struct eval_table {
	char *task, *options, *data, *model;
	char data_hash[HASH_HEX], model_hash[HASH_HEX], tokenizer_hash[HASH_HEX], act[8];
	size_t rows, rows_all;
	struct table_column column[TABLE_COLUMNS_MAX];
	int columns;
	struct table_metric metric[TABLE_METRICS_MAX];
	int metrics;
	char **details;			/* (rows) */
};

/** table_new() - an empty table with @rows rows. Return: 0 or -ENOMEM. */
int table_new(size_t rows, size_t rows_all, struct eval_table **t);
void table_free(struct eval_table *t);

/** table_column() - add a column of zeros. Return: its index, or -ENOMEM. */
int table_column(struct eval_table *t, const char *name);

/** table_metric() - add a metric; @per: see struct table_metric. */
void table_metric(struct eval_table *t, const char *name, enum metric_kind kind, int sum,
		  int per);

/** table_find_column() - index, or -1. */
int table_find_column(const struct eval_table *t, const char *name);
/** table_find_metric() - index, or -1. */
int table_find_metric(const struct eval_table *t, const char *name);

/** table_estimate() - value of a metric and its standard error, items as units. */
struct stats_estimate table_estimate(const struct eval_table *t, int metric);

/** table_sum() - of column @name; 0 if there is none. */
double table_sum(const struct eval_table *t, const char *name);

#endif
