// SPDX-License-Identifier: MIT
#include "io/run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

static const char *const kernels[] = { "gelu cpu/avx2", "linear cpu/openblas", NULL };
static const char *const other_kernels[] = { "gelu cpu/plain", "linear cpu/openblas", NULL };
static const char *const libraries[] = { "openblas 0.3.21", NULL };

static const struct run_facts facts = {
	.version = "0.1.0", .kernels = kernels, .libraries = libraries,
	.data_hash = "d41d", .tokenizer = "bytes",
};

/* struct seen - what metrics_read() found. */
struct seen {
	int nr;
	long long steps[16];
	double last_loss;
};

static int see(void *ctx, const struct metrics_line *l)
{
	struct seen *seen = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret || seen->nr == 16)
		return ret ? ret : -E2BIG;
	seen->steps[seen->nr++] = step;
	if (metrics_get(l, "loss"))
		seen->last_loss = metrics_number(l, "loss");
	return 0;
}

static void log_step(struct metrics *m, long long step)
{
	metrics_begin(m, "train", step);
	metrics_real(m, "loss", 1.0 / (double)(step + 3));
	metrics_int(m, "a \"quoted\" key", -1);
	CHECK(!metrics_end(m));
}

static void metrics_rewind_drops_later_steps(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl");
	struct seen seen = { 0 };
	struct metrics *m;
	FILE *f;

	CHECK(!metrics_open(path, &m));
	for (int step = 0; step < 6; step++)
		log_step(m, step);
	metrics_close(m);
	f = fopen(path, "a");
	fputs("{\"event\":\"train\",\"st", f);	/* as a full disk would leave it */
	fclose(f);
	CHECK(!metrics_read(path, see, &seen) && seen.nr == 6 && seen.last_loss == 1.0 / 8);
	CHECK(!metrics_open(path, &m) && !metrics_rewind(m, 3));
	log_step(m, 4);
	seen = (struct seen){ 0 };
	CHECK(!metrics_read(path, see, &seen) && seen.nr == 5 && seen.steps[4] == 4);
	CHECK(!metrics_rewind(m, 100) && !metrics_sync(m));
	CHECK(!metrics_rewind(m, -1));
	seen = (struct seen){ 0 };
	CHECK(!metrics_read(path, see, &seen) && !seen.nr);
	metrics_close(m);
	write_raw(path, "{\"step\":1}\nnonsense\n", 20);
	CHECK(metrics_read(path, see, &seen) == -EINVAL && message_has("metrics.jsonl:2"));
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_rewind_drops_later_steps);

/* What is cut off need not be whole: a disk may have left anything there. */
static void metrics_rewind_ignores_what_it_cuts(void)
{
	static const char text[] = "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n\0\0nonsense\n";
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl");
	struct seen seen = { 0 };
	struct metrics *m;

	write_raw(path, text, sizeof(text) - 1);
	CHECK(!metrics_open(path, &m));
	CHECK(metrics_rewind(m, 3) == -EINVAL && message_has("metrics.jsonl:4"));
	check_ok(metrics_rewind(m, 2));
	CHECK(!metrics_read(path, see, &seen) && seen.nr == 2);
	metrics_close(m);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_rewind_ignores_what_it_cuts);

/* struct want - what find_text() is to find; found: without key. */
struct want {
	const char *key, *text;
};

static int find_text(void *ctx, const struct metrics_line *l)
{
	struct want *want = ctx;
	const struct metrics_field *f = metrics_get(l, want->key);

	if (f && f->kind == METRICS_TEXT && !strcmp(f->text, want->text))
		want->key = NULL;
	return 0;
}

static void metrics_texts_read_back(void)
{
	static const char odd[] = "\"q\" \\ \n\t\x01\x7f \xc3\xa4 \xf0\x9f\x98\x80 </script>";
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl");
	struct want want = { "text", odd };
	struct metrics *m;

	CHECK(!metrics_open(path, &m));
	metrics_begin(m, "sample", 1);
	metrics_text(m, "text", odd);
	check_ok(metrics_end(m));
	metrics_close(m);
	check_ok(metrics_read(path, find_text, &want));
	CHECK(!want.key);

	/* Escapes that other programs write, and blanks. */
	write_raw(path, " { \"text\" : \"\\ud83d\\ude00\\u00e4\\/\" , \"x\":true } \n", 49);
	want = (struct want){ "text", "\xf0\x9f\x98\x80\xc3\xa4/" };
	check_ok(metrics_read(path, find_text, &want));
	CHECK(!want.key);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_texts_read_back);

