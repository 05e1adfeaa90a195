// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "experiment/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/strbuf.h"

#define PROGRAM "/proc/self/exe"	/* also when its file was replaced meanwhile */
#define TAIL_BYTES 8192			/* of a log, in which its last line is looked for */
#define ANSWER_MAX (16 << 20)

/*
 * SIGCHLD would not do: a thread of some library may take it.  Kernels before 5.3 lack pidfds;
 * then the sleep is short.
 */
void children_wait(const struct child *const *list, int nr, double seconds)
{
	struct pollfd fds[CHILDREN_MAX];
	int n = 0;

	for (int i = 0; i < nr && n < CHILDREN_MAX; i++)
		if (list[i]->pid && list[i]->pidfd >= 0)
			fds[n++] = (struct pollfd){ .fd = list[i]->pidfd, .events = POLLIN };
	poll(fds, (nfds_t)n, n ? (int)(seconds * 1000) : 20);
}

/* In the child: only calls that are allowed between fork() and exec(). */
static void become(char *const *argv, pid_t parent, const cpu_set_t *cpus, int log, int out)
{
	static const char lost[] = "knlp: error: cannot run the program again\n";
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)	/* it ended before the line above */
		_exit(127);
	/* Ctrl-C on a terminal is for the parent, which tells its children once. */
	setpgid(0, 0);
	if (cpus && sched_setaffinity(0, sizeof(*cpus), cpus) < 0)
		_exit(127);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out < 0 ? log : out, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	execv(PROGRAM, argv);
	if (write(2, lost, sizeof(lost) - 1) < 0)
		_exit(126);
	_exit(127);
}

static int open_files(struct child *c, const char *log, bool keep_out, int *log_fd)
{
	struct stat st;

	*log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (*log_fd < 0 || fstat(*log_fd, &st))
		return fail_errno("%s", log);
	c->log_from = st.st_size;
	c->log = strdup(log);
	if (!c->log)
		return fail_nomem(strlen(log), "a path");
	c->out = keep_out ? memfd_create("answer", MFD_CLOEXEC) : -1;
	return keep_out && c->out < 0 ? fail_errno("a file in memory") : 0;
}

/* Part @part of the processors that this process may use, @nr in each; false: all. */
static bool choose_cpus(int nr, int part, cpu_set_t *set)
{
	cpu_set_t all;
	int count, at = 0, first;

	CPU_ZERO(set);
	if (!nr || sched_getaffinity(0, sizeof(all), &all))
		return false;
	count = CPU_COUNT(&all);
	if (nr >= count)
		return false;
	first = part * nr % count;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		if ((at - first + count) % count < nr)
			CPU_SET(cpu, set);
		at++;
	}
	return true;
}

int child_start(struct child *c, char *const *argv, const char *log, bool keep_out, int cpus,
		int part)
{
	pid_t parent = getpid();
	int log_fd, ret;
	cpu_set_t set;
	bool some = choose_cpus(cpus, part, &set);

	*c = (struct child){ .out = -1, .pidfd = -1 };
	ret = open_files(c, log, keep_out, &log_fd);
	if (ret)
		goto out_log;
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0)
		ret = fail_errno("cannot start a process");
	if (!c->pid)
		become(argv, parent, some ? &set : NULL, log_fd, c->out);
	if (c->pid > 0)
		c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
out_log:
	if (log_fd >= 0)
		close(log_fd);
	if (ret)
		child_end(c);
	return ret;
}

int child_wait(struct child *c, bool block, int *status)
{
	pid_t pid;

	do {
		pid = waitpid(c->pid, status, block ? 0 : WNOHANG);
	} while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return fail_errno("waiting for process %ld", (long)c->pid);
	return pid > 0;
}

/* The last @max bytes of @fd behind @from, as a text; NULL: there are none. */
static char *read_tail(int fd, long long from, size_t max)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st) || st.st_size <= from)
		return NULL;
	if (st.st_size - from > (long long)max)
		from = st.st_size - (long long)max;
	text = malloc((size_t)(st.st_size - from) + 1);
	n = text ? pread(fd, text, (size_t)(st.st_size - from), from) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* The last line of @text that is not empty, cut out of it; "" if there is none. */
static char *last_line(char *text)
{
	size_t len = strlen(text);
	char *line;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

char *child_failure(const struct child *c, int status)
{
	static const char prefix[] = "knlp: error: ";
	int fd = open(c->log, O_RDONLY | O_CLOEXEC);
	char *tail = fd < 0 ? NULL : read_tail(fd, c->log_from, TAIL_BYTES);
	const char *said = tail ? last_line(tail) : "";
	char *why;

	if (fd >= 0)
		close(fd);
	if (!strncmp(said, prefix, sizeof(prefix) - 1))
		said += sizeof(prefix) - 1;
	else if (WIFEXITED(status))
		said = "";
	if (WIFSIGNALED(status))
		why = str_printf("it was ended by signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	else
		why = *said ? strdup(said) : str_printf("exit code %d, see %s",
							WEXITSTATUS(status), c->log);
	free(tail);
	return why;
}

int child_answer(const struct child *c, char **line)
{
	char *text = read_tail(c->out, 0, ANSWER_MAX);

	*line = text ? strdup(last_line(text)) : strdup("");
	free(text);
	return *line ? 0 : fail_nomem(0, "an answer");
}

void child_end(struct child *c)
{
	if (c->out >= 0)
		close(c->out);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c->log);
	*c = (struct child){ .out = -1, .pidfd = -1 };
}
