// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "report/axis.h"
#include "report/chart.h"
#include "report/decimate.h"
#include "report/escape.h"
#include "tests/unit/test.h"

/* "0 50k 100k": the ticks of an axis. */
static void check_ticks(double lo, double hi, enum axis_unit unit, bool log, const char *want)
{
	char label[AXIS_LABEL_MAX];
	struct strbuf sb;
	struct axis a;

	strbuf_init(&sb);
	axis_make(&a, lo, hi, unit, log, 5);
	for (int i = 0; i < a.nr; i++)
		strbuf_addf(&sb, "%s%s", i ? ", " : "", axis_label(&a, a.tick[i], label));
	ck_assert_str_eq(sb.s, want);
	strbuf_free(&sb);
}

START_TEST(ticks)
{
	check_ticks(0, 10, AXIS_NUMBER, false, "0, 2, 4, 6, 8, 10");
	check_ticks(0, 0.003, AXIS_NUMBER, false, "0, 0.001, 0.002, 0.003");
	check_ticks(1.47, 1.83, AXIS_NUMBER, false, "1.5, 1.6, 1.7, 1.8");
	check_ticks(-1, 1, AXIS_NUMBER, false, "-1, -0.5, 0, 0.5, 1");
	check_ticks(0, 2e6, AXIS_COUNT, false, "0, 500k, 1M, 1.5M, 2M");
	check_ticks(0, 3e9, AXIS_COUNT, false, "0, 1G, 2G, 3G");
	check_ticks(0, 80, AXIS_SECONDS, false, "0, 30 s, 1 min");
	check_ticks(0, 5400, AXIS_SECONDS, false, "0, 30 min, 1 h, 1.5 h");
	check_ticks(0, 86400 * 9, AXIS_SECONDS, false, "0, 2 d, 4 d, 6 d, 8 d");
	check_ticks(0, 2100, AXIS_MIB, false, "0, 512 MiB, 1 GiB, 1.5 GiB, 2 GiB");
	check_ticks(1, 10, AXIS_NUMBER, true, "1, 2, 3, 5, 10");
	check_ticks(1, 1e6, AXIS_NUMBER, true, "1, 10, 100, 1000, 10000, 100000, 1000000");
	check_ticks(1e-30, 1e30, AXIS_NUMBER, true, "1e-30, 1e-23, 1e-16, 1e-9, 0.01, 100000, "
		    "1000000000000, 1e19, 1e26");
	check_ticks(3.1, 3.4, AXIS_NUMBER, true, "3.1, 3.2, 3.3, 3.4");
	check_ticks(NAN, 1, AXIS_NUMBER, false, "");
	check_ticks(0, INFINITY, AXIS_NUMBER, false, "");
	check_ticks(INFINITY, -INFINITY, AXIS_NUMBER, false, "");
	check_ticks(5, 5, AXIS_NUMBER, false, "4.6, 4.8, 5, 5.2, 5.4");
	check_ticks(0, 0, AXIS_NUMBER, false, "0, 0.2, 0.4, 0.6, 0.8, 1");
}
END_TEST

/* Whatever the range: some ticks, not many, ascending, inside. */
START_TEST(ticks_of_any_range)
{
	struct rng r = rng_stream(1, "test", 0);
	struct axis a;

	for (int i = 0; i < 4000; i++) {
		double lo = (rng_uniform(&r, 4 * i) - 0.5) *
			    pow(10, rng_below(&r, 4 * i + 1, 30) - 15.0);
		double hi = lo + rng_uniform(&r, 4 * i + 2) *
			    pow(10, rng_below(&r, 4 * i + 3, 30) - 15.0);

		axis_make(&a, lo, hi, i % 4, i % 8 > 3, 5);
		CHECK(a.lo < a.hi && a.nr >= 1 && a.nr <= 14);
		for (int k = 0; k < a.nr; k++) {
			CHECK(axis_at(&a, a.tick[k]) > -1e-6 && axis_at(&a, a.tick[k]) < 1 + 1e-6);
			CHECK(!k || a.tick[k] > a.tick[k - 1]);
		}
	}
}
END_TEST

#define STEPS 8192
#define COLUMNS 128	/* of 64 steps */

START_TEST(spikes_stay)
{
	static double x[STEPS], y[STEPS];
	size_t keep[DECIMATE_PER_COLUMN * COLUMNS + 2], nr;

	for (int i = 0; i < STEPS; i++)
		x[i] = i;
	for (int spike = 0; spike < STEPS; spike += 37) {
		bool up = false, down = false;

		memset(y, 0, sizeof(y));
		y[spike] = 1;
		y[(spike + 11) % STEPS] = -1;
		nr = decimate(x, y, STEPS, 0, STEPS, COLUMNS, keep);
		CHECK(nr <= 2 * COLUMNS + 2 && keep[0] == 0 && keep[nr - 1] == STEPS - 1);
		for (size_t i = 0; i < nr; i++) {
			CHECK(!i || keep[i] > keep[i - 1]);
			up |= y[keep[i]] == 1;
			down |= y[keep[i]] == -1;
		}
		CHECK(up && down);
	}
}
END_TEST

