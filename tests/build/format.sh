# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# make format-check looks at what was changed, not at what was there before.
. "$SRCTREE/tests/lib.sh"

if ! command -v clang-format >/dev/null || ! command -v git >/dev/null; then
	skip format "clang-format or git is missing"
	exit 0
fi

# differs NAME COMMAND...: exit code 1 and a diff
differs()
{
	_differs=$1
	shift
	"$@" >out 2>err
	equal "$_differs" "$? $(grep -c '^@@' out)" "1 1"
}

# A checkout of its own, with an old file that clang-format would write otherwise.
mkdir scripts
cp "$SRCTREE/scripts/format-check.sh" scripts
cp "$SRCTREE/.clang-format" .
printf 'int a(void)\n{\n\treturn ( 1 );\n}\n\nint b(void)\n{\n\treturn 2;\n}\n' >old.c
git init -q
git add .
git -c user.name=test -c user.email=test@localhost commit -q -m all

succeeds "nothing was changed" scripts/format-check.sh
sed 's/return 2/return 3/' old.c >with && cp with old.c
succeeds "a change in style" scripts/format-check.sh
sed 's/return 3;/return (3 )  +x ;/' old.c >with && cp with old.c
differs "a change that is not" scripts/format-check.sh
has "the line" '^-.*return (3 )' out
equal "and no other" "$(grep -c '^-.*return' out)" 1
sed '/^int b/,$d' old.c >with && cp with old.c
succeeds "lines that have gone" scripts/format-check.sh
printf 'int c( void );\n' >new.h
differs "a new file" scripts/format-check.sh
differs "a file that is named" scripts/format-check.sh old.c
rm -rf .git
fails "no checkout" 1 'FILES=' scripts/format-check.sh
