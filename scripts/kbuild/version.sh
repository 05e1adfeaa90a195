#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Print version.h: the version, and the commit if the source is a git checkout.
# A "+" after the commit says that files differ from it.
#
# usage: version.sh SRCTREE VERSION

srctree=$1
version=$2

commit=
# Only if srctree is a checkout itself, not if it merely lies inside another.
if [ -e "$srctree/.git" ]; then
	commit=$(git -C "$srctree" rev-parse --short=12 HEAD 2>/dev/null) || commit=
	if [ -n "$commit" ] && ! git -C "$srctree" diff --quiet HEAD 2>/dev/null; then
		commit=$commit+
	fi
fi

cat <<END
/* Made by scripts/kbuild/version.sh. */
#define KNLP_VERSION "$version"
#define KNLP_COMMIT "$commit"
END
