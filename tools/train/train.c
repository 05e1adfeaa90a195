// SPDX-License-Identifier: MIT
/*
 * knlp train - train a language model.
 */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/build-info.h"
#include "data/dataset.h"
#include "io/run.h"
#include "nn/model.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "train/load.h"
#include "train/trainer.h"

static struct {
	const char *data, *run, *init;
	bool resume, force, dry_run;
} opt;

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number)
{
	stopped = signal_number;
}

/* The step under way is finished and saved; a second signal ends the program at once. */
static void catch_signals(void)
{
	struct sigaction stop = {
		.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART,
	}, before;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, NULL, &before);
	if (before.sa_handler != SIG_IGN)	/* nohup stays nohup */
		sigaction(SIGHUP, &stop, NULL);
}

/** struct job - one training as the command sees it. */
struct job {
	struct config *cfg;
	struct dataset *data;
	struct device *dev;
	struct trainer *trainer;
	struct run *run;
	struct eval_result eval;	/* the last one */
	double loss;			/* of the last step */
	double seconds;			/* of training in this process */
	int64_t first;			/* steps done when this process began */
	int64_t saved;			/* step of the newest checkpoint, -1 if there is none */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/* ---- what is logged ---------------------------------------------------------- */

static double rate(const struct job *j)
{
	int64_t steps = trainer_done(j->trainer) - j->first;
	double tokens = (double)(steps * trainer_shape(j->trainer)->tokens_per_step);

	return j->seconds > 0 ? tokens / j->seconds : 0;
}

static int log_step(const struct job *j, const struct step_result *r, double seconds)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	struct metrics *m = j->run->metrics;

	metrics_begin(m, "train", trainer_done(j->trainer));
	metrics_int(m, "tokens", trainer_done(j->trainer) * s->tokens_per_step);
	metrics_real(m, "loss", r->loss);
	metrics_real(m, "lr", r->lr);
	metrics_real(m, "grad_norm", r->grad_norm);
	metrics_real(m, "seconds", seconds);
	metrics_real(m, "tokens_per_s", (double)s->tokens_per_step / seconds);
	return metrics_end(m);
}

static int evaluate(struct job *j)
{
	struct metrics *m = j->run->metrics;
	int ret = trainer_eval(j->trainer, &j->eval);

	if (ret)
		return ret;
	metrics_begin(m, "eval", trainer_done(j->trainer));
	metrics_int(m, "tokens", j->eval.tokens);
	metrics_real(m, "loss", eval_loss(&j->eval));
	metrics_real(m, "nats_per_byte", eval_per_byte(&j->eval));
	ret = metrics_end(m);
	log_info("step %lld: held-out loss %.4f, perplexity %.3f, %.4f nats/byte",
		 (long long)trainer_done(j->trainer), eval_loss(&j->eval), eval_ppl(&j->eval),
		 eval_per_byte(&j->eval));
	return ret;
}

/* ---- the loop ------------------------------------------------------------------- */

static bool is_due(const struct job *j, enum param_id every)
{
	long long n = config_int(j->cfg, every);

	return n && trainer_done(j->trainer) % n == 0;
}

static int one_step(struct job *j)
{
	double start = now(), seconds;
	struct step_result r;
	int ret = trainer_step(j->trainer, &r);

	if (ret)
		return ret;
	seconds = now() - start;
	j->seconds += seconds;
	j->loss = r.loss;
	return log_step(j, &r, seconds);
}

static int loop(struct job *j, bool bar)
{
	int64_t steps = trainer_shape(j->trainer)->steps, saved = j->saved;
	char text[FORMAT_MAX];
	int ret = 0;

	while (trainer_done(j->trainer) < steps && !stopped && !ret) {
		ret = one_step(j);
		progress_update(bar, trainer_done(j->trainer), "loss %.4f  %s tok/s", j->loss,
				format_count(text, rate(j)));
		if (!ret && (is_due(j, PARAM_TRAIN_EVAL_EVERY) ||
			     trainer_done(j->trainer) == steps))
			ret = evaluate(j);
		if (!ret && is_due(j, PARAM_TRAIN_CHECKPOINT_EVERY)) {
			ret = trainer_save(j->trainer, j->run);
			saved = trainer_done(j->trainer);
		}
	}
	if (!ret && saved != trainer_done(j->trainer))
		ret = trainer_save(j->trainer, j->run);
	return ret;
}

