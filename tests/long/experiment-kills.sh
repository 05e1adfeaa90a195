# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# An experiment whose run is cut by SIGKILL ten times, and resumed as often, ends with the
# bits and the logs of one that never was: one cell at a time, and three side by side.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train 'data prepare'
prepare_text
sed -i 's/CHECKPOINT_EVERY=15/CHECKPOINT_EVERY=3/' tiny.config
experiment ./exp

succeeds "an uncut run" "$KNLP" run -q ./exp --out whole
for jobs in 1 3; do
	kill_often 10 "killed-$jobs" ./exp --jobs $jobs
	same_cells "ten kills, $jobs at a time" whole "killed-$jobs"
	no_remains "ten kills, $jobs at a time: nothing temporary is left" "killed-$jobs"
	has "ten kills, $jobs at a time: cells were cut" '"event":"resume"' \
		"killed-$jobs/cells/plain/seed-3/metrics.jsonl"
done
