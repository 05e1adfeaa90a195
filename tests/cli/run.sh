#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run shell tests, one after the other, and count what they print:
#
#	ok NAME
#	ok NAME # skip WHY
#	not ok NAME: WHY
#
# A test that prints none of these, ends with an exit code other than 0, or takes
# too long has failed.
#
# usage: run.sh [-t SECONDS] [-o TALLY] [-v] TEST.sh...
#
# -o appends "PASSED FAILED SKIPPED" to a file.  -v prints every line.  The
# environment of the tests is described in tests/lib.sh.

seconds=60
tally=
verbose=
while getopts t:o:v option; do
	case $option in
	t) seconds=$OPTARG ;;
	o) tally=$OPTARG ;;
	v) verbose=y ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

: "${SRCTREE:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${OBJTREE:=$SRCTREE}"
: "${KNLP:=$OBJTREE/knlp}" "${KNLP_TEST:=$OBJTREE/knlp-test}"
export SRCTREE OBJTREE KNLP KNLP_TEST

scratch=$(mktemp -d "${TMPDIR:-/tmp}/knlp-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

count() { grep -c "$1" "$scratch/stdout"; }

passed=0 failed=0 skipped=0
for test in "$@"; do
	case $test in /*) path=$test ;; *) path=$PWD/$test ;; esac
	name=${path#"$SRCTREE"/tests/}
	rm -rf "$scratch/cwd"
	mkdir "$scratch/cwd"
	(cd "$scratch/cwd" && exec timeout -k 5 "$seconds" sh "$path") \
		>"$scratch/stdout" 2>"$scratch/stderr" </dev/null
	rc=$?

	n_failed=$(count '^not ok ')
	n_skipped=$(count '^ok .*# skip')
	n_passed=$(($(count '^ok ') - n_skipped))
	why=
	if [ $rc -eq 124 ] || [ $rc -eq 137 ]; then
		why="took more than $seconds s"
	elif [ $rc -ne 0 ]; then
		why="exit code $rc: $(tail -n 3 "$scratch/stderr" | tr '\n' ' ')"
	elif [ $((n_failed + n_skipped + n_passed)) -eq 0 ]; then
		why="tested nothing"
	fi
	if [ -n "$why" ]; then
		n_failed=$((n_failed + 1))
		echo "not ok $name: $why" >>"$scratch/stdout"
	fi

	printf '  %-7s %s (%d)\n' TEST "$name" $((n_failed + n_skipped + n_passed))
	if [ -n "$verbose" ]; then
		cat "$scratch/stdout"
	else
		grep -e '^not ok ' -e '^ok .*# skip' "$scratch/stdout"
	fi
	passed=$((passed + n_passed))
	failed=$((failed + n_failed))
	skipped=$((skipped + n_skipped))
done

[ -z "$tally" ] || echo "$passed $failed $skipped" >>"$tally"
[ $failed -eq 0 ]
