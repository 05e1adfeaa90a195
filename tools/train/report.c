// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/usage.h"
#include "io/checkpoint.h"
#include "io/run.h"
#include "nn/model.h"
#include "optim/optim.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "tools/train/job.h"
#include "train/profile.h"
#include "train/trainer.h"

#define PROBE_SECONDS 0.3		/* to predict the time of a training */
#define MANY_EPOCHS 10		/* beyond that, a model learns the text by heart */

static void warn_of_schedule(const struct config *cfg, int64_t steps)
{
	long long warmup = config_int(cfg, PARAM_TRAIN_WARMUP);
	double decay = config_float(cfg, PARAM_TRAIN_DECAY_FRACTION);

	if (warmup >= steps)
		log_warn("TRAIN_WARMUP=%lld: all is warm-up, up to the last step, %lld", warmup,
			 (long long)steps);
	else if (!strcmp(config_text(cfg, PARAM_TRAIN_SCHEDULE), "wsd") &&
		 (double)warmup + decay * (double)steps > (double)steps)
		log_warn("wsd has nothing stable: TRAIN_WARMUP=%lld and TRAIN_DECAY_FRACTION=%g "
			 "are more than all %lld steps; it falls from the warm-up on", warmup,
			 decay, (long long)steps);
}

/* What is set and waits for a step that never comes. */
static void warn_of_waiting(const struct config *cfg, int64_t steps)
{
	for (int i = 0; i < PARAM_COUNT; i++) {
		const struct param *p = &params[i];
		long long from = config_acts_from(cfg, i);

		if (!from || from == CONFIG_NEVER || from < steps || !strcmp(p->from, p->name) ||
		    !strcmp(config_text(cfg, i), p->default_text))
			continue;
		log_warn("%s=%s never counts: %s=%s, and the training has %lld steps", p->name,
			 config_text(cfg, i), p->from, config_text(cfg, param_find(p->from)),
			 (long long)steps);
	}
}

static void warn_of_plan(const struct job *j)
{
	double epochs = trainer_epochs_planned(j->trainer);

	warn_of_schedule(j->cfg, trainer_shape(j->trainer)->steps);
	warn_of_waiting(j->cfg, trainer_shape(j->trainer)->steps);
	if (epochs > MANY_EPOCHS)
		log_warn("TRAIN_TOKENS takes the training text %.1f times: the model may learn it "
			 "by heart", epochs);
}

void job_overview(const struct job *j)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	struct train_memory mem = trainer_memory(j->trainer);
	char count[FORMAT_MAX], tokens[FORMAT_MAX], bytes[FORMAT_MAX], done[64] = "";
	const char *numerics = device_numerics(j->dev);

	if (j->session.first)
		snprintf(done, sizeof(done), ", %lld of them done", (long long)j->session.first);
	log_info("%s parameters, %s tokens in %lld steps (%.1f epochs)%s, %s, %d thread%s, "
		 "%s%s%s%s", format_grouped(count, model_count(trainer_model(j->trainer), false)),
		 format_count(tokens, (double)s->steps * (double)s->tokens_per_step),
		 (long long)s->steps, trainer_epochs_planned(j->trainer), done,
		 format_bytes(bytes, train_memory_total(&mem)), threads_count(),
		 threads_count() > 1 ? "s" : "", j->dev->arch->name, *numerics ? " (" : "",
		 numerics, *numerics ? ")" : "");
	warn_of_plan(j);
}

/* ---- --dry-run ------------------------------------------------------------------- */

static void print_row(const char *what, const char *value)
{
	printf("%-22s %s\n", what, value);
}

static void print_size(const char *what, size_t bytes)
{
	char text[FORMAT_MAX];

	print_row(what, format_bytes(text, bytes));
}

static void print_flops(const char *what, double flops)
{
	char text[FORMAT_MAX];
	int digits = (int)strcspn(format_count(text, flops), "kMGTPE");

	printf("%-22s %.*s %sFLOP\n", what, digits, text, text + digits);
}

/* Seconds of a step, by what the device can do now; NaN if it cannot be measured. */
static double predict(const struct job *j)
{
	struct device_rates rates;

	if (device_measure(j->dev, PROBE_SECONDS, &rates)) {
		fail_clear();
		return NAN;
	}
	return trainer_predict(j->trainer, &rates);
}

