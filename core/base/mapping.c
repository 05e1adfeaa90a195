// SPDX-License-Identifier: MIT
#include "base/mapping.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/temporary.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mapping *all;	/* written under the lock; the handler cannot take it */

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;		/* nothing can be said */
}

/* Calls only what a signal handler may. */
static void on_bus_error(int signal_nr, siginfo_t *info, void *context)
{
	const unsigned char *at = info->si_addr;
	struct mapping *m = __atomic_load_n(&all, __ATOMIC_ACQUIRE);

	while (m && (at < m->bytes || at >= m->bytes + m->size))
		m = m->next;
	if (!m) {	/* something else: the same access again, with the usual end */
		signal(signal_nr, SIG_DFL);
		return;
	}
	say("knlp: error: ");
	say(m->path);
	say(": was cut short while in use\n");
	temporary_on_signal();
	_exit(1);
}

static void catch_bus_errors(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

static void link_in(struct mapping *m)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, catch_bus_errors);
	pthread_mutex_lock(&lock);
	m->next = all;
	__atomic_store_n(&all, m, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

static int map_file(struct mapping *m, int fd, size_t least, const char *what)
{
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st))
		return fail_errno("%s", m->path);
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, "%s: not a regular file", m->path);
	if ((uint64_t)st.st_size < least)
		return fail(-EINVAL, "%s: %lld bytes are too few for %s", m->path,
			    (long long)st.st_size, what);
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail_errno("%s: cannot map %lld bytes", m->path, (long long)st.st_size);
	madvise(map, st.st_size, MADV_HUGEPAGE);	/* without it: slower, the same bytes */
	m->bytes = map;
	m->size = st.st_size;
	return 0;
}

int mapping_open(const char *path, size_t least, const char *what, struct mapping *m)
{
	int fd, ret;

	*m = (struct mapping){ .path = strdup(path) };
	if (!m->path)
		return fail_nomem(strlen(path), "a file name");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = map_file(m, fd, least, what);
	if (fd >= 0)
		close(fd);
	if (ret)
		mapping_close(m);
	else
		link_in(m);
	return ret;
}

static void link_out(struct mapping *m)
{
	struct mapping **at = &all;

	pthread_mutex_lock(&lock);
	while (*at && *at != m)
		at = &(*at)->next;
	if (*at)
		__atomic_store_n(at, m->next, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

void mapping_close(struct mapping *m)
{
	if (m->bytes) {
		link_out(m);
		munmap((void *)m->bytes, m->size);
	}
	free(m->path);
	*m = (struct mapping){ 0 };
}
