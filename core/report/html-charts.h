/* SPDX-License-Identifier: MIT */
#ifndef REPORT_HTML_CHARTS_H
#define REPORT_HTML_CHARTS_H

#include "report/report.h"

/** html_charts() - append the legend and all charts. Return: 0 or -errno. */
int html_charts(const struct report *r, struct strbuf *out);

#endif
