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

static int tell_verified(const struct experiment_run *run, const struct experiment_cell *cell,
			 char *compared)
{
	const char *arm = run->plan->arms[cell->arm].name;
	long long seed = run->plan->seeds[cell->seed];
	struct json_out *o, *list;

	if (!config_options.json) {
		printf("arm '%s', seed %lld: the same bits\n%s", arm, seed, compared);
		return 0;
	}
	o = json_out_new();
	json_out_text(o, "arm", arm);
	json_out_int(o, "seed", seed);
	json_out_bool(o, "same", true);
	list = json_out_array(o, "files");
	for (char *line = strtok(compared, "\n"); line; line = strtok(NULL, "\n"))
		json_out_text(list, NULL, line);
	return json_out_print(o);
}

static int verify_cell(const struct experiment_run *run, const struct experiment_cell *cell,
		       struct verify_options *o)
{
	char *scratch = path_join(run->path, "verify.tmp");
	struct strbuf compared;
	int lock = -1, ret = scratch ? folder_lock(run->path, &lock) : fail_nomem(0, "a path");

	strbuf_init(&compared);
	o->scratch = scratch;
	if (!ret)
		ret = experiment_verify(run, cell, o, &compared);
	if (!ret)
		ret = tell_verified(run, cell, compared.s);
	strbuf_free(&compared);
	if (lock >= 0)
		close(lock);
	free(scratch);
	return ret;
}

int run_verify(int argc, char **argv, const char *data, int threads, bool force)
{
	struct verify_options o = {
		.data = data, .threads = run_threads(threads), .force = force, .stop = &run_stop,
	};
	const struct experiment_cell *cell = NULL;
	struct experiment_run *run;
	int ret = experiment_run_open(argv[0], &run);

	if (ret)
		return ret;
	ret = choose_cell(run, argc - 1, argv + 1, &cell);
	run_catch_signals();
	if (!ret)
		ret = verify_cell(run, cell, &o);
	experiment_run_close(run);
	return ret;
}
