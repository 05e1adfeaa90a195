// SPDX-License-Identifier: MIT
/*
 * knlp train - train a language model.
 */
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/build-info.h"
#include "data/dataset.h"
#include "data/utf8.h"
#include "io/run.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/train/job.h"
#include "train/load.h"
#include "optim/groups.h"
#include "train/trainer.h"

#define NUMERICS_MAX 20
#define NUMERIC_TEXT 96
#define SMOOTH_STEPS 20		/* of the loss beside the bar */

static struct {
	const char *data, *run, *init, *fork;
	int at, until;
	bool resume, force, dry_run;
} opt = { .at = -1 };

static volatile sig_atomic_t stopped;

/*
 * The step under way is finished and saved; a second signal ends the program at once.
 * timeout(1) and shells signal a process and then its group: that counts as one.
 */
static void on_signal(int signal_number)
{
	static double first;

	if (!stopped) {
		stopped = signal_number;
		first = clock_seconds();
	} else if (clock_seconds() > first + 0.3) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
}

static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, NULL, &before);
	if (before.sa_handler != SIG_IGN)	/* nohup stays nohup */
		sigaction(SIGHUP, &stop, NULL);
}

/* A running mean: single batches jump about.  The first steps count in full. */
static double smooth_loss(struct job *j)
{
	double part;

	j->summed++;
	part = 1 / (double)(j->summed < SMOOTH_STEPS ? j->summed : SMOOTH_STEPS);
	j->sum += part * (j->session.loss - j->sum);
	return j->sum;
}

static void show_progress(void *ctx)
{
	struct job *j = ctx;
	char rate[FORMAT_MAX];

	format_count(rate, session_rate(&j->session));
	if (j->on_terminal) {
		progress_update(j->bar, trainer_done(j->trainer), "loss %.4f  %s tok/s",
				smooth_loss(j), rate);
		return;
	}
	j->sum += j->session.loss;
	j->summed++;
	if (progress_update(j->bar, trainer_done(j->trainer), "loss %.4f  lr %.3g  %s tok/s",
			    j->sum / (double)j->summed, j->session.lr, rate))
		j->sum = j->summed = 0;
}

static int train(struct job *j)
{
	int64_t steps = trainer_shape(j->trainer)->steps;
	int64_t saved = j->session.saved;
	int64_t end = opt.until && opt.until < steps ? opt.until : steps;
	int ret;

	j->session = (struct session){
		.cfg = j->cfg, .data = j->data, .dev = j->dev, .trainer = j->trainer,
		.run = j->run, .saved = saved, .stop = &stopped, .step_done = show_progress,
		.ctx = j, .until = opt.until,
	};
	catch_signals();
	ret = session_begin(&j->session);
	if (ret)
		return ret;
	if (j->session.first >= end) {
		log_info("%s: %s%lld step%s done", opt.run, end == steps ? "its " : "",
			 (long long)end, end == 1 ? " is" : "s are");
		return 0;
	}
	job_overview(j);
	j->bar = progress_begin("train", end);
	j->on_terminal = log_terminal(STDERR_FILENO);
	progress_skip(j->bar, j->session.first);
	ret = session_run(&j->session);
	progress_end(j->bar);
	if (!ret && trainer_done(j->trainer) < end)
		ret = fail(-EINTR, "stopped by signal %d after step %lld of %lld; the checkpoint "
			   "is written, go on with --resume", (int)stopped,
			   (long long)trainer_done(j->trainer), (long long)steps);
	return ret;
}

/* ---- before and after ------------------------------------------------------------ */

/* Where this run forks from another one's checkpoint, that one is kept. */
static void keep_source(void)
{
	char *dir;

	if (model_folder(opt.init, &dir))
		return;
	if (model_keep(dir))
		log_warn("%s may be removed when its run goes on: %s", dir, fail_message());
	fail_clear();
	free(dir);
}

/*
 * The weights come first: if --init is wrong, no run is left behind.  They are saved at
 * once, so that resuming does not need the other model again.
 */
