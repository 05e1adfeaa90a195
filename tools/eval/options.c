// SPDX-License-Identifier: MIT
#include "tools/eval/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "eval/compare.h"
#include "eval/dump.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/eval/report.h"
#include "tools/json-out.h"

struct eval_options eval_options = { .act = "f32", .device = "cpu" };

static void act_words(struct strbuf *sb)
{
	strbuf_adds(sb, "f32, q8");
}

const struct option option_table_eval[] = {
	OPTION_STRING('f', "file", "FILE", &eval_options.file, "what to evaluate on, plain or "
		      "packed by bzip2; - is standard input"),
	OPTION_COUNT('l', "limit", "N", &eval_options.limit, 1, 2147483647, "only the first N "
		     "items; the answer says that it is partial"),
	OPTION_STRING(0, "dump", "FILE", &eval_options.dump, "write what was found for each item, "
		      "as JSON lines; must not exist yet"),
	OPTION_WORD(0, "act", "KIND", &eval_options.act, act_words, "activations in front of "
		    "quantized weights: f32, or q8 as llama.cpp rounds them (default f32)"),
	OPTION_STRING(0, "device", "NAME", &eval_options.device, "where to compute (default cpu)"),
	OPTION_END
};

const struct option option_table_vs[] = {
	OPTION_STRING(0, "vs", "MODEL2", &eval_options.vs, "measure this one, too, and print the "
		      "paired difference"),
	OPTION_END
};

/* What would fail after an hour had better fail now. */
static int check_paths(void)
{
	int ret;

	if (eval_options.vs && !file_exists(eval_options.vs))
		return fail(-ENOENT, "--vs %s: no such model", eval_options.vs);
	if (!eval_options.dump)
		return 0;
	if (file_is_stream(eval_options.dump))
		return access(eval_options.dump, W_OK)
		    ? fail_errno("--dump %s", eval_options.dump) : 0;
	ret = file_check_place(eval_options.dump);
	if (!ret && file_exists(eval_options.dump))
		ret = fail(-EEXIST, "--dump %s: exists already", eval_options.dump);
	return ret;
}

int eval_setup(const char *command, struct eval_setup *s)
{
	int ret;

	*s = (struct eval_setup){ 0 };
	if (!eval_options.file)
		return usage_error("%s: --file is missing", command);
	if (strcmp(eval_options.act, "f32") && strcmp(eval_options.act, "q8"))
		return usage_error("%s: --act '%s': there are f32 and q8", command,
				   eval_options.act);
	ret = config_from_options(&s->cfg);
	if (!ret)
		ret = check_paths();
	if (!ret)
		ret = eval_text_read(eval_options.file, &s->text);
	return ret ? ret : device_open(eval_options.device, &s->dev);
}

void eval_setup_free(struct eval_setup *s)
{
	eval_text_free(&s->text);
	device_close(s->dev);
	config_free(s->cfg);
}

int eval_measure(const struct eval_setup *s, const char *model,
		 int (*run)(struct eval_model *em, const struct eval_text *text, void *ctx,
			    struct eval_table **t),
		 void *ctx, struct eval_table **t)
{
	struct eval_model em;
	int ret = eval_model_open(model, eval_options.act, s->dev, &em);

	if (ret)
		return ret;
	ret = run(&em, &s->text, ctx, t);
	eval_model_close(&em);
	return ret;
}

static int print(const struct eval_table *t, const struct eval_table *vs, const char *units)
{
	struct comparison c;
	struct json_out *o;
	int ret = vs ? compare_tables(t, vs, NULL, &c) : 0;

	if (ret)
		return fail_in(ret, "%s and --vs %s", t->model, vs->model);
	if (config_options.json) {
		o = json_out_new();
		report_table_json(o, t);
		if (vs) {
			report_table_json(json_out_object(o, "vs"), vs);
			report_comparison_json(json_out_object(o, "comparison"), &c);
		}
		return json_out_print(o);
	}
	report_table(t, units);
	if (vs) {
		putchar('\n');
		report_comparison(&c, t->model, vs->model, NULL);
	}
	return 0;
}

int eval_answer(const char *command, const char *model, const char *units,
		int (*run)(struct eval_model *em, const struct eval_text *text, void *ctx,
			   struct eval_table **t),
		void *ctx)
{
	struct eval_table *t = NULL, *vs = NULL;
	struct eval_setup s;
	int ret = eval_setup(command, &s);

	if (!ret)
		ret = eval_measure(&s, model, run, ctx, &t);
	if (!ret && eval_options.dump)
		ret = dump_write(t, eval_options.dump);
	if (!ret && eval_options.vs)
		ret = eval_measure(&s, eval_options.vs, run, ctx, &vs);
	if (!ret)
		ret = print(t, vs, units);
	table_free(t);
	table_free(vs);
	eval_setup_free(&s);
	return ret;
}
