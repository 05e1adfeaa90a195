// SPDX-License-Identifier: MIT
#include "base/format.h"

#include <math.h>
#include <stdio.h>

#define YEAR (365 * 86400LL)

/* Three digits, whatever the size: 1.52, 15.2, 152. */
static int decimals(double v)
{
	return v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
}

const char *format_bytes(char buf[FORMAT_MAX], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes / 1024;
	int i = 0;

	if (bytes < 1024) {
		snprintf(buf, FORMAT_MAX, "%d B", (int)bytes);
		return buf;
	}
	for (; v >= 1023.5 && i < 5; i++)
		v /= 1024;
	snprintf(buf, FORMAT_MAX, "%.*f %s", decimals(v), v, units[i]);
	return buf;
}

const char *format_count(char buf[FORMAT_MAX], double count)
{
	static const char units[] = "kMGTPE";
	double v = fabs(count) / 1000;
	int i = 0;

	if (!isfinite(count) || v < 0.9995) {
		snprintf(buf, FORMAT_MAX, count == floor(count) ? "%.0f" : "%.3g", count);
		return buf;
	}
	for (; v >= 999.5 && i < 5; i++)
		v /= 1000;
	if (v >= 999.5)
		snprintf(buf, FORMAT_MAX, "%.3g", count);
	else
		snprintf(buf, FORMAT_MAX, "%s%.*f%c", count < 0 ? "-" : "", decimals(v), v,
			 units[i]);
	return buf;
}

const char *format_grouped(char buf[FORMAT_MAX], int64_t count)
{
	char digits[24];
	int nr = snprintf(digits, sizeof(digits), "%lld", (long long)count), at = 0;

	for (int i = 0; i < nr; i++) {
		if (i && (nr - i) % 3 == 0 && digits[i - 1] != '-')
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

const char *format_ppl(char buf[FORMAT_MAX], double ppl)
{
	snprintf(buf, FORMAT_MAX, fabs(ppl) < 1e6 ? "%.3f" : "%.3g", ppl);
	return buf;
}

const char *format_duration(char buf[FORMAT_MAX], double seconds)
{
	double s = fabs(seconds);
	const char *sign = seconds < 0 ? "-" : "";
	long long n;

	if (!isfinite(seconds) || s > 1e12) {
		snprintf(buf, FORMAT_MAX, "%.3g s", seconds);
	} else if (s < 0.9995e-3) {
		snprintf(buf, FORMAT_MAX, "%s%.*f us", sign, decimals(s * 1e6), s * 1e6);
	} else if (s < 0.9995) {
		snprintf(buf, FORMAT_MAX, "%s%.*f ms", sign, decimals(s * 1e3), s * 1e3);
	} else if (s < 59.95) {
		snprintf(buf, FORMAT_MAX, "%s%.*f s", sign, decimals(s), s);
	} else if (n = llround(s), n < 3600) {
		snprintf(buf, FORMAT_MAX, "%s%lldm%02llds", sign, n / 60, n % 60);
	} else if (n < 86400) {
		snprintf(buf, FORMAT_MAX, "%s%lldh%02lldm", sign, n / 3600, n % 3600 / 60);
	} else if (n < YEAR) {
		snprintf(buf, FORMAT_MAX, "%s%lldd%02lldh", sign, n / 86400, n % 86400 / 3600);
	} else {
		s /= YEAR;
		snprintf(buf, FORMAT_MAX, "%s%.*f years", sign, decimals(s), s);
	}
	return buf;
}
