// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "report/heatmap.h"
#include "tests/unit/test.h"

/* Blocks that do not divide evenly: each element is in one block, means are of magnitudes. */
static void heatmap_pools(void)
{
	float x[5 * 7];
	double v[2 * 3], whole = 0, weighted = 0;
	static const int heights[] = { 2, 3 }, widths[] = { 2, 2, 3 };

	for (int i = 0; i < 35; i++) {
		x[i] = (float)(i % 2 ? -i : i);
		whole += i;
	}
	heatmap_pool(x, 5, 7, 2, 3, v);
	ck_assert_double_eq_tol(v[0], (0 + 1 + 7 + 8) / 4.0, 1e-12);
	ck_assert_double_eq_tol(v[2], (4 + 5 + 6 + 11 + 12 + 13) / 6.0, 1e-12);
	for (int r = 0; r < 2; r++)
		for (int c = 0; c < 3; c++)
			weighted += v[r * 3 + c] * heights[r] * widths[c];
	ck_assert_double_eq_tol(weighted, whole, 1e-9);
}
TEST_REGISTER(heatmap_pools);

static int count_of(const char *text, const char *part)
{
	int nr = 0;

	for (const char *s = strstr(text, part); s; s = strstr(s + 1, part))
		nr++;
	return nr;
}

static void draw(const struct heatmap *h, struct strbuf *sb)
{
	strbuf_clear(sb);
	check_ok(heatmap_draw(h, sb));
	CHECK(!strncmp(sb->s, "<svg ", 5) && !strcmp(sb->s + sb->len - 7, "</svg>\n"));
	CHECK(!strstr(sb->s, "nan") && !strstr(sb->s, "inf"));
}

/* A cell for each value, the largest the darkest; none where there is no value. */
static void heatmap_draws(void)
{
	static const char *const names[] = { "a<b", "c" };
	const double value[] = { 1, 10, NAN, 0, 100, 1000 };
	struct heatmap h = {
		.title = "t & u", .y_title = "", .x_title = "x", .unit = "nats", .rows = 2,
		.columns = 3, .value = value, .row_name = names, .row_end = 2, .column_end = 3,
		.width = 400,
	};
	struct strbuf sb;

	strbuf_init(&sb);
	draw(&h, &sb);
	ck_assert_int_eq(count_of(sb.s, "<title>"), 5);
	CHECK(strstr(sb.s, "t &amp; u") && strstr(sb.s, "a&lt;b, 1: 10<"));
	CHECK(strstr(sb.s, "fill-opacity=\"1.00\"><title>c, 2: 1000<"));
	CHECK(strstr(sb.s, "fill-opacity=\"0.04\"><title>c, 0: 0<"));
	CHECK(strstr(sb.s, "1 to 1e+03 nats"));
	strbuf_free(&sb);
}
TEST_REGISTER(heatmap_draws);

static double opacity_of(const char *svg, const char *cell)
{
	const char *title = strstr(svg, cell), *at = svg, *last = NULL;

	while ((at = strstr(at, "fill-opacity=\"")) && at < title)
		last = at++;
	return last ? strtod(last + strlen("fill-opacity=\""), NULL) : NAN;
}

/* What is nearly equal looks so, and the rounding of zeros does not take all colours. */
static void heatmap_span(void)
{
	static const char *const names[] = { "a" };
	double value[] = { 0.84, 0.87, 0.86 };
	struct heatmap h = {
		.title = "", .y_title = "", .x_title = "", .unit = "", .rows = 1, .columns = 3,
		.value = value, .row_name = names, .row_end = 1, .column_end = 3, .width = 400,
	};
	struct strbuf sb;

	strbuf_init(&sb);
	draw(&h, &sb);
	CHECK(opacity_of(sb.s, "a, 0: ") > 0.9 && opacity_of(sb.s, "a, 1: ") > 0.99);
	CHECK(strstr(sb.s, ">0.84 to 0.87 "));
	value[0] = 6e-19;
	value[1] = 0.076;
	value[2] = 0.01;
	draw(&h, &sb);
	CHECK(opacity_of(sb.s, "a, 0: ") < 0.05);
	CHECK(opacity_of(sb.s, "a, 2: ") > 0.8 && opacity_of(sb.s, "a, 2: ") < 0.95);
	CHECK(strstr(sb.s, ">below 7.6e-08 to 0.076 "));
	strbuf_free(&sb);
}
TEST_REGISTER(heatmap_span);

/* Nothing, one value, and large ones, which are paths. */
static void heatmap_extremes(void)
{
	double *value = calloc(64 * 64, sizeof(*value));
	struct heatmap h = {
		.title = "", .y_title = "rows", .x_title = "columns", .unit = "", .rows = 64,
		.columns = 64, .value = value, .row_end = 640, .column_end = 6400, .width = 500,
	};
	struct strbuf sb;

	strbuf_init(&sb);
	draw(&h, &sb);			/* all zero: one path of 64 rows */
	ck_assert_int_eq(count_of(sb.s, "<path"), 1);
	ck_assert_int_eq(count_of(sb.s, "z"), 64);
	for (int i = 0; i < 64 * 64; i++)
		value[i] = NAN;
	draw(&h, &sb);
	ck_assert_int_eq(count_of(sb.s, "<path"), 0);
	for (int i = 0; i < 64 * 64; i++)
		value[i] = exp(i / 100.0);
	draw(&h, &sb);
	ck_assert_int_eq(count_of(sb.s, "<path"), 16);
	CHECK(strstr(sb.s, "columns across, rows down") && strstr(sb.s, "below "));
	CHECK(strstr(sb.s, ">639<") && strstr(sb.s, ">6399<"));
	h.rows = h.columns = h.row_end = h.column_end = 1;
	draw(&h, &sb);
	ck_assert_int_eq(count_of(sb.s, "<title>"), 1);
	strbuf_free(&sb);
	free(value);
}
TEST_REGISTER(heatmap_extremes);
