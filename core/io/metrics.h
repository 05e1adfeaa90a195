/* SPDX-License-Identifier: MIT */
/*
 * The log of a run: metrics.jsonl, one flat JSON object per line.
 *
 *	{"event":"train","step":12,"loss":5.25,"lr":0.0003}
 *
 * A line is written with one system call when it is complete, so that a killed
 * process leaves whole lines.  A resumed run keeps the lines up to the step of its
 * checkpoint and writes the later ones again.
 *
 * Lines are read by a parser of their own: values are numbers, texts, booleans and null,
 * never objects or lists, and a report reads a hundred thousand of them at a time.
 */
#ifndef IO_METRICS_H
#define IO_METRICS_H

#include <stdbool.h>
#include <stddef.h>

struct metrics;

/* ---- writing ---- */

/** metrics_open() - open @path for appending, made if missing. 0 or -errno. */
int metrics_open(const char *path, struct metrics **m);
void metrics_close(struct metrics *m);

/**
 * metrics_begin() - begin a line; metrics_end() writes it.
 * @event: "train", "eval", "sample", "resume", ...
 */
void metrics_begin(struct metrics *m, const char *event, long long step);
void metrics_int(struct metrics *m, const char *key, long long value);
/** metrics_real() - a number that reads back equal; NaN and infinities become null. */
void metrics_real(struct metrics *m, const char *key, double value);
/** metrics_text() - @value is valid UTF-8 without NUL. */
void metrics_text(struct metrics *m, const char *key, const char *value);
/** metrics_end() - write the line; on error (ENOSPC) the file ends with the line before. */
int metrics_end(struct metrics *m);

/** metrics_sync() - fsync(). */
int metrics_sync(struct metrics *m);

/**
 * metrics_rewind() - drop the first line with a later step than @step and all after it,
 * and a last line without an end.  @step -1 drops everything.
 */
int metrics_rewind(struct metrics *m, long long step);

/**
 * metrics_copy() - append the lines of log @from up to @step, as metrics_rewind() keeps them.
 * Return: 0; -EINVAL for a log that is none; -errno.
 */
int metrics_copy(struct metrics *m, const char *from, long long step);

/* ---- reading ---- */

#define METRICS_FIELDS_MAX 64

enum metrics_kind { METRICS_NUMBER, METRICS_TEXT, METRICS_BOOL, METRICS_NULL };

/** struct metrics_field - one value of a line. */
struct metrics_field {
	const char *key;
	enum metrics_kind kind;
	double number;		/* a boolean is 0 or 1; NaN if the value is no number */
	const char *text;	/* "" if the value is no text */
};

/** struct metrics_line - a line, as long as the call that it is handed to. */
struct metrics_line {
	const char *path;
	long nr;		/* from 1 */
	struct metrics_field field[METRICS_FIELDS_MAX];
	int nr_fields;
};

/**
 * metrics_tail() - over so many of the last of @steps steps "the training loss" is a mean:
 * 2 %, an odd number, at least one.  Short enough for the bends of a curve, long enough for
 * its noise.
 */
static inline size_t metrics_tail(size_t steps)
{
	return steps / 100 * 2 + 1;
}

/** metrics_get() - the field called @key, or NULL. */
const struct metrics_field *metrics_get(const struct metrics_line *l, const char *key);
/** metrics_number() - its number; NaN if it is null, missing, or something else. */
double metrics_number(const struct metrics_line *l, const char *key);
/** metrics_is() - does the line tell of @event? */
bool metrics_is(const struct metrics_line *l, const char *event);
/** metrics_step() - its step. Return: 0; -EINVAL with file and line if it is no such number. */
int metrics_step(const struct metrics_line *l, long long *step);

/**
 * metrics_read() - call @line for each line of @path.
 *
 * Stops at the first error, of a line that is not a flat JSON object or of @line itself; a
 * message names file and line.  A last line without an end is one that is being written:
 * it is passed over.
 */
int metrics_read(const char *path, int (*line)(void *ctx, const struct metrics_line *l),
		 void *ctx);

/**
 * metrics_walk() - metrics_read() with the offset of each line's end, until @line returns
 * METRICS_ENOUGH.  Lines behind that are not looked at.
 */
#define METRICS_ENOUGH 1
int metrics_walk(const char *path,
		 int (*line)(void *ctx, const struct metrics_line *l, long long end), void *ctx);

#endif
