// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/strbuf.h"
#include "prune/allocation.h"
#include "tools/config-options.h"
#include "tools/json-out.h"
#include "tools/prune/report.h"

#define NAME_WIDTH 14
#define WIDTH 100

static const char *const input_names[PRUNE_INPUTS] = {
	[PRUNE_WEIGHT] = "weights",
	[PRUNE_INITIAL] = "initial weights",
	[PRUNE_EXP_AVG] = "exp_avg",
	[PRUNE_EXP_AVG_SQ] = "exp_avg_sq",
	[PRUNE_MOVEMENT] = "movement",
	[PRUNE_GRADIENT] = "gradients",
	[PRUNE_FISHER] = "Fisher information",
	[PRUNE_NORM] = "inputs of layers",
	[PRUNE_HESSIAN] = "products of inputs",
	[PRUNE_KFAC] = "K-FAC factors",
};

static void add_reads(struct strbuf *sb, unsigned int reads)
{
	const char *between = "";

	for (int i = 0; i < PRUNE_INPUTS; i++)
		if (reads & 1u << i) {
			strbuf_addf(sb, "%s%s", between, input_names[i]);
			between = ", ";
		}
}

static void add_criterion(struct strbuf *sb, const struct criterion *c)
{
	strbuf_addf(sb, "%-*s%s\n%*sreads ", NAME_WIDTH, c->name, c->summary, NAME_WIDTH, "");
	add_reads(sb, c->reads);
	if (!c->is_monotone)
		strbuf_adds(sb, "; dropped weights may come back");
	if (c->note) {
		strbuf_addf(sb, "\n%*s", NAME_WIDTH, "");
		strbuf_wrap(sb, c->note, NAME_WIDTH, WIDTH);
	}
	strbuf_addc(sb, '\n');
}

static int print_text(void)
{
	const struct criterion *c;
	const struct allocation *a;
	struct strbuf sb;
	int ret;

	strbuf_init(&sb);
	strbuf_adds(&sb, "Criteria: w weight, m and v Adam's moments, g gradient, F Fisher "
		    "information\n\n");
	registry_for_each(criterion_table(), c)
		add_criterion(&sb, c);
	strbuf_adds(&sb, "\nAllocations\n\n");
	registry_for_each(allocation_table(), a)
		strbuf_addf(&sb, "%-*s%s\n", NAME_WIDTH, a->name, a->summary);
	ret = strbuf_ok(&sb);
	fputs(sb.s, stdout);
	strbuf_free(&sb);
	return ret;
}

static void json_reads(struct json_out *o, unsigned int reads)
{
	struct json_out *list = json_out_array(o, "reads");

	for (int i = 0; i < PRUNE_INPUTS; i++)
		if (reads & 1u << i)
			json_out_text(list, NULL, input_names[i]);
}

static int print_json(void)
{
	struct json_out *o = json_out_new(), *list = json_out_array(o, "criteria");
	const struct criterion *c;
	const struct allocation *a;

	registry_for_each(criterion_table(), c) {
		struct json_out *one = json_out_object(list, NULL);

		json_out_text(one, "name", c->name);
		json_out_text(one, "summary", c->summary);
		if (c->note)
			json_out_text(one, "note", c->note);
		json_out_bool(one, "monotone", c->is_monotone);
		json_reads(one, c->reads);
	}
	list = json_out_array(o, "allocations");
	registry_for_each(allocation_table(), a) {
		struct json_out *one = json_out_object(list, NULL);

		json_out_text(one, "name", a->name);
		json_out_text(one, "summary", a->summary);
	}
	return json_out_print(o);
}

int prune_list(void)
{
	return config_options.json ? print_json() : print_text();
}
