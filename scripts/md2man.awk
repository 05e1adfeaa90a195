# SPDX-License-Identifier: MIT
#
# Turn a manual page from Markdown into man(7).  The pages keep to a part of it:
#
#   # knlp-train(1)            the title; "# knlp-train(1) - train a model" also
#                              makes the section NAME
#   ## SECTION, ### Part
#   - item, * item, 1. item    lists; two blanks in front of what continues an item
#   ``` or four blanks         text to be shown as it is
#   | a | b |                  tables, shown as they are
#   **bold** *italic* `code` [text](link)
#
# usage: awk -f md2man.awk [-v version=V] PAGE.md

function plain(s)
{
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	return s
}

# A line of text may not begin with what man takes for a command.
function guard(s)
{
	return s ~ /^[.']/ ? "\\&" s : s
}

# between(S, MARK, ON): replace MARKxMARK by ON x \fR
function between(s, mark, on,	out, a, b, n)
{
	n = length(mark)
	out = ""
	while ((a = index(s, mark)) > 0) {
		b = index(substr(s, a + n), mark)
		if (b <= 1)
			break
		out = out substr(s, 1, a - 1) on substr(s, a + n, b - 1) "\\fR"
		s = substr(s, a + n + b - 1 + n)
	}
	return out s
}

function emphasis(s,	a)
{
	# [text](link): text
	while (match(s, /\[[^]]*\]\([^)]*\)/)) {
		a = substr(s, RSTART + 1, RLENGTH - 1)
		sub(/\]\(.*/, "", a)
		s = substr(s, 1, RSTART - 1) a substr(s, RSTART + RLENGTH)
	}
	s = between(s, "**", "\\fB")
	return between(s, "*", "\\fI")
}

# Inside of backquotes, nothing else has a meaning.
function inline(s,	out, a, b)
{
	s = plain(s)
	out = ""
	while ((a = index(s, "`")) > 0) {
		b = index(substr(s, a + 1), "`")
		if (!b)
			break
		out = out emphasis(substr(s, 1, a - 1)) "\\fB" substr(s, a + 1, b - 1) "\\fR"
		s = substr(s, a + 1 + b)
	}
	return guard(out emphasis(s))
}

function open_literal() { if (!literal) print ".PP\n.RS 4\n.nf"; literal = 1 }
function close_literal() { if (literal) print ".fi\n.RE"; literal = 0 }

/^```/ {
	if (fenced)
		close_literal()
	else
		open_literal()
	fenced = !fenced
	next
}
fenced { print guard(plain($0)); next }

# Tables, and code by indentation unless it continues a list.
/^\|/ || (/^    / && !in_list && (blank || literal)) {
	if ($0 ~ /^\|[-:| ]*$/)
		next
	open_literal()
	sub(/^    /, "")
	print guard(plain($0))
	next
}
literal && !/^$/ { close_literal() }

/^$/ {
	blank = 1
	next
}

/^# / {
	title = substr($0, 3)
	summary = ""
	if (match(title, / +-+ +/)) {
		summary = substr(title, RSTART + RLENGTH)
		title = substr(title, 1, RSTART - 1)
	}
	sub(/\([0-9]\)/, "", title)
	print ".TH \"" toupper(title) "\" 1 \"\" \"knlp " version "\" \"knlp manual\""
	if (summary != "")
		print ".SH NAME\n" plain(title) " \\- " inline(summary)
	blank = 0
	next
}
/^## / { in_list = blank = 0; print ".SH \"" toupper(inline(substr($0, 4))) "\""; next }
/^### / { in_list = blank = 0; print ".SS \"" inline(substr($0, 5)) "\""; next }

/^[-*] / {
	print ".IP \\(bu 2\n" inline(substr($0, 3))
	in_list = 1
	blank = 0
	next
}
/^[0-9]+\. / {
	number = $1
	sub(/^[0-9]+\. +/, "")
	print ".IP " number " 4\n" inline($0)
	in_list = 1
	blank = 0
	next
}

{
	if (blank) {
		if ($0 ~ /^  / && in_list)
			print ".sp"
		else {
			print ".PP"
			in_list = 0
		}
	}
	blank = 0
	sub(/^ +/, "")
	print inline($0)
}

END { close_literal() }
