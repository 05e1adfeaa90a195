#!/bin/sh
# SPDX-License-Identifier: MIT
#
# List what NAME_defconfig can be, with the first comment line of each file.
# With -p, print "NAME_defconfig PATH" instead.
#
# usage: list-defconfigs.sh [-p] SRCTREE

paths=
if [ "$1" = -p ]; then
	paths=y
	shift
fi
cd "$1/defconfigs" || exit 1

for file in *_defconfig experiments/*/defconfig; do
	[ -e "$file" ] || continue
	case $file in
	experiments/*)
		name=${file#experiments/}
		name=${name%/defconfig}_defconfig ;;
	*)
		name=$file ;;
	esac
	if [ -n "$paths" ]; then
		printf '%s defconfigs/%s\n' "$name" "$file"
	else
		printf '  %-28s %s\n' "$name" \
			"$(sed -n '/SPDX/d; s/^# *\(..*\)/\1/p; /^CONFIG/q' "$file" | head -n 1)"
	fi
done
