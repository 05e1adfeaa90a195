# SPDX-License-Identifier: MIT
# The manual page of each command says what its -h says: the same synopsis, the same
# options.
. "$SRCTREE/tests/lib.sh"

# section FILE NAME: the text under "## NAME"
section()
{
	awk -v name="## $2" '/^## / { on = $0 == name; next } on' "$1"
}

# The code block of a synopsis, and what -h prints under "usage:".
block()    { awk '/^```/ { on = !on; next } on' | sed 's/^ *//'; }
synopsis() { awk '/^usage:/ { on = 1; next } /^$/ { on = 0 } on' "$1" | sed 's/^ *//'; }

# Long options of -h, and of the entries of a page ("- `-c`, `--config=FILE`").
help_options()
{
	sed -n '/^options:/,/^$/s/^  *\(-[a-zA-Z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' "$1" | sort
}
page_options() { grep '^- `-' | grep -o '`--[a-z0-9-]*' | tr -d '`' | sort; }

"$KNLP" >overview
sed -n 's/^  \([a-z][a-z0-9-]*\( [a-z][a-z0-9-]*\)\{0,1\}\)  .*/\1/p' overview >commands

while read -r command; do
	name=knlp-$(echo "$command" | tr ' ' '-')
	page=$SRCTREE/Documentation/$name.md
	if [ ! -e "$page" ]; then
		not_ok "$name" "Documentation/$name.md is missing"
		continue
	fi
	# shellcheck disable=SC2086 # a command may have two words
	"$KNLP" $command -h >help

	equal "$name title" "$(head -n 1 "$page")" "# $name(1)"
	for part in NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES 'EXIT STATUS'; do
		has "$name has $part" "^## $part\$" "$page"
	done
	equal "$name summary" "$(section "$page" NAME | grep .)" \
		"$name - $(sed -n "s/^  $command  *//p" overview)"
	equal "$name synopsis" "$(section "$page" SYNOPSIS | block)" "$(synopsis help)"
	equal "$name options" "$(section "$page" OPTIONS | page_options)" "$(help_options help)"
done <commands
