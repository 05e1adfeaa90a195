/* SPDX-License-Identifier: MIT */
#ifndef REPORT_HTML_STYLE_H
#define REPORT_HTML_STYLE_H

/** html_style - the style sheet of pages and their charts: light, dark, and on paper. */
extern const char html_style[];

#endif
