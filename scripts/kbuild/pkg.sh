#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Print the flags of one library as a makefile.
#
# usage: pkg.sh PKG_CONFIG NAME

pkg_config=$1
name=$2

if ! cflags=$($pkg_config --cflags "$name" 2>&1) ||
   ! libs=$($pkg_config --libs "$name" 2>&1); then
	echo "the library '$name' is missing (run scripts/install-deps," \
		"or switch off the option that needs it)" >&2
	exit 1
fi
printf 'pkg-cflags-%s := %s\npkg-libs-%s := %s\n' "$name" "$cflags" "$name" "$libs"
