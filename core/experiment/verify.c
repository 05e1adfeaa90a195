// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "experiment/internal.h"
#include "experiment/verify-internal.h"
#include "io/metrics.h"
#include "io/run.h"
#include "train/load.h"

#define POLL_SECONDS 0.25

/* ---- what computed ------------------------------------------------------------- */

static void join_list(const struct yml *manifest, const char *key, struct strbuf *sb)
{
	const struct yml *list = yml_get(manifest, key), *item;

	if (!list || list->kind != YML_IS_LIST)
		return;
	yml_for_each(item, list)
		strbuf_addf(sb, "%s\n", item->text ? item->text : "");
}

/* The first line in which @a and @b differ, without its end. */
static const char *first_difference(const char *a, const char *b, int *len)
{
	while (*a) {
		size_t line = strcspn(a, "\n") + 1;

		if (strncmp(a, b, line))
			break;
		a += line;
		b += line;
	}
	if (!*a)
		a = b;
	*len = (int)strcspn(a, "\n");
	return a;
}

static int compare_list(const struct yml *then, const struct yml *now, const char *key)
{
	struct strbuf a, b;
	const char *line;
	int ret = 0, len;

	strbuf_init(&a);
	strbuf_init(&b);
	join_list(then, key, &a);
	join_list(now, key, &b);
	if (strcmp(a.s, b.s)) {
		line = first_difference(a.s, b.s, &len);
		ret = fail(-EINVAL, "%s: it was trained with other %s ('%.*s'): with --force it "
			   "is compared all the same", then->file, key, len, line);
	}
	strbuf_free(&b);
	strbuf_free(&a);
	return ret;
}

static int compare_machines(const struct verify *v)
{
	struct run *then = NULL, *now = NULL;
	int ret = run_open(v->cell->path, &then);

	if (!ret)
		ret = run_open(v->again.path, &now);
	if (!ret)
		ret = compare_list(then->manifest, now->manifest, "kernels");
	if (!ret)
		ret = compare_list(then->manifest, now->manifest, "libraries");
	if (ret == -EINVAL && v->o->force) {
		log_warn("%s", fail_message());
		ret = 0;
	}
	run_close(now);
	run_close(then);
	return ret;
}

/* ---- training it again --------------------------------------------------------- */

static int make_command(const struct verify *v, struct argv *words)
{
	argv_add(words, "knlp");
	argv_add(words, "train");
	argv_addf(words, "--run=%s", v->again.path);
	argv_addf(words, "--data=%s", v->o->data ? v->o->data : v->run->data);
	argv_addf(words, "--config=%s/config", v->cell->path);
	argv_addf(words, "--threads=%d", v->o->threads);
	argv_add(words, "--quiet");
	return argv_ok(words);
}

static void show_progress(const struct verify *v)
{
	const char *arm = v->run->plan->arms[v->cell->arm].name;
	long long seed = v->run->plan->seeds[v->cell->seed];
	uint64_t done = (uint64_t)(v->measure ? v->cell->steps : log_last_step(v->again.path));

	progress_update(v->bar, done, "%s/%lld%s%s", arm, seed, v->measure ? ":" : "",
			v->measure ? v->measure : "");
}

/* As soon as the training says what it computes with: it need not end to be refused. */
static int look_at_machine(const struct verify *v, bool *done)
{
	char *manifest = path_join(v->again.path, "manifest.yaml");
	int ret = 0;

	if (!*done && !v->measure && manifest && file_exists(manifest)) {
		ret = compare_machines(v);
		*done = true;
	}
	free(manifest);
	return ret;
}

static int await(const struct verify *v, struct child *child, int *status)
{
	const struct child *list[] = { child };
	bool told = false, compared = false;
	int ret, other = 0;

	while (!(ret = child_wait(child, false, status))) {
		show_progress(v);
		if (!other)
			other = look_at_machine(v, &compared);
		if ((*v->o->stop || other) && !told) {
			kill(child->pid, SIGKILL);	/* nothing of it is needed */
			told = true;
		}
		children_wait(list, 1, POLL_SECONDS);
	}
	if (!other && ret > 0 && WIFEXITED(*status) && !WEXITSTATUS(*status))
		other = look_at_machine(v, &compared);
	return ret < 0 ? ret : other;
}