static int begin_run(struct job *j, struct run_facts *facts)
{
	char hash[HASH_HEX], *init = NULL;
	int ret = trainer_start(j->trainer, opt.init);

	if (!ret && !opt.init)
		return run_create(opt.run, j->cfg, facts, &j->run);
	if (!ret)
		ret = model_weights_hash(opt.init, hash);
	if (!ret)
		ret = run_prepare(opt.run, j->cfg, &j->run);
	if (ret)
		return ret;
	init = realpath(opt.init, NULL);
	facts->init = init ? init : opt.init;
	facts->init_hash = hash;
	keep_source();
	ret = trainer_save(j->trainer, j->run);
	if (!ret)
		ret = run_begin(j->run, j->cfg, facts);
	if (ret) {
		run_abandon(j->run);
		j->run = NULL;
	}
	j->session.saved = 0;
	free(init);
	return ret;
}

/* The state of another run, from which this one goes on by its own parameters. */
static int fork_run(struct job *j, struct run_facts *facts)
{
	const struct train_fork fork = {
		.old = opt.fork, .step = opt.at, .run = opt.run, .force = opt.force,
	};
	int ret = trainer_fork(j->trainer, &fork, facts, &j->run);

	if (ret)
		return ret;
	j->session.saved = trainer_done(j->trainer);
	log_info("%s: goes on from step %lld of %s", opt.run, (long long)j->session.saved,
		 opt.fork);
	return 0;
}

/* Cut before its first checkpoint: from the beginning. */
static int begin_again(struct job *j)
{
	int ret;

	if (yml_get(j->run->manifest, "init"))
		return fail(-ENOENT, "%s was cut before it held the weights of --init: remove it "
			    "and begin again", opt.run);
	fail_clear();
	log_info("%s: no checkpoint is written yet: begins again", opt.run);
	ret = trainer_start(j->trainer, NULL);
	return ret ? ret : run_rewind(j->run, -1);
}

/* Go on at the newest good checkpoint. */
static int resume_run(struct job *j, const struct run_facts *facts)
{
	int ret = run_resume(opt.run, j->cfg, facts, opt.force, &j->run);

	if (ret)
		return ret;
	ret = trainer_restore(j->trainer, j->run);
	if (ret == -ENOENT)
		return begin_again(j);
	if (ret)
		return ret;
	j->session.saved = trainer_done(j->trainer);
	log_info("%s: goes on from the checkpoint of step %lld", opt.run,
		 (long long)j->session.saved);
	return run_rewind(j->run, j->session.saved);
}

/* The libraries, and the instructions that the device takes, end with NULL in @list. */
static int list_numerics(const struct job *j, char text[NUMERIC_TEXT], const char **list)
{
	const char *const *libraries = build_numerics();
	const char *device = device_numerics(j->dev);
	int nr = 0;

	for (; libraries[nr]; nr++) {
		if (nr + 2 == NUMERICS_MAX)
			return fail(-E2BIG, "more than %d numeric libraries", nr);
		list[nr] = libraries[nr];
	}
	if (*device) {
		snprintf(text, NUMERIC_TEXT, "%s %s", j->dev->arch->name, device);
		list[nr++] = text;
	}
	list[nr] = NULL;
	return 0;
}

static void list_groups(const struct job *j, char text[GROUP_MAX][GROUP_TEXT], const char **list)
{
	const struct optim_groups *groups = trainer_groups(j->trainer);

	for (int i = 0; i < groups->nr; i++)
		list[i] = optim_group_text(groups, i, text[i]);
	list[groups->nr] = NULL;
}

/* The manifest is text: of a folder whose name is none, the user has to say again where it is. */
static char *data_place(const struct job *j)
{
	char *path = realpath(dataset_dir(j->data), NULL);

	if (path && utf8_valid(path, strlen(path)) == strlen(path))
		return path;
	free(path);
	return NULL;
}