static void groups_json(const struct optim_groups *groups, struct json_out *list)
{
	for (int i = 0; i < groups->nr; i++) {
		const struct optim_group *g = &groups->group[i];
		struct json_out *o = json_out_object(list, NULL);

		json_out_text(o, "optimizer", g->optimizer->name);
		json_out_number(o, "lr_scale", g->lr_scale);
		json_out_number(o, "decay", g->decay);
		json_out_int(o, "tensors", g->tensors);
		json_out_int(o, "parameters", g->elements);
	}
}

static int plan_json(const struct job *j, const struct train_memory *mem, size_t room)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	struct json_out *o = json_out_new();
	double seconds = predict(j);

	json_out_int(o, "parameters", model_count(trainer_model(j->trainer), false));
	groups_json(trainer_groups(j->trainer), json_out_array(o, "groups"));
	json_out_int(o, "steps", s->steps);
	json_out_int(o, "tokens_per_step", s->tokens_per_step);
	json_out_number(o, "epochs", trainer_epochs_planned(j->trainer));
	json_out_number(o, "flops_per_step", trainer_flops(j->trainer));
	json_out_number(o, "seconds_per_step", seconds);
	json_out_number(o, "seconds", seconds * (double)s->steps);
	json_out_number(o, "tokens_per_s", (double)s->tokens_per_step / seconds);
	json_out_number(o, "load", usage_load());
	json_out_int(o, "bytes_weights", (long long)mem->weights);
	json_out_int(o, "bytes_gradients", (long long)mem->gradients);
	json_out_int(o, "bytes_optimizer", (long long)mem->states);
	json_out_int(o, "bytes_intermediates", (long long)mem->intermediates);
	json_out_int(o, "bytes_total", (long long)train_memory_total(mem));
	json_out_number(o, "bytes_available", room == SIZE_MAX ? NAN : (double)room);
	return json_out_print(o);
}

static void plan_time(const struct job *j)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	double seconds = predict(j);
	char text[FORMAT_MAX];
	double load = usage_load();

	if (!(seconds > 0))
		return;
	printf("%-22s about %s\n", "time per step", format_duration(text, seconds));
	printf("%-22s about %s\n", "time in all",
	       format_duration(text, seconds * (double)s->steps));
	printf("%-22s about %s tok/s\n", "speed",
	       format_count(text, (double)s->tokens_per_step / seconds));
	if (isfinite(load))
		printf("%-22s %.2f now; the times are what the machine does at this load\n",
		       "load", load);
}

static void plan_text(const struct job *j, const struct train_memory *mem, size_t room)
{
	const struct train_shape *s = trainer_shape(j->trainer);
	const struct optim_groups *groups = trainer_groups(j->trainer);
	char a[FORMAT_MAX], b[FORMAT_MAX], group[GROUP_TEXT];

	print_row("parameters", format_grouped(a, model_count(trainer_model(j->trainer), false)));
	for (int i = 0; i < groups->nr; i++)
		print_row(i ? "" : "groups", optim_group_text(groups, i, group));
	printf("%-22s %s of %s tokens (%.1f epochs)\n", "steps", format_grouped(a, s->steps),
	       format_grouped(b, s->tokens_per_step), trainer_epochs_planned(j->trainer));
	print_flops("work per step", trainer_flops(j->trainer));
	plan_time(j);
	print_size("weights", mem->weights);
	print_size("gradients", mem->gradients);
	print_size("optimizer state", mem->states);
	print_size("intermediates", mem->intermediates);
	print_size("memory in all", train_memory_total(mem));
	if (room != SIZE_MAX)
		print_size("available", room);
}

int job_report_plan(const struct job *j)
{
	struct train_memory mem = trainer_memory(j->trainer);
	size_t room = device_available(j->dev), need = train_memory_total(&mem);
	char a[FORMAT_MAX], b[FORMAT_MAX];

	warn_of_plan(j);
	if (need > room)
		log_warn("this does not fit: it needs %s, %s are available",
			 format_bytes(a, need), format_bytes(b, room));
	if (config_options.json)
		return plan_json(j, &mem, room);
	plan_text(j, &mem, room);
	return 0;
}