static int train(struct job *j)
{
	int64_t steps = trainer_shape(j->trainer)->steps;
	bool bar;
	int ret;

	j->first = trainer_done(j->trainer);
	catch_signals();
	if (j->first == steps) {
		log_info("%s: all %lld steps are done", opt.run, (long long)steps);
		return trainer_eval(j->trainer, &j->eval);
	}
	bar = progress_begin("train", steps);
	ret = loop(j, bar);
	progress_end(bar);
	if (!ret && trainer_done(j->trainer) < steps)
		ret = fail(-EINTR, "stopped by signal %d after step %lld of %lld; the checkpoint "
			   "is written, go on with --resume", (int)stopped,
			   (long long)trainer_done(j->trainer), (long long)steps);
	return ret;
}

/* ---- before and after ------------------------------------------------------------ */

/*
 * The weights come first: if --init is wrong, no run is left behind.  They are saved at
 * once, so that resuming does not need the other model again.
 */
static int begin_run(struct job *j, struct run_facts *facts)
{
	char hash[HASH_HEX], *init = NULL;
	int ret = trainer_start(j->trainer, opt.init);

	if (!ret && opt.init) {
		ret = model_weights_hash(opt.init, hash);
		init = realpath(opt.init, NULL);
		facts->init = init ? init : opt.init;
		facts->init_hash = hash;
	}
	if (!ret)
		ret = run_create(opt.run, j->cfg, facts, &j->run);
	free(init);
	if (ret || !opt.init)
		return ret;
	ret = trainer_save(j->trainer, j->run);
	if (!ret)
		j->saved = 0;
	return ret;
}

/* Cut before its first checkpoint: from the beginning. */
static int begin_again(struct job *j)
{
	int ret;

	if (yml_get(j->run->manifest, "init"))
		return fail(-ENOENT, "%s was cut before it held the weights of --init: remove it "
			    "and begin again", opt.run);
	fail_clear();
	ret = trainer_start(j->trainer, NULL);
	return ret ? ret : run_rewind(j->run, -1);
}

/* A new run begins at step 0; a resumed one at its newest good checkpoint. */
static int open_run(struct job *j)
{
	char tokenizer[128];
	struct run_facts facts = {
		.version = knlp_version(),
		.kernels = trainer_kernels(j->trainer),
		.libraries = build_numerics(),
		.data_hash = dataset_hash(j->data),
		.tokenizer = tokenizer,
	};
	const struct manifest *m = dataset_manifest(j->data);
	int ret;

	snprintf(tokenizer, sizeof(tokenizer), "%s %s", m->tokenizer, m->tokenizer_hash);
	if (!opt.resume)
		return begin_run(j, &facts);
	ret = run_resume(opt.run, j->cfg, &facts, opt.force, &j->run);
	if (ret)
		return ret;
	ret = trainer_restore(j->trainer, j->run);
	if (ret == -ENOENT)
		return begin_again(j);
	if (ret)
		return ret;
	j->saved = trainer_done(j->trainer);
	return run_rewind(j->run, j->saved);
}

static void print_row(const char *what, const char *value)
{
	printf("%-22s %s\n", what, value);
}

static void print_size(const char *what, size_t bytes)
{
	char text[FORMAT_MAX];

	print_row(what, format_bytes(text, bytes));
}

static int report_plan(struct job *j)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	struct train_memory mem = trainer_memory(j->trainer);
	size_t total = mem.weights + mem.gradients + mem.states + mem.intermediates;
	struct model *m = trainer_model(j->trainer);
	struct json_out *o;

	if (config_options.json) {
		o = json_out_new();
		json_out_int(o, "parameters", model_count(m, false));
		json_out_int(o, "steps", s->steps);
		json_out_int(o, "tokens_per_step", s->tokens_per_step);
		json_out_number(o, "flops_per_step", trainer_flops(j->trainer));
		json_out_int(o, "bytes_weights", (long long)mem.weights);
		json_out_int(o, "bytes_gradients", (long long)mem.gradients);
		json_out_int(o, "bytes_optimizer", (long long)mem.states);
		json_out_int(o, "bytes_intermediates", (long long)mem.intermediates);
		json_out_int(o, "bytes_total", (long long)total);
		return json_out_print(o);
	}
	printf("%-22s %lld\n", "parameters", (long long)model_count(m, false));
	printf("%-22s %lld of %lld tokens\n", "steps", (long long)s->steps,
	       (long long)s->tokens_per_step);
	printf("%-22s %.3g GFLOP\n", "work per step", 1e-9 * trainer_flops(j->trainer));
	print_size("weights", mem.weights);
	print_size("gradients", mem.gradients);
	print_size("optimizer state", mem.states);
	print_size("intermediates", mem.intermediates);
	print_size("memory in all", total);
	return 0;
}