static int open_run(struct job *j)
{
	const struct manifest *m = dataset_manifest(j->data);
	char tokenizer[128], numeric[NUMERIC_TEXT], version[BUILD_VERSION_MAX];
	const char *libraries[NUMERICS_MAX], *groups[GROUP_MAX + 1];
	char group_text[GROUP_MAX][GROUP_TEXT];
	char *data = data_place(j);
	struct run_facts facts = {
		.version = build_version(version),
		.kernels = trainer_kernels(j->trainer),
		.libraries = libraries,
		.groups = groups,
		.data = data,
		.data_hash = dataset_hash(j->data),
		.tokenizer = tokenizer,
	};
	int ret = list_numerics(j, numeric, libraries);

	list_groups(j, group_text, groups);
	snprintf(tokenizer, sizeof(tokenizer), "%s %s", m->tokenizer, m->tokenizer_hash);
	if (!ret)
		ret = opt.resume ? resume_run(j, &facts) : opt.fork ? fork_run(j, &facts)
								    : begin_run(j, &facts);
	free(data);
	return ret;
}

/*
 * What run @path began with.  Options may say something else: run_resume() refuses that, and
 * run_fork_check() what would have mattered before.
 */
static int read_run(struct job *j, const char *path)
{
	const char *data = opt.data;
	struct run *run;
	int ret = run_open(path, &run);

	if (ret)
		return ret;
	ret = run_config(run, &j->cfg);
	if (!ret)
		ret = config_options_over(j->cfg);
	if (!ret && !data)
		ret = run_data(run, &data);
	if (!ret) {
		j->data_dir = strdup(data);
		ret = j->data_dir ? 0 : fail_nomem(strlen(data), "a path");
	}
	run_close(run);
	return ret;
}

/* A new model is what the options say, one that begins with weights what these are of. */
static int read_options(struct job *j)
{
	j->cfg = config_new();
	if (!j->cfg)
		return fail_nomem(0, "parameters");
	if (opt.init) {
		int ret = model_parameters(opt.init, j->cfg);

		j->init_cfg = ret ? NULL : config_copy(j->cfg);
		if (!j->init_cfg)
			return ret ? ret : fail_nomem(0, "parameters");
	}
	return config_options_over(j->cfg);
}

static int open_parts(struct job *j)
{
	const char *begun = opt.resume ? opt.run : opt.fork;
	int ret = begun ? read_run(j, begun) : read_options(j);

	if (!ret)
		ret = dataset_open(begun ? j->data_dir : opt.data, &j->data);
	if (!ret && opt.init)
		ret = model_check_tokenizer(opt.init, j->data);
	if (!ret)
		ret = trainer_resolve(j->cfg, (int)dataset_vocab(j->data));
	if (!ret && opt.init)
		ret = model_check_parameters(opt.init, j->init_cfg, j->cfg);
	if (!ret)
		ret = device_open(config_text(j->cfg, PARAM_TRAIN_DEVICE), &j->dev);
	if (!ret)
		ret = trainer_new(j->cfg, j->data, j->dev, opt.dry_run, &j->trainer);
	return ret || opt.dry_run ? ret : dataset_verify_hashes(j->data);
}

static void close_parts(struct job *j)
{
	run_close(j->run);
	trainer_free(j->trainer);
	device_close(j->dev);
	dataset_close(j->data);
	config_free(j->init_cfg);
	config_free(j->cfg);
	free(j->data_dir);
}

static int check_fork(void)
{
	if (opt.fork && opt.resume)
		return usage_error("train: a forked run goes on with --resume alone, without "
				   "--fork");
	if (opt.fork && opt.init)
		return usage_error("train: --fork has weights already, without --init");
	if (opt.fork && opt.dry_run)
		return usage_error("train: --dry-run plans a new run, without --fork");
	return 0;
}

static int check_usage(void)
{
	if (opt.dry_run && opt.until)
		return usage_error("train: --dry-run trains nothing that --until could end");
	if (opt.dry_run && opt.resume)
		return usage_error("train: --dry-run plans a new run, without --resume");
	if (opt.force && !opt.resume && !opt.fork)
		return usage_error("train: --force is for --resume and --fork only");
	if (opt.at >= 0 && !opt.fork)
		return usage_error("train: --at names a step of --fork's run");
	if (!opt.data && !opt.resume && !opt.fork)
		return usage_error("train: --data is missing");
	if (!opt.run && !opt.dry_run)
		return usage_error("train: --run is missing");
	if (opt.resume && opt.init)
		return usage_error("train: --resume goes on from the run's own weights, without "
				   "--init");
	return check_fork();
}

