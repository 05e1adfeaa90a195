# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# What install puts where, and that uninstall takes it away.
. "$SRCTREE/tests/lib.sh"

clone_objtree obj
succeeds install make_in obj install DESTDIR="$PWD/root" PREFIX=/usr
succeeds "the installed program runs" root/usr/bin/knlp version
for file in bin/knlp share/doc/knlp/LICENSE share/doc/knlp/build.md \
		share/knlp/defconfigs/default_defconfig; do
	[ -e "root/usr/$file" ] && ok "$file" || not_ok "$file" "missing"
done

if root/usr/bin/knlp completion bash >want 2>err; then
	for file in bash-completion/completions/knlp zsh/site-functions/_knlp; do
		has "$file" '^_knlp()' root/usr/share/$file
	done
	equal "bash gets what knlp prints" \
		"$(cmp want root/usr/share/bash-completion/completions/knlp 2>&1)" ""
fi

for page in "$SRCTREE"/Documentation/knlp*.md; do
	[ -e "$page" ] || continue
	name=$(basename "$page" .md)
	man=root/usr/share/man/man1/$name.1
	has "$name(1)" '^\.TH ' "$man"
	if command -v mandoc >/dev/null; then
		equal "$name(1): mandoc" "$(mandoc -T lint -W error "$man" 2>&1)" ""
	elif command -v groff >/dev/null; then
		equal "$name(1): groff" "$(groff -man -Tutf8 -ww "$man" 2>&1 >/dev/null)" ""
	else
		skip "$name(1): format" "mandoc and groff are missing"
	fi
done

succeeds uninstall make_in obj uninstall DESTDIR="$PWD/root" PREFIX=/usr
equal "nothing is left" "$(find root -type f)" ""
