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

# needs COMMAND...: the test ends here where the program was built without one
needs()
{
	for _command; do
		# shellcheck disable=SC2086
		"$KNLP" $_command -h >out 2>err || { skip "$_command" "no such command"; exit 0; }
	done
}

# prepare_text [FILE]: ./data from FILE, or from all that english() gives
prepare_text()
{
	if [ $# -eq 0 ]; then
		english >text
		set -- text
	fi
	"$KNLP" data prepare -q --input "$1" --tokenizer byte --out data --piece-bytes 1000 \
		>out 2>err
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
	grep -v -e '"event":"resume"' -e '"event":"fork"' "$1/metrics.jsonl" |
		sed 's/,"seconds":.*//'
}

# no_remains NAME DIR...: nothing temporary is left in them
no_remains()
{
	_name=$1
	shift
	equal "$_name" "$(find "$@" -name '*.tmp*' | head -n 3)" ""
}

# big_english FILE: about 1 MB of real English; fails if this machine has none
big_english()
{
	for _dir in "${KNLP_TEST_DATA:-/nowhere}" "$SRCTREE/../shared/data"; do
		if [ -f "$_dir/text/tinyshakespeare.txt" ]; then
			cat "$_dir/text/tinyshakespeare.txt" >"$1"
			return
		fi
	done
	find /usr/share/common-licenses /usr/share/doc -type f \( -name copyright -o \
		-name 'README*' -o -name '*GPL*' -o -name 'NEWS*' \) ! -name '*.gz' 2>/dev/null |
		sort | head -n 400 | xargs cat 2>/dev/null | LC_ALL=C tr -cd '\011\012\040-\176' |
		head -c 1100000 >"$1"
	[ "$(wc -c <"$1")" -gt 900000 ]
}

# pair_entropy FILE: nats per byte of a byte given the one before, from their counts in
# FILE: what a table of pairs, fitted to the very text, could reach
pair_entropy()
{
	od -An -v -tu1 -w1 "$1" | awk '
		{ b = $1 + 0; if (NR > 1) { pair[a * 256 + b]++; first[a]++; n++ } a = b }
		END { for (p in pair) h -= pair[p] * log(pair[p] / first[int(p / 256)])
		      printf "%.4f", h / n }'
}

# below NAME NUMBER LIMIT
below()
{
	if awk -v a="$2" -v b="$3" 'BEGIN { exit !(a != "" && a + 0 > 0 && a + 0 < b) }'; then
		ok "$1"
	else
		not_ok "$1" "'$2', not below $3"
	fi
}

# known_words TEXT FILE: how many of 100 words of FILE occur in TEXT
known_words()
{
	awk 'NR == FNR { for (i = 1; i <= NF; i++) known[$i] = 1; next }
	     { for (i = 1; i <= NF; i++) { n++; if ($i in known) k++ } }
	     END { printf "%d", n ? 100 * k / n : 0 }' "$1" "$2"
}

# writes_words NAME RUN PERCENT: most words of what RUN generates are words of ./real
writes_words()
{
	LC_ALL=C "$KNLP" generate -n 1500 --temperature 0.8 "$2" >written 2>err
	below "$1" "$((100 - $(known_words real written)))" "$((100 - $3))"
}
