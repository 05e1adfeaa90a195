// SPDX-License-Identifier: MIT
/*
 * knlp-test: run the unit tests.
 *
 *	knlp-test [-v] [NAME]...
 *	knlp-test -l
 *	knlp-test -b [OP]...
 *
 * NAME runs the tests of that name and those that begin with NAME_; -v prints each
 * test, -l lists them, -b measures the kernels (tests/ops/bench.c).  Exit code 1 if any
 * test failed or a NAME matches none.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/registry.h"
#include "base/selfcheck.h"
#include "tests/ops/bench.h"
#include "tests/unit/test.h"

static struct registry suites = REGISTRY_INIT("test suite", knlp_tests);

static Suite *suite_make(const struct test_suite *t)
{
	Suite *s = suite_create(t->name);
	TCase *tc = tcase_create(t->name);

	tcase_set_timeout(tc, TEST_SECONDS);
	t->add(tc);
	suite_add_tcase(s, tc);
	return s;
}

/* "rng" is wanted by "rng", and "rng_below" too. */
static bool matches(const char *name, const char *filter)
{
	size_t len = strlen(filter);

	return !strncmp(name, filter, len) && (!name[len] || name[len] == '_');
}

static bool wanted(const char *name, char **filters, int nr)
{
	for (int i = 0; i < nr; i++)
		if (matches(name, filters[i]))
			return true;
	return !nr;
}

static int check_filters(char **filters, int nr)
{
	const struct test_suite *t;

	for (int i = 0; i < nr; i++) {
		bool found = false;

		registry_for_each(&suites, t)
			found |= matches(t->name, filters[i]);
		if (!found) {
			fprintf(stderr, "knlp-test: no test is called '%s'\n", filters[i]);
			return -1;
		}
	}
	return 0;
}

static int list(void)
{
	const struct test_suite *t;

	registry_for_each(&suites, t)
		puts(t->name);
	return 0;
}

/* The tables of this program are those of knlp, so they must be as sound. */
static int run_selfchecks(void)
{
	const struct selfcheck *const *c;

	for (c = __start_knlp_selfchecks; c < __stop_knlp_selfchecks; c++)
		if ((*c)->run()) {
			fprintf(stderr, "knlp-test: self-check %s: %s\n", (*c)->name,
				fail_message());
			return -1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	enum print_output mode = CK_NORMAL;
	const struct test_suite *t;
	SRunner *runner;
	int failed, nr = argc - 1;
	char **names = argv + 1;

	if (registry_sort(&suites, 1) || !suites.nr) {
		fprintf(stderr, "knlp-test: %s\n", suites.nr ? fail_message() : "no tests");
		return 1;
	}
	if (nr && !strcmp(names[0], "-l"))
		return list();
	if (nr && !strcmp(names[0], "-v")) {
		mode = CK_VERBOSE;
		names++;
		nr--;
	}
	if (nr && !strcmp(names[0], "-b"))
		return bench_all(names + 1, nr - 1) != 0;
	if (check_filters(names, nr) || run_selfchecks())
		return 1;
	runner = srunner_create(NULL);
	registry_for_each(&suites, t)
		if (wanted(t->name, names, nr))
			srunner_add_suite(runner, suite_make(t));
	srunner_run_all(runner, mode);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
