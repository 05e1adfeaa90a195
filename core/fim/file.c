// SPDX-License-Identifier: MIT
/*
 * Reading FIM files.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "fim/facts.h"
#include "fim/fim.h"

#define NAME_LEN 512

/** struct part_info - its name and which sizes of the tensor it has: 'n', 'm', or none. */
struct part_info {
	const char *suffix, *sizes;
};

static const struct part_info parts[FIM_PARTS] = {
	[FIM_DIAGONAL] = { "", "nm" },
	[FIM_ROW] = { ".row", "n" },
	[FIM_COLUMN] = { ".col", "m" },
	[FIM_SUM] = { ".sum", "" },
	[FIM_HALF] = { ".half", "nm" },
	[FIM_SHRINK] = { ".shrink", "" },
	[FIM_FACTOR_A] = { ".A", "mm" },
	[FIM_FACTOR_G] = { ".G", "nn" },
	[FIM_TRACE] = { ".trace", "n" },
	[FIM_LARGEST] = { ".largest", "n" },
	[FIM_RANK] = { ".rank", "n" },
	[FIM_ENTROPY] = { ".entropy", "n" },
};

const char *fim_suffix(enum fim_part part)
{
	return parts[part].suffix;
}

int64_t fim_count(const struct fim_item *item, enum fim_part part)
{
	int64_t count = 1;

	for (const char *s = parts[part].sizes; *s; s++)
		count *= item->n[*s == 'm'];
	return count;
}

/* Foreign files may not be aligned. */
float fim_value(const struct fim_item *item, enum fim_part part, int64_t i)
{
	float value;

	memcpy(&value, (const char *)item->part[part]->data + i * (int64_t)sizeof(value),
	       sizeof(value));
	return value;
}

int fim_read(const struct fim *f, const struct fim_item *item, enum fim_part part, float *to)
{
	int64_t count = fim_count(item, part);

	memcpy(to, item->part[part]->data, count * sizeof(*to));
	for (int64_t i = 0; i < count; i++)
		if (!(to[i] >= 0) || isinf(to[i]))
			return fail(-EINVAL, "%s: '%s%s' has %g as element %lld: must be a number "
				    "from 0 on", f->path, item->name, parts[part].suffix, to[i],
				    (long long)i);
	return 0;
}

/* ---- by name: a hostile file may have many tensors ---------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct fim_item *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int sort_items(struct fim *f)
{
	f->by_name = malloc(((size_t)f->nr + 1) * sizeof(*f->by_name));
	if (!f->by_name)
		return fail_nomem((size_t)f->nr * sizeof(*f->by_name), "an index of tensors");
	for (int i = 0; i < f->nr; i++)
		f->by_name[i] = &f->item[i];
	qsort(f->by_name, (size_t)f->nr, sizeof(*f->by_name), compare_items);
	return 0;
}

const struct fim_item *fim_find(const struct fim *f, const char *name)
{
	const struct fim_item key = { .name = (char *)(uintptr_t)name }, *wanted = &key;
	const struct fim_item **at = bsearch(&wanted, f->by_name, (size_t)f->nr,
					     sizeof(*f->by_name), compare_items);

	return at ? *at : NULL;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int check_view(const struct fim *f, const struct fim_item *item, enum fim_part part,
		      const struct st_view *v)
{
	const char *sizes = parts[part].sizes;
	int nd = 0;
	bool fits = v->dtype == DT_F32;

	for (const char *s = sizes; *s; s++) {
		bool beyond = *s == 'm' && item->nd == 1;

		if (beyond)
			continue;	/* a vector has one size, and no columns */
		fits = fits && nd < v->nd && v->shape[nd] == item->n[*s == 'm'];
		nd++;
	}
	if (fits && v->nd == nd && !(part == FIM_COLUMN && item->nd == 1))
		return 0;
	return fail(-EINVAL, "%s: '%s' has not the type or shape that '%s' asks for", f->path,
		    v->name, item->name);
}

