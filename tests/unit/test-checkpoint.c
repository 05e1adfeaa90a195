// SPDX-License-Identifier: MIT
#include "io/checkpoint.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rng.h"
#include "tests/unit/io-helper.h"
#include "tests/unit/test.h"

static const struct run_facts facts = { .version = "0.1.0", .data_hash = "0" };

#define COUNT 6000

static float weights[COUNT], moments[COUNT];	/* weights: (2, COUNT / 2) */

static const struct tensor_entry model[] = {
	{ .name = "w", .dtype = DT_F32, .nd = 2, .shape = { 2, COUNT / 2 }, .transposed = true,
	  .fetch = tensor_fetch_memory, .store = tensor_store_memory, .ctx = weights },
};
static const struct tensor_entry optimizer[] = {
	{ .name = "w.m", .dtype = DT_F32, .nd = 1, .shape = { COUNT },
	  .fetch = tensor_fetch_memory, .store = tensor_store_memory, .ctx = moments },
};

/* Every number says the step, so that a mixture of two checkpoints shows. */
static void set_weights(long long step)
{
	for (int i = 0; i < COUNT; i++)
		weights[i] = moments[i] = (float)(step * 10000 + i);
}

static int save_step(struct run *run, long long step, bool keep)
{
	const struct state_value state[] = {
		STATE_INT("tokens", step * 512), STATE_REAL("loss", 1.0 / 3),
		STATE_TEXT("note", "1.10"),
	};
	const struct checkpoint_file files[] = { { "config.json", "{}", 2 } };
	const struct checkpoint_content content = {
		.step = step, .model = model, .nr_model = 1, .optimizer = optimizer,
		.nr_optimizer = 1, .state = state, .nr_state = 3, .files = files, .nr_files = 1,
		.keep = keep,
	};

	set_weights(step);
	return checkpoint_save(run, &content);
}

static bool holds_step(struct run *run, long long step)
{
	struct checkpoint *ck;
	bool good;

	if (checkpoint_latest(run, &ck)) {
		fprintf(stderr, "%s\n", fail_message());
		return false;
	}
	set_weights(-1);
	good = ck->step == step && !checkpoint_load(ck, model, 1, optimizer, 1);
	for (int i = 0; i < COUNT && good; i++)
		good = weights[i] == (float)(step * 10000 + i) && moments[i] == weights[i];
	checkpoint_close(ck);
	return good;
}

/* Names in RUN/checkpoints, sorted, one blank between. */
static const char *list(const struct run *run)
{
	static char text[1024];
	struct dirent **names;
	int nr = scandir(run->checkpoints, &names, NULL, alphasort);
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < nr; i++) {
		if (names[i]->d_name[0] != '.' && len < sizeof(text))
			len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
					names[i]->d_name);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return text;
}

static struct run *start_run(const char *dir)
{
	struct config *cfg = config_new();
	char *path = path_join(dir, "run");
	struct run *run;
	int ret = run_create(path, cfg, &facts, &run);

	if (ret == -EEXIST)
		ret = run_resume(path, cfg, &facts, false, &run);
	if (ret) {
		fprintf(stderr, "%s\n", fail_message());
		exit(1);
	}
	free(path);
	config_free(cfg);
	return run;
}

static void checkpoint_round_trip(void)
{
	char *dir = scratch_make(), hash[2][HASH_HEX], *path, *file;
	struct run *run = start_run(dir);
	struct checkpoint *ck;
	long long tokens;
	const char *note;
	double loss;

	CHECK(checkpoint_latest(run, &ck) == -ENOENT && message_has("no checkpoint yet"));
	CHECK(!save_step(run, 100, false));
	path = checkpoint_path(run, 100);
	CHECK(!strcmp(strrchr(path, '/'), "/step-0000000100") && !checkpoint_open(path, &ck));
	CHECK(!yml_int(ck->state, "tokens", &tokens) && tokens == 51200);
	CHECK(!yml_double(ck->state, "loss", &loss) && loss == 1.0 / 3);
	CHECK(!yml_text(ck->state, "note", &note) && !strcmp(note, "1.10"));
	checkpoint_close(ck);
	CHECK(holds_step(run, 100));

	/* Equal content gives equal bytes, also where the folder was there before. */
	file = path_join(path, "state.yaml");
	CHECK(!hash_file(file, hash[0]) && !save_step(run, 100, false));
	CHECK(!hash_file(file, hash[1]) && !strcmp(hash[0], hash[1]));
	CHECK(!strcmp(list(run), "step-0000000100"));
	free(file);
	free(path);
	run_close(run);
	scratch_remove(dir);
}
TEST_REGISTER(checkpoint_round_trip);

