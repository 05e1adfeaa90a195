// SPDX-License-Identifier: MIT
#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/param.h"

/* The smallest of 1, 2, 5, 10, 20, 50 ... (and 0.5, 0.2 ...) that is not below @least. */
static double round_number(double least)
{
	double decade = pow(10, floor(log10(least)));

	/* A rounding error below a power of ten must not skip it. */
	for (int i = 0; i < 2; i++, decade *= 10) {
		static const double mantissa[] = { 1, 2, 5 };

		for (int m = 0; m < 3; m++)
			if (mantissa[m] * decade >= least * (1 - 1e-9))
				return mantissa[m] * decade;
	}
	return decade;
}

static double round_seconds(double least)
{
	static const double steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
					7200, 10800, 21600, 43200, 86400 };

	if (least <= 0.5)
		return round_number(least);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] >= least)
			return steps[i];
	return 86400 * round_number(least / 86400);
}

static double round_step(enum axis_unit unit, double least)
{
	switch (unit) {
	case AXIS_SECONDS:
		return round_seconds(least);
	case AXIS_MIB:
		return least > 1 ? exp2(ceil(log2(least) - 1e-9)) : round_number(least);
	default:
		return round_number(least);
	}
}

static void linear_ticks(struct axis *a, int most)
{
	double step = round_step(a->unit, (a->hi - a->lo) / most);
	double slack = 1e-9 * (a->hi - a->lo);

	a->nr = 0;
	for (double k = ceil((a->lo - slack) / step); k * step <= a->hi + slack; k++)
		if (a->nr < AXIS_TICKS_MAX)
			a->tick[a->nr++] = k * step;
}

/* Round numbers of a logarithmic axis, from dense to thin; 0 ends a row. */
static const double mantissas[][16] = {
	{ 1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9 },
	{ 1, 1.5, 2, 3, 4, 5, 6, 8 },
	{ 1, 2, 3, 5 },
	{ 1, 2, 5 },
	{ 1, 3 },
	{ 1 },
};

/* Return: whether no two of them are nearer than @gap of the axis. */
static bool log_ticks(struct axis *a, const double *mantissa, int stride, double gap)
{
	double first = floor(log10(a->lo)), before = -1, at;

	a->nr = 0;
	for (double d = first; d <= log10(a->hi) + 1e-9; d += stride) {
		for (int i = 0; mantissa[i]; i++) {
			at = axis_at(a, mantissa[i] * pow(10, d));
			if (at < -1e-9 || at > 1 + 1e-9)
				continue;
			if ((before >= 0 && at - before < gap) || a->nr == AXIS_TICKS_MAX)
				return false;
			a->tick[a->nr++] = mantissa[i] * pow(10, d);
			before = at;
		}
	}
	return true;
}

static void logarithmic_ticks(struct axis *a, int most)
{
	const int rows = sizeof(mantissas) / sizeof(mantissas[0]);
	double gap = 0.5 / most;
	bool fits = false;

	for (int i = 0; i < rows && !fits; i++)
		fits = log_ticks(a, mantissas[i], 1, gap);
	for (int stride = 2; !fits && stride < 400; stride++)
		fits = log_ticks(a, mantissas[rows - 1], stride, gap);
	if (a->nr < 2)
		linear_ticks(a, most);
}

void axis_make(struct axis *a, double lo, double hi, enum axis_unit unit, bool log, int most)
{
	*a = (struct axis){ .unit = unit, .hi = 1 };
	if (!isfinite(lo) || !isfinite(hi) || !isfinite(hi - lo) || lo > hi)
		return;
	/* A range that rounding nearly swallows has no ticks that differ. */
	if (hi - lo <= 1e-9 * fmax(fabs(lo), fabs(hi))) {
		double room = hi ? 0.1 * fabs(hi) : 1;

		hi += room;
		lo = lo > 0 ? lo - room : lo;
	}
	a->lo = lo;
	a->hi = hi;
	a->log = log && lo > 0;
	if (a->log)
		logarithmic_ticks(a, most);
	else
		linear_ticks(a, most);
}

double axis_at(const struct axis *a, double value)
{
	if (a->log)
		return log(value / a->lo) / log(a->hi / a->lo);
	return (value - a->lo) / (a->hi - a->lo);
}

static void label_scaled(double value, const double *scale, const char *const *unit,
			 char buf[AXIS_LABEL_MAX])
{
	int i = 0;

	while (scale[i + 1] && fabs(value) >= scale[i + 1] * (1 - 1e-9))
		i++;
	snprintf(buf, AXIS_LABEL_MAX, "%.4g%s", value / scale[i], value ? unit[i] : "");
}

static void label_number(double value, char buf[AXIS_LABEL_MAX])
{
	char text[AXIS_LABEL_MAX];
	struct strbuf sb;

	/* k * step is not quite the round number that it stands for. */
	snprintf(text, sizeof(text), "%.6g", value);
	strbuf_init(&sb);
	number_add(&sb, strtod(text, NULL));
	snprintf(buf, AXIS_LABEL_MAX, "%s", sb.s);
	strbuf_free(&sb);
}

const char *axis_label(const struct axis *a, double value, char buf[AXIS_LABEL_MAX])
{
	static const double thousands[] = { 1, 1e3, 1e6, 1e9, 1e12, 0 };
	static const char *const counts[] = { "", "k", "M", "G", "T" };
	static const double clock[] = { 1, 60, 3600, 86400, 0 };
	static const char *const times[] = { " s", " min", " h", " d" };
	static const double powers[] = { 1, 1024, 1048576, 0 };
	static const char *const sizes[] = { " MiB", " GiB", " TiB" };

	if (!a->log && fabs(value) < 1e-9 * (a->hi - a->lo))
		value = 0;
	switch (a->unit) {
	case AXIS_COUNT:
		label_scaled(value, thousands, counts, buf);
		break;
	case AXIS_SECONDS:
		label_scaled(value, clock, times, buf);
		break;
	case AXIS_MIB:
		label_scaled(value, powers, sizes, buf);
		break;
	default:
		label_number(value, buf);
	}
	return buf;
}
