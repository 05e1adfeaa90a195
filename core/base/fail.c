// SPDX-License-Identifier: MIT
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 1024

static _Thread_local char message[MESSAGE_MAX];

/* A message is one line: bytes of a hostile file must not break the log. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

int fail(int err, const char *fmt, ...)
{
	char text[MESSAGE_MAX];	/* an argument may be the old message */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	memcpy(message, text, sizeof(message));
	return err;
}

int fail_errno(const char *fmt, ...)
{
	int saved = errno ? errno : EIO;
	char text[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(-saved, "%s: %s", text, strerror(saved));
}

int fail_in(int err, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(err, "%s: %s", text, message);
}

int fail_nomem(size_t bytes, const char *what)
{
	return fail(-ENOMEM, "out of memory (%zu bytes for %s)", bytes, what);
}

const char *fail_message(void)
{
	return message;
}

void fail_clear(void)
{
	message[0] = '\0';
}

void bug_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "knlp: BUG at %s:%d: %s\n", file, line, what);
	abort();
}
