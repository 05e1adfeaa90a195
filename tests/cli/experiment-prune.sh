# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# The plans of pruning while training: what they ask for holds, with little text.  Arms share
# all up to PRUNE_START, magnitude and bitter1 end as one, and every arm drops what it should.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs run train prune 'data prepare'
prepare_text

# Both plans have the same arms, but for the sizes.
for plan in bitter7-tiny bitter7-small; do
	mkdir -p $plan
	cp "$SRCTREE/defconfigs/experiments/$plan"/* $plan/
	sed 's/^#.*//; /^CONFIG_RUN_EXPERIMENT/d' tiny.config >>$plan/defconfig
	cat >>$plan/defconfig <<-'END'
		CONFIG_MODEL_LAYERS=4
		CONFIG_TRAIN_EVAL_EVERY=0
		CONFIG_TRAIN_TOKENS="5120"
		CONFIG_PRUNE_INTERVAL=5
		CONFIG_PRUNE_SEQUENCES=4
	END
	sed -i 's/^seeds: .*/seeds: [1, 2, 3, 4, 5]/' $plan/plan.yaml
done
equal 'the arms of both' "$(sed -n 's/^  \([a-z0-9-]*\): .*role:.*/\1/p' bitter7-tiny/plan.yaml)" \
	"$(sed -n 's/^  \([a-z0-9-]*\): .*role:.*/\1/p' bitter7-small/plan.yaml)"
succeeds 'bitter7-small' "$KNLP" run -q ./bitter7-small --data data --out small --jobs 2
succeeds 'bitter7-tiny plans' "$KNLP" run -q ./bitter7-tiny --data data --estimate

# kept ARM: weights that its last choice kept, of each seed; "" without one
kept()
{
	for _seed in 1 2 3 4 5; do
		grep '"event":"prune",' "small/cells/$1/seed-$_seed/metrics.jsonl" | field kept /dev/stdin
	done | sort -u | tr '\n' ' '
}
# Half of 4 blocks of 12 * 32^2.
for arm in magnitude scale-free bitter1 random half bitter7 bitter7-eps movement obd; do
	equal "$arm: exactly as many" "$(kept $arm)" '24576 '
done
equal 'dense: none' "$(kept dense)$(kept shallow)" ''
forks() { sed -n 's/.*"event":"fork","step":\([0-9]*\).*/\1/p' "small/cells/$1/seed-2/metrics.jsonl"; }
for arm in scale-free random dense movement obd; do
	equal "$arm: parts from another where pruning begins" "$(forks $arm)" 12
done
equal 'A/A is trained by itself' "$(forks bitter1)" ''
weights() { cat "$(newest "small/cells/$1/seed-$2")"/model.safetensors | cksum; }
for seed in 1 2 3 4 5; do
	equal "A/A, seed $seed: the same weights" "$(weights bitter1 $seed)" "$(weights magnitude $seed)"
done
masks()
{
	for _seed in 1 2 3 4 5; do
		sed -n 's/.*"event":"prune",.*"hash":"\([0-9a-f]*\)".*/\1/p' \
			"small/cells/$1/seed-$_seed/metrics.jsonl" | tail -n 1
	done
}
equal 'random masks differ between seeds' "$(masks random | sort -u | wc -l | tr -d ' ')" 5

if "$KNLP" report -h >out 2>err; then
	succeeds 'the report' "$KNLP" report small -o report.html
	has 'A/A is exact' 'exactly 0 for all 5 seeds' report.html
fi