int verify_child(const struct verify *v, const struct argv *words, const char *what, bool keep_out,
		 struct child *child)
{
	char *log = path_join(v->o->scratch, "log"), *why;
	int status, ret = log ? 0 : fail_nomem(0, "a path");

	/* Trainings are told how many threads; measures see it from their processors. */
	if (!ret)
		ret = child_start(child, words->argv, log, keep_out,
				  keep_out ? v->o->threads : 0, 0);
	free(log);
	if (ret)
		return ret;
	ret = await(v, child, &status);
	if (!ret && *v->o->stop)
		ret = fail(-EINTR, "stopped by signal %d: nothing is known yet", (int)*v->o->stop);
	if (!ret && (!WIFEXITED(status) || WEXITSTATUS(status))) {
		why = child_failure(child, status);
		ret = fail(-ECHILD, "%s failed this time: %s", what, why ? why : "");
		free(why);
	}
	if (ret)
		child_end(child);
	return ret;
}

static int train_again(const struct verify *v)
{
	struct argv words = { 0 };
	struct child child;
	int ret = make_command(v, &words);

	if (!ret)
		ret = verify_child(v, &words, "the training", false, &child);
	if (!ret)
		child_end(&child);
	argv_free(&words);
	return ret;
}

/* ---- the log ------------------------------------------------------------------- */

/* All of a line that does not depend on the clock: what stands in front of "seconds". */
static int add_line(void *ctx, const struct metrics_line *l)
{
	struct strbuf *sb = ctx;

	if (metrics_is(l, "resume") || metrics_is(l, "fork") || metrics_is(l, "failed"))
		return 0;
	for (int i = 0; i < l->nr_fields && strcmp(l->field[i].key, "seconds"); i++) {
		const struct metrics_field *f = &l->field[i];

		strbuf_addf(sb, "%s%s ", i ? " " : "", f->key);
		if (f->kind == METRICS_TEXT)
			json_add_string(sb, f->text);	/* a line stays one line */
		else
			strbuf_addf(sb, "%.17g", f->number);
	}
	strbuf_addc(sb, '\n');
	return 0;
}

static int read_lines(const char *dir, struct strbuf *sb)
{
	char *path = path_join(dir, "metrics.jsonl");
	int ret = path ? metrics_read(path, add_line, sb) : fail_nomem(0, "a path");

	free(path);
	return ret ? ret : strbuf_ok(sb);
}

static int compare_logs(const struct verify *v)
{
	struct strbuf then, now;
	const char *line;
	int ret, len;

	strbuf_init(&then);
	strbuf_init(&now);
	ret = read_lines(v->cell->path, &then);
	if (!ret)
		ret = read_lines(v->again.path, &now);
	if (!ret && strcmp(then.s, now.s)) {
		line = first_difference(then.s, now.s, &len);
		ret = fail(-EILSEQ, "%s/metrics.jsonl differs: '%.*s' is otherwise this time",
			   v->cell->path, len < 120 ? len : 120, line);
	}
	if (!ret)
		strbuf_adds(&v->result->files, "metrics.jsonl\n");
	strbuf_free(&now);
	strbuf_free(&then);
	return ret;
}

/* ---- the checkpoints ----------------------------------------------------------- */

