// SPDX-License-Identifier: MIT
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "io/metrics.h"
#include "io/run.h"

const struct figure_info figures[FIGURE_COUNT] = {
	[FIGURE_LOSS] = { "loss", "Held-out loss", "nats/token" },
	[FIGURE_PPL] = { "ppl", "Perplexity", "" },
	[FIGURE_PER_BYTE] = { "nats_per_byte", "Per byte", "nats/byte" },
	[FIGURE_BEST] = { "best_loss", "Best held-out loss", "nats/token" },
	[FIGURE_BEST_STEP] = { "best_step", "at step", "" },
	[FIGURE_TRAIN_LOSS] = { "train_loss", "Training loss", "nats/token" },
	[FIGURE_STEPS] = { "steps", "Steps", "" },
	[FIGURE_TOKENS] = { "tokens", "Tokens", "" },
	[FIGURE_SECONDS] = { "seconds", "Time in training", "" },
	[FIGURE_RATE] = { "tokens_per_s", "Throughput", "tok/s" },
	[FIGURE_PEAK] = { "peak_rss_mib", "Peak memory", "" },
};

static const struct report_eval *last_eval(const struct report_run *run)
{
	return run->nr_evals ? &run->evals[run->nr_evals - 1] : NULL;
}

static const struct report_eval *best_eval(const struct report_run *run)
{
	const struct report_eval *best = NULL;

	for (size_t i = 0; i < run->nr_evals; i++)
		if (isfinite(run->evals[i].loss) && (!best || run->evals[i].loss < best->loss))
			best = &run->evals[i];
	return best;
}

static double last(const struct report_run *run, enum report_column c)
{
	return run->nr ? run->col[c][run->nr - 1] : NAN;
}

static double largest(const struct report_run *run, enum report_column c)
{
	double most = NAN;

	for (size_t i = 0; i < run->nr; i++)
		most = fmax(most, run->col[c][i]);	/* NaN yields to a number */
	return most;
}

/* The mean over the last of the steps that the curve is averaged over. */
static double train_loss(const struct report_run *run)
{
	size_t steps = metrics_tail(run->nr), nr = 0;
	double sum = 0;

	for (size_t i = run->nr > steps ? run->nr - steps : 0; i < run->nr; i++) {
		if (isnan(run->col[COL_LOSS][i]))
			continue;
		sum += run->col[COL_LOSS][i];
		nr++;
	}
	return nr ? sum / (double)nr : NAN;
}

double figure_value(const struct report_run *run, enum report_figure f)
{
	const struct report_eval *e = last_eval(run), *best = best_eval(run);

	switch (f) {
	case FIGURE_LOSS:
		return e ? e->loss : NAN;
	case FIGURE_PPL:
		return e ? exp(e->loss) : NAN;
	case FIGURE_PER_BYTE:
		return e ? e->nats_per_byte : NAN;
	case FIGURE_BEST:
		return best ? best->loss : NAN;
	case FIGURE_BEST_STEP:
		return best ? best->step : NAN;
	case FIGURE_TRAIN_LOSS:
		return train_loss(run);
	case FIGURE_STEPS:
		return last(run, COL_STEP);
	case FIGURE_TOKENS:
		return last(run, COL_TOKENS);
	case FIGURE_SECONDS:
		return last(run, COL_ELAPSED);
	case FIGURE_RATE:
		return last(run, COL_ELAPSED) > 0 ?
			last(run, COL_TOKENS) / last(run, COL_ELAPSED) : NAN;
	case FIGURE_PEAK:
		return fmax(largest(run, COL_RSS), largest(run, COL_PEAK_RSS));
	default:
		return NAN;
	}
}

const char *figure_text(const struct report_run *run, enum report_figure f,
			char buf[FIGURE_TEXT_MAX])
{
	double v = figure_value(run, f);

	if (!isfinite(v)) {
		snprintf(buf, FIGURE_TEXT_MAX, "-");
		return buf;
	}
	switch (f) {
	case FIGURE_STEPS:
	case FIGURE_TOKENS:
	case FIGURE_BEST_STEP:
		return format_grouped(buf, (int64_t)v);
	case FIGURE_RATE:
		return v < 1e15 ? format_grouped(buf, (int64_t)(v + 0.5)) : format_count(buf, v);
	case FIGURE_SECONDS:
		return format_duration(buf, v);
	case FIGURE_PEAK:
		return format_bytes(buf, (uint64_t)(v * (1 << 20)));
	case FIGURE_PPL:
		return format_ppl(buf, v);
	default:
		snprintf(buf, FIGURE_TEXT_MAX, "%.4f", v);
		return buf;
	}
}

const char *figures_state_key(const struct report_run *run)
{
	static const char *const keys[] = {
		[REPORT_FINISHED] = "finished", [REPORT_RUNNING] = "running", [REPORT_CUT] = "cut",
		[REPORT_FAILED] = "failed",
	};

	return keys[run->state];
}

/* How long the rest will take at the pace so far. */
static void add_time_left(const struct report_run *run, double steps, struct strbuf *sb)
{
	char text[FORMAT_MAX];
	double seconds = last(run, COL_ELAPSED) / steps * (run->steps_planned - steps);

	if (isfinite(seconds) && seconds > 0)
		strbuf_addf(sb, ", about %s of training left", format_duration(text, seconds));
}

