// SPDX-License-Identifier: MIT
#include "base/strbuf.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define COUNT_POWER_MAX 400	/* exponents beyond it are all too large */

static char empty[1];	/* shared by all empty buffers, never written */

void strbuf_init(struct strbuf *sb)
{
	*sb = (struct strbuf){ .s = empty };
}

void strbuf_free(struct strbuf *sb)
{
	if (sb->s != empty)
		free(sb->s);
	strbuf_init(sb);
}

void strbuf_clear(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->cap)
		sb->s[0] = '\0';
}

static bool make_room(struct strbuf *sb, size_t extra)
{
	size_t need = sb->len + extra + 1, cap = sb->cap ? sb->cap : 64;
	char *s;

	if (sb->failed || need < extra)
		goto failed;
	if (need <= sb->cap)
		return true;
	while (cap < need)
		cap *= 2;
	s = realloc(sb->s == empty ? NULL : sb->s, cap);
	if (!s)
		goto failed;
	sb->s = s;
	sb->cap = cap;
	return true;
failed:
	sb->failed = true;
	return false;
}

void strbuf_add(struct strbuf *sb, const void *bytes, size_t len)
{
	if (!make_room(sb, len))
		return;
	if (len)
		memcpy(sb->s + sb->len, bytes, len);
	sb->len += len;
	sb->s[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && make_room(sb, n)) {
		vsnprintf(sb->s + sb->len, n + 1, fmt, again);
		sb->len += n;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

int strbuf_ok(const struct strbuf *sb)
{
	return sb->failed ? fail_nomem(sb->len, "text") : 0;
}

char *strbuf_detach(struct strbuf *sb)
{
	char *s = sb->s == empty ? strdup("") : sb->s;

	strbuf_init(sb);
	return s;
}

char *str_printf(const char *fmt, ...)
{
	struct strbuf sb;
	va_list ap;

	strbuf_init(&sb);
	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	if (sb.failed) {
		strbuf_free(&sb);
		return NULL;
	}
	return strbuf_detach(&sb);
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), end = strlen(suffix);

	return len >= end && !strcmp(s + len - end, suffix);
}

int str_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	int d[MAX + 1][MAX + 1];
	int la = strnlen(a, MAX), lb = strnlen(b, MAX);

	for (int i = 0; i <= la; i++)
		d[i][0] = i;
	for (int j = 0; j <= lb; j++)
		d[0][j] = j;
	for (int i = 1; i <= la; i++)
		for (int j = 1; j <= lb; j++) {
			int ca = toupper((unsigned char)a[i - 1]);
			int cb = toupper((unsigned char)b[j - 1]);
			int best = d[i - 1][j - 1] + (ca != cb);

			best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
			best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
			if (i > 1 && j > 1 && ca == toupper((unsigned char)b[j - 2]) &&
			    cb == toupper((unsigned char)a[i - 2]) && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[la][lb];
}

int str_to_double(const char *s, double *value)
{
	char *end;
	double v;

	/* The program never calls setlocale(LC_NUMERIC), so strtod is C-locale. */
	if (!*s || isspace((unsigned char)*s) || strpbrk(s, "xXnN"))
		return -EINVAL;
	v = strtod(s, &end);
	if (*end || !isfinite(v))
		return -EINVAL;
	*value = v;
	return 0;
}

int str_to_int(const char *s, long long *value)
{
	char *end;
	long long v;

	if (!*s || isspace((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*value = v;
	return 0;
}

/* Powers of ten of "k" or "e6", -1 if it is neither. */
static int count_power(const char *s)
{
	static const char suffixes[] = "kMGT";
	long long power;
	const char *at;

	if (!*s)
		return 0;
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' ? 2 : 1;
		if (!isdigit((unsigned char)*s) || str_to_int(s, &power))
			return -1;
		return power < COUNT_POWER_MAX ? (int)power : COUNT_POWER_MAX;
	}
	at = strchr(suffixes, *s == 'K' ? 'k' : *s);
	return at && !s[1] ? 3 * (int)(at - suffixes + 1) : -1;
}

/* @digits * 10^@power, of which @fraction digits stood behind the point. */
static int shift_count(long long digits, int power, int fraction, long long *value)
{
	for (; fraction > power; fraction--, digits /= 10)
		if (digits % 10)
			return -EDOM;
	for (power -= fraction; power > 0 && digits; power--) {
		if (digits > LLONG_MAX / 10)
			return -ERANGE;
		digits *= 10;
	}
	*value = digits;
	return 0;
}

/* "1.5G": digits are shifted as text, so that no value is rounded on the way. */
int str_to_count(const char *s, long long *value)
{
	const char *start = s;
	int power, fraction = 0;
	bool point = false, large = false;
	long long n = 0;

	for (; isdigit((unsigned char)*s) || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		large = large || n > LLONG_MAX / 10 - 1;
		if (large)
			continue;
		n = n * 10 + (*s - '0');
		fraction += point;
	}
	power = count_power(s);
	if (s == start || power < 0 || (s == start + 1 && point))
		return -EINVAL;
	return large ? -ERANGE : shift_count(n, power, fraction, value);
}
