// SPDX-License-Identifier: MIT
#include "io/run-internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"

/* The first "model name" of /proc/cpuinfo; other systems just lack the line. */
static void put_cpu(struct yml_writer *w)
{
	char line[256], *value;
	FILE *f = fopen("/proc/cpuinfo", "re");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10))
			continue;
		value = strchr(line, ':');
		if (!value)
			continue;
		value += 1 + strspn(value + 1, " \t");
		value[strcspn(value, "\n")] = '\0';
		yml_put_text(w, "cpu", value);
		break;
	}
	fclose(f);
}

static void put_host(struct yml_writer *w)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	struct utsname u;

	yml_begin_map(w, "host");
	if (!uname(&u)) {
		yml_put_text(w, "name", u.nodename);
		yml_put_text(w, "system", u.sysname);
		yml_put_text(w, "release", u.release);
		yml_put_text(w, "machine", u.machine);
	}
	put_cpu(w);
	yml_put_int(w, "processors", sysconf(_SC_NPROCESSORS_ONLN));
	if (pages > 0 && page > 0)
		yml_put_int(w, "memory_bytes", (long long)pages * page);
	yml_end_map(w);
}

static void put_features(struct yml_writer *w)
{
	char name[64];

	yml_begin_list(w, "features");
	for (const char *const *f = config_features; *f; f++)
		if (config_feature_name(*f, name))
			yml_put_text(w, NULL, name);
	yml_end_list(w);
}

const char *utc_now(char text[UTC_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	*text = '\0';
	if (gmtime_r(&now, &tm))
		strftime(text, UTC_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

int run_manifest_write(const char *path, const struct config *cfg, const struct run_facts *facts)
{
	struct yml_writer *w;
	char hash[HASH_HEX], started[UTC_MAX];
	struct strbuf sb;
	char *file;
	int ret;

	ret = config_hash(cfg, hash);
	if (ret)
		return ret;
	w = yml_writer_new();
	file = path_join(path, "manifest.yaml");
	if (!w || !file) {
		ret = fail_nomem(strlen(path), "a manifest");
		goto out_file;
	}
	yml_put_int(w, "format", RUN_FORMAT);
	yml_put_text(w, "program", "knlp");
	yml_put_text(w, "version", or_empty(facts->version));
	yml_put_text(w, "config_hash", hash);
	if (facts->data)
		yml_put_text(w, "data", facts->data);
	yml_put_text(w, "data_hash", or_empty(facts->data_hash));
	yml_put_text(w, "tokenizer", or_empty(facts->tokenizer));
	if (facts->init) {
		yml_put_text(w, "init", facts->init);
		yml_put_text(w, "init_hash", or_empty(facts->init_hash));
	}
	if (facts->fork) {
		yml_put_text(w, "fork", facts->fork);
		yml_put_int(w, "fork_step", facts->fork_step);
		yml_put_text(w, "fork_hash", or_empty(facts->fork_hash));
	}
	yml_put_text(w, "started", utc_now(started));
	put_features(w);
	yml_put_texts(w, "kernels", facts->kernels);
	yml_put_texts(w, "libraries", facts->libraries);
	yml_put_texts(w, "groups", facts->groups);
	put_host(w);
	strbuf_init(&sb);
	ret = yml_writer_end(w, &sb);
	w = NULL;
	if (!ret)
		ret = strbuf_ok(&sb);
	if (!ret)
		ret = file_write_atomic(file, sb.s, sb.len);
	strbuf_free(&sb);
out_file:
	yml_writer_drop(w);
	free(file);
	return ret;
}

static bool is_listed(const struct yml *list, const char *text)
{
	const struct yml *v;

	yml_for_each(v, list)
		if (v->kind == YML_IS_TEXT && !strcmp(v->text, text))
			return true;
	return false;
}

/* A list that differs: the first entry that only the run had, and the first only now. */
static int check_list(const struct yml *manifest, const char *key,
		      const char *const *now)
{
	const char *then_only = NULL, *now_only = NULL;
	const struct yml *list, *v;
	size_t nr = 0;
	int ret;

	ret = yml_list(manifest, key, &list);
	if (ret)
		return ret;
	for (; now && now[nr]; nr++)
		if (!now_only && !is_listed(list, now[nr]))
			now_only = now[nr];
	yml_for_each(v, list) {
		size_t i = 0;

		if (v->kind != YML_IS_TEXT)
			return yml_fail(v, "is not a text");
		while (i < nr && strcmp(now[i], v->text))
			i++;
		if (i == nr && !then_only)
			then_only = v->text;
	}
	if (!then_only && !now_only)
		return 0;
	return fail(-EINVAL, "%s: the run began with other %s: '%s' then, '%s' now",
		    manifest->file, key, then_only ? then_only : "none",
		    now_only ? now_only : "none");
}

static int check_text(const struct yml *manifest, const char *key, const char *now)
{
	const char *then;
	int ret = yml_text(manifest, key, &then);

	if (ret || !strcmp(then, or_empty(now)))
		return ret;
	return fail(-EINVAL, "%s: the run began with another %s: '%s' then, '%s' now",
		    manifest->file, key, then, or_empty(now));
}

int manifest_check(const struct yml *manifest, const struct run_facts *facts)
{
	const char *version;
	int ret;

	ret = yml_text(manifest, "version", &version);
	if (ret)
		return ret;
	/* A commit seldom changes the numbers; kernels and libraries say if they may. */
	if (strcmp(version, or_empty(facts->version)))
		log_warn("%s: the run began with version %s of knlp, this is %s", manifest->file,
			 version, or_empty(facts->version));
	ret = check_list(manifest, "kernels", facts->kernels);
	if (!ret)
		ret = check_list(manifest, "libraries", facts->libraries);
	if (!ret)
		ret = check_text(manifest, "data_hash", facts->data_hash);
	if (!ret)
		ret = check_text(manifest, "tokenizer", facts->tokenizer);
	return ret;
}
