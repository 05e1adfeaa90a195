// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define ERASE "\r\033[K"
#define DRAW_SECONDS 0.1	/* between two drawings on a terminal */
#define PLAIN_SECONDS 10.0	/* between two lines elsewhere, at most */
#define PLAIN_LEAST 2.0		/* and at least */
#define PLAIN_LINES 5		/* so many lines of work that takes less time */

/*
 * `lock` is taken inside the log's lock (by the hooks) and never the other way
 * round: nothing here logs.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool disabled;
static struct {
	bool active, on_terminal, colour;
	char what[32];
	uint64_t skipped, done, total;
	double begin, drawn;
	char note[160];
} line;
static volatile sig_atomic_t visible;	/* read by a signal handler */

void progress_enable(bool on)
{
	pthread_mutex_lock(&lock);
	disabled = !on;
	pthread_mutex_unlock(&lock);
}

/* ---- the text ---- */

#define BAR_MIN 10	/* a narrower bar says nothing */
#define BAR_MAX 30
#define NOTE_FIELDS 3

/** struct field - a part of the line that is there as a whole or not at all. */
struct field {
	char text[160];
	int rank;		/* the highest goes first when the terminal is narrow */
	bool dropped;
};

/* One form from seconds to days, so that the line does not jump about. */
static void add_clock(char *buf, size_t size, double seconds, const char *what)
{
	long long s = seconds < 1e12 ? (long long)(seconds + 0.5) : 0;

	if (s < 3600)
		snprintf(buf, size, "%lld:%02lld%s", s / 60, s % 60, what);
	else if (s >= 100 * 3600)
		snprintf(buf, size, "%lldd %02lldh%s", s / 86400, s % 86400 / 3600, what);
	else
		snprintf(buf, size, "%lld:%02lld:%02lld%s", s / 3600, s / 60 % 60, s % 60, what);
}

/* A note is divided where it has two blanks. Return: how many fields it made. */
static int note_fields(struct field *f, const char *note)
{
	int nr = 0;

	while (*note && nr < NOTE_FIELDS) {
		const char *end = nr + 1 < NOTE_FIELDS ? strstr(note, "  ") : NULL;
		int len = end ? (int)(end - note) : (int)strlen(note);

		snprintf(f[nr].text, sizeof(f[nr].text), "%.*s", len, note);
		f[nr].rank = 3 + nr;
		nr++;
		note += len + strspn(note + len, " ");
	}
	return nr;
}

static int make_fields(struct field *f, uint64_t skipped, uint64_t done, uint64_t total,
		       const char *note, double elapsed)
{
	char *clock;
	int nr = 0;

	f[nr].rank = 1;
	if (total)
		snprintf(f[nr++].text, sizeof(f->text), "%3d%%",
			 done < total ? (int)(100.0 * (double)done / (double)total) : 100);
	f[nr].rank = 2;
	snprintf(f[nr].text, sizeof(f->text), total ? "%llu/%llu" : "%llu",
		 (unsigned long long)done, (unsigned long long)total);
	nr++;
	nr += note_fields(f + nr, note);
	clock = f[nr].text;
	f[nr].rank = 8;
	add_clock(clock, sizeof(f->text), elapsed, "");
	nr++;
	if (done > skipped && done < total) {
		f[nr].rank = 7;
		add_clock(f[nr++].text, sizeof(f->text),
			  elapsed * (double)(total - done) / (double)(done - skipped), " left");
	}
	return nr;
}

static size_t fields_width(const struct field *f, int nr)
{
	size_t width = 0;

	for (int i = 0; i < nr; i++)
		if (!f[i].dropped)
			width += 2 + strlen(f[i].text);
	return width;
}

/* Drop fields until the rest fits into @room columns. */
static void fit_fields(struct field *f, int nr, size_t room)
{
	for (int left = nr; left && fields_width(f, nr) > room; left--) {
		struct field *worst = NULL;

		for (int i = 0; i < nr; i++)
			if (!f[i].dropped && (!worst || f[i].rank > worst->rank))
				worst = &f[i];
		worst->dropped = true;
	}
}

