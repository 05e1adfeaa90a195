# SPDX-License-Identifier: MIT
#
# Compare a configuration that someone wrote with what kconfig made of it, and
# explain each line that was not kept.  Kconfig 4.11 drops unknown symbols,
# values out of range and strings without quotes, and exits with 0.
#
# usage: awk -f check-config.awk -v name=NAME [-v old=AUTO_CONF] SYMBOLS GIVEN RESULT
#
# SYMBOLS is what symbols.awk prints.  Each problem is one line, and the exit
# status is 1 if there is any.  With old, the values of the last build, lines
# that have not changed since are followed rather than refused: they were right
# then, and go because something else went.

BEGIN {
	FS = "\t"
	while (old != "" && (getline line < old) > 0)
		if (line ~ /^CONFIG_/)
			was[line] = 1
}

FNR == 1 { part++ }
{ sub(/\r$/, "") }

# SYMBOLS
part == 1 {
	type[$1] = $2; low[$1] = $3; high[$1] = $4; prompt[$1] = $5; deps[$1] = $7
	next
}

# Either file: a value by symbol, "n" for "is not set"
{
	ok = 1
	if ($0 ~ /^CONFIG_[A-Za-z0-9_]+=/) {
		eq = index($0, "=")
		sym = substr($0, 8, eq - 8)
		val = substr($0, eq + 1)
	} else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set$/) {
		split($0, word, " ")
		sym = substr(word[2], 8)
		val = "n"
	} else
		ok = 0
}

part == 2 && !ok && $0 !~ /^[ \t]*(#|$)/ {
	problem("line " FNR ": not understood: " $0)
}

part == 2 && ok {
	if (sym in given)
		problem("CONFIG_" sym ": given twice, in lines " at[sym] " and " FNR)
	else
		order[++count] = sym
	given[sym] = val
	at[sym] = FNR
	text[sym] = $0
}

part == 3 && ok { result[sym] = val }

END {
	for (i = 1; i <= count; i++)
		check(order[i])
	exit failed
}

function problem(what)
{
	print name ": " what
	failed = 1
}

# Was this line there, word for word, at the last build?
function unchanged(sym)
{
	return old != "" && (text[sym] in was)
}

# Number at the end of a range: a literal or the value of another symbol.
function bound(s) { return (s in type) ? result[s] : s }

function wrong_type(kind, val)
{
	if (kind == "bool" && val !~ /^[yn]$/)
		return "is a bool: y or n"
	if (kind == "tristate" && val !~ /^[ymn]$/)
		return "is a tristate: y, m or n"
	if (kind == "int" && val !~ /^-?(0|[1-9][0-9]*)$/)
		return "is an int: a whole number"
	if (kind == "hex" && val !~ /^(0[xX])?[0-9a-fA-F]+$/)
		return "is a hex number"
	if (kind == "string" && val !~ /^".*"$/)
		return "is a string: quote it, \"" val "\""
	if (kind == "string" && val !~ /^"([^"\\]|\\.)*"$/)
		return "is a string: write \" and \\ inside as \\\" and \\\\"
	return ""
}

function check(sym,	val, got, why)
{
	val = given[sym]
	got = (sym in result) ? result[sym] : "n"
	if (!(sym in type)) {
		if (unchanged(sym) || (old != "" && val == "n"))
			return
		problem("CONFIG_" sym ": unknown symbol")
		return
	}
	why = wrong_type(type[sym], val)
	if (why != "") {
		problem("CONFIG_" sym "=" val ": " why)
		return
	}
	if (type[sym] ~ /^(int|hex)$/ && low[sym] != "-" && type[sym] == "int" &&
	    (val + 0 < bound(low[sym]) + 0 || val + 0 > bound(high[sym]) + 0)) {
		problem("CONFIG_" sym "=" val ": out of range " bound(low[sym]) ".." bound(high[sym]))
		return
	}
	if (val == got || unchanged(sym))
		return
	if (prompt[sym] != "y") {
		# kconfig computes it: fine in a .config, an error in a defconfig
		if (old != "-" && old != "")
			return
		why = "cannot be set, it follows from other symbols"
	} else if (!(sym in result) && deps[sym] != "-")
		why = "needs " deps[sym]
	else if (val == "n")
		why = "another symbol selects it"
	else if (deps[sym] != "-")
		why = "not kept, it became " got " (needs " deps[sym] ")"
	else
		why = "not kept, it became " got
	problem("CONFIG_" sym "=" val ": " why)
}
