#!/bin/sh
# SPDX-License-Identifier: MIT
#
# List sources that no Kbuild file mentions: they would never be compiled.
#
# usage: check-sources.sh

cd "$(dirname "$0")/../.." || exit 1

rc=0
for file in $(find core arch tools tests \( -name '*.c' -o -name '*.cu' \) | sort); do
	name=$(basename "$file")
	kbuild=$(dirname "$file")/Kbuild
	grep -v '^#' "$kbuild" 2>/dev/null |
		grep -qE "(^|[[:space:]])${name%.*}\.o([[:space:]]|\$)" && continue
	# A source may be a part of another one.
	grep -rqs --include='*.c' --include='*.cu' "#include \".*$name\"" "$(dirname "$file")" &&
		continue
	echo "$file: not in $kbuild"
	rc=1
done
exit $rc
