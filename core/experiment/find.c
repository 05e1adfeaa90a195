// SPDX-License-Identifier: MIT
#include "experiment/find.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/internal.h"

#define PLACES 3

static bool holds_plan(const char *dir)
{
	char *plan = path_join(dir, PLAN_FILE);
	bool holds = plan && file_exists(plan);

	free(plan);
	return holds;
}

/* Folders of experiments, those that matter most first; NULL: no such place. */
static void list_places(char *places[PLACES])
{
	static const char *const beside[] = { "defconfigs/experiments",
					      "../share/knlp/defconfigs/experiments" };
	char program[4096], *dir;
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	places[0] = strdup(beside[0]);
	places[1] = places[2] = NULL;
	if (len < 0)
		return;
	program[len] = '\0';
	dir = path_dir(program);
	for (int i = 0; dir && i < 2; i++)
		places[1 + i] = path_join(dir, beside[i]);
	free(dir);
}

static void free_places(char *places[PLACES])
{
	for (int i = 0; i < PLACES; i++)
		free(places[i]);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Two places often hold the same ones. */
static bool is_listed(const struct strbuf *sb, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(sb->s, name); at; at = strstr(at + 1, name))
		if ((at == sb->s || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

static void add_names(const char *place, struct strbuf *sb)
{
	struct dirent **entries;
	int nr = scandir(place, &entries, NULL, by_name);

	for (int i = 0; i < nr; i++) {
		char *dir = path_join(place, entries[i]->d_name);

		if (dir && *entries[i]->d_name != '.' && holds_plan(dir) &&
		    !is_listed(sb, entries[i]->d_name))
			strbuf_addf(sb, "%s%s", sb->len ? ", " : "", entries[i]->d_name);
		free(dir);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

void experiment_names(struct strbuf *sb)
{
	char *places[PLACES];

	list_places(places);
	for (int i = 0; i < PLACES; i++)
		if (places[i])
			add_names(places[i], sb);
	free_places(places);
}

static int not_found(const char *name)
{
	struct strbuf names;
	int ret;

	if (file_exists(name))
		return fail(-ENOENT, "%s holds no experiment: there is no %s in it", name,
			    PLAN_FILE);
	strbuf_init(&names);
	experiment_names(&names);
	if (names.len)
		ret = fail(-ENOENT, "there is no experiment '%s': there are %s", name, names.s);
	else
		ret = fail(-ENOENT, "there is no experiment '%s', and no folder of that name that "
			   "holds a %s", name, PLAN_FILE);
	strbuf_free(&names);
	return ret;
}

int experiment_find(const char *name, char **out)
{
	char *places[PLACES];

	*out = NULL;
	if (strchr(name, '/') || holds_plan(name)) {
		*out = strdup(name);
		return *out ? 0 : fail_nomem(strlen(name), "a path");
	}
	list_places(places);
	for (int i = 0; i < PLACES && !*out; i++) {
		char *dir = places[i] && *name ? path_join(places[i], name) : NULL;

		if (dir && holds_plan(dir))
			*out = dir;
		else
			free(dir);
	}
	free_places(places);
	return *out ? 0 : not_found(name);
}
