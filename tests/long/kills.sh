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
# The kinds of training that the kills go through.
kinds='f32-adamw bf16-muon f32-sgd bf16-groups'

# settings KIND: options for its type and its optimizer, words
settings()
{
	echo "--set TRAIN_DTYPE=${1%-*}"
	case ${1#*-} in
	groups) echo "--set OPTIM_GROUPS=matrix:optimizer=muon;norm:optimizer=sgd" ;;
	*) echo "--set OPTIM_NAME=${1#*-}" ;;
	esac
}

for kind in $kinds; do
	begin=$(date +%s%N)
	# shellcheck disable=SC2046 # words
	tiny uncut-$kind $(settings $kind) >out 2>err || not_ok "$kind" "$(brief err)"
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
	kind=$(echo $kinds | cut -d ' ' -f $((1 + run % 4)))
	name="seed $KILLS_SEED, run $run, $kind"
	want=$(bits uncut-$kind)
	resume=
	for moment in $(moments $run); do
		# Killed before the manifest was written, it has not begun.
		[ ! -f cut/manifest.yaml ] || resume=--resume
		# shellcheck disable=SC2046
		"$KNLP" train -q -d data -r cut -c tiny.config $(settings $kind) \
			-t $((1 + run % 3)) $resume >out 2>err &
		pid=$!
		sleep "$moment"
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		[ $? -eq 137 ] || [ ! -s err ] || not_ok "$name: going on" "$(brief err)"
	done
	[ ! -f cut/manifest.yaml ] || resume=--resume
	# shellcheck disable=SC2046
	if ! tiny cut $(settings $kind) $resume >out 2>err; then
		not_ok "$name" "$(brief err)"
	elif [ "$(bits cut)" != "$want" ]; then
		not_ok "$name" "other bits at the end"
	elif [ "$(without_time cut)" != "$(without_time uncut-$kind)" ]; then
		not_ok "$name" "another log"
	elif [ -n "$(find cut -name '*.tmp*')" ]; then
		not_ok "$name" "left $(find cut -name '*.tmp*' | head -n 1)"
	else
		ok "$name: $(grep -c '"event":"resume"' cut/metrics.jsonl) resumes"
	fi
	rm -rf cut
done