static void add_bar(struct strbuf *sb, uint64_t done, uint64_t total, size_t room)
{
	int width = room < BAR_MAX + 4 ? (int)room - 4 : BAR_MAX, full;

	if (!total || width < BAR_MIN)
		return;
	full = done < total ? (int)((double)width * (double)done / (double)total) : width;
	strbuf_adds(sb, "  [");
	for (int i = 0; i < width; i++)
		strbuf_addc(sb, i < full ? '=' : i == full && done ? '>' : ' ');
	strbuf_addc(sb, ']');
}

void progress_line(struct strbuf *sb, const char *what, uint64_t skipped, uint64_t done,
		   uint64_t total, const char *note, double elapsed, int width)
{
	struct field fields[NOTE_FIELDS + 4] = { 0 };
	int nr = make_fields(fields, skipped, done, total, note, elapsed);
	/* The last column stays free: writing into it makes some terminals wrap. */
	size_t room = width > 1 ? (size_t)width - 1 : SIZE_MAX, len = strlen(what);

	len = len < room ? len : room;
	room -= len;
	strbuf_add(sb, what, len);
	fit_fields(fields, nr, room);
	if (width)
		add_bar(sb, done, total, room - fields_width(fields, nr));
	for (int i = 0; i < nr; i++)
		if (!fields[i].dropped)
			strbuf_addf(sb, "  %s", fields[i].text);
}

/* ---- on the terminal ---- */

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

static void erase(void)
{
	if (visible)
		fputs(ERASE, stderr);
	visible = false;
}

/* What is done is green: between "[" and the head of the bar. */
static void print_coloured(const char *text)
{
	size_t bar = strcspn(text, "["), head;

	bar += text[bar] == '[';
	head = bar + strspn(text + bar, "=>");
	fprintf(stderr, "\r%.*s\033[32m%.*s\033[0m%s\033[K", (int)bar, text, (int)(head - bar),
		text + bar, text + head);
}

static void draw(double t)
{
	struct strbuf sb;

	strbuf_init(&sb);
	progress_line(&sb, line.what, line.skipped, line.done, line.total, line.note,
		      t - line.begin, line.on_terminal ? terminal_width() : 0);
	if (line.colour)
		print_coloured(sb.s);
	else if (line.on_terminal)
		fprintf(stderr, "\r%s\033[K", sb.s);
	else
		fprintf(stderr, "knlp: %s\n", sb.s);
	fflush(stderr);
	strbuf_free(&sb);
	visible = line.on_terminal;
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
		draw(clock_seconds());
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
		line.on_terminal = log_terminal(STDERR_FILENO);
		line.colour = log_colour(STDERR_FILENO);
		line.begin = clock_seconds();
		line.drawn = line.begin;
		if (line.on_terminal)
			draw(line.begin);
	}
	pthread_mutex_unlock(&lock);
	return owned;
}

void progress_skip(bool owned, uint64_t done)
{
	if (!owned)
		return;
	pthread_mutex_lock(&lock);
	line.skipped = line.done = done;
	pthread_mutex_unlock(&lock);
}

void progress_total(bool owned, uint64_t total)
{
	if (!owned)
		return;
	pthread_mutex_lock(&lock);
	line.total = total;
	pthread_mutex_unlock(&lock);
}

/* Seconds between two drawings: work that takes less than a minute is told of, too. */
static double pause_now(double t)
{
	double all;

	if (line.on_terminal)
		return DRAW_SECONDS;
	if (!line.total || line.done <= line.skipped)
		return PLAIN_SECONDS;
	all = (t - line.begin) * (double)(line.total - line.skipped) /
	      (double)(line.done - line.skipped) / PLAIN_LINES;
	return all < PLAIN_LEAST ? PLAIN_LEAST : all < PLAIN_SECONDS ? all : PLAIN_SECONDS;
}

bool progress_update(bool owned, uint64_t done, const char *fmt, ...)
{
	bool due;
	double t;
	va_list ap;

	if (!owned)
		return false;
	t = clock_seconds();
	pthread_mutex_lock(&lock);
	line.done = done;
	due = t - line.drawn >= pause_now(t);
	if (due) {
		va_start(ap, fmt);
		vsnprintf(line.note, sizeof(line.note), fmt, ap);
		va_end(ap);
		draw(t);
	}
	pthread_mutex_unlock(&lock);
	return due;
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

void progress_stop(void)
{
	progress_end(line.active);
}

void progress_on_signal(void)
{
	if (visible && write(STDERR_FILENO, ERASE, strlen(ERASE)) > 0)
		visible = false;
}
