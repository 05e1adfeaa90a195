/* SPDX-License-Identifier: MIT */
/*
 * Messages for people, on stderr: "knlp: warning: ...".  Colours only when stderr
 * is a terminal, one that is not "dumb", and NO_COLOR is not set.  A progress bar, if
 * one is shown, is cleared before a message and drawn again after it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/** log_set_level() - show messages up to @level (default LOG_INFO). */
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_DEBUG, __VA_ARGS__)

/** log_terminal() - is @fd a terminal where a line can be drawn again? Not if TERM=dumb. */
bool log_terminal(int fd);

/** log_colour() - may colours be written to file descriptor @fd? */
bool log_colour(int fd);

/**
 * log_hooks() - what to call before and after a message, so that a progress line
 * on the same terminal is not torn.  NULL takes them away.
 */
void log_hooks(void (*before)(void), void (*after)(void));

#endif
