#!/bin/sh
# SPDX-License-Identifier: MIT
#
# List the features (symbols in Kconfig files) that nothing reads: no Kbuild file,
# no makefile, no source, no other symbol.  They could be set without any effect.
# Run parameters are tested otherwise: changing one must change what the program
# does.  Here they must not be read by C code as constants: what a run does would
# then depend on how the program was built.
#
# usage: check-symbols.sh

cd "$(dirname "$0")/../.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

awk -f scripts/kconfig/symbols.awk </dev/null >"$scratch/symbols" || exit 1

# Whatever mentions CONFIG_X outside of Kconfig.
find Makefile core arch tools scripts tests -type f \( -name 'Makefile' -o -name '*.mk' \
	-o -name 'Kbuild' -o -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' \) \
	-exec grep -oh 'CONFIG_[A-Z0-9_]*' {} + | sed 's/^CONFIG_//; s/_MODULE$//' |
	sort -u >"$scratch/read"

# Whatever a condition in Kconfig mentions.
find . -path './build*' -prune -o -name Kconfig -exec grep -hE \
	'^[[:space:]]*(depends on|select|imply|visible if|if) |[[:space:]]if ' {} + |
	grep -oE '[A-Z][A-Z0-9_]*' | sort -u >>"$scratch/read"

rc=0
awk -F '\t' '
	FNR == NR { is_read[$1] = 1; next }
	$6 ~ /Kconfig$/ && !($1 in is_read) {
		print $6 ": nothing reads CONFIG_" $1
		bad = 1
	}
	END { exit bad }' "$scratch/read" "$scratch/symbols" || rc=1

# Strings and comments may name them.
# shellcheck disable=SC2016
find core arch tools -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort | xargs awk '
	FNR == NR {
		split($0, field, "\t")
		if (field[6] ~ /Kconfig\.run$/)
			run["CONFIG_" field[1]] = 1
		next
	}
	/^[ \t]*\/?\*/ { next }
	!/CONFIG_/ { next }
	{
		gsub(/"([^"\\]|\\.)*"|\/\*.*|\/\/.*/, "")
		n = split($0, word, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++)
			if (word[i] in run) {
				print FILENAME ":" FNR ": " word[i] " is a run parameter, no constant"
				bad = 1
			}
	}
	END { exit bad }' "$scratch/symbols" || rc=1
exit $rc
