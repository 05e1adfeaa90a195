// SPDX-License-Identifier: MIT
#include "tools/run/stop.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/strbuf.h"
#include "base/thread.h"

volatile sig_atomic_t run_stop;

/* A shell signals a process and then its group: that counts as one. */
static void on_signal(int signal_number)
{
	static double first;

	if (!run_stop) {
		run_stop = signal_number;
		first = clock_seconds();
	} else if (clock_seconds() > first + 0.3) {
		run_stop = -1;
	}
}

void run_catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal }, before;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, NULL, &before);
	if (before.sa_handler != SIG_IGN)	/* nohup stays nohup */
		sigaction(SIGHUP, &stop, NULL);
}

int run_threads(int option)
{
	long long nr;

	if (option)
		return option;
	return str_to_int(config_embedded[PARAM_RUN_THREADS], &nr) ? threads_default() : (int)nr;
}
