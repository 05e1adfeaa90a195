# SPDX-License-Identifier: MIT

#?= Test
#? tests            | build knlp and knlp-test
#? check            | run the unit, op and command line tests on this build
#? check-long       | run the slow tests: sanitizers, clang, LTO, random configurations
#? bench            | run the benchmarks of tests/bench
#? fuzz             | let libFuzzer try the parsers (clang; FUZZ_SECONDS= per target, FUZZ_TARGETS=)
#? lint             | look for long lines, functions and files
#? format-check     | lint, and what clang-format says to changed lines (or FILES=)
#? format           | let clang-format change FILES="a.c b.h"

# scripts/check tests the whole tree; with -d, this object tree.
.PHONY: check check-long bench fuzz lint format format-check
check: tests
	$(Q)$(srctree)/scripts/check -d $(objtree) unit cli
check-long: tests
	$(Q)$(srctree)/scripts/check -d $(objtree) long
bench: tests
	$(Q)SRCTREE=$(abspath $(srctree)) OBJTREE=$(objtree) \
		sh $(srctree)/tests/cli/run.sh -v -t 3600 $(sort $(wildcard $(srctree)/tests/bench/*.sh))
# An object tree of its own, since all of it is built for the fuzzer.
FUZZ_TREE ?= build-fuzz
fuzz:
	$(Q)sh $(srctree)/scripts/fuzz $(FUZZ_TREE) $(or $(FUZZ_SECONDS),60) $(FUZZ_TARGETS)

lint:
	$(Q)sh $(srctree)/scripts/lint.sh
format-check: lint
	$(Q)sh $(srctree)/scripts/format-check.sh $(FILES)
format:
	$(Q)cd $(srctree) && clang-format -i $(or $(FILES),$(error say FILES="...": \
		columns aligned by hand are lost in the files that you name))
