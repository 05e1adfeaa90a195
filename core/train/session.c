// SPDX-License-Identifier: MIT
#include "train/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/usage.h"
#include "data/dataset.h"
#include "data/utf8.h"
#include "infer/generate.h"
#include "io/run.h"
#include "train/trainer.h"

#define TELL_SECONDS 5	/* how often the kernel computes the load anew */

double session_rate(const struct session *s)
{
	int64_t steps = trainer_done(s->trainer) - s->first;
	double tokens = (double)(steps * trainer_shape(s->trainer)->tokens_per_step);

	return s->seconds > 0 ? tokens / s->seconds : 0;
}

/* ---- what is logged: all that depends on the clock stands at the end of a line ---- */

static int64_t tokens_done(const struct session *s)
{
	return trainer_done(s->trainer) * trainer_shape(s->trainer)->tokens_per_step;
}

static int log_step(struct session *s, const struct step_result *r, double seconds)
{
	struct metrics *m = s->run->metrics;
	double t = clock_seconds();

	metrics_begin(m, "train", trainer_done(s->trainer));
	metrics_int(m, "tokens", tokens_done(s));
	metrics_real(m, "loss", r->loss);
	metrics_real(m, "lr", r->lr);
	metrics_real(m, "grad_norm", r->grad_norm);
	metrics_real(m, "seconds", seconds);
	metrics_real(m, "elapsed", s->seconds_before + s->seconds);
	metrics_real(m, "tokens_per_s",
		     (double)trainer_shape(s->trainer)->tokens_per_step / seconds);
	metrics_real(m, "rss_mib", usage_rss());
	if (!s->told || t - s->told >= TELL_SECONDS) {
		metrics_real(m, "peak_rss_mib", usage_peak_rss());
		metrics_real(m, "load", usage_load());
		s->told = t;
	}
	return metrics_end(m);
}

/* A model that knows nothing gives each token the same probability. */
static void warn_of_loss(const struct session *s)
{
	double guess = log((double)dataset_vocab(s->data));

	if (eval_loss(&s->eval) > guess)
		log_warn("step %lld: held-out loss %.4f is above the %.4f of a uniform guess: "
			 "training diverges if it does not fall (lower TRAIN_LR, more "
			 "TRAIN_WARMUP, OPTIM_CLIP)", (long long)trainer_done(s->trainer),
			 eval_loss(&s->eval), guess);
}

static int evaluate(struct session *s)
{
	struct metrics *m = s->run->metrics;
	char tokens[FORMAT_MAX], ppl[FORMAT_MAX];
	double begin = clock_seconds();
	int ret = trainer_eval(s->trainer, &s->eval);

	if (ret)
		return ret;
	metrics_begin(m, "eval", trainer_done(s->trainer));
	metrics_int(m, "tokens", s->eval.tokens);
	metrics_real(m, "loss", eval_loss(&s->eval));
	metrics_real(m, "nats_per_byte", eval_per_byte(&s->eval));
	metrics_real(m, "seconds", clock_seconds() - begin);
	ret = metrics_end(m);
	log_info("step %lld: held-out loss %.4f, perplexity %s, %.4f nats/byte (%s tokens)",
		 (long long)trainer_done(s->trainer), eval_loss(&s->eval),
		 format_ppl(ppl, eval_ppl(&s->eval)), eval_per_byte(&s->eval),
		 format_count(tokens, (double)s->eval.tokens));
	warn_of_loss(s);
	return ret;
}

static int log_sample(const struct session *s, const char *prompt, const struct strbuf *text,
		      double seconds)
{
	struct metrics *m = s->run->metrics;
	struct strbuf clean;

	strbuf_init(&clean);
	metrics_begin(m, "sample", trainer_done(s->trainer));
	metrics_int(m, "seed", SESSION_SAMPLE_SEED);
	metrics_text(m, "prompt", prompt);
	utf8_clean(&clean, text->s, text->len);
	metrics_text(m, "text", clean.s);
	metrics_real(m, "seconds", seconds);
	strbuf_free(&clean);
	return metrics_end(m);
}

