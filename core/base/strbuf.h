/* SPDX-License-Identifier: MIT */
/*
 * A growing string.  Always NUL-terminated, may hold NULs.  An allocation that
 * fails is remembered (strbuf_ok()), so that a writer checks once, at the end.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s;	/* never NULL after strbuf_init() */
	size_t len;
	size_t cap;
	bool failed;
};

void strbuf_init(struct strbuf *sb);
void strbuf_free(struct strbuf *sb);
/** strbuf_clear() - length 0, memory kept. */
void strbuf_clear(struct strbuf *sb);
void strbuf_add(struct strbuf *sb, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/** strbuf_ok() - 0, or -ENOMEM with a message if any addition failed. */
int strbuf_ok(const struct strbuf *sb);
/** strbuf_detach() - give the string to the caller, who frees it; sb is empty again. */
char *strbuf_detach(struct strbuf *sb);

/**
 * str_distance() - edits (insert, delete, replace, swap of neighbours) between two
 * names, case ignored; used to suggest the nearest name for a mistyped one.
 */
int str_distance(const char *a, const char *b);

/** str_has_suffix() - does @s end with @suffix? */
bool str_has_suffix(const char *s, const char *suffix);

/** str_printf() - a new string, NULL when out of memory. */
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * str_to_double() - parse all of @s as a finite decimal number, independent of the
 * locale.  Return: 0 or -EINVAL (no message).
 */
int str_to_double(const char *s, double *value);

/** str_to_int() - parse all of @s as a decimal integer. Return: 0, -EINVAL, -ERANGE. */
int str_to_int(const char *s, long long *value);

/**
 * str_to_count() - parse all of @s as a whole number that people write short: 64000,
 * 64k, 1.5M, 2G, 1T (powers of 1000), 2e6.
 *
 * Return: 0; -EINVAL if it is no such number, -EDOM if it has a fraction, -ERANGE.
 */
int str_to_count(const char *s, long long *value);

#endif