/* Of a line that rises, a column keeps its ends; a gap of one step stays one. */
START_TEST(decimation)
{
	static double x[STEPS], y[STEPS];
	size_t keep[DECIMATE_PER_COLUMN * COLUMNS + 2], nr;
	bool gap = false;

	for (int i = 0; i < STEPS; i++)
		x[i] = y[i] = i;
	nr = decimate(x, y, STEPS, 0, STEPS, COLUMNS, keep);
	CHECK(nr == 2 * COLUMNS);
	for (size_t i = 0; i < nr; i++)
		CHECK(keep[i] == i / 2 * 64 + i % 2 * 63);
	y[4321] = NAN;
	nr = decimate(x, y, STEPS, 0, STEPS, COLUMNS, keep);
	for (size_t i = 0; i < nr; i++)
		gap |= keep[i] == 4321;
	CHECK(gap && nr == 2 * COLUMNS + 1);
	CHECK(decimate(x, y, 2 * COLUMNS, 0, 10, COLUMNS, keep) == 2 * COLUMNS);
	CHECK(decimate(x, y, 0, 0, 10, COLUMNS, keep) == 0);
}
END_TEST

/* A mean over a symmetric window leaves a straight line as it is, to its very ends. */
START_TEST(means)
{
	double y[100], out[100], two[] = { 1, NAN, 3 };

	for (int i = 0; i < 100; i++)
		y[i] = 3 * i - 7;
	check_ok(smooth(y, 100, 9, out));
	for (int i = 0; i < 100; i++)
		ck_assert_double_eq_tol(out[i], y[i], 1e-10);
	memset(y, 0, sizeof(y));
	y[50] = 19;
	check_ok(smooth(y, 100, 9, out));
	for (int i = 0; i < 100; i++)
		ck_assert_double_eq_tol(out[i], abs(i - 50) <= 9, 1e-12);
	check_ok(smooth(two, 3, 1, out));
	CHECK(out[0] == 1 && isnan(out[1]) && out[2] == 3);
	check_ok(smooth(two, 0, 1, out));
}
END_TEST

static void check_text(void (*escape)(struct strbuf *, const char *), const char *text,
		       const char *want)
{
	struct strbuf sb;

	strbuf_init(&sb);
	escape(&sb, text);
	ck_assert_str_eq(sb.s, want);
	strbuf_free(&sb);
}

START_TEST(escaping)
{
	check_text(escape_html, "<a href=\"x\">&amp;'",
		   "&lt;a href=&quot;x&quot;&gt;&amp;amp;&#39;");
	check_text(escape_html, "a\001\x7f\nb\t", "a\xef\xbf\xbd\xef\xbf\xbd\nb\t");
	check_text(escape_html, "\xc3\xa4 \xff\xc3", "\xc3\xa4 \xef\xbf\xbd");
	check_text(escape_html, "\xef\xbf\xbf]]>", "\xef\xbf\xbd]]&gt;");
	check_text(escape_markdown, "a|b\n`c` <d>", "a\\|b \\`c\\` \\<d\\>");
	check_text(escape_markdown, "TRAIN_LR _x_ a_ 2_3", "TRAIN_LR \\_x\\_ a\\_ 2_3");
	check_text(escape_markdown, "[-1, 2]", "[-1, 2]");
	check_text(escape_markdown, "[a](b)", "\\[a\\](b)");
	check_text(escape_block, "x\n```\ny", "````text\nx\n```\ny\n````\n");
	check_text(escape_block, "x", "```text\nx\n```\n");
}
END_TEST

/* Where a point lies in the file can be said in advance: a diagonal, corner to corner. */
START_TEST(chart)
{
	double x[] = { 0, 5, 10 }, y[] = { 0, 1, 2 };
	struct chart_line line = { .kind = CHART_LINE, .name = "a<b", .x = x, .y = y, .nr = 3 };
	struct chart c = {
		.title = "<t>", .x_title = "x", .y_title = "", .width = 182, .height = 166,
		.lines = &line, .nr_lines = 1,
	};
	struct strbuf sb;

	strbuf_init(&sb);
	check_ok(chart_draw(&c, &sb));
	/* 100 pixels each way; the y axis has 4 % more at its top. */
	CHECK(strstr(sb.s, "<path class=\"line c0\" d=\"M620 1260l0 0 500-481 500-481\"/>"));
	CHECK(strstr(sb.s, "&lt;t&gt;") && !strstr(sb.s, "<t>"));
	strbuf_clear(&sb);
	y[1] = NAN;
	line.kind = CHART_DOTS;
	check_ok(chart_draw(&c, &sb));
	CHECK(strstr(sb.s, "M620 1260l0 0M1620 298l0 0\""));
	CHECK(strstr(sb.s, "<title>a&lt;b: 2 at 10</title>"));
	strbuf_clear(&sb);
	line.nr = 0;
	check_ok(chart_draw(&c, &sb));
	CHECK(strstr(sb.s, "not logged") && !strstr(sb.s, "<path"));
	strbuf_free(&sb);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, ticks);
	tcase_add_test(tc, ticks_of_any_range);
	tcase_add_test(tc, spikes_stay);
	tcase_add_test(tc, decimation);
	tcase_add_test(tc, means);
	tcase_add_test(tc, escaping);
	tcase_add_test(tc, chart);
}
TEST_REGISTER(report, add);
