#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Show what clang-format would change, and exit with 1 if it is anything.  Blanks
# inside of a line are not compared: comments, tables and macros may be aligned by
# hand, which clang-format knows nothing about.
#
# usage: format-check.sh [FILE...]    by default, all sources

cd "$(dirname "$0")/.." || exit 1
if ! command -v clang-format >/dev/null; then
	echo "clang-format is missing (scripts/install-deps --dev)" >&2
	exit 1
fi
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046
	set -- $(sh scripts/lint.sh -l c)
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

squeeze() { sed 's/\([^[:space:]]\)[[:space:]]\{1,\}/\1 /g; s/ \\$/\\/'; }

rc=0
for file; do
	squeeze <"$file" >"$scratch/is"
	clang-format "$file" | squeeze >"$scratch/wanted"
	diff -u -L "$file" -L "$file (clang-format)" "$scratch/is" "$scratch/wanted" || rc=1
done
exit $rc