static int sample(const struct session *s)
{
	const char *prompt = config_text(s->cfg, PARAM_TRAIN_SAMPLE_PROMPT);
	struct tokenizer *tokenizer;
	double begin = clock_seconds();
	struct strbuf text;
	int ret;

	strbuf_init(&text);
	ret = dataset_tokenizer(s->data, &tokenizer);
	if (!ret)
		ret = generate_text(trainer_model(s->trainer), s->dev, tokenizer, prompt,
				    (int)config_int(s->cfg, PARAM_TRAIN_SAMPLE_TOKENS),
				    SESSION_SAMPLE_SEED, &text);
	if (!ret)
		ret = log_sample(s, prompt, &text, clock_seconds() - begin);
	else
		ret = fail_in(ret, "the sample of step %lld", (long long)trainer_done(s->trainer));
	strbuf_free(&text);
	return ret;
}

/* ---- when ------------------------------------------------------------------------ */

static bool is_last(const struct session *s)
{
	return trainer_done(s->trainer) == trainer_shape(s->trainer)->steps;
}

static bool is_due(const struct session *s, enum param_id every)
{
	long long n = config_int(s->cfg, every);

	return n && trainer_done(s->trainer) % n == 0;
}

static bool evaluation_is_due(const struct session *s)
{
	return is_last(s) || is_due(s, PARAM_TRAIN_EVAL_EVERY);
}

static bool checkpoint_is_due(const struct session *s)
{
	return is_last(s) || is_due(s, PARAM_TRAIN_CHECKPOINT_EVERY) ||
	       is_due(s, PARAM_TRAIN_KEEP_EVERY);
}

static bool sample_is_due(const struct session *s)
{
	return config_int(s->cfg, PARAM_TRAIN_SAMPLE_TOKENS) &&
	       (is_last(s) || is_due(s, PARAM_TRAIN_SAMPLE_EVERY));
}

static int save(struct session *s)
{
	int ret = trainer_save(s->trainer, s->run);

	if (!ret)
		s->saved = trainer_done(s->trainer);
	return ret;
}

static int one_step(struct session *s)
{
	double start = clock_seconds(), seconds;
	struct step_result r;
	int ret = trainer_step(s->trainer, &r);

	if (ret)
		return ret;
	seconds = clock_seconds() - start;
	s->seconds += seconds;
	s->loss = r.loss;
	s->lr = r.lr;
	ret = log_step(s, &r, seconds);
	if (!ret)
		ret = session_log_masks(s);
	if (s->step_done)
		s->step_done(s->ctx);
	return ret;
}

static int do_what_is_due(struct session *s)
{
	int ret = evaluation_is_due(s) ? evaluate(s) : 0;

	if (!ret && checkpoint_is_due(s))
		ret = save(s);
	if (!ret && sample_is_due(s))
		ret = sample(s);
	return ret;
}

/* The log ends with what went wrong, if there is room. */
static void log_failure(const struct session *s, const char *message)
{
	struct metrics *m = s->run->metrics;
	struct strbuf clean;

	strbuf_init(&clean);
	utf8_clean(&clean, message, strlen(message));
	metrics_begin(m, "failed", trainer_done(s->trainer) + 1);
	metrics_text(m, "message", clean.s);
	metrics_end(m);
	strbuf_free(&clean);
}

/*
 * The parameters of a run stay, so that going on with it leads to the same step again: what
 * helps is another run.
 */
static int explain_failure(const struct session *s, int err, const char *message)
{
	const char *clip = config_float(s->cfg, PARAM_OPTIM_CLIP) > 0 ? "lower" : "set";

	if (err != -EDOM)
		return fail(err, "%s", message);
	if (s->saved < 0)
		return fail(err, "%s; no checkpoint is written yet: begin again with a lower "
			    "TRAIN_LR, or %s OPTIM_CLIP", message, clip);
	return fail(err, "%s; the newest checkpoint is that of step %lld: begin another run from "
		    "it (--init=%s) with a lower TRAIN_LR, or %s OPTIM_CLIP", message,
		    (long long)s->saved, s->run->path, clip);
}

static int end_in_failure(const struct session *s, int err)
{
	char *message = strdup(fail_message());

	if (!message)
		return err;
	log_failure(s, message);
	err = explain_failure(s, err, message);
	free(message);
	return err;
}

