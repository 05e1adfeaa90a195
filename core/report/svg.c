// SPDX-License-Identifier: MIT
#include "report/svg.h"

#include "report/escape.h"

#define LETTER 7.1	/* mean width in the page's fonts at 12 pixels */

void svg_open(struct strbuf *out, int width, int height, const char *title)
{
	strbuf_addf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		    "role=\"img\" aria-label=\"", width, height);
	escape_html(out, title);
	strbuf_adds(out, "\">\n");
}

void svg_close(struct strbuf *out)
{
	strbuf_adds(out, "</svg>\n");
}

void svg_text(struct strbuf *out, const char *class, double x, double y, const char *text)
{
	strbuf_addf(out, "<text class=\"%s\" x=\"%.6g\" y=\"%.6g\">", class, x, y);
	escape_html(out, text);
	strbuf_adds(out, "</text>\n");
}

void svg_line(struct strbuf *out, const char *class, double x, double y, double dx, double dy)
{
	strbuf_addf(out, "<path class=\"%s\" d=\"M%.1f %.1fl%.1f %.1f\"/>\n", class, x, y, dx, dy);
}

void svg_dot(struct strbuf *out, const char *class, double x, double y, double radius,
	     const char *text)
{
	strbuf_addf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>", class,
		    x, y, radius);
	escape_html(out, text);
	strbuf_adds(out, "</title></circle>\n");
}

double svg_text_width(const char *text)
{
	double letters = 0;

	for (; *text; text++)
		letters += (*text & 0xc0) != 0x80;
	return LETTER * letters;
}
