#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Write $KCONFIG_CONFIG, or refuse and leave it alone.  Every configuration is
# first made in a temporary file.  It is put in place only if kconfig said
# nothing on stderr and kept every line that was asked for.  genparams must have
# been built.
#
# usage: config.sh TARGET [ARG]
#
#   defconfig NAME_defconfig   start from that file
#   sync                       .config was edited: bring include/config up to date
#   report                     tell what kconfig would drop from .config
#   check FILE                 tell what kconfig would drop from FILE
#   anything else              the make target of that name
#
# The Makefile passes: srctree, KCONFIG_CONFIG, KCONF, KNLP_* (facts for
# Kconfig), quiet.

set -u
export srctree KCONFIG_CONFIG
: "${KCONF:=kconfig-conf}" "${KCONFIG_CONFIG:=.config}" "${quiet:=}"

here=$srctree/scripts/kconfig
config=$KCONFIG_CONFIG
tmp=$config.tmp
trap 'rm -f "$tmp" "$tmp".*' EXIT
trap 'exit 1' HUP INT TERM

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

say()
{
	[ "$quiet" = silent_ ] || printf '%s\n' "$*"
}

# Run kconfig-conf on the temporary file.  Whatever it complains about is an
# error: an unmet select, a recursive dependency, a Kconfig file with a typo.
conf()
{
	if ! command -v "${KCONF%% *}" >/dev/null; then
		echo "$KCONF is missing: run scripts/install-deps (package kconfig-frontends-nox)" >&2
		return 1
	fi
	if ! KCONFIG_CONFIG=$tmp $KCONF "$@" Kconfig >/dev/null 2>"$tmp.err" ||
	   grep -q 'warning:\|error:' "$tmp.err"; then
		cat "$tmp.err" >&2
		return 1
	fi
}

symbols()
{
	awk -f "$here/symbols.awk" -v srctree="$srctree" </dev/null >"$tmp.symbols"
}

# Run parameters have types that Kconfig does not know, such as float 0..1.
# genparams checks them; it stops at the first that is wrong, so take that line
# out and ask again, until it finds no more.
check_params()
{
	rc=0
	run_files=$(awk -F '\t' '$6 ~ /Kconfig\.run$/ { print $6 }' "$tmp.symbols" | sort -u)
	values=$(pwd)/$tmp.values
	case $tmp in /*) values=$tmp.values ;; esac
	genparams=$(pwd)/scripts/kconfig/genparams
	[ -n "$run_files" ] || return 0
	cp "$tmp" "$values"
	# $run_files is a list.
	# shellcheck disable=SC2086
	while ! (cd "$srctree" && "$genparams" embed "$values" $run_files) \
			2>"$tmp.err" >/dev/null; do
		rc=1
		line=$(sed -n "s|^$values:\([0-9]*\): .*|\1|p" "$tmp.err")
		if [ -z "$line" ]; then
			cat "$tmp.err" >&2
			break
		fi
		sed "s|^$values:[0-9]*: |$1: CONFIG_|" "$tmp.err" >&2
		sed "${line}d" "$values" >"$tmp.less" && mv "$tmp.less" "$values"
	done
	return $rc
}

# compare NAME GIVEN [OLD]: print what was not kept from GIVEN in the temporary
# configuration, and values that have the wrong type; fail if there is anything.
compare()
{
	symbols || return 1
	awk -f "$here/check-config.awk" -v name="$1" -v old="${3:-}" \
		"$tmp.symbols" "$2" "$tmp" >&2
	awk_rc=$?
	check_params "$1" && [ $awk_rc -eq 0 ]
}

# read_file FILE: make the temporary configuration from FILE.  Problems with the
# values are explained by compare(), so kconfig's own words are kept back for
# the case that compare() finds nothing.
read_file()
{
	conf --defconfig="$1" 2>"$tmp.said"
}

install_config()
{
	if cmp -s "$tmp" "$config"; then
		return
	fi
	[ ! -e "$config" ] || mv -f "$config" "$config.old"
	mv -f "$tmp" "$config"
}

# Defaults of the bool run parameters, as a fragment.  Targets such as
# allyesconfig switch features; they must not switch what a run does.
run_defaults()
{
	symbols || return 1
	awk -F '\t' '$2 == "bool" && $6 ~ /Kconfig\.run$/ {
		print $8 == "y" ? "CONFIG_" $1 "=y" : "# CONFIG_" $1 " is not set"
	}' "$tmp.symbols"
}

# all_config MODE [FRAGMENT]: kconfig-conf --MODE on top of a fragment
all_config()
{
	run_defaults >"$tmp.all" || exit 1
	for fragment in ${KCONFIG_ALLCONFIG:-} ${2:-}; do
		cat "$fragment" >>"$tmp.all" || exit 1
	done
	KCONFIG_ALLCONFIG=$tmp.all conf --"$1" || exit 1
	if [ -n "${2:-}" ]; then
		compare "$2" "$2" || exit 1
	fi
	install_config
	say "configuration written to $config"
}

defconfig()
{
	file=$("$here/list-defconfigs.sh" -p "$srctree" |
		sed -n "s|^$1 ||p")
	[ -n "$file" ] ||
		die "there is no $1 (make listdefconfigs shows what there is)"
	check_file "$srctree/$file" "$file" || exit 1
	install_config
	say "configuration written to $config ($file)"
}

# check_file PATH NAME
check_file()
{
	[ -r "$1" ] || die "cannot read $1"
	read_file "$1"
	read_rc=$?
	[ -e "$tmp" ] || { cat "$tmp.said" >&2; return 1; }
	compare "$2" "$1" || return 1
	if [ $read_rc -ne 0 ]; then
		cat "$tmp.said" >&2
		return 1
	fi
}

# Bring a hand-edited .config up to date, in the temporary file.
update()
{
	cp "$config" "$tmp" || exit 1
	if conf --olddefconfig 2>"$tmp.said"; then
		said=0
	else
		said=1
	fi
	old=include/config/auto.conf
	[ -e $old ] || old=/dev/null
	compare "$config" "$config" $old || return 1
	[ $said -eq 0 ] || { cat "$tmp.said" >&2; return 1; }
}

mkdir -p include/config include/generated || exit 1

case $1 in
defconfig)
	defconfig "$2"
	;;
check)
	check_file "$2" "$2" || exit 1
	;;
report)
	update || echo "these lines will be dropped" >&2
	;;
sync)
	update || die "$config is as it was: correct it," \
		"or run 'make olddefconfig' to drop these lines"
	install_config
	$KCONF --silentoldconfig Kconfig || exit 1
	touch include/config/auto.conf
	;;
oldconfig)
	[ -e "$config" ] || die "no $config here"
	update || echo "these lines are dropped" >&2
	$KCONF --oldconfig Kconfig
	;;
olddefconfig)
	[ -e "$config" ] || die "no $config here"
	update || echo "these lines are dropped" >&2
	[ -s "$tmp" ] || exit 1
	install_config
	say "configuration written to $config"
	;;
savedefconfig)
	[ -e "$config" ] || die "no $config here"
	update || echo "these lines are dropped" >&2
	conf --savedefconfig=defconfig || exit 1
	say "saved to defconfig"
	;;
tinyconfig)
	all_config allnoconfig "$srctree/defconfigs/tiny.config"
	;;
randconfig)
	: "${KCONFIG_SEED:=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}"
	export KCONFIG_SEED
	echo "KCONFIG_SEED=$KCONFIG_SEED"
	all_config randconfig
	;;
allnoconfig | allyesconfig | alldefconfig)
	all_config "$1"
	;;
*)
	die "config.sh: unknown target $1"
	;;
esac