/* "NAME n" or "NAME n m" */
static int read_item(const struct fim *f, char *line, struct fim_item *item)
{
	long long n = 0, m = 1;
	char *save = NULL, *name = strtok_r(line, " ", &save), *rest[3] = { NULL };

	for (int i = 0; i < 3; i++)
		rest[i] = strtok_r(NULL, " ", &save);
	if (!name || strlen(name) >= NAME_LEN - 16 || !rest[0] || rest[2] ||
	    str_to_int(rest[0], &n) || (rest[1] && str_to_int(rest[1], &m)) || n < 1 || m < 1 ||
	    m > INT64_MAX / (int64_t)sizeof(float) / n)
		return fail(-EINVAL, "%s: its list of tensors is damaged at '%.60s'", f->path,
			    name ? name : "");
	item->nd = rest[1] ? 2 : 1;
	item->n[0] = n;
	item->n[1] = m;
	item->name = strdup(name);
	return item->name ? 0 : fail_nomem(strlen(name), "a name");
}

static int by_name(const void *a, const void *b)
{
	const struct st_view *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* All tensors of the file, sorted: a hostile one may have many. */
static const struct st_view **sorted_views(const struct st *st)
{
	size_t nr = st_count(st);
	const struct st_view **views = malloc((nr + 1) * sizeof(*views));

	for (size_t i = 0; views && i < nr; i++)
		views[i] = st_at(st, i);
	if (views)
		qsort(views, nr, sizeof(*views), by_name);
	else
		fail_nomem((nr + 1) * sizeof(*views), "an index of tensors");
	return views;
}

static int find_parts(struct fim *f, const struct st_view **views, struct fim_item *item,
		      size_t *found)
{
	char name[NAME_LEN];
	struct st_view key = { .name = name };
	const struct st_view *wanted = &key, **at;
	int ret = 0;

	for (int p = 0; p < FIM_PARTS && !ret; p++) {
		snprintf(name, sizeof(name), "%s%s", item->name, parts[p].suffix);
		at = bsearch(&wanted, views, st_count(f->st), sizeof(*views), by_name);
		if (!at)
			continue;
		item->part[p] = *at;
		(*found)++;
		ret = check_view(f, item, p, *at);
	}
	return ret;
}

static int count_lines(const char *s)
{
	int nr = *s ? 1 : 0;

	for (; *s; s++)
		nr += *s == '\n';
	return nr;
}

static int read_items(struct fim *f)
{
	const char *list = st_metadata(f->st, "tensors");
	const struct st_view **views = list ? sorted_views(f->st) : NULL;
	char *copy = list ? strdup(list) : NULL, *save = NULL;
	size_t found = 0;
	int ret = 0;

	if (!list)
		return fail(-EINVAL, "%s: no 'tensors' in its metadata", f->path);
	f->item = calloc(count_lines(list) + 1, sizeof(*f->item));
	if (!copy || !f->item || !views)
		ret = fail_nomem(strlen(list), "a list of tensors");
	for (char *l = ret ? NULL : strtok_r(copy, "\n", &save); l && !ret;
	     l = strtok_r(NULL, "\n", &save)) {
		ret = read_item(f, l, &f->item[f->nr]);
		f->nr += f->item[f->nr].name != NULL;
	}
	for (int i = 0; i < f->nr && !ret; i++)
		ret = find_parts(f, views, &f->item[i], &found);
	if (!ret && (!f->nr || found != st_count(f->st)))
		ret = fail(-EINVAL, "%s: it holds %zu tensors, its metadata tell of %zu", f->path,
			   st_count(f->st), found);
	free(copy);
	free(views);
	return ret;
}

int fim_open(const char *path, struct fim **out)
{
	struct fim *f = calloc(1, sizeof(*f));
	struct stat st;
	int ret;

	if (!f)
		return fail_nomem(sizeof(*f), "a FIM file");
	f->path = strdup(path);
	if (f->path && !stat(path, &st) && S_ISDIR(st.st_mode))
		ret = fail(-EISDIR, "%s is a folder: a FIM file is one file, which `knlp fim "
			   "estimate` writes", path);
	else
		ret = f->path ? st_open(path, &f->st) : fail_nomem(strlen(path), "a path");
	if (!ret)
		ret = fim_facts_read(f->st, &f->facts);
	if (!ret)
		ret = read_items(f);
	if (!ret)
		ret = sort_items(f);
	if (ret)
		fim_close(f);
	else
		*out = f;
	return ret;
}

void fim_close(struct fim *f)
{
	if (!f)
		return;
	for (int i = 0; i < f->nr; i++)
		free(f->item[i].name);
	free(f->item);
	free(f->by_name);
	fim_facts_free(&f->facts);
	st_close(f->st);
	free(f->path);
	free(f);
}
