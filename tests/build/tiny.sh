# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The smallest program works, and is small.
. "$SRCTREE/tests/lib.sh"

make_in obj tinyconfig >/dev/null 2>&1
succeeds "tinyconfig builds" make_in obj -j2
succeeds "it runs" obj/knlp version
strip -o stripped obj/knlp
size=$(wc -c <stripped)
if [ "$size" -lt 200000 ]; then
	ok "$size bytes"
else
	not_ok "under 200000 bytes" "$size bytes"
fi