/*
 * At the end of a part what is due there is done, and no more: an evaluation that the whole
 * run lacks would make another log.
 */
static bool is_over(const struct session *s)
{
	return is_last(s) || (s->until && trainer_done(s->trainer) >= s->until);
}

int session_run(struct session *s)
{
	int ret = 0;

	while (!ret && !is_over(s) && !*s->stop) {
		ret = one_step(s);
		/* A stop saves at once: resuming makes up for what was due. */
		if (!ret && (!*s->stop || is_over(s)))
			ret = do_what_is_due(s);
	}
	if (!ret && s->saved != trainer_done(s->trainer))
		ret = save(s);
	return ret ? end_in_failure(s, ret) : 0;
}

/* ---- the losses at the end ------------------------------------------------------- */

/** struct tail - what the log is read for; the steps behind @after count. */
struct tail {
	long long after;
	double sum;
	struct session_losses *losses;
};

static void read_eval(struct session_losses *l, long long step, const struct metrics_line *line)
{
	l->eval_step = step;
	l->eval = metrics_number(line, "loss");
	l->eval_per_byte = metrics_number(line, "nats_per_byte");
	l->eval_tokens = (int64_t)metrics_number(line, "tokens");
}

static int read_tail(void *ctx, const struct metrics_line *l)
{
	struct tail *t = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret)
		return ret;
	if (metrics_is(l, "eval") && isfinite(metrics_number(l, "tokens")))
		read_eval(t->losses, step, l);
	if (step <= t->after || !metrics_is(l, "train"))
		return 0;
	t->sum += metrics_number(l, "loss");
	t->losses->steps++;
	return 0;
}

int session_losses(const struct session *s, struct session_losses *losses)
{
	int64_t done = trainer_done(s->trainer);
	struct tail t = { .after = done - (int64_t)metrics_tail((size_t)done), .losses = losses };
	char *path = path_join(s->run->path, "metrics.jsonl");
	int ret;

	*losses = (struct session_losses){
		.train = NAN, .eval = NAN, .eval_per_byte = NAN, .eval_step = -1,
	};
	ret = path ? metrics_read(path, read_tail, &t) : fail_nomem(0, "a path");
	free(path);
	if (losses->steps)
		losses->train = t.sum / (double)losses->steps;
	return ret;
}

int64_t session_next_eval(const struct session *s)
{
	int64_t done = trainer_done(s->trainer), steps = trainer_shape(s->trainer)->steps;
	int64_t every = config_int(s->cfg, PARAM_TRAIN_EVAL_EVERY);
	int64_t next = every ? (done / every + 1) * every : steps;

	return next < steps ? next : steps;
}

/* ---- where a resumed run stands ---------------------------------------------------- */

/** struct past - what the log says of the step that a run goes on from. */
struct past {
	long long step;
	double elapsed;
	bool evaluated, sampled;
};

static int read_past(void *ctx, const struct metrics_line *l)
{
	struct past *p = ctx;
	long long step;
	int ret = metrics_step(l, &step);

	if (ret)
		return ret;
	if (metrics_is(l, "train") && isfinite(metrics_number(l, "seconds")))
		p->elapsed += metrics_number(l, "seconds");
	if (step == p->step && metrics_is(l, "eval"))
		p->evaluated = true;
	if (step == p->step && metrics_is(l, "sample"))
		p->sampled = true;
	return 0;
}

int session_begin(struct session *s)
{
	struct past past = { .step = trainer_done(s->trainer) };
	char *path;
	int ret;

	s->first = past.step;
	s->loss = s->lr = NAN;
	if (past.step < 1)
		return 0;
	path = path_join(s->run->path, "metrics.jsonl");
	ret = path ? metrics_read(path, read_past, &past) : fail_nomem(0, "a path");
	free(path);
	s->seconds_before = past.elapsed;
	if (!ret && evaluation_is_due(s) && !past.evaluated)
		ret = evaluate(s);
	if (!ret && sample_is_due(s) && !past.sampled)
		ret = sample(s);
	return ret;
}