static void checkpoint_prunes(void)
{
	char *dir = scratch_make(), *path;
	struct run *run = start_run(dir);

	for (int step = 10; step <= 60; step += 10)
		CHECK(!save_step(run, step, step == 20));
	CHECK(!strcmp(list(run), "step-0000000020 step-0000000050 step-0000000060"));
	path = checkpoint_path(run, 50);
	CHECK(!checkpoint_keep(path));
	free(path);
	path = str_printf("%s/step-0000000070.tmp-1", run->checkpoints);
	CHECK(!dir_make(path) && !save_step(run, 70, false) && !save_step(run, 80, false));
	CHECK(!strcmp(list(run), "step-0000000020 step-0000000050 step-0000000070 "
		      "step-0000000080"));
	free(path);
	run_close(run);
	scratch_remove(dir);
}
TEST_REGISTER(checkpoint_prunes);

/* ---- damage ---- */

static void damage(const struct run *run, long long step, const char *name, bool cut)
{
	char *dir = checkpoint_path(run, step), *path = path_join(dir, name), *text;
	size_t len;

	CHECK(!file_read_all(path, 1 << 20, &text, &len));
	text[len / 2] ^= 1;
	write_raw(path, text, cut ? len / 2 : len);
	free(text);
	free(path);
	free(dir);
}

static void refuses(struct run *run, long long step, const char *name, const char *message)
{
	char *path = checkpoint_path(run, step);
	struct checkpoint *ck;

	CHECK(checkpoint_open(path, &ck) == -EINVAL);
	CHECK(message_has(name) && message_has(message));
	free(path);
}

static void checkpoint_refuses_damage(void)
{
	static const char *const names[] = { "model.safetensors", "optimizer.safetensors",
					     "config.json", "state.yaml" };
	char *dir = scratch_make();
	struct run *run = start_run(dir);
	struct checkpoint *ck;

	log_set_level(LOG_ERROR);
	for (int i = 0; i < 4; i++)
		for (int cut = 0; cut < 2; cut++) {
			CHECK(!save_step(run, 10, false) && !save_step(run, 20, false));
			damage(run, 20, names[i], cut);
			refuses(run, 20, names[i], cut ? "torn" : "altered");
			CHECK(holds_step(run, 10));
		}
	damage(run, 10, "model.safetensors", false);
	CHECK(checkpoint_latest(run, &ck) == -EINVAL && message_has("none of 2"));
	log_set_level(LOG_INFO);
	run_close(run);
	scratch_remove(dir);
}
TEST_REGISTER(checkpoint_refuses_damage);

/* A damaged checkpoint does not count as one of the two that are kept. */
static void checkpoint_prunes_only_behind_good_ones(void)
{
	char *dir = scratch_make();
	struct run *run = start_run(dir);

	log_set_level(LOG_ERROR);
	CHECK(!save_step(run, 10, false) && !save_step(run, 20, false));
	damage(run, 20, "model.safetensors", false);
	run_close(run);
	run = start_run(dir);		/* a new process, which knows of none */
	CHECK(holds_step(run, 10) && !save_step(run, 15, false));
	CHECK(!strcmp(list(run), "step-0000000010 step-0000000015 step-0000000020"));
	CHECK(!save_step(run, 20, false) && holds_step(run, 20));
	CHECK(!strcmp(list(run), "step-0000000015 step-0000000020"));
	log_set_level(LOG_INFO);
	run_close(run);
	scratch_remove(dir);
}
TEST_REGISTER(checkpoint_prunes_only_behind_good_ones);