static int compare_file(const struct verify *v, const char *dir, const char *name)
{
	char *then = str_printf("%s/checkpoints/%s/%s", v->cell->path, dir, name);
	char *now = str_printf("%s/checkpoints/%s/%s", v->again.path, dir, name);
	char a[HASH_HEX], b[HASH_HEX];
	int ret = then && now ? hash_file(then, a) : fail_nomem(0, "a path");

	if (!ret)
		ret = hash_file(now, b);
	if (!ret && strcmp(a, b))
		ret = fail(-EILSEQ, "%s differs: its checksum is %s, and %s this time", then, a, b);
	if (!ret)
		strbuf_addf(&v->result->files, "%s/%s\n", dir, name);
	free(now);
	free(then);
	return ret;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Call fn(@v, @dir, name) for each entry of PATH/checkpoints/@dir that counts. */
static int each_entry(const struct verify *v, const char *dir,
		      int (*fn)(const struct verify *v, const char *dir, const char *name))
{
	char *path = str_printf("%s/checkpoints/%s", v->cell->path, dir);
	struct dirent **entries;
	int nr, ret = 0;

	if (!path)
		return fail_nomem(0, "a path");
	nr = scandir(path, &entries, NULL, by_name);
	if (nr < 0)
		ret = fail_errno("%s", path);
	for (int i = 0; i < nr; i++) {
		/* "keep" is the mark of a fork point, and no part of a state. */
		if (!ret && *entries[i]->d_name != '.' && strcmp(entries[i]->d_name, "keep"))
			ret = fn(v, dir, entries[i]->d_name);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	free(path);
	return ret;
}

/* What was kept because others forked there may be gone this time; the end may not. */
static int compare_checkpoint(const struct verify *v, const char *dir, const char *name)
{
	char *now = str_printf("%s/checkpoints/%s", v->again.path, name);
	bool there = now && file_exists(now);
	long long step = strncmp(name, "step-", 5) ? 0 : strtoll(name + 5, NULL, 10);

	(void)dir;
	free(now);
	if (!there && step != v->cell->steps)
		return 0;
	return each_entry(v, name, compare_file);
}

/* ---- all of it ----------------------------------------------------------------- */

static int check_data(const struct verify *v)
{
	const char *dir = v->o->data ? v->o->data : v->run->data;
	struct dataset *data = NULL;
	int ret = dataset_open(dir, &data);

	if (!ret)
		ret = run_check_data(v->run, dataset_hash(data), dir);
	dataset_close(data);
	return ret;
}

static int check_model(const struct verify *v)
{
	char hash[HASH_HEX];
	int ret = v->run->model ? model_weights_hash(v->run->model, hash) : 0;

	return ret || !v->run->model ? ret : run_check_model(v->run, hash, v->run->model);
}

static int verify_training(const struct verify *v)
{
	int ret = train_again(v);

	if (!ret)
		ret = compare_logs(v);
	return ret ? ret : each_entry(v, "", compare_checkpoint);
}

static int verify_all(struct verify *v)
{
	int ret = dir_remove_tree(v->o->scratch);

	if (!ret)
		ret = dir_make(v->o->scratch);
	if (ret)
		return ret;
	v->bar = progress_begin("verify", (uint64_t)v->cell->steps);
	ret = v->run->model ? 0 : verify_training(v);
	if (!ret)
		ret = verify_measures(v);
	progress_end(v->bar);
	return ret;
}

int experiment_verify(const struct experiment_run *run, const struct experiment_cell *cell,
		      const struct verify_options *o, struct verify_result *result)
{
	struct verify v = { .run = run, .cell = cell, .o = o, .again = *cell, .result = result };
	int ret;

	if (!cell->trained || (run->model && cell->state != CELL_DONE))
		return fail(-ENODATA, "%s: it is %s: only a %s cell can be verified", cell->path,
			    cell_state_name(cell->state), run->model ? "measured" : "trained");
	ret = run->model ? 0 : cell_config_check(run, cell);
	if (!ret)
		ret = check_data(&v);
	if (!ret)
		ret = check_model(&v);
	if (ret)
		return ret;
	v.again.path = path_join(o->scratch, "again");
	ret = v.again.path ? verify_all(&v) : fail_nomem(0, "a path");
	if (ret && ret != -ENOMEM) {
		char *message = strdup(fail_message());

		dir_remove_tree(o->scratch);
		ret = message ? fail(ret, "%s", message) : ret;
		free(message);
	} else if (!ret) {
		ret = dir_remove_tree(o->scratch);
	}
	free(v.again.path);
	return ret;
}
