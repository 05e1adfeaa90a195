// SPDX-License-Identifier: MIT
#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "io/run.h"

/* The last part of a path that is a name: "b" of "a/b//", nothing of "..". */
static char *base_name(const char *path)
{
	char *real = realpath(path, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;
	char *name = strdup(slash && slash[1] ? slash + 1 : path);

	free(real);
	return name;
}

/* Names that two runs share give way to the paths that the user gave. */
static int name_runs(struct report *r, char *const *paths)
{
	bool shared = false;

	for (int i = 0; i < r->nr; i++) {
		r->run[i]->name = base_name(paths[i]);
		if (!r->run[i]->name)
			return fail_nomem(strlen(paths[i]), "a name");
		for (int k = 0; k < i; k++)
			shared |= !strcmp(r->run[k]->name, r->run[i]->name);
	}
	for (int i = 0; i < r->nr && shared; i++) {
		free(r->run[i]->name);
		r->run[i]->name = strdup(paths[i]);
		if (!r->run[i]->name)
			return fail_nomem(strlen(paths[i]), "a name");
	}
	return 0;
}

/* Twice the same run would be one curve under another, and a comparison that says nothing. */
static int check_different(char *const *paths, int nr)
{
	for (int i = 0; i < nr; i++) {
		struct stat a, b;

		if (stat(paths[i], &a))
			continue;	/* reading it says why */
		for (int k = 0; k < i; k++)
			if (!stat(paths[k], &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
				return fail(-EINVAL, "%s and %s are the same run: name it once",
					    paths[k], paths[i]);
	}
	return 0;
}

int report_open(struct report *r, char *const *paths, int nr)
{
	int ret = check_different(paths, nr);

	r->nr = 0;
	r->run = calloc(nr, sizeof(*r->run));
	if (!r->run)
		return fail_nomem(nr * sizeof(*r->run), "a report");
	for (int i = 0; i < nr && !ret; i++) {
		ret = report_run_read(paths[i], &r->run[i]);
		r->nr += !ret;
	}
	return ret ? ret : name_runs(r, paths);
}

void report_close(struct report *r)
{
	for (int i = 0; i < r->nr; i++)
		report_run_free(r->run[i]);
	free(r->run);
	*r = (struct report){ 0 };
}

const struct registry *report_formats(void)
{
	static struct registry formats;

	if (!formats.sorted) {
		formats = (struct registry)REGISTRY_INIT("format", knlp_report_formats);
		BUG_ON(registry_sort(&formats, 1));
	}
	return &formats;
}

int report_write(const struct report *r, const char *format, struct strbuf *out)
{
	const struct report_format *f = registry_find(report_formats(), format);
	int ret = f ? f->write(r, out) : fail(-EINVAL, "no report format '%s'", format);

	return ret ? ret : strbuf_ok(out);
}
