/* SPDX-License-Identifier: MIT */
/*
 * Axes of charts: a range, and round numbers in it with their labels.
 */
#ifndef REPORT_AXIS_H
#define REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#define AXIS_TICKS_MAX 24
#define AXIS_LABEL_MAX 32

/** What an axis counts decides which numbers are round, and how they are written. */
enum axis_unit {
	AXIS_NUMBER,	/* 0.002, 5 */
	AXIS_COUNT,	/* 500k, 1.5M */
	AXIS_SECONDS,	/* 30 s, 1.5 min, 2 h */
	AXIS_MIB,	/* 512 MiB, 1.5 GiB; powers of two */
};

struct axis {
	enum axis_unit unit;
	bool log;
	double lo, hi;		/* the range; lo < hi */
	double tick[AXIS_TICKS_MAX];
	int nr;
};

/**
 * axis_make() - an axis that holds [@lo, @hi], with at most about @most ticks.
 *
 * A range without extent is widened; one that is not finite becomes 0..1 without ticks.
 * A logarithmic axis needs @lo > 0 and is linear otherwise.
 */
void axis_make(struct axis *a, double lo, double hi, enum axis_unit unit, bool log, int most);

/** axis_at() - where @value lies: 0 at the low end, 1 at the high one. */
double axis_at(const struct axis *a, double value);

/** axis_label() - @value, a tick, for people. Return: @buf. */
const char *axis_label(const struct axis *a, double value, char buf[AXIS_LABEL_MAX]);

#endif