static int run_job(struct job *j)
{
	int ret = open_parts(j), reported;

	if (ret)
		return ret;
	if (opt.dry_run)
		return job_report_plan(j);
	ret = open_run(j);
	if (!ret)
		ret = train(j);
	/* A program that stopped the training wants to know how far it came. */
	if (ret && !(ret == -EINTR && stopped && config_options.json))
		return ret;
	reported = job_report(j, trainer_done(j->trainer) == trainer_shape(j->trainer)->steps);
	return ret ? ret : reported;
}

static int train_run(int argc, char **argv)
{
	struct job job = { .session = { .loss = NAN, .saved = -1 } };
	int ret = check_usage();

	(void)argc;
	(void)argv;
	if (ret)
		return ret;
	ret = run_job(&job);
	close_parts(&job);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards made by knlp data prepare"),
	OPTION_STRING('r', "run", "RUN", &opt.run, "folder of the run, made by this command"),
	OPTION_STRING(0, "init", "MODEL", &opt.init, "begin with the weights of this model, in any "
		      "format; MODEL_ parameters are its own"),
	OPTION_STRING(0, "fork", "OLD", &opt.fork, "begin with the state of run OLD, and its "
		      "parameters where no option says others; only what counts later may differ"),
	OPTION_INT(0, "at", "STEP", &opt.at, 0, INT_MAX, "the step of OLD's checkpoint (default: "
		   "the newest)"),
	OPTION_INT(0, "until", "STEP", &opt.until, 1, INT_MAX, "end after this step, with a "
		   "checkpoint, though the budget is not spent"),
	OPTION_BOOL(0, "resume", &opt.resume, "go on with RUN from its newest "
		    "checkpoint, with the same data and parameters"),
	OPTION_BOOL(0, "force", &opt.force, "resume or fork although kernels, libraries or data "
		    "changed"),
	OPTION_BOOL('n', "dry-run", &opt.dry_run,
		    "plan and print memory, work and time, train nothing"),
	OPTION_TABLE(option_table_config),
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "train",
	.group = "Models",
	.summary = "train a language model",
	.usage = (const char *const []){
		"--data=DIR --run=RUN [--config=FILE] [--set=KEY=VALUE]... [--init=MODEL] "
		"[--until=STEP] [--threads=N] [--json]",
		"--run=RUN --resume [--data=DIR] [--force] [--until=STEP] [--threads=N] [--json]",
		"--run=RUN --fork=OLD [--at=STEP] [--config=FILE] [--set=KEY=VALUE]... "
		"[--data=DIR] [--force] [--threads=N] [--json]",
		"--data=DIR --dry-run [--config=FILE] [--set=KEY=VALUE]... [--init=MODEL] [--json]",
		NULL
	},
	.description =
		"Trains the model that the MODEL_ parameters describe on the training split of DIR "
		"until TRAIN_TOKENS tokens are spent, evaluates it on held-out text, and writes "
		"metrics and checkpoints into folder RUN. A run that was interrupted, even by "
		"SIGKILL, goes on with --resume and ends with the bits of an uninterrupted one. "
		"SIGINT, SIGTERM and SIGHUP end it after the step under way, with a checkpoint.",
	.options = options,
	.params =
		"MODEL_ OPTIM_ TRAIN_ DATA_ RUN_ "
		"PRUNE_ALLOC PRUNE_CRITERION PRUNE_END PRUNE_EPS PRUNE_EXCLUDE PRUNE_FLOOR "
		"PRUNE_INCLUDE PRUNE_INTERVAL PRUNE_POWER PRUNE_REGROW PRUNE_SCHEDULE PRUNE_SCOPE "
		"PRUNE_SEED PRUNE_SEQUENCES PRUNE_SPARSITY PRUNE_START PRUNE_TABLES",
	.run = train_run,
};
COMMAND_REGISTER(command);
