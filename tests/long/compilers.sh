# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Both compilers build every kind of configuration, and their programs pass.
. "$SRCTREE/tests/lib.sh"

for cc in gcc clang; do
	if ! command -v $cc >/dev/null; then
		skip "$cc" "it is not installed"
		continue
	fi
	for config in allnoconfig tinyconfig allyesconfig defconfig; do
		rm -rf obj
		make_in obj CC=$cc $config >out 2>err
		succeeds "$cc $config" make_in obj -j"$(nproc)" CC=$cc
		succeeds "$cc $config: runs" obj/knlp version
	done
	succeeds "$cc: builds knlp-test" make_in obj -j"$(nproc)" CC=$cc tests
	succeeds "$cc: knlp-test" obj/knlp-test
done
