// SPDX-License-Identifier: MIT
#include "report/heatmap.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "report/escape.h"
#include "report/svg.h"

#define LEVELS 16
#define SPAN_LEAST 10.0	/* between the ends of the colours, as a factor */
#define SPAN_MOST 1e6
#define TOP 26
#define BOTTOM 22
#define RIGHT 12
#define LEFT_NUMBERS 44		/* room for numbers */
#define LEFT_MOST 260
#define TALL 9.0		/* a cell is this high at most if rows have no names */
#define LOW 150			/* pixels that rows without names share */

/** struct frame - a heatmap, and where its cells lie. */
struct frame {
	const struct heatmap *h;
	struct strbuf *out;
	double least;		/* logarithm of the smallest value above 0 */
	double lo, hi;		/* of the colours' ends; hi of the largest value, too */
	double left, cell_x, cell_y;
};

static void find_range(struct frame *f)
{
	f->least = INFINITY;
	f->hi = -INFINITY;
	for (int64_t i = 0; i < (int64_t)f->h->rows * f->h->columns; i++) {
		double v = f->h->value[i];

		if (!(v > 0) || isinf(v))
			continue;
		f->least = fmin(f->least, log(v));
		f->hi = fmax(f->hi, log(v));
	}
	f->lo = fmax(fmin(f->least, f->hi - log(SPAN_LEAST)), f->hi - log(SPAN_MOST));
}

static int level_of(const struct frame *f, double v)
{
	if (isnan(v))
		return -1;
	if (!(v > 0) || log(v) < f->lo)
		return 0;
	return 1 + (int)((LEVELS - 1.001) * (log(v) - f->lo) / (f->hi - f->lo));
}

static double opacity(int level)
{
	return 0.04 + 0.96 * level / (LEVELS - 1);
}

static void place(struct frame *f)
{
	const struct heatmap *h = f->h;

	f->left = LEFT_NUMBERS;
	for (int r = 0; r < h->rows && h->row_name; r++) {
		f->left = fmax(f->left, svg_text_width(h->row_name[r]) + 8);
	}
	f->left = fmin(f->left, LEFT_MOST);
	f->cell_x = (h->width - f->left - RIGHT) / h->columns;
	f->cell_y = h->row_name ? 18 : fmin(TALL, (double)LOW / h->rows);
	if (h->rows == 1 && !h->row_name)
		f->cell_y = 18;
}

/* ---- words ------------------------------------------------------------------------------- */

static void draw_number(const struct frame *f, const char *class, double x, double y,
			int64_t number)
{
	strbuf_addf(f->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%lld</text>\n", class, x, y,
		    (long long)number);
}

static void draw_words(const struct frame *f)
{
	const struct heatmap *h = f->h;
	double right = f->left + f->cell_x * h->columns, bottom = TOP + f->cell_y * h->rows;
	char axes[80];

	svg_text(f->out, "title", f->left, 15, h->title);
	if (f->hi >= f->least) {
		strbuf_addf(f->out, "<text class=\"unit\" x=\"%.1f\" y=\"15\">%s%.2g to %.2g ",
			    right, f->least < f->lo ? "below " : "",
			    exp(fmax(f->least, f->lo)), exp(f->hi));
		escape_html(f->out, h->unit);
		strbuf_adds(f->out, "</text>\n");
	}
	for (int r = 0; r < h->rows && h->row_name; r++)
		svg_text(f->out, "name", f->left - 5, TOP + f->cell_y * (r + 0.5) + 4,
			 h->row_name[r]);
	if (!h->row_name && h->rows > 1) {
		draw_number(f, "end", f->left - 5, TOP + 9, 0);
		draw_number(f, "end", f->left - 5, bottom, h->row_end - 1);
	}
	draw_number(f, "begin", f->left, bottom + 14, 0);
	if (h->columns > 1)
		draw_number(f, "end", right, bottom + 14, h->column_end - 1);
	snprintf(axes, sizeof(axes), *h->y_title && !h->row_name ? "%s across, %s down" : "%s",
		 h->x_title, h->y_title);
	svg_text(f->out, "x", (f->left + right) / 2, bottom + 14, axes);
}

