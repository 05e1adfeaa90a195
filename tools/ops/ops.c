// SPDX-License-Identifier: MIT
/*
 * knlp ops - list ops and kernels.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "tensor/arch.h"
#include "tensor/op.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static void kernels_of(const struct op *op, struct strbuf *sb)
{
	const struct kernel *k;

	registry_for_each(kernel_table(), k) {
		if (!strcmp(k->op, op->name))
			strbuf_addf(sb, "%s%s:%s(%d)", sb->len ? " " : "", k->arch, k->name,
				    k->rank);
	}
}

/** struct columns - widths of the first and the last column. */
struct columns {
	int name, kernels;
};

static void print_row(const struct columns *w, const char *name, const char *grad,
		      const char *kernels, const char *summary)
{
	printf("%-*s  %-4s  %-*s  %s\n", w->name, name, grad, w->kernels, kernels, summary);
}

/* With @measure the row only makes the columns wide enough. */
static void show_op(const struct op *op, struct columns *w, bool measure)
{
	struct strbuf sb;

	strbuf_init(&sb);
	if (op->flags & OP_VIEW)
		strbuf_adds(&sb, "(view)");
	kernels_of(op, &sb);
	if (!measure) {
		print_row(w, op->name, op->grad ? "yes" : "-", sb.s, op->summary);
	} else {
		if ((int)strlen(op->name) > w->name)
			w->name = (int)strlen(op->name);
		if ((int)sb.len > w->kernels)
			w->kernels = (int)sb.len;
	}
	strbuf_free(&sb);
}

static void print_table(const char *only)
{
	struct columns w = { 2, 7 };
	const struct op *op;

	for (int measure = 1; measure >= 0; measure--) {
		if (!measure)
			print_row(&w, "OP", "GRAD", "KERNELS", "WHAT");
		registry_for_each(op_table(), op) {
			if (!only || !strcmp(only, op->name))
				show_op(op, &w, measure);
		}
	}
}

static int print_json(char **names, int nr)
{
	struct json_out *o = json_out_new(), *list = json_out_array(o, "ops"), *one;
	const struct arch *arch;
	const struct kernel *k;
	const struct op *op;
	const char *numerics;

	registry_for_each(op_table(), op) {
		struct json_out *kernels;

		if (nr && strcmp(names[0], op->name))
			continue;
		one = json_out_object(list, NULL);
		json_out_text(one, "name", op->name);
		json_out_text(one, "summary", op->summary);
		json_out_bool(one, "differentiable", op->grad != NULL);
		kernels = json_out_array(one, "kernels");
		registry_for_each(kernel_table(), k) {
			struct json_out *row;

			if (strcmp(k->op, op->name))
				continue;
			row = json_out_object(kernels, NULL);
			json_out_text(row, "name", k->name);
			json_out_text(row, "arch", k->arch);
			json_out_int(row, "rank", k->rank);
		}
	}
	one = json_out_object(o, "devices");
	registry_for_each(arch_table(), arch)
		if (!arch_numerics(arch, &numerics))
			json_out_text(one, arch->name, numerics);
	return json_out_print(o);
}

static int ops_run(int argc, char **argv)
{
	const char *near;
	int ret = output_from_options();

	if (ret)
		return ret;
	if (argc && !op_find(argv[0])) {
		near = registry_nearest(op_table(), argv[0]);
		return fail(-ENOENT, "no op is called '%s'%s%s%s", argv[0],
			    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	if (config_options.json)
		return print_json(argv, argc);
	print_table(argc ? argv[0] : NULL);
	return 0;
}

static const struct option options[] = {
	OPTION_TABLE(option_table_output),
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command command = {
	.name = "ops",
	.group = "About knlp",
	.summary = "list the ops and their kernels",
	.usage = (const char *const []){ "[--json] [OP]", NULL },
	.description =
		"Lists every op that graphs are built from, whether it has a gradient rule, and "
		"its kernels as DEVICE:NAME(RANK). The planner takes the usable kernel of the "
		"highest rank; a plain C kernel of rank 0 always exists.",
	.options = options,
	.args = "OP",
	.max_args = 1,
	.run = ops_run,
};
COMMAND_REGISTER(command);
