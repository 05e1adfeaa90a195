# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For the shell tests of training, which include it behind tests/lib.sh.
# shellcheck disable=SC2034

# The model of most of them: two layers of width 32.
cat >tiny.config <<'END'
CONFIG_MODEL_LAYERS=2
CONFIG_MODEL_WIDTH=32
CONFIG_MODEL_HEADS=2
CONFIG_MODEL_CONTEXT=32
CONFIG_TRAIN_BATCH=4
CONFIG_TRAIN_WARMUP=4
CONFIG_TRAIN_TOKENS="5120"
CONFIG_TRAIN_EVAL_TOKENS="0"
CONFIG_TRAIN_EVAL_EVERY=20
CONFIG_TRAIN_CHECKPOINT_EVERY=15
END

# english: all of the documentation, 100 kB of English
english()
{
	cat "$SRCTREE"/README.md "$SRCTREE"/Documentation/*.md "$SRCTREE"/Documentation/*/*.md
}

# tiny RUN ARG...: train the tiny model on ./data
tiny()
{
	_run=$1
	shift
	"$KNLP" train -q --data data --run "$_run" --config tiny.config "$@"
}

# newest RUN: folder of its newest checkpoint
newest()
{
	find "$1/checkpoints" -name 'step-??????????' | sort | tail -n 1
}

# bits RUN: checksum of all that a run has learned
bits()
{
	_dir=$(newest "$1")
	cat "$_dir/model.safetensors" "$_dir/optimizer.safetensors" | cksum
}

# field KEY FILE: value of a number in the last line of JSON that has it
field()
{
	sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' "$2" | tail -n 1
}

# lines RUN: lines of its metrics so far
lines()
{
	if [ -f "$1/metrics.jsonl" ]; then
		wc -l <"$1/metrics.jsonl"
	else
		echo 0
	fi
}

# cut_at LINES SIGNAL RUN ARG...: train, and send the signal when the metrics have so
# many lines.  Leaves the exit code in $code, stderr in ./err.
code=
cut_at()
{
	_until=$1 _signal=$2 _cut=$3
	shift 2
	shift
	"$KNLP" train -q --data data --run "$_cut" --config tiny.config "$@" >out 2>err &
	_pid=$!
	while [ "$(lines "$_cut")" -lt "$_until" ] && kill -0 $_pid 2>/dev/null; do
		sleep 0.01
	done
	kill "-$_signal" $_pid 2>/dev/null
	wait $_pid 2>/dev/null
	code=$?
}

# steps_once RUN LAST: each step up to LAST is in the metrics once, in order
steps_once()
{
	equal "$1: every step is logged once" "$(grep '"event":"train"' "$1/metrics.jsonl" |
		sed 's/.*"step":\([0-9]*\).*/\1/' | cksum)" "$(seq 1 "$2" | cksum)"
}

# without_time RUN: its metrics but for what depends on the clock and on cuts
without_time()
{
	grep -v '"event":"resume"' "$1/metrics.jsonl" |
		sed 's/,"seconds":.*//'
}

# no_remains NAME DIR...: nothing temporary is left in them
no_remains()
{
	_name=$1
	shift
	equal "$_name" "$(find "$@" -name '*.tmp*' | head -n 3)" ""
}
