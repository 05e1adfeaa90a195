// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "base/temporary.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEMPORARIES_MOST 8

/* Not allocated: a handler may look at any time. */
static struct {
	char path[PATH_MAX];
	bool used;
} temporaries[TEMPORARIES_MOST];
static pthread_mutex_t temporaries_lock = PTHREAD_MUTEX_INITIALIZER;	/* of those that write */

void temporary_add(const char *path)
{
	int i = 0;

	pthread_mutex_lock(&temporaries_lock);
	while (i < TEMPORARIES_MOST && temporaries[i].used)
		i++;
	if (i < TEMPORARIES_MOST && strlen(path) < PATH_MAX) {
		strcpy(temporaries[i].path, path);
		__atomic_store_n(&temporaries[i].used, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&temporaries_lock);
}

void temporary_done(const char *path)
{
	pthread_mutex_lock(&temporaries_lock);
	for (int i = 0; i < TEMPORARIES_MOST; i++)
		if (temporaries[i].used && !strcmp(temporaries[i].path, path))
			__atomic_store_n(&temporaries[i].used, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&temporaries_lock);
}

/* readdir() allocates, which a handler may not. */
static bool remove_some(int dir)
{
	_Alignas(struct dirent64) char buf[4096];
	long len = syscall(SYS_getdents64, dir, buf, sizeof(buf));
	bool removed = false;

	for (long at = 0; at < len;) {
		const struct dirent64 *d = (const struct dirent64 *)(buf + at);

		removed |= !unlinkat(dir, d->d_name, 0);
		at += d->d_reclen;
	}
	return removed;
}

static void remove_folder(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return;
	while (remove_some(dir))
		lseek(dir, 0, SEEK_SET);
	close(dir);
	rmdir(path);
}

void temporary_on_signal(void)
{
	for (int i = 0; i < TEMPORARIES_MOST; i++)
		if (__atomic_load_n(&temporaries[i].used, __ATOMIC_ACQUIRE) &&
		    unlink(temporaries[i].path))
			remove_folder(temporaries[i].path);
}
