# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Runs that are killed with SIGKILL at random moments, several times each, and resumed,
# end with the bits and the log of one that never was.  KILLS is their number, KILLS_SEED
# sets the moments; by default they are others each day.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare'
: "${KILLS:=20}" "${KILLS_SEED:=$(date +%y%m%d)}"

prepare_text

steps=600
cat >>tiny.config <<END
CONFIG_TRAIN_TOKENS="$((128 * steps))"
CONFIG_TRAIN_EVAL_EVERY=40
CONFIG_TRAIN_CHECKPOINT_EVERY=7
CONFIG_MODEL_DROPOUT="0.1"
END
for type in f32 bf16; do
	begin=$(date +%s%N)
	tiny uncut-$type --set TRAIN_DTYPE=$type >out 2>err
	ms=$((($(date +%s%N) - begin) / 1000000))
done

# moments RUN: some times in seconds, the longest as long as the uncut run took
moments()
{
	awk -v seed="$KILLS_SEED$1" -v ms="$ms" 'BEGIN {
		srand(seed)
		for (n = 2 + int(4 * rand()); n; n--)
			printf "%.3f\n", (0.02 + 0.5 * rand()) * ms / 1000
	}'
}

run=0
while [ $run -lt "$KILLS" ]; do
	run=$((run + 1))
	[ $((run % 2)) -eq 0 ] && type=f32 || type=bf16
	name="seed $KILLS_SEED, run $run, $type"
	want=$(bits uncut-$type)
	resume=
	for moment in $(moments $run); do
		# Killed before the manifest was written, it has not begun.
		[ ! -f cut/manifest.yaml ] || resume=--resume
		"$KNLP" train -q -d data -r cut -c tiny.config --set TRAIN_DTYPE=$type \
			-t $((1 + run % 3)) $resume >out 2>err &
		pid=$!
		sleep "$moment"
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		[ $? -eq 137 ] || [ ! -s err ] || not_ok "$name: going on" "$(brief err)"
	done
	[ ! -f cut/manifest.yaml ] || resume=--resume
	if ! tiny cut --set TRAIN_DTYPE=$type $resume >out 2>err; then
		not_ok "$name" "$(brief err)"
	elif [ "$(bits cut)" != "$want" ]; then
		not_ok "$name" "other bits at the end"
	elif [ "$(without_time cut)" != "$(without_time uncut-$type)" ]; then
		not_ok "$name" "another log"
	elif [ -n "$(find cut -name '*.tmp*')" ]; then
		not_ok "$name" "left $(find cut -name '*.tmp*' | head -n 1)"
	else
		ok "$name: $(grep -c '"event":"resume"' cut/metrics.jsonl) resumes"
	fi
	rm -rf cut
done
