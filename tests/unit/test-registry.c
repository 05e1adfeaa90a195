// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/registry.h"
#include "base/section.h"
#include "tests/unit/test.h"

struct animal {
	const char *name;
	int legs;
};
SECTION_DECLARE(test_animals, struct animal);
#define ANIMAL_REGISTER(var) SECTION_ENTRY(test_animals, struct animal, var)

static const struct animal spider = { "spider", 8 };
ANIMAL_REGISTER(spider);
static const struct animal ant = { "ant", 6 };
ANIMAL_REGISTER(ant);
static const struct animal horse = { "horse", 4 };
ANIMAL_REGISTER(horse);

SECTION_DECLARE(test_nothing, struct animal);

static const struct animal twice[] = { { "ant", 6 }, { "bee", 6 }, { "ant", 6 } };
static const void *const twice_table[] = { &twice[0], &twice[1], &twice[2] };

START_TEST(sorted)
{
	static struct registry r = REGISTRY_INIT("animal", test_animals);
	static const char *const order[] = { "ant", "horse", "spider" };
	const struct animal *a;
	size_t i = 0;

	check_ok(registry_sort(&r, 1));
	check_ok(registry_sort(&r, 1));
	ck_assert_uint_eq(r.nr, 3);
	registry_for_each(&r, a)
		ck_assert_str_eq(a->name, order[i++]);
	ck_assert_uint_eq(i, 3);
	ck_assert_ptr_eq(registry_find(&r, "horse"), &horse);
	ck_assert_ptr_null(registry_find(&r, "horses"));
	ck_assert_str_eq(registry_nearest(&r, "spidr"), "spider");
	ck_assert_ptr_null(registry_nearest(&r, "xylophone"));
}
END_TEST

START_TEST(empty)
{
	static struct registry r = REGISTRY_INIT("animal", test_nothing);

	check_ok(registry_sort(&r, 1));
	ck_assert_uint_eq(r.nr, 0);
	ck_assert_ptr_null(registry_find(&r, "ant"));
	ck_assert_ptr_null(registry_nearest(&r, "ant"));
}
END_TEST

START_TEST(duplicates)
{
	static struct registry strict = { "animal", { "twice", twice_table, twice_table + 3 } };
	static struct registry loose = { "animal", { "twice", twice_table, twice_table + 3 } };

	check_fails(registry_sort(&strict, 1), -EEXIST, "two animals are called 'ant'");
	check_ok(registry_sort(&loose, 0));
	ck_assert_uint_eq(loose.nr, 3);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, sorted);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, duplicates);
}
TEST_REGISTER(registry, add);
