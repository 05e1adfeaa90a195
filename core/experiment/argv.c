// SPDX-License-Identifier: MIT
#include "experiment/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/strbuf.h"

static void take(struct argv *w, char *word)
{
	char **more = word ? realloc(w->argv, ((size_t)w->nr + 2) * sizeof(*more)) : NULL;

	if (!more) {
		w->err = -ENOMEM;
		free(word);
		return;
	}
	w->argv = more;
	w->argv[w->nr++] = word;
	w->argv[w->nr] = NULL;
}

void argv_add(struct argv *w, const char *word)
{
	take(w, strdup(word));
}

void argv_addf(struct argv *w, const char *fmt, ...)
{
	struct strbuf sb;
	va_list ap;

	strbuf_init(&sb);
	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	if (strbuf_ok(&sb))
		w->err = -ENOMEM;
	else
		argv_add(w, sb.s);
	strbuf_free(&sb);
}

int argv_ok(const struct argv *w)
{
	return w->err ? fail_nomem(0, "a command line") : 0;
}

void argv_free(struct argv *w)
{
	for (int i = 0; i < w->nr; i++)
		free(w->argv[i]);
	free(w->argv);
	*w = (struct argv){ 0 };
}
