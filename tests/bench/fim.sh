# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# What the squares of units sequence and position cost beside forward and backward of the same
# sequences in one batch, in processor time, which other work hardly changes.
#
# The goal is 1.15, which performance.md has measured in quiet; this is to notice when it is gone.
# The best of three: other work takes the caches, and only ever makes things slower.
. "$SRCTREE/tests/lib.sh"

MOST=1.25

if ! "$KNLP" bench fim -h >out 2>err; then
	skip "cost of Fisher information" "no such command"
	exit 0
fi
# 10.8M parameters
for _ in 1 2 3; do
	"$KNLP" bench fim -q --json --turns 3 --batch 8 -s MODEL_LAYERS=6 -s MODEL_WIDTH=384 \
		-s MODEL_HEADS=6 -s MODEL_CONTEXT=256 2>err | tail -n 1 | tr '}' '\n' |
		sed -n 's/.*"name":"\(sequence\|position\)".*"cpu_ratio":\([0-9.]*\).*/\1 \2/p'
done >ratios
echo "# load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
for unit in sequence position; do
	awk -v unit=$unit -v most=$MOST '
		$1 == unit && (!n++ || $2 < best) { best = $2 }
		END {
			name = "unit " unit ": processor time against that of a batch"
			if (n != 3)
				printf "not ok %s: measured %d times of 3\n", name, n
			else if (best > most)
				printf "not ok %s: %.3f times, %.2f are allowed\n", name, best, most
			else
				printf "ok %s: %.3f times (at most %.2f)\n", name, best, most
		}' ratios
done