/* ---- cells -------------------------------------------------------------------------------- */

/* One path for each level: neighbours in a row are one piece of it. */
static void draw_level(const struct frame *f, int level)
{
	const struct heatmap *h = f->h;
	bool open = false;

	for (int r = 0; r < h->rows; r++)
		for (int c = 0; c < h->columns; c++) {
			const double *row = h->value + (int64_t)r * h->columns;
			int begin = c;

			while (c < h->columns && level_of(f, row[c]) == level)
				c++;
			if (c == begin)
				continue;
			if (!open)
				strbuf_addf(f->out, "<path fill-opacity=\"%.2f\" d=\"",
					    opacity(level));
			open = true;
			strbuf_addf(f->out, "M%.4g %.4gh%.4gv%.4gh%.4gz",
				    f->left + f->cell_x * begin, TOP + f->cell_y * r,
				    f->cell_x * (c - begin), f->cell_y,
				    -f->cell_x * (c - begin));
		}
	if (open)
		strbuf_adds(f->out, "\"/>\n");
}

static void draw_named(const struct frame *f, int r, int c)
{
	const struct heatmap *h = f->h;
	double v = h->value[(int64_t)r * h->columns + c];

	if (isnan(v))
		return;
	strbuf_addf(f->out, "<rect x=\"%.4g\" y=\"%.4g\" width=\"%.4g\" height=\"%.4g\" "
		    "fill-opacity=\"%.2f\"><title>", f->left + f->cell_x * c,
		    TOP + f->cell_y * r, f->cell_x, f->cell_y, opacity(level_of(f, v)));
	if (h->row_name)
		escape_html(f->out, h->row_name[r]);
	else
		strbuf_addf(f->out, "row %lld", (long long)(h->row_end * r / h->rows));
	strbuf_addf(f->out, ", %lld: %.4g</title></rect>\n",
		    (long long)(h->column_end * c / h->columns), v);
}

static void draw_cells(const struct frame *f)
{
	const struct heatmap *h = f->h;

	if (h->rows * h->columns > HEATMAP_NAMED) {
		for (int level = 0; level < LEVELS; level++)
			draw_level(f, level);
		return;
	}
	for (int r = 0; r < h->rows; r++)
		for (int c = 0; c < h->columns; c++)
			draw_named(f, r, c);
}

int heatmap_draw(const struct heatmap *h, struct strbuf *out)
{
	struct frame f = { .h = h, .out = out };
	double height;

	BUG_ON(h->rows < 1 || h->columns < 1);
	find_range(&f);
	place(&f);
	height = TOP + f.cell_y * h->rows + BOTTOM;
	svg_open(out, h->width, (int)ceil(height), h->title);
	strbuf_adds(out, "<g class=\"heat\">\n");
	draw_words(&f);
	draw_cells(&f);
	strbuf_addf(out, "<rect class=\"frame\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
		    "height=\"%.1f\"/>\n</g>\n", f.left, TOP, f.cell_x * h->columns,
		    f.cell_y * h->rows);
	svg_close(out);
	return strbuf_ok(out);
}

void heatmap_pool(const float *x, int64_t n, int64_t m, int rows, int columns, double *value)
{
	BUG_ON(rows > n || columns > m);
	for (int r = 0; r < rows; r++) {
		int64_t top = n * r / rows, bottom = n * (r + 1) / rows;

		for (int c = 0; c < columns; c++) {
			int64_t left = m * c / columns, right = m * (c + 1) / columns;
			double sum = 0;

			for (int64_t i = top; i < bottom; i++)
				for (int64_t j = left; j < right; j++)
					sum += fabs(x[i * m + j]);
			value[(int64_t)r * columns + c] = sum / (double)(bottom - top) /
							  (double)(right - left);
		}
	}
}
