// SPDX-License-Identifier: MIT
#include "tools/generate/interactive.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "infer/chat.h"
#include "infer/prompt.h"
#include "infer/session.h"
#include "nn/model.h"
#include "tools/generate/stream.h"

/** struct talk - a session with somebody. */
struct talk {
	struct tokenizer *tokenizer;
	struct session *session;
	const struct interaction *i;
	struct generation g;
	struct chat chat;
	bool answered;		/* the chat's last message is the model's */
	bool merged;		/* the system's message is part of the first turn */
	bool begins;		/* no text stands in front of what the model writes */
	struct stream stream;
	size_t forgotten;	/* as said last */
	bool stopped;		/* by an interrupt, and no line was read since */
	bool terminal, leave;
};

/* Since the model began to write: the first one stops it, the second one ends the program. */
static volatile sig_atomic_t interrupts;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupts = interrupts < 2 ? interrupts + 1 : 2;
}

/* SA_RESTART: what is being written when it comes is written whole. */
static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART }, before;

	sigaction(SIGINT, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(SIGINT, &action, NULL);
}

/* ---- what the model writes -------------------------------------------------------- */

static int emit(void *ctx, uint32_t id)
{
	struct talk *t = ctx;
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	ret = prompt_text(t->tokenizer, id, t->begins, &sb);
	t->begins = false;
	if (!ret)
		ret = stream_add(&t->stream, sb.s, sb.len);
	strbuf_free(&sb);
	return ret;
}

/* @before: tokens of the text before the model wrote */
static void say_ended(const struct talk *t, size_t before)
{
	const struct token_list *ids = session_tokens(t->session);
	size_t nr = ids->nr - before;
	bool ended = nr && prompt_ends(t->tokenizer, ids->ids[ids->nr - 1]);

	if (ended && !t->i->template)
		log_info("the model ended the document: a line begins another one");
	if (!ended && t->i->template && nr == (size_t)t->g.tokens)
		log_info("the answer is cut after %zu tokens (--tokens): an empty line lets the "
			 "model go on", nr);
}

static void say_forgotten(struct talk *t)
{
	size_t now = session_forgotten(t->session);

	if (now > t->forgotten)
		log_info("the context is full: the model has forgotten %zu tokens of the "
			 "beginning", now);
	t->forgotten = now;
}

/* How many of @whole's tokens those of @text are. */
static int count_tokens(const struct talk *t, const char *text, size_t len, bool first,
			const struct token_list *whole, size_t *count)
{
	struct token_list ids = { 0 };
	int ret = prompt_encode_marked(t->tokenizer, text, len, first, &ids);

	*count = 0;
	while (*count < ids.nr && *count < whole->nr && ids.ids[*count] == whole->ids[*count])
		++*count;
	token_list_free(&ids);
	return ret;
}

/*
 * Tell the session where the turn begins that was added from @at on, and what the model is to
 * see always: what it was told before, with the first turn where the two are one.
 */
static int mark_turn(struct talk *t, size_t at, bool first)
{
	int ret = session_turn(t->session, at);

	if (first || t->merged)
		session_keep(t->session, at);
	if (!first)
		t->merged = false;
	return ret;
}

/*
 * A message, and what stands between it and the answer before.  Where the model has ended
 * its turn itself, the mark for that is there already.
 */
static int add_message(struct talk *t, const char *line, size_t len)
{
	const struct token_list *ids = session_tokens(t->session);
	bool first = !t->chat.started;
	struct token_list added = { 0 };
	size_t skip, before, count;
	struct strbuf sb;
	int ret;

	if (!len && t->answered)
		return 0;
	strbuf_init(&sb);
	if (first && t->i->system)
		chat_add(&t->chat, CHAT_SYSTEM, t->i->system, &sb);
	t->merged |= first && t->i->system && !sb.len;
	if (t->answered)
		chat_answered(&t->chat, &sb);
	before = sb.len;
	chat_add(&t->chat, CHAT_USER, line, &sb);
	chat_ask(&t->chat, &sb);
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = prompt_encode_marked(t->tokenizer, sb.s, sb.len, first, &added);
	skip = !ret && t->answered && added.nr && ids->nr &&
	       prompt_ends(t->tokenizer, added.ids[0]) && ids->ids[ids->nr - 1] == added.ids[0];
	if (!ret)
		ret = count_tokens(t, sb.s, before, first, &added, &count);
	if (!ret)
		ret = session_add(t->session, added.ids + skip, added.nr - skip);
	if (!ret)
		ret = mark_turn(t, ids->nr - added.nr + (count > skip ? count : skip), first);
	t->answered = true;
	token_list_free(&added);
	strbuf_free(&sb);
	return ret;
}

