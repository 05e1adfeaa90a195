// SPDX-License-Identifier: MIT
#include "base/usage.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"

#define MIB (1024.0 * 1024.0)

/* Without stdio, since it is asked in every step. */
double usage_rss(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "", *second;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	second = n > 0 ? strchr(text, ' ') : NULL;
	return second ? strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE) / MIB : NAN;
}

double usage_peak_rss(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? NAN : (double)usage.ru_maxrss * 1024 / MIB;
}

double usage_load(void)
{
	double load;

	return getloadavg(&load, 1) == 1 ? load : NAN;
}

/* One measurement after another is no other program: it keeps at most all processors busy. */
double usage_begin_timing(void)
{
	double load = usage_load();

	if (load > threads_default() + 0.5)
		log_warn("other programs use this machine (load %.1f): times are longer than they "
			 "need be, and shares of what it can do are wrong", load);
	return load;
}
