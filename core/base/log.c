// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_INFO;
static void (*hook_before)(void), (*hook_after)(void);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char *label, *colour;
} styles[] = {
	[LOG_ERROR] = { "error: ", "\033[1;31m" },
	[LOG_WARN]  = { "warning: ", "\033[1;33m" },
	[LOG_INFO]  = { "", "" },
	[LOG_DEBUG] = { "debug: ", "\033[2m" },
};

void log_set_level(enum log_level level)
{
	max_level = level;
}

bool log_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool log_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return log_terminal(fd) && !(no && *no);
}

void log_hooks(void (*before)(void), void (*after)(void))
{
	pthread_mutex_lock(&lock);	/* not between the two calls of one message */
	hook_before = before;
	hook_after = after;
	pthread_mutex_unlock(&lock);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	bool colour = log_colour(STDERR_FILENO) && *styles[level].colour;
	va_list ap;

	if (level > max_level)
		return;
	pthread_mutex_lock(&lock);
	if (hook_before)
		hook_before();
	fprintf(stderr, "knlp: %s%s%s", colour ? styles[level].colour : "",
		styles[level].label, colour ? "\033[0m" : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (hook_after)
		hook_after();
	pthread_mutex_unlock(&lock);
}
