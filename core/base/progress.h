/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr that says how far a long piece of work is:
 *
 *	train  [=>              ]   6%  120/2000  loss 4.812  103k tok/s  1:12  18:40 left
 *
 * On a terminal the line is drawn over itself, at most ten times a second; messages
 * (log.h) go above it.  Where it is narrow there is no bar, then fields are left out.
 * Elsewhere (a file, a CI log) a plain line is printed every ten seconds, and more often,
 * five times in all, if the work takes less than a minute.  Nothing is
 * printed when messages are off.  Only one is shown at a time: a second progress_begin()
 * inside the first is ignored, as are its updates.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/** progress_enable() - show progress at all (default yes; -q switches it off). */
void progress_enable(bool on);

/**
 * progress_begin() - start a line.
 * @what: what is being done, "train"
 * @total: number of steps, 0 if nobody knows
 *
 * Return: whether this call owns the line; pass it to the two functions below.
 */
bool progress_begin(const char *what, uint64_t total);

/**
 * progress_skip() - the first @done steps took no time here: they were done before, and say
 * nothing of how long the rest will take.
 */
void progress_skip(bool owned, uint64_t done);

/** progress_total() - it has become clear that there are so many steps. */
void progress_total(bool owned, uint64_t total);

/**
 * progress_update() - @done steps are done.
 * @fmt: what else to say, such as loss and rate, with two blanks between; "" for nothing
 *
 * Cheap enough for every step: formats only when it is time to draw.
 * Return: whether it was.
 */
bool progress_update(bool owned, uint64_t done, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** progress_end() - take the line away. */
void progress_end(bool owned);

/** progress_stop() - take away a line that whoever began it left behind after an error. */
void progress_stop(void);

/** progress_on_signal() - erase the line; may be called by a signal handler. */
void progress_on_signal(void);

/**
 * progress_line() - the text of a line, for progress.c and its test.
 * @skipped: steps of @done that took none of the time @elapsed
 * @width: columns of the terminal, 0 if it is none: no bar, and all fields
 */
void progress_line(struct strbuf *sb, const char *what, uint64_t skipped, uint64_t done,
		   uint64_t total, const char *note, double elapsed, int width);

#endif
