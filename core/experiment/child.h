/* SPDX-License-Identifier: MIT */
/*
 * Children: this very program, run again with other arguments.  What crashes there costs one
 * cell and not the run.  A child dies with its parent, however that one ends.
 */
#ifndef EXPERIMENT_CHILD_H
#define EXPERIMENT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#define CHILD_WRONG_USAGE 2	/* exit code: knlp did not understand its command line */

/** struct child - a process that was started. */
struct child {
	pid_t pid;		/* 0: none */
	int pidfd;		/* -1: the kernel has none */
	char *log;		/* where its messages go, at the end of the file */
	long long log_from;	/* how long that was before */
	int out;		/* the file that its stdout goes to; -1: the log */
};

/**
 * child_start() - run this program.
 * @argv: with "knlp" in front and NULL at the end
 * @log: file for its messages, made if missing
 * @keep_out: collect its stdout for child_answer(), or put it into the log
 * @cpus, @part: let it use so many processors only, the @part-th group of them; 0: all
 */
int child_start(struct child *c, char *const *argv, const char *log, bool keep_out, int cpus,
		int part);

/**
 * child_wait() - has it ended?
 * @block: wait until it has
 * @status: as waitpid() gives it
 *
 * Return: 1 if it has, and nobody may ask again; 0 if it still runs; -errno.
 */
int child_wait(struct child *c, bool block, int *status);

/** child_failure() - why it ended with @status, in one line: its last message; free it. */
char *child_failure(const struct child *c, int status);

/** child_answer() - the last line of its stdout, without the line's end; free it. */
int child_answer(const struct child *c, char **line);

/** child_end() - forget a child that has ended. */
void child_end(struct child *c);

#define CHILDREN_MAX 256	/* side by side */

/** children_wait() - sleep until one of them ends, a signal comes, or @seconds are over. */
void children_wait(const struct child *const *list, int nr, double seconds);

#endif
