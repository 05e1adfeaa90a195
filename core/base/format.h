/* SPDX-License-Identifier: MIT */
/*
 * Numbers for people.  Each writes into @buf and returns it, so that a call can
 * stand in an argument list:
 *
 *	char buf[FORMAT_MAX];
 *	log_info("peak memory %s", format_bytes(buf, plan->peak));
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdint.h>

#define FORMAT_MAX 32

/** format_bytes() - "512 B", "1.50 KiB", "12.3 MiB", "146 GiB". */
const char *format_bytes(char buf[FORMAT_MAX], uint64_t bytes);

/** format_count() - "999", "15.0k", "1.52M", "124M", "1.50G": powers of 1000. */
const char *format_count(char buf[FORMAT_MAX], double count);

/** format_grouped() - "859,008": every digit, for numbers that somebody may compare. */
const char *format_grouped(char buf[FORMAT_MAX], int64_t count);

/** format_ppl() - a perplexity: "12.345", "1.23e+08". */
const char *format_ppl(char buf[FORMAT_MAX], double ppl);

/** format_duration() - "0.25 ms", "12.3 s", "3m05s", "2h07m", "4d03h", "18.7 years". */
const char *format_duration(char buf[FORMAT_MAX], double seconds);

#endif
