# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The worked examples of the documentation, followed literally in a copy of the tree.
# Documentation/add-a-test.md lists what the blocks of a page may say.
. "$SRCTREE/tests/lib.sh"

# ---- a copy of the sources, configured like the tree at hand -----------------------
mkdir src
(cd "$SRCTREE" && find . \( -name .git -o -path './build*' -o -path ./include -o -path ./runs \) \
	-prune -o -type f ! -name '*.o' ! -name '.*.cmd' -print |
	tar -cf - -T -) | tar -C src -xf -
cp "$OBJTREE/.config" src/.config
rm -f src/knlp src/knlp-test

# split PAGE: each block becomes blocks/N.info, what stands behind its backquotes, and
# blocks/N.text.  The closing fence is as long as the opening one.
split()
{
	rm -rf blocks
	mkdir blocks
	awk '
		!fence && match($0, /^````*/) {
			fence = substr($0, 1, RLENGTH)
			n++
			print substr($0, RLENGTH + 1) >(file = sprintf("blocks/%03d.info", n))
			close(file)
			text = sprintf("blocks/%03d.text", n)
			printf "" >text
			next
		}
		fence && $0 == fence { fence = ""; close(text); next }
		fence { print >text }' "$1"
}

# value KEY WORD...: VALUE of the word KEY=VALUE
value()
{
	_key=$1
	shift
	for _word; do
		case $_word in "$_key"=*) echo "${_word#*=}" ;; esac
	done
}

# insert FILE LINE: stdin in front of FILE's last line that is LINE, wherever it begins
insert()
{
	cat >inserted
	LINE=$2 awk 'NR == FNR { sub(/^[ \t]*/, ""); if ($0 == ENVIRON["LINE"]) at = FNR; next }
		FNR == at { while ((getline text <"inserted") > 0) print text }
		{ print }
		END { exit !at }' "$1" "$1" >with && cp with "$1"
}

# A list of commands, as a shell where nothing failed before the last one would run it.
commands()
{
	(cd src && unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KCONFIG_CONFIG &&
		SRCTREE='' OBJTREE='' KNLP='' KNLP_TEST='' sh -e "../$1") >printed 2>&1
}

# follow PAGE: stops at the first step that does not work
follow()
{
	page=$1
	split "$SRCTREE/Documentation/$page"
	for info in blocks/*.info; do
		text=${info%.info}.text
		read -r words <"$info" || words=
		name="$page ${info#blocks/}: $words"
		# shellcheck disable=SC2086
		file=$(value file $words) to=$(value append $words) into=$(value insert $words)
		if [ -n "$file" ]; then
			mkdir -p "src/$(dirname "$file")"
			cp "$text" "src/$file"
			made="$made $file"
		elif [ -n "$to" ]; then
			cat "$text" >>"src/$to"
		elif [ -n "$into" ]; then
			if ! insert "src/$into" "${words#*before=}" <"$text"; then
				not_ok "$name" "no such line in $into"
				return
			fi
		elif [ "$words" = sh ]; then
			if ! commands "$text"; then
				not_ok "$name" "$(brief printed)"
				return
			fi
			ok "$name: $(head -n 1 "$text")"
		elif [ "$words" = "sh fails" ]; then
			if commands "$text"; then
				not_ok "$name" "it did not fail"
				return
			fi
			ok "$name: $(head -n 1 "$text")"
		elif [ "$words" = "text output" ]; then
			while IFS= read -r line; do
				if grep -qF -e "$line" printed; then
					ok "$name: $line"
				else
					not_ok "$name" "'$line' was not printed: $(brief printed)"
				fi
			done <"$text"
		fi
	done
}

made=
follow add-an-op.md
follow add-a-parameter.md
follow add-a-command.md
follow add-a-test.md
follow add-an-optimizer.md
follow add-an-experiment.md
follow add-a-criterion.md

# What they add is in the style of the tree, and nothing of it is left out of the build.
# shellcheck disable=SC2046,SC2086
(cd src && sh scripts/lint.sh $(printf '%s\n' $made | grep '\.[ch]$')) >out 2>&1
equal "style of the examples" "$(cat out)" ""
(cd src && sh scripts/kbuild/check-sources.sh) >out 2>&1
equal "sources in Kbuild files" "$(cat out)" ""
(cd src && sh scripts/kconfig/check-symbols.sh) >out 2>&1
equal "symbols that nothing reads" "$(cat out)" ""
