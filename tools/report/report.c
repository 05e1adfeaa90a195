// SPDX-License-Identifier: MIT
/*
 * knlp report - show how runs went.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "experiment/report.h"
#include "report/report.h"
#include "tools/command.h"
#include "tools/config-options.h"

static struct {
	const char *out, *format;
} opt;

/* What the name of the file says, if it says anything; else a page. */
static const char *choose_format(void)
{
	const char *dot = opt.out ? strrchr(opt.out, '.') : NULL;

	if (opt.format)
		return opt.format;
	return dot && dot[1] && !strchr(dot, '/') && strcmp(dot, ".htm") ? dot + 1 : "html";
}

/*
 * A page goes into a file, since nobody reads it in a terminal: that of a run into its
 * folder, that of several into the current one.  Return: a path, "-", or NULL.
 */
static char *choose_file(const char *format, int argc, char **argv)
{
	if (opt.out)
		return strdup(opt.out);
	if (strcmp(format, "html"))
		return strdup("-");
	return argc == 1 ? path_join(argv[0], "report.html") : strdup("report.html");
}

static int put_out(const char *path, const struct strbuf *text)
{
	int ret;

	if (!strcmp(path, "-")) {
		fwrite(text->s, 1, text->len, stdout);
		return 0;	/* main() checks stdout */
	}
	ret = file_write_atomic(path, text->s, text->len);
	if (ret == -EACCES || ret == -EROFS || ret == -EPERM)
		return fail_in(ret, "the report needs another place, --out=FILE");
	if (!ret)
		printf("%s\n", path);
	return ret;
}

static void format_names(struct strbuf *sb)
{
	const struct report_format *f;

	registry_for_each(report_formats(), f)
		strbuf_addf(sb, "%s%s", sb->len ? ", " : "", f->name);
}

static int wrong_format(const char *format)
{
	struct strbuf names;
	int ret;

	strbuf_init(&names);
	format_names(&names);
	if (opt.format)
		ret = usage_error("report: --format '%s': there are %s", format, names.s);
	else
		ret = usage_error("report: --out=%s: '%s' is no format: there are %s (--format "
				  "says which)", opt.out, format, names.s);
	strbuf_free(&names);
	return ret;
}

/* Which of the folders is that of an experiment; NULL: none. */
static const char *find_experiment(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (report_of_experiment(argv[i]))
			return argv[i];
	return NULL;
}

static bool is_sweep(const char *dir)
{
	char *part = path_join(dir, "tune");
	bool is = part && report_of_experiment(part);

	free(part);
	return is;
}

static int describe(int argc, char **argv, const char *format, struct strbuf *text)
{
	const char *experiment = find_experiment(argc, argv);
	struct report report = { 0 };
	int ret;

	if (experiment && argc > 1)
		return fail(-EINVAL, "%s is the run of an experiment: it is reported alone",
			    experiment);
	if (experiment)
		return experiment_report(experiment, format, text);
	for (int i = 0; i < argc; i++)
		if (is_sweep(argv[i]))
			return fail(-EINVAL, "%s is a sweep: see %s/sweep.html; its parts are "
				    "reported like others: %s/tune and, if it has one, %s/check",
				    argv[i], argv[i], argv[i], argv[i]);
	ret = report_open(&report, argv, argc);
	if (!ret)
		ret = report_write(&report, format, text);
	report_close(&report);
	return ret;
}

/* All formats, beside what they tell of. */
static int write_all(const char *dir)
{
	int ret = experiment_report_write(dir);

	if (!ret)
		printf("%s/report.html\n%s/report.md\n%s/report.json\n", dir, dir, dir);
	return ret;
}

static int report_run(int argc, char **argv)
{
	const char *format = choose_format();
	struct strbuf text;
	char *path = NULL;
	int ret = output_from_options();

	if (!ret && !registry_find(report_formats(), format))
		ret = wrong_format(format);
	if (!ret && !opt.out && !opt.format && argc == 1 && report_of_experiment(argv[0]))
		return write_all(argv[0]);
	strbuf_init(&text);
	if (!ret)
		ret = describe(argc, argv, format, &text);
	if (!ret)
		path = choose_file(format, argc, argv);
	if (!ret)
		ret = path ? put_out(path, &text) : fail_nomem(0, "a path");
	free(path);
	strbuf_free(&text);
	return ret;
}

static const struct option options[] = {
	OPTION_STRING('o', "out", "FILE", &opt.out, "where to write; - is standard output "
		      "(default: RUN/report.html, report.html for several runs, standard output "
		      "for other formats; of an experiment all formats, in RUN)"),
	OPTION_WORD('f', "format", "FORMAT", &opt.format, format_names, "html, md or json "
		    "(default: the ending of FILE, or html)"),
	OPTION_TABLE(option_table_output),
	OPTION_END
};

static const struct command command = {
	.name = "report",
	.group = "Models",
	.summary = "show how runs went",
	.usage = (const char *const []){ "[--out=FILE] [--format=FORMAT] RUN...", NULL },
	.description =
		"Writes a page with the loss curves of the RUNs, learning rate, gradient norm, "
		"throughput, memory, samples of text, configuration, and what ran on what. It is "
		"one file that needs no network and no scripts. Several RUNs are drawn into the "
		"same charts and compared. Of an experiment's run, which knlp run made, it shows "
		"the verdict, pairs, arms, controls and cost. A run may be under way: the report "
		"shows what is there.",
	.options = options,
	.args = "RUN",
	.min_args = 1,
	.max_args = COMMAND_ANY_ARGS,
	.run = report_run,
};
COMMAND_REGISTER(command);