/* ---- what came of it ---------------------------------------------------------------- */

/* What is not known is left out. */
static void put_known(struct json_out *o, const char *key, double value)
{
	if (isfinite(value))
		json_out_number(o, key, value);
}

static int report_json(const struct job *j, const char *checkpoint, bool finished,
		       const struct session_losses *losses)
{
	struct trainer *t = j->trainer;
	struct json_out *o = json_out_new();

	json_out_text(o, "run", j->run->path);
	json_out_bool(o, "finished", finished);
	json_out_int(o, "steps", trainer_done(t));
	json_out_int(o, "tokens", trainer_done(t) * trainer_shape(t)->tokens_per_step);
	json_out_int(o, "unique_tokens", (long long)trainer_unique_tokens(t));
	json_out_number(o, "epochs", trainer_epochs(t));
	put_known(o, "train_loss", losses->train);
	if (losses->eval_step >= 0)
		json_out_int(o, "eval_step", losses->eval_step);
	put_known(o, "loss", losses->eval);
	put_known(o, "ppl", exp(losses->eval));
	put_known(o, "nats_per_byte", losses->eval_per_byte);
	json_out_number(o, "seconds", j->session.seconds);
	json_out_number(o, "tokens_per_s", session_rate(&j->session));
	json_out_text(o, "checkpoint", checkpoint);
	return json_out_print(o);
}

static void print_eval(const struct job *j, const struct session_losses *losses)
{
	char a[FORMAT_MAX], step[FORMAT_MAX + 16] = "";

	if (losses->eval_step < 0) {
		printf("%-22s not measured yet: the first evaluation is due at step %s\n",
		       "held-out loss", format_grouped(a, session_next_eval(&j->session)));
		return;
	}
	if (losses->eval_step != trainer_done(j->trainer))
		snprintf(step, sizeof(step), ", at step %s", format_grouped(a, losses->eval_step));
	printf("%-22s %.4f nats/token, perplexity %s%s\n", "held-out loss", losses->eval,
	       format_ppl(a, exp(losses->eval)), step);
	if (isfinite(losses->eval_per_byte))
		printf("%-22s %.4f nats/byte (%s tokens)\n", "", losses->eval_per_byte,
		       format_count(a, (double)losses->eval_tokens));
}

static void report_text(const struct job *j, const char *checkpoint,
			const struct session_losses *losses)
{
	struct trainer *t = j->trainer;
	int64_t tokens = trainer_done(t) * trainer_shape(t)->tokens_per_step;
	char a[FORMAT_MAX], b[FORMAT_MAX];

	print_row("run", j->run->path);
	print_row("checkpoint", checkpoint);
	printf("%-22s %s in %s steps\n", "tokens", format_grouped(a, tokens),
	       format_grouped(b, trainer_done(t)));
	printf("%-22s %s (%.2f epochs)\n", "unique tokens",
	       format_grouped(a, (int64_t)trainer_unique_tokens(t)), trainer_epochs(t));
	if (isfinite(j->session.loss))
		printf("%-22s %s, %s tok/s\n", "time", format_duration(a, j->session.seconds),
		       format_count(b, session_rate(&j->session)));
	if (losses->steps)
		printf("%-22s %.4f nats/token, mean of the last %s step%s\n", "train loss",
		       losses->train, format_grouped(a, losses->steps),
		       losses->steps > 1 ? "s" : "");
	print_eval(j, losses);
	if (IS_ENABLED(CONFIG_CMD_REPORT))
		printf("%-22s knlp report %s\n", "see it with", j->run->path);
}

int job_report(const struct job *j, bool finished)
{
	char *checkpoint = checkpoint_path(j->run, trainer_done(j->trainer));
	struct session_losses losses;
	int ret = checkpoint ? session_losses(&j->session, &losses) : fail_nomem(0, "a path");

	if (!ret && config_options.json)
		ret = report_json(j, checkpoint, finished, &losses);
	else if (!ret)
		report_text(j, checkpoint, &losses);
	free(checkpoint);
	return ret;
}
