// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "base/log.h"

#define DRAW_SECONDS 0.1	/* between two drawings on a terminal */
#define PLAIN_SECONDS 30.0	/* between two lines elsewhere */

/*
 * `lock` is taken inside the log's lock (by the hooks) and never the other way
 * round: nothing here logs.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool disabled;
static struct {
	bool active, on_terminal, visible;
	char what[32];
	uint64_t done, total;
	double begin, drawn;
	char note[160];
} line;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_enable(bool on)
{
	pthread_mutex_lock(&lock);
	disabled = !on;
	pthread_mutex_unlock(&lock);
}

void progress_line(struct strbuf *sb, const char *what, uint64_t done, uint64_t total,
		   const char *note, double elapsed, int width)
{
	size_t begin = sb->len;
	char text[FORMAT_MAX];

	strbuf_addf(sb, "%s  %llu", what, (unsigned long long)done);
	if (total)
		strbuf_addf(sb, "/%llu %3d%%", (unsigned long long)total,
			    done < total ? (int)(100.0 * (double)done / (double)total) : 100);
	if (*note)
		strbuf_addf(sb, "  %s", note);
	strbuf_addf(sb, "  %s", format_duration(text, elapsed));
	if (total && done && done < total)
		strbuf_addf(sb, ", %s left",
			    format_duration(text, elapsed * (double)(total - done) / (double)done));
	/* The last column stays free: writing into it makes some terminals wrap. */
	if (width > 1 && sb->len - begin > (size_t)width - 1) {
		sb->len = begin + width - 1;
		sb->s[sb->len] = '\0';
	}
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

static void erase(void)
{
	if (line.visible)
		fputs("\r\033[K", stderr);
	line.visible = false;
}

static void draw(double t)
{
	struct strbuf sb;

	strbuf_init(&sb);
	progress_line(&sb, line.what, line.done, line.total, line.note, t - line.begin,
		      line.on_terminal ? terminal_width() : 0);
	if (line.on_terminal)
		fprintf(stderr, "\r%s\033[K", sb.s);
	else
		fprintf(stderr, "knlp: %s\n", sb.s);
	fflush(stderr);
	strbuf_free(&sb);
	line.visible = line.on_terminal;
	line.drawn = t;
}

/* Between the two hooks of a message the line may not be drawn: the lock is kept. */
static void before_message(void)
{
	pthread_mutex_lock(&lock);
	erase();
}

static void after_message(void)
{
	if (line.active && line.on_terminal)
		draw(now());
	pthread_mutex_unlock(&lock);
}

bool progress_begin(const char *what, uint64_t total)
{
	bool owned;

	log_hooks(before_message, after_message);
	pthread_mutex_lock(&lock);
	owned = !disabled && !line.active;
	if (owned) {
		memset(&line, 0, sizeof(line));
		snprintf(line.what, sizeof(line.what), "%s", what);
		line.active = true;
		line.total = total;
		line.on_terminal = isatty(STDERR_FILENO);
		line.begin = now();
		line.drawn = line.begin;
		if (line.on_terminal)
			draw(line.begin);
	}
	pthread_mutex_unlock(&lock);
	return owned;
}

void progress_update(bool owned, uint64_t done, const char *fmt, ...)
{
	double t;
	va_list ap;

	if (!owned)
		return;
	t = now();
	pthread_mutex_lock(&lock);
	line.done = done;
	if (t - line.drawn >= (line.on_terminal ? DRAW_SECONDS : PLAIN_SECONDS)) {
		va_start(ap, fmt);
		vsnprintf(line.note, sizeof(line.note), fmt, ap);
		va_end(ap);
		draw(t);
	}
	pthread_mutex_unlock(&lock);
}

void progress_end(bool owned)
{
	if (!owned)
		return;
	pthread_mutex_lock(&lock);
	erase();
	fflush(stderr);
	line.active = false;
	pthread_mutex_unlock(&lock);
}