/* ---- SIGKILL at any moment ---- */

static void save_until_killed(const char *dir, long long step)
{
	struct run *run = start_run(dir);

	for (;; step++)
		if (save_step(run, step, false))
			_exit(1);
}

static bool one_kill(const char *dir, long us)
{
	struct timespec delay = { 0, us * 1000 };
	struct checkpoint *ck = NULL;
	long long step = 0;
	struct run *run;
	int status;
	pid_t pid;
	bool good;

	run = start_run(dir);
	if (!checkpoint_latest(run, &ck))
		step = ck->step;
	checkpoint_close(ck);
	run_close(run);
	pid = fork();
	if (!pid)
		save_until_killed(dir, step + 1);
	nanosleep(&delay, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	run = start_run(dir);
	good = WIFSIGNALED(status);
	if (checkpoint_latest(run, &ck))
		good = good && !step;	/* only before the first save was done */
	else
		good = good && ck->step >= step && holds_step(run, ck->step);
	checkpoint_close(ck);
	run_close(run);
	return good;
}

static void checkpoint_survives_kill(void)
{
	char *dir = scratch_make();
	struct rng rng = rng_stream(1, "test/kill", 0);
	time_t end = time(NULL) + 3;
	struct run *run;

	for (int i = 0; i < 60 && time(NULL) < end; i++)
		CHECK(one_kill(dir, 100 + (long)rng_below(&rng, i, 40000)));
	run = start_run(dir);
	CHECK(!save_step(run, 1000000, false) && !save_step(run, 1000001, false));
	CHECK(!strcmp(list(run), "step-0001000000 step-0001000001"));
	run_close(run);
	scratch_remove(dir);
}
TEST_REGISTER(checkpoint_survives_kill);

/* ---- a full disk, a read-only one ---- */

static const char *const before = "step-0000000010 step-0000000020";

/* Run @fn(dir) in a child, which takes limits and rights from itself. */
static void in_child(void (*fn)(const char *dir))
{
	char *dir = scratch_make();
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		fn(dir);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "not permitted here: not tested\n");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	scratch_remove(dir);
}

static struct run *start_with_two(const char *dir)
{
	struct run *run = start_run(dir);

	if (save_step(run, 10, false) || save_step(run, 20, false))
		_exit(2);
	return run;
}

/* Did saving fail with @code and @message, and leave all as it was? */
static bool fails_cleanly(struct run *run, int code, const char *message)
{
	return save_step(run, 30, false) == code && message_has(message) &&
	       !strcmp(list(run), before) && holds_step(run, 20);
}

static void child_fills_disk(const char *dir)
{
	struct run *run;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=160k"))
		_exit(77);
	run = start_with_two(dir);
	_exit(fails_cleanly(run, -ENOSPC, "safetensors: No space left") ? 0 : 3);
}

static void checkpoint_disk_full(void)
{
	in_child(child_fills_disk);
}
TEST_REGISTER(checkpoint_disk_full);

static void child_limits_files(const char *dir)
{
	struct rlimit limit = { 10000, 10000 };
	struct run *run = start_with_two(dir);

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		_exit(77);
	_exit(fails_cleanly(run, -EFBIG, "model.safetensors: File too large") ? 0 : 3);
}

static void checkpoint_file_limit(void)
{
	in_child(child_limits_files);
}
TEST_REGISTER(checkpoint_file_limit);

static void child_loses_rights(const char *dir)
{
	struct run *run = start_with_two(dir);

	if (chmod(dir, 0755) || chmod(run->checkpoints, 0555) || (!geteuid() && setuid(65534)))
		_exit(77);
	_exit(fails_cleanly(run, -EACCES, "step-0000000030.tmp-") ? 0 : 3);
}

static void checkpoint_folder_read_only(void)
{
	in_child(child_loses_rights);
}
TEST_REGISTER(checkpoint_folder_read_only);
