/* SPDX-License-Identifier: MIT */
/*
 * The log of a run: metrics.jsonl, one JSON object per line.
 *
 *	{"event":"train","step":12,"loss":5.25,"lr":0.0003}
 *
 * A line is written with one system call when it is complete, so that a killed
 * process leaves whole lines.  Log everything of a step before its checkpoint: a
 * resumed run keeps the lines up to the checkpoint's step and writes the later ones
 * again.
 */
#ifndef IO_METRICS_H
#define IO_METRICS_H

#include <cjson/cJSON.h>

struct metrics;

/** metrics_open() - open @path for appending, made if missing. 0 or -errno. */
int metrics_open(const char *path, struct metrics **m);
void metrics_close(struct metrics *m);

/**
 * metrics_begin() - begin a line; metrics_end() writes it.
 * @event: "train", "eval", "checkpoint", "resume", ...
 */
void metrics_begin(struct metrics *m, const char *event, long long step);
void metrics_int(struct metrics *m, const char *key, long long value);
/** metrics_real() - a number that reads back equal; NaN and infinities become null. */
void metrics_real(struct metrics *m, const char *key, double value);
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
 * metrics_read() - call @line for each line of @path.
 *
 * Stops at the first error, of a line that is not a JSON object or of @line itself.
 * A last line without an end is one that is being written: it is passed over.
 */
int metrics_read(const char *path, int (*line)(void *ctx, const cJSON *object), void *ctx);

#endif
