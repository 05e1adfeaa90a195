#!/bin/sh
# SPDX-License-Identifier: MIT
#
# List sources that no Kbuild file mentions: they would never be compiled.
#
# usage: check-sources.sh

cd "$(dirname "$0")/../.." || exit 1

scratch=$(mktemp) || exit 1
trap 'rm -f "$scratch"' EXIT
rc=0

# What a Kbuild file names, one a line, as regular expressions: a variable inside a
# name may be anything.
objects()
{
	sed 's/#.*//; s/\$([^)]*)/[a-z0-9_]*/g' "$1" 2>/dev/null |
		tr -s '[:space:]' '\n' | sed -n 's/\.o$/\\.o/p'
}

for file in $(find core arch tools tests \( -name '*.c' -o -name '*.cu' \) | sort); do
	name=$(basename "$file")
	kbuild=$(dirname "$file")/Kbuild
	objects "$kbuild" >"$scratch"
	echo "${name%.*}.o" | grep -qx -f "$scratch" && continue
	# A source may be a part of another one.
	grep -rqs --include='*.c' --include='*.cu' "#include \".*$name\"" "$(dirname "$file")" &&
		continue
	echo "$file: not in $kbuild"
	rc=1
done
exit $rc
