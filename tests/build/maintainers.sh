# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# MAINTAINERS names a subsystem for every file: THE REST, which takes all, does not count.
. "$SRCTREE/tests/lib.sh"

if [ -e "$SRCTREE/.git" ] && command -v git >/dev/null; then
	git -C "$SRCTREE" ls-files -co --exclude-standard >files
else
	(cd "$SRCTREE" && find . \( -name '.?*' ! -name .ci -o -path './build*' -o -path ./include \
		-o -path ./runs -o -path ./knlp -o -path ./knlp-test \) -prune \
		-o -type f ! -name '*.o' -print) | sed 's|^\./||' >files
fi

# Lines without a section, sections without M: or S:, files without a section.
awk '
# A shell pattern as a regular expression; DIR/ means everything below.
function regex(p)
{
	gsub(/[.+^$(){}|]/, "\\\\&", p)
	gsub(/\*/, "[^/]*", p)
	gsub(/\?/, "[^/]", p)
	return "^" p (p ~ /\/$/ ? "" : "$")
}
function end_section()
{
	if (section != "" && (!has_m || !has_s || !has_f))
		print section ": needs M:, S: and F:"
	section = ""
}
FNR == NR && /^[A-Z][A-Z]/ { end_section(); section = $0; has_m = has_s = has_f = 0; next }
FNR == NR && /^[A-Z]:/ {
	if (section == "")
		print "line " FNR " belongs to no section: " $0
	has_m = has_m || /^M:/
	has_s = has_s || /^S:/
	has_f = has_f || /^F:/
	if (section == "THE REST")
		next
	if (/^F:/)
		want[++nr] = regex($2)
	if (/^X:/)
		omit[nr, ++nr_omit[nr]] = regex($2)
	of[nr] = section
	next
}
FNR == NR { next }
FNR == 1 {
	end_section()
	# An X: line counts for the whole section.
	for (i = 1; i <= nr; i++)
		for (k = 1; k <= nr_omit[i]; k++)
			not_in[of[i]] = not_in[of[i]] (not_in[of[i]] == "" ? "" : "|") omit[i, k]
}
{
	for (i = 1; i <= nr; i++)
		if ($0 ~ want[i] && (not_in[of[i]] == "" || $0 !~ not_in[of[i]]))
			next
	print $0 ": no F: line in MAINTAINERS"
}' "$SRCTREE/MAINTAINERS" files >wrong

if [ -s wrong ]; then
	while read -r line; do
		not_ok maintainers "$line"
	done <wrong
else
	ok "$(wc -l <files | tr -d ' ') files"
fi
