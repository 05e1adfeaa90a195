// SPDX-License-Identifier: MIT
/*
 * Sparsities from a file: lines "REGEX SPARSITY"; # begins a comment.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "prune/allocation.h"

#define FILE_MAX ((size_t)1 << 20)

struct place {
	const char *path;
	int line;
};

static int read_line(char *line, const struct place *at, regex_t *regex, double *sparsity)
{
	char *save = NULL, *pattern = strtok_r(line, " \t\r", &save);
	char *number = strtok_r(NULL, " \t\r", &save), why[128];
	int err;

	if (!number || strtok_r(NULL, " \t\r", &save))
		return fail(-EINVAL, "%s:%d: want a regular expression and a sparsity", at->path,
			    at->line);
	if (str_to_double(number, sparsity) || *sparsity < 0 || *sparsity >= 1)
		return fail(-EINVAL, "%s:%d: '%s' is no sparsity in [0, 1)", at->path, at->line,
			    number);
	err = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (!err)
		return 0;
	regerror(err, regex, why, sizeof(why));
	return fail(-EINVAL, "%s:%d: '%s': %s", at->path, at->line, pattern, why);
}

static int apply_line(const struct alloc_call *c, char *line, const struct place *at)
{
	double sparsity;
	regex_t regex;
	bool used = false;
	int ret;

	line[strcspn(line, "#")] = '\0';
	if (!line[strspn(line, " \t\r")])
		return 0;
	ret = read_line(line, at, &regex, &sparsity);
	if (ret)
		return ret;
	for (int i = 0; i < c->nr; i++) {
		if (regexec(&regex, c->tensors[i].name, 0, NULL, 0))
			continue;
		used = true;
		if (c->tensors[i].sparsity < 0)
			c->tensors[i].sparsity = sparsity;
	}
	regfree(&regex);
	return used ? 0 : fail(-EINVAL, "%s:%d: matches no tensor that is pruned", at->path,
			       at->line);
}

static int file_assign(const struct alloc_call *c)
{
	struct place at = { config_text(c->cfg, PARAM_PRUNE_ALLOC_FILE), 0 };
	char *text, *rest, *line;
	size_t len;
	int ret;

	if (!*at.path)
		return fail(-EINVAL, "PRUNE_ALLOC=file: PRUNE_ALLOC_FILE names no file");
	ret = file_read_all(at.path, FILE_MAX, &text, &len);
	if (ret)
		return ret;
	allocation_spread(c, -1);
	rest = text;
	while (!ret && (line = strsep(&rest, "\n"))) {
		at.line++;
		ret = apply_line(c, line, &at);
	}
	for (int i = 0; i < c->nr && !ret; i++)
		if (c->tensors[i].sparsity < 0)
			ret = fail(-EINVAL, "%s: no line matches %s", at.path, c->tensors[i].name);
	free(text);
	return ret;
}

static const struct allocation file = {
	.name = "file",
	.summary = "as PRUNE_ALLOC_FILE says",
	.assign = file_assign,
};
ALLOCATION_REGISTER(file);
