# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For the shell tests in tests/cli, tests/build and tests/long.  They begin with
#
#	. "$SRCTREE/tests/lib.sh"
#
# and print one line for each thing tested, by way of the functions below.
# tests/cli/run.sh starts each in an empty directory of its own and sets
#
#	KNLP, KNLP_TEST   the programs
#	SRCTREE, OBJTREE  absolute paths

# ok NAME, not_ok NAME WHY, skip NAME WHY
ok()     { echo "ok $1"; }
not_ok() { echo "not ok $1: $2"; }
skip()   { echo "ok $1 # skip $2"; }

# What a file says on one line, for a WHY: a compiler's first errors or the last lines.
brief()
{
	{
		grep -m 2 -e ' error: ' -e 'undefined reference' -e 'multiple definition' "$1" ||
			tail -n "${2:-3}" "$1"
	} | tr '\n' ' ' | cut -c 1-300
}

# succeeds NAME COMMAND...: exit code 0.  Leaves stdout in ./out, stderr in ./err.
succeeds()
{
	_name=$1
	shift
	if "$@" >out 2>err; then
		ok "$_name"
	else
		not_ok "$_name" "exit code $?: $(brief err)"
	fi
}

# fails NAME CODE TEXT COMMAND...: that exit code, and stderr has TEXT, a basic
# regular expression.
fails()
{
	_name=$1 _code=$2 _text=$3
	shift 3
	"$@" >out 2>err
	_rc=$?
	if [ $_rc -ne "$_code" ]; then
		not_ok "$_name" "exit code $_rc, not $_code: $(brief err)"
	elif ! grep -q -e "$_text" err; then
		not_ok "$_name" "stderr does not say '$_text': $(brief err)"
	else
		ok "$_name"
	fi
}

# has NAME TEXT FILE: FILE has a line that matches TEXT.
has()
{
	if grep -q -e "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' in: $(brief "$3" 5)"
	fi
}

# equal NAME GOT WANT
equal()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "$(printf "'%s', not '%s'" "$2" "$3" | tr '\n' ' ' | cut -c 1-300)"
	fi
}

# make_in OBJTREE ARG...: make, free of what an outer make put in the environment.
make_in()
{
	_obj=$1
	shift
	(unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KCONFIG_CONFIG KCONFIG_ALLCONFIG
	 exec make -f "$SRCTREE/Makefile" O="$_obj" "$@")
}

# clone_objtree DIR: a copy of the object tree, in which nothing has to be built
# again.  Links would let make change the original.
clone_objtree()
{
	cp -a "$OBJTREE" "$1"
}
