/* SPDX-License-Identifier: MIT */
/* The command line of a child, word by word. */
#ifndef EXPERIMENT_ARGV_H
#define EXPERIMENT_ARGV_H

struct argv {
	char **argv;		/* NULL at the end */
	int nr;
	int err;		/* -ENOMEM: an addition failed */
};

/** argv_add() - one word more; errors show in argv_ok(). */
void argv_add(struct argv *w, const char *word);
void argv_addf(struct argv *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** argv_ok() - 0, or -ENOMEM with a message. */
int argv_ok(const struct argv *w);
void argv_free(struct argv *w);

#endif
