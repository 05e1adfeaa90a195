#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Show what clang-format would change, and exit with 1 if it is anything.  Blanks
# inside of a line are not compared: comments, tables and macros may be aligned by
# hand, which clang-format knows nothing about.
#
# usage: format-check.sh           the lines that differ from git's HEAD, and new files
#        format-check.sh FILE...   whole files

cd "$(dirname "$0")/.." || exit 1
if ! command -v clang-format >/dev/null; then
	echo "clang-format is missing (scripts/install-deps --dev)" >&2
	exit 1
fi
only_changes=
if [ $# -eq 0 ]; then
	if ! git rev-parse -q --verify HEAD >/dev/null 2>&1; then
		echo 'no git checkout: say FILES="..."' >&2
		exit 1
	fi
	only_changes=y
	# shellcheck disable=SC2046
	set -- $(git diff --relative --name-only --diff-filter=d HEAD -- '*.c' '*.h' '*.cu' '*.cuh'
		git ls-files -o --exclude-standard -- '*.c' '*.h' '*.cu' '*.cuh')
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

squeeze() { sed 's/\([^[:space:]]\)[[:space:]]\{1,\}/\1 /g; s/ \\$/\\/'; }

# ranges FILE: --lines=FROM:TO for what differs from HEAD, from "@@ -1,2 +FROM,NR @@".  A file
# that git does not know yet, and one that was asked for, is looked at as a whole.
ranges()
{
	[ -n "$only_changes" ] && git ls-files --error-unmatch -- "$1" >/dev/null 2>&1 || return
	git diff -U0 HEAD -- "$1" | awk '/^@@ / {
		sub(/^\+/, "", $3)
		nr = split($3, at, ",") == 2 ? at[2] : 1
		if (nr)
			print "--lines=" at[1] ":" at[1] + nr - 1
		else
			gone = 1
		n += nr
	}
	END { if (gone && !n) print "none" }'
}

rc=0
for file; do
	lines=$(ranges "$file")
	[ "$lines" != none ] || continue	# lines have only gone
	squeeze <"$file" >"$scratch/is"
	# shellcheck disable=SC2086
	clang-format $lines "$file" | squeeze >"$scratch/wanted"
	diff -u -L "$file" -L "$file (clang-format)" "$scratch/is" "$scratch/wanted" || rc=1
done
exit $rc
