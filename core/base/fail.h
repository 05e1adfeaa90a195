/* SPDX-License-Identifier: MIT */
/*
 * Errors.
 *
 * Library code returns 0 or a negative errno, after it has said once, where it
 * happened, what is wrong: the file, tensor, symbol or line, and what to do.
 *
 *	if (end > file->size)
 *		return fail(-EINVAL, "%s: tensor '%s' ends beyond the file", path, name);
 *
 * Callers pass the code on unchanged; they may put context in front of the
 * message with fail_in().  Only tools print the message and exit.
 * The message is kept per thread and never longer than one line.
 */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

#include <errno.h>
#include <stddef.h>

/**
 * fail() - record an error message and return its code.
 * @err: negative errno
 * @fmt: what is wrong and where; no trailing newline
 *
 * Return: @err, so that it can be used in a return statement.
 */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/**
 * fail_errno() - like fail(), with ": strerror(errno)" appended.
 *
 * Return: -errno as it was at the call (-EIO if errno was 0).
 */
int fail_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/**
 * fail_in() - put "CONTEXT: " in front of the recorded message.
 *
 * Return: @err.
 */
int fail_in(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/** fail_nomem() - record "out of memory (N bytes for WHAT)"; Return: -ENOMEM. */
int fail_nomem(size_t bytes, const char *what) __attribute__((cold));

/** fail_message() - the recorded message of this thread, "" if none. */
const char *fail_message(void);

/** fail_clear() - forget the message (a tried alternative failed harmlessly). */
void fail_clear(void);

/**
 * BUG_ON() - abort with file and line if one of our own invariants is broken.
 * Never for anything that a user's input can cause.
 */
#define BUG_ON(cond)								\
	do {									\
		if (__builtin_expect(!!(cond), 0))				\
			bug_at(__FILE__, __LINE__, #cond);			\
	} while (0)
void bug_at(const char *file, int line, const char *what) __attribute__((noreturn, cold));

#endif
