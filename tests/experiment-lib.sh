# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/train-lib.sh
#
# For the shell tests of experiments, which include it behind tests/lib.sh and
# tests/train-lib.sh.

# experiment DIR: a plan of three arms with two seeds, on ./data, with the tiny model
experiment()
{
	mkdir -p "$1"
	cp tiny.config "$1/defconfig"
	cat >>"$1/defconfig" <<-END
		CONFIG_TRAIN_SAMPLE_TOKENS=0
		CONFIG_RUN_EXPERIMENT="$(basename "$1")"
	END
	cat >"$1/plan.yaml" <<-END
		experiment: $(basename "$1")
		hypothesis: A higher rate learns faster.
		data: data
		prepare: knlp data prepare
		metric: {name: held-out loss, from: eval.loss, better: lower, unit: nats/token}
		delta: 0.01
		seeds: [3, 5]
		vary: [TRAIN_LR, TRAIN_MIN_LR]
		arms:
		  plain: {role: baseline}
		  twin: {role: control, expect: same, what: A/A}
		  fast: {role: arm, what: twice the rate}
	END
	echo 'CONFIG_TRAIN_LR="6e-3"' >"$1/fast.config"
}

# same_cells NAME RUN RUN: all cells of both have the same bits and the same log
same_cells()
{
	for _cell in "$2"/cells/*/seed-*/; do
		_cell=${_cell#"$2"/}
		equal "$1: $_cell: bits" "$(bits "$3/$_cell")" "$(bits "$2/$_cell")"
		equal "$1: $_cell: log" "$(without_time "$3/$_cell" | cksum)" \
			"$(without_time "$2/$_cell" | cksum)"
	done
}

# running RUN: is there a process that has it locked?
running()
{
	! flock -n "$1/lock" true
}

# all_lines RUN: lines of the logs of all its cells
all_lines()
{
	cat "$1"/cells/*/seed-*/metrics.jsonl 2>/dev/null | wc -l
}

code=
# run_until LINES SIGNAL RUN ARG...: `knlp run`, cut by the signal when its cells have logged so
# many lines.  Leaves the exit code in $code, stderr in ./err.
run_until()
{
	_until=$1 _signal=$2 _run=$3
	shift 2
	shift
	"$KNLP" run -q --out "$_run" "$@" >out 2>err &
	_pid=$!
	while [ "$(all_lines "$_run")" -lt "$_until" ] && kill -0 $_pid 2>/dev/null; do
		sleep 0.01
	done
	kill "-$_signal" $_pid 2>/dev/null
	wait $_pid 2>/dev/null
	code=$?
}

# children_gone RUN: within some seconds no process trains in its cells any more
children_gone()
{
	_tries=0
	while [ $_tries -lt 500 ]; do
		_held=
		for _lock in "$1"/cells/*/seed-*/lock; do
			[ ! -e "$_lock" ] || flock -n "$_lock" true || _held=$_lock
		done
		[ -n "$_held" ] || return 0
		sleep 0.02
		_tries=$((_tries + 1))
	done
	return 1
}

# kill_often TIMES RUN EXPERIMENT ARG...: SIGKILL at moments that lie evenly in the run
kill_often()
{
	_times=$1 _often=$2 _exp=$3 _nr=0
	shift 3
	while [ $_nr -lt "$_times" ]; do
		_nr=$((_nr + 1)) _resume=
		# Killed before the manifest was written, it has not begun.
		[ ! -f "$_often/experiment.yaml" ] || _resume=--resume
		run_until $((_nr * 200 / (_times + 1))) KILL "$_often" "$_exp" $_resume "$@"
		equal "kill $_nr: it was running" "$code" 137
		children_gone "$_often" || not_ok "kill $_nr" "its children live on"
	done
	succeeds "after $_times kills it ends" "$KNLP" run -q --out "$_often" "$_exp" --resume "$@"
}
