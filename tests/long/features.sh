# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Every feature can be switched off, alone or with those that select it: knlp still builds
# and runs, and there is less of it.  What it consists of: commands, ops and kernels,
# functions, sections.  The list of features that it prints does not count.

. "$SRCTREE/tests/lib.sh"

# parts: what the program consists of
parts()
{
	obj/knlp
	obj/knlp ops
	nm --defined-only obj/knlp | sed 's/.* //' | sort
	readelf -S -W obj/knlp | sed -n 's/.*\] \([^ ]*\).*/\1/p'
}

# build NAME FROM SYMBOL...: obj/knlp configured as FROM without the symbols
build()
{
	_what=$1
	cp "$2" obj/.config
	shift 2
	for _symbol in "$@"; do
		sed -i "s/^CONFIG_$_symbol=.*/# CONFIG_$_symbol is not set/" obj/.config
	done
	make_in obj olddefconfig >out 2>err && make_in obj -j"$(nproc)" all >out 2>err &&
		obj/knlp version >out 2>err && return
	not_ok "$_what" "$(brief err)"
	return 1
}

# selectors SYMBOL: features that select it
selectors()
{
	find "$SRCTREE/arch" "$SRCTREE/core" "$SRCTREE/tools" "$SRCTREE/scripts" -name Kconfig \
		-exec awk -v s="$1" '$1 == "config" { c = $2 }
			$1 == "select" && $2 == s { print c }' {} +
}

is_parameter()
{
	grep -q -r --include=Kconfig.run "^config $1\$" "$SRCTREE/arch" "$SRCTREE/core" \
		"$SRCTREE/tools"
}

clone_objtree obj
cp obj/.config config
build all config || exit 0
parts >all 2>err

# Run parameters are not features, choices cannot be switched off.
sed -n 's/^CONFIG_\([A-Z0-9_]*\)=[ym]$/\1/p' config | grep -v -e '^CC_' -e '^HAVE_' >symbols
while read -r symbol; do
	is_parameter "$symbol" && continue
	base=config with=all
	users=$(selectors "$symbol")
	if [ -n "$users" ]; then
		# shellcheck disable=SC2086
		build "$symbol: without its users" config $users || continue
		cp obj/.config base.config
		parts >base 2>err
		base=base.config with=base
	fi
	build "$symbol" "$base" "$symbol" || continue
	parts >now 2>err
	if grep -q "^CONFIG_$symbol=" obj/.config; then
		not_ok "$symbol" "it stays on"
	elif cmp -s $with now; then
		not_ok "$symbol" "the same commands, kernels and functions without it"
	else
		ok "$symbol"
	fi
done <symbols
