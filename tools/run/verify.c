// SPDX-License-Identifier: MIT
#include "tools/run/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/verify.h"
#include "io/lock.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "tools/run/stop.h"

/* The cell that ARM and SEED name; the primary arm, or the baseline, with its first seed. */
static int choose_cell(const struct experiment_run *run, int argc, char **argv,
		       const struct experiment_cell **cell)
{
	const struct experiment *e = run->plan;
	int arm = e->primary >= 0 ? e->primary : e->baseline, nr = 0;
	long long seed;

	if (argc) {
		arm = experiment_arm(e, argv[0]);
		if (arm < 0)
			return usage_error("run: %s has no arm '%s'", run->path, argv[0]);
		if (str_to_int(argv[1], &seed))
			return usage_error("run: SEED is '%s', no number", argv[1]);
		while (nr < e->nr_seeds && e->seeds[nr] != seed)
			nr++;
		if (nr == e->nr_seeds)
			return usage_error("run: %s has no seed %lld", run->path, seed);
	}
	*cell = experiment_cell(run, arm, nr);
	return 0;
}

static void list_lines(struct json_out *o, const char *key, char *lines)
{
	struct json_out *list = json_out_array(o, key);

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
		json_out_text(list, NULL, line);
}

static void print_measures(const struct experiment_run *run, const struct verify_result *result)
{
	if (!run->plan->nr_measures)
		return;
	if (!result->measures)
		puts("its measures are not there yet: nothing of them was verified");
	if (result->numbers.len)
		printf("measured again: the same numbers\n%s", result->numbers.s);
	if (result->others.len)
		printf("measured again: other numbers\n%s", result->others.s);
}

static int tell_verified(const struct experiment_run *run, const struct experiment_cell *cell,
			 struct verify_result *result)
{
	const char *arm = run->plan->arms[cell->arm].name;
	long long seed = run->plan->seeds[cell->seed];
	struct json_out *o;

	if (!config_options.json) {
		printf("arm '%s', seed %lld: the same bits\n%s", arm, seed, result->files.s);
		print_measures(run, result);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "arm", arm);
	json_out_int(o, "seed", seed);
	json_out_bool(o, "same", true);
	list_lines(o, "files", result->files.s);
	json_out_int(o, "measures", result->measures);
	list_lines(o, "numbers", result->numbers.s);
	list_lines(o, "other_numbers", result->others.s);
	return json_out_print(o);
}

static int verify_cell(const struct experiment_run *run, const struct experiment_cell *cell,
		       struct verify_options *o)
{
	char *scratch = path_join(run->path, "verify.tmp");
	struct verify_result result = { 0 };
	int lock = -1, ret = scratch ? folder_lock(run->path, &lock) : fail_nomem(0, "a path");

	strbuf_init(&result.files);
	strbuf_init(&result.numbers);
	strbuf_init(&result.others);
	o->scratch = scratch;
	if (!ret)
		ret = experiment_verify(run, cell, o, &result);
	if (!ret)
		ret = tell_verified(run, cell, &result);
	strbuf_free(&result.others);
	strbuf_free(&result.numbers);
	strbuf_free(&result.files);
	if (lock >= 0)
		close(lock);
	free(scratch);
	return ret;
}

/* A run by its folder, or an experiment by its name: then its usual folder is meant. */
static char *find_run(const char *name)
{
	char *usual = strchr(name, '/') || experiment_is_run(name) ? NULL : path_join("runs", name);

	if (usual && experiment_is_run(usual))
		return usual;
	free(usual);
	return strdup(name);
}

int run_verify(int argc, char **argv, const char *data, int threads, bool force)
{
	struct verify_options o = {
		.data = data, .threads = run_threads(threads), .force = force, .stop = &run_stop,
	};
	const struct experiment_cell *cell = NULL;
	struct experiment_run *run;
	char *path = find_run(argv[0]);
	int ret = path ? experiment_run_open(path, &run) : fail_nomem(0, "a path");

	free(path);
	if (ret)
		return ret;
	ret = choose_cell(run, argc - 1, argv + 1, &cell);
	run_catch_signals();
	if (!ret)
		ret = verify_cell(run, cell, &o);
	experiment_run_close(run);
	return ret;
}
