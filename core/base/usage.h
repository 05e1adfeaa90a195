/* SPDX-License-Identifier: MIT */
/*
 * What this process takes of the machine, and how busy that is, for logs and benchmarks.
 * Each is NaN where the system does not say.
 */
#ifndef BASE_USAGE_H
#define BASE_USAGE_H

/** usage_rss() - memory of this process that is in RAM, MiB. */
double usage_rss(void);

/** usage_peak_rss() - the most that was, since the process began, MiB. */
double usage_peak_rss(void);

/** usage_load() - load average of the machine over a minute: processes that want to run. */
double usage_load(void);

/**
 * usage_begin_timing() - usage_load(), with a warning if other programs take so much of the
 * machine that neither times nor shares of peaks mean what they say.
 */
double usage_begin_timing(void);

#endif
