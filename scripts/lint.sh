#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Look for what clang-format does not see: lines over 100 columns, functions over
# 100 lines, files over 1,000 lines, #if in .c files, files without a licence line.
#
# usage: scripts/lint.sh [FILE...]    by default, all sources
#        scripts/lint.sh -l c|sh      list all sources of that kind

cd "$(dirname "$0")/.." || exit 1

# Files that are, or could be, in the repository; or simply all of them where this
# is no checkout.
all_files()
{
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -name '.?*' -prune -o -name 'build*' -type d -prune -o -type f -print |
			sed 's|^\./||'
	fi
}

list()
{
	case $1 in
	c)
		all_files | grep -E '\.(c|h|cu|cuh)$' ;;
	sh)
		all_files | while IFS= read -r file; do
			case $file in
			*.sh) echo "$file" ;;
			*.*) [ "$file" = .ci/run ] && echo "$file" ;;
			*)	head -n 1 "$file" 2>/dev/null | grep -q '^#!/bin/sh' &&
					echo "$file" ;;
			esac
		done ;;
	esac | sort -u
}

if [ "$1" = -l ]; then
	list "$2"
	exit 0
fi
if [ $# -eq 0 ]; then
	# No file name here has blanks.
	# shellcheck disable=SC2046
	set -- $(list c)
fi
[ $# -gt 0 ] || exit 0

awk '
function complain(line, what) { print FILENAME ":" line ": " what; bad = 1 }

# Columns, with tabs of 8.  Bytes that continue a UTF-8 character take none.
function columns(s,	i, n, c)
{
	if (length(s) <= 100 && index(s, "\t") == 0)
		return length(s)
	n = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\t")
			n += 8 - n % 8
		else if (c < "\200" || c > "\277")
			n++
	}
	return n
}

function end_file()
{
	if (file != "" && lines > 1000) {
		print file ":" lines ": a file over 1000 lines"
		bad = 1
	}
}

FNR == 1 {
	end_file()
	file = FILENAME
	open_line = 0
	if ($0 !~ /SPDX-License-Identifier: MIT/)
		complain(1, "the first line must be SPDX-License-Identifier: MIT")
}
{ lines = FNR }

columns($0) > 100 { complain(FNR, columns($0) " columns, 100 is the limit") }
/[ \t]$/ { complain(FNR, "blanks at the end of the line") }
/\r/ { complain(FNR, "a carriage return") }

# What the compiler itself defines, such as __x86_64__, cannot be asked otherwise.
FILENAME ~ /\.c$/ && /^[ \t]*#[ \t]*if/ {
	cond = $0
	sub(/^[ \t]*#[ \t]*(ifdef|ifndef|if)/, "", cond)
	gsub(/defined|__[A-Za-z0-9_]+__|[ \t()!&|]/, "", cond)
	if (cond != "")
		complain(FNR, "#if in a .c file: use IS_ENABLED() or Kbuild")
}

# In kernel style the body of a function opens and closes in the first column.
/^\{/ { open_line = FNR; name = previous }
/^\}/ {
	if (open_line && FNR - open_line > 101)
		complain(open_line, FNR - open_line - 1 " lines in a function, 100 is the limit: " name)
	open_line = 0
}
{ if ($0 != "") previous = $0 }

END {
	end_file()
	exit bad
}' "$@"