static int nothing(void *ctx, const struct metrics_line *l)
{
	(void)ctx;
	(void)l;
	return 0;
}

static void metrics_refuse_what_is_no_flat_object(void)
{
	static const char *const wrong[] = {
		"[1]", "{\"a\":[1]}", "{\"a\":{}}", "{\"a\":1", "{\"a\":1,}", "{\"a\" 1}",
		"{\"a\":1}x", "{\"a\":1,\"a\":2}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1e}",
		"{\"a\":1-2}", "{\"a\":nan}", "{\"a\":1e999}", "{\"a\":\"", "{\"a\":\"\\u12\"}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\q\"}", "{a:1}", "", "{,}",
		"{\"a\":\"\t\"}", "{\"a\":tru}", "{\"a\":}", "\"a\"", "{\"a\":\"\\",
	};
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl"), *text;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		text = str_printf("{\"step\":1}\n%s\n", wrong[i]);
		write_raw(path, text, strlen(text));
		check_fails(metrics_read(path, nothing, NULL), -EINVAL, "metrics.jsonl:2: ");
		free(text);
	}
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_refuse_what_is_no_flat_object);

/* Whatever stands in a file: an error, or lines that can be asked, but never a crash. */
static void metrics_survive_damage(void)
{
	static const char whole[] =
		"{\"event\":\"sample\",\"step\":3,\"loss\":-1.5e-7,\"x\":null,\"y\":true,"
		"\"text\":\"a\\n\\u00e4\\ud83d\\ude00\\\"\\\\\"}\n";
	static const char odd[] = "\"\\{}[]:,u0\n\0e-.\xff";
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl");
	struct rng r = rng_stream(1, "test", 0);
	char text[sizeof(whole)];

	for (int i = 0; i < 3000; i++) {
		size_t len = sizeof(whole) - 1;

		memcpy(text, whole, sizeof(whole));
		for (int k = 0; k <= i % 3; k++)
			text[rng_below(&r, 8 * i + 2 * k, len)] =
				odd[rng_below(&r, 8 * i + 2 * k + 1, sizeof(odd))];
		if (i % 5 == 0)
			len = rng_below(&r, 8 * i + 7, len);
		write_raw(path, text, len);
		metrics_read(path, nothing, NULL);
		unlink(path);	/* writing over it, some file systems wait for the disk */
	}
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_survive_damage);

/* In a child, since a limit on file sizes cannot be taken back without privilege. */
static void child_fills_metrics(const char *path)
{
	struct rlimit limit = { 500, 500 };
	struct seen seen = { 0 };
	struct metrics *m;
	int ret = 0, nr = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) || metrics_open(path, &m))
		_exit(2);
	for (; !ret && nr < 100; nr++) {
		metrics_begin(m, "train", nr);
		metrics_int(m, "thirty bytes or so, not a divisor", nr);
		ret = metrics_end(m);
	}
	if (!ret || !message_has("metrics.jsonl"))
		_exit(3);
	_exit(metrics_read(path, see, &seen) || seen.nr != nr - 1);
}

static void metrics_end_with_a_whole_line(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "metrics.jsonl"), *text;
	int status;
	size_t len;
	pid_t pid;

	pid = fork();
	if (!pid)
		child_fills_metrics(path);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(!file_read_all(path, 1000, &text, &len) && len && text[len - 1] == '\n');
	free(text);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(metrics_end_with_a_whole_line);

