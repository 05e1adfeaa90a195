/* SPDX-License-Identifier: MIT */
/* Time that only goes forward, for durations. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdlib.h>
#include <time.h>

/** clock_seconds() - seconds since some moment of the past. */
static inline double clock_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/** clock_cpu_seconds() - time that processors spent on this process, all threads together. */
static inline double clock_cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/** clock_by_duration() - for qsort() of doubles: the shortest first. */
static inline int clock_by_duration(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/** clock_median() - of @nr durations, at least one, which it sorts. */
static inline double clock_median(double *seconds, int nr)
{
	qsort(seconds, nr, sizeof(*seconds), clock_by_duration);
	return nr % 2 ? seconds[nr / 2] : (seconds[nr / 2 - 1] + seconds[nr / 2]) / 2;
}

#endif
