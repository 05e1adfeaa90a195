// SPDX-License-Identifier: MIT
#include "tools/prune/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "prune/allocation.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

/* ---- for people ---------------------------------------------------------------------------- */

static int name_width(const struct prune_event *e)
{
	size_t width = strlen("tensor");

	for (int i = 0; i < e->nr; i++)
		if (strlen(e->line[i].name) > width)
			width = strlen(e->line[i].name);
	return (int)width;
}

static void print_line(const struct prune_line *l, int width)
{
	char weights[FORMAT_MAX], kept[FORMAT_MAX], range[64] = "";

	if (!isnan(l->low))
		snprintf(range, sizeof(range), "%.3g .. %.3g", l->low, l->high);
	printf("%-*s  %13s  %13s  %7.3f %%  %7.4f  %s", width, l->name,
	       format_grouped(weights, l->weights), format_grouped(kept, l->kept),
	       100 * prune_line_sparsity(l), prune_line_jaccard(l), range);
	if (l->not_finite)
		printf("  %lld not finite", (long long)l->not_finite);
	printf("\n");
}

static double bits(const struct prune_size *s)
{
	return 8.0 * (double)s->matrix_bytes / (double)s->matrix_weights;
}

/* The block type whose bits per weight come nearest: a dense file of it takes as much. */
static enum dtype nearest_blocks(double bits)
{
	enum dtype nearest = DT_Q4_0;

	for (int d = DT_Q4_0; d < DT_COUNT; d++) {
		const struct dtype_info *i = dtype_info(d), *n = dtype_info(nearest);

		if (fabs(8.0 * (double)i->size / i->block - bits) <
		    fabs(8.0 * (double)n->size / n->block - bits))
			nearest = d;
	}
	return nearest;
}

static void print_size(const struct prune_size *s)
{
	const struct dtype_info *q = dtype_info(nearest_blocks(bits(s)));
	char bytes[FORMAT_MAX], dense[FORMAT_MAX];

	printf("%-12s %s bytes, %.2f %% of %s dense\n", "size", format_grouped(bytes, s->bytes),
	       100.0 * (double)s->bytes / (double)s->dense, format_grouped(dense, s->dense));
	printf("%-12s %.4g bits a weight", "matrices", bits(s));
	if (s->bytes < s->dense)
		printf("; of dense types %s is nearest, %.4g", q->name,
		       8.0 * (double)q->size / q->block);
	printf("\n");
}

static void print_result(const struct prune_result *r)
{
	const struct prune_event *e = &r->event;
	char time[FORMAT_MAX], calibration[FORMAT_MAX];
	int width = name_width(e);

	printf("%-*s  %13s  %13s  %9s  %7s  %s\n", width, "tensor", "weights", "kept",
	       "sparsity", "J(|w|)", "scores");
	for (int i = 0; i < e->nr; i++)
		print_line(&e->line[i], width);
	print_line(&e->all, width);
	if (!isnan(e->eps_ratio))
		printf("%-12s %.4g of the median of exp_avg_sq\n", "epsilon", e->eps_ratio);
	printf("%-12s %s", "time", format_duration(time, e->seconds));
	if (r->calibration > 0)
		printf(", calibration %s", format_duration(calibration, r->calibration));
	printf("\n");
	print_size(&r->size);
	printf("%-12s %s\n%-12s %s\n", "hash", e->hash, "written", r->path);
}

/* ---- for programs -------------------------------------------------------------------------- */

static void json_line(struct json_out *o, const struct prune_line *l)
{
	json_out_int(o, "weights", l->weights);
	json_out_int(o, "kept", l->kept);
	json_out_number(o, "sparsity", prune_line_sparsity(l));
	json_out_number(o, "jaccard", prune_line_jaccard(l));
	json_out_number(o, "low", l->low);
	json_out_number(o, "high", l->high);
	json_out_int(o, "not_finite", l->not_finite);
}

static void json_result(struct json_out *o, const struct prune_result *r)
{
	const struct prune_event *e = &r->event;
	struct json_out *list;

	json_out_text(o, "path", r->path);
	json_out_number(o, "target", r->sparsity);
	json_line(o, &e->all);
	json_out_number(o, "eps_ratio", e->eps_ratio);
	json_out_number(o, "seconds", e->seconds);
	json_out_number(o, "calibration_seconds", r->calibration);
	json_out_text(o, "hash", e->hash);
	json_out_int(o, "bytes", r->size.bytes);
	json_out_int(o, "dense_bytes", r->size.dense);
	json_out_number(o, "matrix_bits", bits(&r->size));
	list = json_out_array(o, "tensors");
	for (int i = 0; i < e->nr; i++) {
		struct json_out *t = json_out_object(list, NULL);

		json_out_text(t, "name", e->line[i].name);
		json_out_int(t, "layer", e->line[i].layer);
		json_line(t, &e->line[i]);
	}
}

static int print_json(const char *model, const struct prune_settings *s,
		      const struct prune_result *results)
{
	const struct prune_choice *c = &s->choice;
	struct json_out *o = json_out_new(), *list;

	json_out_text(o, "model", model);
	json_out_text(o, "criterion", c->criterion->name);
	json_out_text(o, "scope", prune_scope_names[c->scope]);
	json_out_text(o, "allocation", s->alloc->name);
	json_out_text(o, "update", s->update == PRUNE_UPDATE_OBS ? "obs" : "none");
	if (c->of) {
		json_out_int(o, "keep", c->keep);
		json_out_int(o, "of", c->of);
	}
	list = json_out_array(o, "results");
	for (int i = 0; i < s->nr; i++)
		json_result(json_out_object(list, NULL), &results[i]);
	return json_out_print(o);
}

int prune_report(const char *model, const struct prune_settings *s,
		 const struct prune_result *results)
{
	if (config_options.json)
		return print_json(model, s, results);
	for (int i = 0; i < s->nr; i++) {
		if (i)
			printf("\n");
		print_result(&results[i]);
	}
	return 0;
}
