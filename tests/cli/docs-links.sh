# SPDX-License-Identifier: MIT
# Documentation holds together: links lead somewhere, the index names every page, files
# that a page mentions are there.
. "$SRCTREE/tests/lib.sh"

cd "$SRCTREE" || exit 1
pages=$(find README.md Documentation scripts tests -name '*.md' | sort)

# [text](target), outside of code: the file, and the heading behind '#'
anchors()
{
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
for page in $pages; do
	wrong=
	links=$(awk '/^```/ { on = !on; next } !on' "$page" |
		grep -o ']([^) ]*)' | sed 's/^](//; s/)$//' | sort -u)
	for link in $links; do
		case $link in *://*) continue ;; esac
		file=${link%%#*}
		file=$(dirname "$page")/$file
		[ "${link%%#*}" ] || file=$page
		if [ ! -e "$file" ]; then
			wrong="$wrong $link"
		elif [ "$link" != "${link#*#}" ] && ! anchors "$file" | grep -qx -e "${link#*#}"; then
			wrong="$wrong $link"
		fi
	done
	equal "links of $page" "$wrong" ""
done

# Files in backquotes, by their path from the top: `core/base/fail.h`.  Names with
# capitals, stars or dots are patterns and placeholders.
for page in $pages; do
	case $page in Documentation/add-*) continue ;; esac
	wrong=
	for file in $(awk '/^```/ { on = !on; next } !on' "$page" |
			grep -o '`\(core\|arch\|tools\|tests\|scripts\)/[a-z0-9_/.-]*[a-z0-9]`' |
			tr -d '`' | sort -u); do
		[ -e "$file" ] || [ -e "$OBJTREE/$file" ] || wrong="$wrong $file"
	done
	equal "files of $page" "$wrong" ""
done

for page in $(find Documentation -name '*.md' ! -path Documentation/README.md | sort); do
	has "the index names $page" "](${page#Documentation/}[)#]" Documentation/README.md
done