/* A line follows what was there as a line does; a document begins without one. */
static int add_line(struct talk *t, const char *line, size_t len)
{
	const struct token_list *ids = session_tokens(t->session);
	const struct encode_options o = { .parse_special = t->i->marks };
	uint32_t eot = tokenizer_eot(t->tokenizer);
	struct token_list added = { 0 };
	struct strbuf sb;
	int ret;

	if (!len)
		return ids->nr ? 0 : session_add(t->session, &eot, 1);
	strbuf_init(&sb);
	if (ids->nr && ids->ids[ids->nr - 1] != eot)
		strbuf_addc(&sb, '\n');
	strbuf_add(&sb, line, len);
	ret = strbuf_ok(&sb);
	if (!ret)
		ret = tokenizer_encode_with(t->tokenizer, sb.s, sb.len, &o, &added);
	if (!ret)
		ret = session_add(t->session, added.ids, added.nr);
	token_list_free(&added);
	strbuf_free(&sb);
	return ret;
}

static int take_turn(struct talk *t, const char *line, size_t len)
{
	int ret = t->i->template ? add_message(t, line, len) : add_line(t, line, len);
	size_t before;

	if (ret)
		return ret;
	before = session_tokens(t->session)->nr;
	t->begins = t->i->template || (!len && before <= 1);
	interrupts = 0;
	ret = session_write(t->session, &t->g);
	if (!ret)
		ret = stream_end(&t->stream);
	putchar('\n');
	fflush(stdout);
	say_ended(t, before);
	say_forgotten(t);
	t->stopped = interrupts > 0;
	t->leave = interrupts > 1;
	return ret;
}

/* ---- commands --------------------------------------------------------------------- */

static int do_help(struct talk *t, const char *arg);

static int do_quit(struct talk *t, const char *arg)
{
	(void)arg;
	t->leave = true;
	return 0;
}

static int do_reset(struct talk *t, const char *arg)
{
	(void)arg;
	t->forgotten = 0;
	t->answered = false;
	t->merged = false;
	chat_free(&t->chat);
	chat_init(&t->chat, t->i->template);
	return session_reset(t->session);
}

static bool read_number(const char *name, const char *arg, long long most, long long *value)
{
	if (!str_to_int(arg, value) && *value >= 0 && *value <= most)
		return true;
	log_warn("%s: '%s' is not a whole number from 0 to %lld", name, arg, most);
	return false;
}

static int do_seed(struct talk *t, const char *arg)
{
	long long seed;

	if (read_number("/seed", arg, INT_MAX, &seed)) {
		t->g.sampling.seed = seed;
		session_rewind(t->session);
	}
	return 0;
}

static int do_top_k(struct talk *t, const char *arg)
{
	long long top_k;

	if (read_number("/top-k", arg, INT_MAX, &top_k))
		t->g.sampling.top_k = (int)top_k;
	return 0;
}

static bool read_share(const char *name, const char *arg, double least, double *value)
{
	double x;

	if (!str_to_double(arg, &x) && x >= least && x <= 1) {
		*value = x;
		return true;
	}
	log_warn("%s: '%s' is not a number from %g to 1", name, arg, least);
	return false;
}

static int do_top_p(struct talk *t, const char *arg)
{
	read_share("/top-p", arg, TOP_P_MIN, &t->g.sampling.top_p);
	return 0;
}

static int do_min_p(struct talk *t, const char *arg)
{
	read_share("/min-p", arg, 0, &t->g.sampling.min_p);
	return 0;
}

static int do_temperature(struct talk *t, const char *arg)
{
	double value;

	if (str_to_double(arg, &value) || value < 0 || value > TEMPERATURE_MAX)
		log_warn("/temperature: '%s' is not a number from 0 to %d", arg, TEMPERATURE_MAX);
	else
		t->g.sampling.temperature = value;
	return 0;
}