void figures_state(const struct report_run *run, struct strbuf *sb)
{
	static const char *const words[] = {
		[REPORT_RUNNING] = "is running, at", [REPORT_CUT] = "is cut at",
		[REPORT_FAILED] = "failed after",
	};
	double steps = run->nr ? last(run, COL_STEP) : 0;
	char a[FORMAT_MAX], b[FORMAT_MAX];

	if (run->state == REPORT_FINISHED) {
		strbuf_adds(sb, "is finished");
		return;
	}
	strbuf_addf(sb, "%s step %s of %s (%.0f %%)",
		    words[run->state], format_grouped(a, (int64_t)steps),
		    format_grouped(b, (int64_t)run->steps_planned),
		    floor(100 * steps / run->steps_planned));
	if (run->state == REPORT_RUNNING)
		add_time_left(run, steps, sb);
	if (run->state == REPORT_FAILED)
		strbuf_addf(sb, ": %s", run->failure);
}

static void add_quality(const struct report_run *run, struct strbuf *sb)
{
	char loss[FIGURE_TEXT_MAX], ppl[FIGURE_TEXT_MAX], bytes[FIGURE_TEXT_MAX];

	if (!run->nr_evals) {
		strbuf_adds(sb, "Not measured on held-out text yet.");
		return;
	}
	strbuf_addf(sb, "Held-out loss %s nats/token, perplexity %s, %s nats/byte.",
		    figure_text(run, FIGURE_LOSS, loss), figure_text(run, FIGURE_PPL, ppl),
		    figure_text(run, FIGURE_PER_BYTE, bytes));
	if (figure_value(run, FIGURE_BEST) < figure_value(run, FIGURE_LOSS))
		strbuf_addf(sb, " It was lower before: %s at step %s.",
			    figure_text(run, FIGURE_BEST, loss),
			    figure_text(run, FIGURE_BEST_STEP, ppl));
}

static void add_speed(const struct report_run *run, struct strbuf *sb)
{
	char tokens[FORMAT_MAX], time[FIGURE_TEXT_MAX], rate[FORMAT_MAX];

	strbuf_addf(sb, " %s tokens in %s of training", format_count(tokens, last(run, COL_TOKENS)),
		    figure_text(run, FIGURE_SECONDS, time));
	if (isfinite(figure_value(run, FIGURE_RATE)))
		strbuf_addf(sb, ", %s tok/s", format_count(rate, figure_value(run, FIGURE_RATE)));
	strbuf_addc(sb, '.');
}

/* Steps that were done in another run. */
static void add_fork(const struct report_run *run, struct strbuf *sb)
{
	const struct yml *old = yml_get(run->folder->manifest, "fork");
	const struct yml *step = yml_get(run->folder->manifest, "fork_step");

	if (old && old->text && step && step->text)
		strbuf_addf(sb, " Its first %s steps are those of %s.", step->text, old->text);
}

static void verdict_of_one(const struct report_run *run, struct strbuf *sb)
{
	add_quality(run, sb);
	if (run->nr)
		add_speed(run, sb);
	else
		strbuf_adds(sb, " No step of training is logged yet.");
	if (!run->nr && run->state != REPORT_FAILED)
		return;
	strbuf_adds(sb, " The run ");
	figures_state(run, sb);
	strbuf_addc(sb, '.');
	add_fork(run, sb);
}

static bool all_have(const struct report *r, const char *key)
{
	const char *first = NULL;

	for (int i = 0; i < r->nr; i++) {
		const struct yml *v = yml_get(r->run[i]->folder->manifest, key);
		const char *text = v && v->text ? v->text : "";

		if (i && strcmp(text, first))
			return false;
		first = text;
	}
	return true;
}

enum report_compared figures_compared(const struct report *r)
{
	if (!all_have(r, "tokenizer"))
		return COMPARED_PER_BYTE;
	return all_have(r, "data_hash") ? COMPARED_PER_TOKEN : COMPARED_NOT;
}

/* The run whose @f is lowest; NULL: none has it. */
static const struct report_run *lowest(const struct report *r, enum report_figure f)
{
	const struct report_run *best = NULL;

	for (int i = 0; i < r->nr; i++)
		if (isfinite(figure_value(r->run[i], f)) &&
		    (!best || figure_value(r->run[i], f) < figure_value(best, f)))
			best = r->run[i];
	return best;
}

static void verdict_of_many(const struct report *r, struct strbuf *sb)
{
	enum report_compared how = figures_compared(r);
	enum report_figure f = how == COMPARED_PER_BYTE ? FIGURE_PER_BYTE : FIGURE_LOSS;
	const struct report_run *best = lowest(r, f);
	char text[FIGURE_TEXT_MAX];
	int finished = 0;

	for (int i = 0; i < r->nr; i++)
		finished += r->run[i]->state == REPORT_FINISHED;
	strbuf_addf(sb, "%d runs, %d of them finished.", r->nr, finished);
	if (!best) {
		strbuf_adds(sb, " None was measured on held-out text yet.");
		return;
	}
	if (how == COMPARED_NOT) {
		strbuf_adds(sb, " They were trained and measured on different data: their losses "
			    "do not say which is better.");
		return;
	}
	if (how == COMPARED_PER_BYTE)
		strbuf_adds(sb, " Their tokenizers differ, so that losses per token and "
			    "perplexities cannot be compared; losses per byte can, if the "
			    "held-out text is the same.");
	strbuf_addf(sb, " The lowest held-out loss at the end is that of %s, %s %s. Single runs "
		    "differ by chance, too: only runs over several seeds say how much.",
		    best->name, figure_text(best, f, text), figures[f].unit);
}

void figures_verdict(const struct report *r, struct strbuf *sb)
{
	if (r->nr == 1)
		verdict_of_one(r->run[0], sb);
	else
		verdict_of_many(r, sb);
}
