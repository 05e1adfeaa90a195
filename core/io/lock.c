// SPDX-License-Identifier: MIT
#include "io/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

static int take(const char *dir, const char *path, int *out)
{
	char text[32] = "";
	ssize_t n;
	int fd, ret;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail_errno("%s", path);
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
		if (!ftruncate(fd, 0) && pwrite(fd, text, n, 0) == n) {
			*out = fd;
			return 0;
		}
		ret = fail_errno("%s", path);
	} else if (errno == EWOULDBLOCK) {
		n = pread(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? strspn(text, "0123456789") : 0] = '\0';
		ret = fail(-EBUSY, "%s is in use by process %s", dir, *text ? text : "(unknown)");
	} else {
		ret = fail_errno("%s", path);
	}
	close(fd);
	return ret;
}

/* The file stays when the lock goes: removing it would race with the next owner. */
int folder_lock(const char *dir, int *fd)
{
	char *path = path_join(dir, "lock");
	int ret = path ? take(dir, path, fd) : fail_nomem(0, "a file name");

	free(path);
	return ret;
}

bool folder_is_locked(const char *dir)
{
	char *lock = path_join(dir, "lock");
	int fd = lock ? open(lock, O_RDONLY | O_CLOEXEC) : -1;
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	free(lock);
	return locked;
}