static const struct {
	const char *name, *arg, *help;
	int (*run)(struct talk *t, const char *arg);
} commands[] = {
	{ "/help", "", "print this list", do_help },
	{ "/quit", "", "leave, as Ctrl-D does", do_quit },
	{ "/reset", "", "forget all that was written", do_reset },
	{ "/seed", "N", "another seed, another text; draws are numbered from 0 again", do_seed },
	{ "/temperature", "T", "0: always the most probable token; 1: as the model says",
	  do_temperature },
	{ "/top-k", "N", "draw from the N most probable tokens; 0: from all", do_top_k },
	{ "/top-p", "P", "draw from the most probable tokens that make up this share; 1: from all",
	  do_top_p },
	{ "/min-p", "P", "draw from tokens at least this times as probable as the first one",
	  do_min_p },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int do_help(struct talk *t, const char *arg)
{
	(void)t;
	(void)arg;
	for (size_t i = 0; i < NR_COMMANDS; i++)
		printf("%-13s %-2s %s\n", commands[i].name, commands[i].arg, commands[i].help);
	puts("An empty line lets the model go on. A line that begins with // begins with /.\n"
	     "Ctrl-C stops the model; where it does not write, it leaves the second time.");
	fflush(stdout);
	return 0;
}

static int run_command(struct talk *t, char *line)
{
	char *arg = line + strcspn(line, " \t");

	if (*arg)
		*arg++ = '\0';
	arg += strspn(arg, " \t");
	for (size_t i = strlen(arg); i && strchr(" \t", arg[i - 1]); i--)
		arg[i - 1] = '\0';
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(commands[i].name, line))
			continue;
		if (!*arg != !*commands[i].arg) {
			log_warn("say %s %s", line, commands[i].arg);
			return 0;
		}
		return commands[i].run(t, arg);
	}
	log_warn("'%s' is no command (/help lists them; // begins a line with /)", line);
	return 0;
}

/* ---- lines ------------------------------------------------------------------------ */

static int take_line(struct talk *t, char *line, size_t len)
{
	if (len && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	if (line[0] != '/')
		return take_turn(t, line, len);
	if (line[1] == '/')
		return take_turn(t, line + 1, len - 1);
	return run_command(t, line);
}

/*
 * Asks on a terminal and waits for a line.  Returns false at an interrupt after the first
 * @seen: one that comes before the wait begins ends it too, for SIGINT is let through by
 * ppoll() alone.
 */
static bool wait_for_line(int seen)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t interrupt, before;
	bool ready = false;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &before);
	fputs("> ", stdout);
	fflush(stdout);
	errno = EINTR;
	while (!ready && interrupts <= seen && errno == EINTR)
		ready = ppoll(&in, 1, NULL, &before) > 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready || interrupts <= seen;
}

/* The next line into @line and @cap; its length, or -1 at the end. */
static ssize_t next_line(struct talk *t, char **line, size_t *cap)
{
	if (t->terminal && !wait_for_line(t->stopped)) {
		if (t->stopped)
			return -1;
		/* Where nothing is written: was it meant for a reply? */
		puts("\nCtrl-C again leaves, so does Ctrl-D.");
		if (!wait_for_line(1))
			return -1;
	}
	interrupts = 0;
	t->stopped = false;
	return getline(line, cap, stdin);
}

static int talk(struct talk *t, const char *first)
{
	char *line = NULL;
	size_t cap = 0;
	int ret = *first ? take_turn(t, first, strlen(first)) : 0;

	while (!ret && !t->leave) {
		ssize_t len = next_line(t, &line, &cap);

		if (len >= 0) {
			ret = take_line(t, line, len);
			continue;
		}
		if (ferror(stdin))
			ret = fail_errno("standard input");
		if (t->terminal)
			putchar('\n');
		break;
	}
	free(line);
	return ret;
}

int generate_interactive(struct loaded *l, struct device *dev, const struct interaction *i,
			 const struct generation *g)
{
	struct talk t = {
		.tokenizer = l->tokenizer, .i = i, .g = *g,
		.terminal = isatty(STDIN_FILENO) == 1,
	};
	int ret = session_new(l->model, dev, g->context, i->cache, &t.session);

	if (ret)
		return ret;
	t.g.emit = emit;
	t.g.ctx = &t;
	t.g.stop = &interrupts;
	stream_init(&t.stream, true);
	chat_init(&t.chat, i->template);
	catch_interrupt();
	if (t.terminal)
		log_info("/help lists the commands; a context is %d tokens",
			 g->context ? g->context : l->model->spec.context);
	ret = talk(&t, i->first);
	stream_free(&t.stream);
	chat_free(&t.chat);
	session_free(t.session);
	return ret;
}
