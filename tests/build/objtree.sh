# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# O= leaves the source tree as it is; V=1 and -s print more and less; clean cleans.
. "$SRCTREE/tests/lib.sh"

tree()
{
	find "$SRCTREE" -path "$SRCTREE/.git" -prune -o -path "$SRCTREE/build*" -prune \
		-o -print | sort
}

tree >before
make_in obj defconfig >/dev/null 2>&1
succeeds "build elsewhere" make_in obj core/base/
tree >after
equal "the source tree has no new files" "$(diff before after)" ""

rm obj/core/base/fail.o
make_in obj V=1 core/base/fail.o >out 2>err
has "V=1 prints commands" ' -c -o core/base/fail\.o ' out
rm obj/core/base/fail.o
make_in obj -s core/base/fail.o >out 2>err
equal "-s prints nothing" "$(cat out err)" ""
succeeds "make works in the object tree" env MAKEFLAGS= make -C obj core/base/fail.o

make_in obj clean >/dev/null 2>&1
equal "clean leaves no objects" "$(find obj -name '*.o' -o -name '.*.cmd')" ""
[ -e obj/.config ] && ok "clean keeps .config" || not_ok "clean keeps .config" "gone"
make_in obj mrproper >/dev/null 2>&1
equal "mrproper leaves no files" "$(find obj -type f ! -name Makefile)" ""