static int report(struct job *j)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	int64_t tokens = trainer_done(j->trainer) * s->tokens_per_step;
	struct json_out *o;

	if (config_options.json) {
		o = json_out_new();
		json_out_text(o, "run", opt.run);
		json_out_int(o, "steps", trainer_done(j->trainer));
		json_out_int(o, "tokens", tokens);
		json_out_int(o, "unique_tokens", (long long)trainer_unique_tokens(j->trainer));
		json_out_number(o, "epochs", trainer_epochs(j->trainer));
		json_out_number(o, "train_loss", j->loss);	/* NaN, null, if no step ran */
		json_out_number(o, "loss", eval_loss(&j->eval));
		json_out_number(o, "ppl", eval_ppl(&j->eval));
		json_out_number(o, "nats_per_byte", eval_per_byte(&j->eval));
		json_out_number(o, "tokens_per_s", rate(j));
		return json_out_print(o);
	}
	printf("%-22s %s\n", "run", opt.run);
	printf("%-22s %lld in %lld steps\n", "tokens", (long long)tokens,
	       (long long)trainer_done(j->trainer));
	printf("%-22s %" PRIu64 " (%.2f epochs)\n", "unique tokens",
	       trainer_unique_tokens(j->trainer), trainer_epochs(j->trainer));
	printf("%-22s %.4f nats/token, perplexity %.3f\n", "held-out loss", eval_loss(&j->eval),
	       eval_ppl(&j->eval));
	printf("%-22s %.4f nats/byte\n", "", eval_per_byte(&j->eval));
	return 0;
}

static int open_parts(struct job *j)
{
	int ret = config_from_options(&j->cfg);

	if (!ret)
		ret = dataset_open(opt.data, &j->data);
	if (!ret)
		ret = device_open(config_text(j->cfg, PARAM_TRAIN_DEVICE), &j->dev);
	return ret ? ret : trainer_new(j->cfg, j->data, j->dev, opt.dry_run, &j->trainer);
}

static void close_parts(struct job *j)
{
	run_close(j->run);
	trainer_free(j->trainer);
	device_close(j->dev);
	dataset_close(j->data);
	config_free(j->cfg);
}

static int train_run(int argc, char **argv)
{
	struct job job = { .loss = NAN, .saved = -1 };
	int ret;

	(void)argc;
	(void)argv;
	if (!opt.data)
		return usage_error("train: --data is missing");
	if (!opt.run && !opt.dry_run)
		return usage_error("train: --run is missing");
	if (opt.resume && opt.init)
		return usage_error("train: --resume goes on from the run's own weights, without "
				   "--init");
	ret = open_parts(&job);
	if (ret)
		goto out;
	if (opt.dry_run) {
		ret = report_plan(&job);
		goto out;
	}
	ret = open_run(&job);
	if (!ret)
		ret = train(&job);
	if (!ret)
		ret = report(&job);
out:
	close_parts(&job);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('d', "data", "DIR", &opt.data, "token shards made by knlp data prepare"),
	OPTION_STRING('r', "run", "RUN", &opt.run, "folder of the run, made by this command"),
	OPTION_STRING(0, "init", "MODEL", &opt.init, "begin with the weights of this run or model "
		      "folder"),
	OPTION_BOOL(0, "resume", &opt.resume, "go on with RUN from its newest checkpoint"),
	OPTION_BOOL(0, "force", &opt.force, "resume although kernels, libraries or data changed"),
	OPTION_BOOL('n', "dry-run", &opt.dry_run, "plan and print memory and work, train nothing"),
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
		"[--resume] [--threads=N] [--json]",
		"--data=DIR --dry-run [--config=FILE] [--set=KEY=VALUE]... [--json]",
		NULL
	},
	.description =
		"Trains the model that the MODEL_ parameters describe on the training split of DIR "
		"until TRAIN_TOKENS tokens are spent, evaluates it on held-out text, and writes "
		"metrics and checkpoints into folder RUN. A run that was interrupted, even by "
		"SIGKILL, goes on with --resume and ends with the bits of an uninterrupted one. "
		"SIGINT, SIGTERM and SIGHUP end it after the step under way, with a checkpoint.",
	.options = options,
	.params = "MODEL_ OPTIM_ TRAIN_ DATA_ RUN_",
	.run = train_run,
};
COMMAND_REGISTER(command);