static void run_create_and_open(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "a/run"), *file;
	struct config *cfg = config_new(), *again = config_new();
	char hash[HASH_HEX], hash_again[HASH_HEX];
	const struct run_facts broken = { .version = "\xff" };
	struct run *run, *reader;
	const char *s;

	CHECK(run_open(path, &run) == -ENOENT && message_has("holds no run"));
	CHECK(!run_create(path, cfg, &facts, &run));
	CHECK(!yml_text(run->manifest, "version", &s) && !strcmp(s, "0.1.0"));
	CHECK(!yml_text(run->manifest, "config_hash", &s));
	CHECK(!config_hash(cfg, hash) && !strcmp(hash, s));
	CHECK(!run_open(path, &reader) && !run_load_config(reader, again));
	CHECK(!config_hash(again, hash_again) && !strcmp(hash, hash_again));
	run_close(reader);
	run_close(run);
	CHECK(run_create(path, cfg, &facts, &run) == -EEXIST && message_has("resume it"));
	CHECK(!run && run_create(dir, cfg, &facts, &run) == -EEXIST && message_has("'a'"));

	/* A version that YAML cannot hold: nothing is left of the attempt. */
	file = path_join(dir, "b");
	CHECK(run_create(file, cfg, &broken, &run) == -EINVAL && !file_exists(file));
	free(file);

	/* Killed before the manifest: nothing has begun. */
	file = path_join(path, "manifest.yaml");
	CHECK(!unlink(file) && !run_create(path, cfg, &facts, &run));
	run_close(run);
	CHECK(!unlink(file));
	free(file);
	file = path_join(path, "checkpoints/step-0000000001");
	CHECK(!dir_make(file));		/* a manifest that was lost */
	CHECK(run_create(path, cfg, &facts, &run) == -EEXIST && message_has("'checkpoints'"));
	free(file);
	file = path_join(path, "manifest.yaml");
	write_raw(file, "format: 99\n", 11);
	CHECK(run_open(path, &run) == -EINVAL && message_has("format 99"));
	free(file);
	config_free(again);
	config_free(cfg);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(run_create_and_open);

/* The first parameter that counts, changed to another value that it may have. */
static const char *change_config(struct config *cfg)
{
	static const char *const tries[] = { "1", "2", "3", "0.5", "y", "n" };
	char *was;

	for (int i = 0; i < PARAM_COUNT; i++) {
		if (params[i].is_local || params[i].type == PARAM_STRING)
			continue;
		was = strdup(config_text(cfg, i));
		for (size_t t = 0; t < sizeof(tries) / sizeof(tries[0]); t++)
			if (!config_put(cfg, i, tries[t]) && strcmp(was, config_text(cfg, i))) {
				free(was);
				return params[i].name;
			}
		free(was);
	}
	return NULL;
}

static void run_resume_checks(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "run");
	struct config *cfg = config_new(), *other = config_new();
	struct run_facts then = facts;
	const char *changed;
	struct run *run;

	CHECK(!run_create(path, cfg, &facts, &run));
	log_step(run->metrics, 1);
	run_close(run);
	CHECK(!run_resume(path, cfg, &facts, false, &run));
	CHECK(!run_rewind(run, -1));
	run_close(run);

	changed = change_config(other);
	if (changed) {
		CHECK(run_resume(path, other, &facts, true, &run) == -EINVAL);
		CHECK(message_has("another configuration") && message_has(changed));
	}
	then.kernels = other_kernels;
	CHECK(run_resume(path, cfg, &then, false, &run) == -EINVAL);
	CHECK(message_has("other kernels: 'gelu cpu/avx2' then, 'gelu cpu/plain' now"));
	CHECK(!run_resume(path, cfg, &then, true, &run));
	run_close(run);
	then = facts;
	then.libraries = NULL;
	CHECK(run_resume(path, cfg, &then, false, &run) == -EINVAL && message_has("libraries"));
	then = facts;
	then.data_hash = "0";
	CHECK(run_resume(path, cfg, &then, false, &run) == -EINVAL && message_has("data_hash"));
	CHECK(run_resume(dir, cfg, &facts, false, &run) == -ENOENT);
	config_free(other);
	config_free(cfg);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(run_resume_checks);

static void hold_lock(const char *path, const struct config *cfg, int ready)
{
	struct run *run;

	if (run_resume(path, cfg, &facts, false, &run) || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void run_is_locked(void)
{
	char *dir = scratch_make(), *path = path_join(dir, "run"), want[64], byte;
	struct config *cfg = config_new();
	struct run *run;
	int ready[2];
	pid_t pid;

	CHECK(!run_create(path, cfg, &facts, &run) && !pipe(ready));
	snprintf(want, sizeof(want), "run is in use by process %ld", (long)getpid());
	{
		struct run *second;

		CHECK(run_resume(path, cfg, &facts, false, &second) == -EBUSY && message_has(want));
	}
	run_close(run);
	pid = fork();
	if (!pid)
		hold_lock(path, cfg, ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	snprintf(want, sizeof(want), "run is in use by process %ld", (long)pid);
	CHECK(run_resume(path, cfg, &facts, false, &run) == -EBUSY && message_has(want));
	CHECK(!run_open(path, &run));	/* readers need no lock */
	run_close(run);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(!run_resume(path, cfg, &facts, false, &run));	/* it died with its process */
	run_close(run);
	close(ready[0]);
	close(ready[1]);
	config_free(cfg);
	free(path);
	scratch_remove(dir);
}
TEST_REGISTER(run_is_locked);
