// SPDX-License-Identifier: MIT
/* What a path is not: the message where no format knows it, and what its user may have meant. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "formats/source-internal.h"

/* A vocabulary may look like a model until it is read. */
static bool opens(const char *path)
{
	struct model_source *src;

	if (!source_recognize(path) || source_describe(path, &src))
		return false;
	source_close(src);
	return true;
}

/* The first name in @dir that is a model in one file, or NULL. */
static char *model_in(const char *dir)
{
	struct dirent **entry;
	char *found = NULL;
	int nr = scandir(dir, &entry, NULL, alphasort);

	for (int i = 0; i < nr; i++) {
		char *path = path_join(dir, entry[i]->d_name);
		struct stat st;

		if (!found && path && !stat(path, &st) && S_ISREG(st.st_mode) && opens(path))
			found = strdup(path);
		free(path);
		free(entry[i]);
	}
	if (nr >= 0)
		free(entry);
	return found;
}

int source_unknown(const char *path)
{
	struct stat st;
	char *other;
	int ret;

	if (stat(path, &st))
		return fail_errno("%s", path);
	if (S_ISDIR(st.st_mode)) {
		other = model_in(path);
		ret = other ? fail(-EINVAL, "%s: a folder with a model in it: say %s", path, other)
			    : fail(-EINVAL, "%s: no model that knlp reads", path);
	} else {
		other = path_dir(path);
		ret = other && source_recognize(other)
			? fail(-EINVAL, "%s: part of a model: give the folder %s", path, other)
			: fail(-EINVAL, "%s: no model that knlp reads", path);
	}
	free(other);
	return ret;
}
