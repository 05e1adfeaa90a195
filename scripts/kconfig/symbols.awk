# SPDX-License-Identifier: MIT
#
# List every symbol that the Kconfig files declare, one a line, fields
# separated by tabs:
#
#   NAME TYPE LOW HIGH PROMPT FILE DEPENDS DEFAULT
#
# PROMPT is y if the user can set it.  Fields that do not apply are "-".
# `source` lines are followed.
#
# usage: awk -f symbols.awk -v srctree=DIR [-v top=Kconfig]

BEGIN {
	depth = 0
	if (top == "")
		top = "Kconfig"
	parse(top)
	for (i = 1; i <= count; i++) {
		s = order[i]
		print s "\t" dash(type[s]) "\t" dash(low[s]) "\t" dash(high[s]) "\t" \
			dash(prompt[s]) "\t" file[s] "\t" dash(deps[s]) "\t" dash(value[s])
	}
	exit status
}

function dash(s) { return s == "" ? "-" : s }

function both(a, b)
{
	if (a == "" || b == "")
		return a b
	return a " && " b
}

function trim(s)
{
	sub(/^[ \t]+/, "", s)
	sub(/[ \t\r]+$/, "", s)
	return s
}

# What all the enclosing if, menu and choice blocks demand.
function block_deps(	i, all)
{
	all = ""
	for (i = 1; i <= depth; i++)
		all = both(all, block[i])
	return all
}

function begin_symbol(name, path)
{
	sym = name
	if (!(name in file)) {
		order[++count] = name
		file[name] = path
		deps[name] = block_deps()
	}
}

function open_block(cond) { block[++depth] = cond; sym = "" }
function close_block() { depth--; sym = "" }

# One line inside a config entry, or a `depends on` of a menu or choice.
function attribute(line,	word, rest, n, part)
{
	word = line
	sub(/[ \t].*/, "", word)
	rest = trim(substr(line, length(word) + 1))

	if (word == "depends" && sub(/^on[ \t]+/, "", rest)) {
		if (sym != "")
			deps[sym] = both(deps[sym], rest)
		else if (depth)
			block[depth] = both(block[depth], rest)
	}
	if (sym == "")
		return
	if (word ~ /^(bool|boolean|tristate|string|int|hex)$/) {
		type[sym] = word == "boolean" ? "bool" : word
		if (rest != "")
			prompt[sym] = "y"
	} else if (word == "prompt") {
		prompt[sym] = "y"
	} else if (word ~ /^def_(bool|tristate)$/) {
		type[sym] = substr(word, 5)
		value[sym] = rest
	} else if (word == "default" && value[sym] == "") {
		value[sym] = rest
	} else if (word == "range") {
		# A range with a condition is left to kconfig.
		n = split(rest, part, /[ \t]+/)
		if (n == 2) {
			low[sym] = part[1]
			high[sym] = part[2]
		}
	}
}

function indent_of(line)
{
	match(line, /^[ \t]*/)
	line = substr(line, 1, RLENGTH)
	gsub(/\t/, "        ", line)
	return length(line)
}

function parse(path,	full, raw, line, word, rest, in_help, help_indent, got)
{
	full = srctree == "" ? path : srctree "/" path
	in_help = 0
	while ((got = (getline raw < full)) > 0) {
		line = trim(raw)
		if (line == "")
			continue
		# Help ends where the indentation gets smaller than its first line's.
		if (in_help == 1) {
			help_indent = indent_of(raw)
			in_help = 2
		}
		if (in_help == 2) {
			if (indent_of(raw) >= help_indent && help_indent > 0)
				continue
			in_help = 0
		}
		if (line ~ /^#/)
			continue
		word = line
		sub(/[ \t].*/, "", word)
		rest = trim(substr(line, length(word) + 1))

		if (word == "help" || word == "---help---")
			in_help = 1
		else if (word == "config" || word == "menuconfig")
			begin_symbol(rest, path)
		else if (word == "if" || word == "menu" || word == "choice")
			open_block(word == "if" ? rest : "")
		else if (word ~ /^end(if|menu|choice)$/)
			close_block()
		else if (word == "source") {
			gsub(/"/, "", rest)
			sym = ""
			parse(rest)
		} else if (word == "comment" || word == "mainmenu")
			sym = ""
		else
			attribute(line)
	}
	close(full)
	if (got < 0) {
		print path ": cannot read" > "/dev/stderr"
		status = 1
	}
}
