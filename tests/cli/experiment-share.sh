# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Arms that share a beginning: the same bits as without, for less work, also when cut.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train 'data prepare'
prepare_text
sed -i 's/CHECKPOINT_EVERY=15/CHECKPOINT_EVERY=5/' tiny.config
experiment ./exp
sed -i 's/vary: .*/vary: [DATA_NOISE, DATA_NOISE_START]/; s/  fast: .*//' exp/plan.yaml
rm exp/fast.config
cat >>exp/defconfig <<'END'
CONFIG_DATA_NOISE_START=24
END
# late parts from plain at 30, later from late at 30 as well, early from plain at 12.
cat >>exp/plan.yaml <<'END'
  noisy: {role: arm}
  late: {role: arm}
  more: {role: arm}
  early: {role: arm}
END
echo 'CONFIG_DATA_NOISE="0.5"' >exp/noisy.config
printf 'CONFIG_DATA_NOISE="0.5"\nCONFIG_DATA_NOISE_START=30\n' >exp/late.config
printf 'CONFIG_DATA_NOISE="0.9"\nCONFIG_DATA_NOISE_START=30\n' >exp/more.config
printf 'CONFIG_DATA_NOISE="0.5"\nCONFIG_DATA_NOISE_START=12\n' >exp/early.config

succeeds "each cell on its own" "$KNLP" run -q ./exp --out alone --no-share
equal "without sharing nothing forks" "$(grep -l '"event":"fork"' alone/cells/*/*/metrics.jsonl)" ""
succeeds "cells that share" "$KNLP" run -q ./exp --out shared --jobs 2
same_cells "shared" alone shared
forks()
{
	sed -n 's/.*"event":"fork","step":\([0-9]*\).*/\1/p' "$1/metrics.jsonl"
}
equal "an arm forks where it can differ first" "$(forks shared/cells/noisy/seed-3)" 24
equal "an earlier one" "$(forks shared/cells/early/seed-5)" 12
equal "one that differs late" "$(forks shared/cells/more/seed-3 | tail -n 1)" 30
equal "the A/A arm is trained by itself" "$(forks shared/cells/twin/seed-3)" ""

# Before the baseline, too, it is no copy: neither has the other's training.
cp -r exp first
sed -i 's/experiment: exp/experiment: first/; /  twin:/d; s/^arms:/&\n  twin: {role: control, expect: same}/' \
	first/plan.yaml
succeeds "A/A in front of the baseline" "$KNLP" run -q ./first --out first-run --jobs 2
equal "neither forks" "$(forks first-run/cells/twin/seed-3)$(forks first-run/cells/plain/seed-3)" ""
equal "others do, off the baseline" "$(forks first-run/cells/noisy/seed-3)" 24

kill_often 4 killed ./exp --jobs 2
same_cells "shared and killed" alone killed
no_remains "shared and killed: nothing temporary is left" killed

# ---- a treatment that never happens ---------------------------------------------------

experiment ./never
sed -i 's/vary: .*/vary: [DATA_NOISE, DATA_NOISE_START]/; s/  fast: .*/  noisy: {role: arm}/' never/plan.yaml
rm never/fast.config
echo 'CONFIG_DATA_NOISE_START=40' >>never/defconfig
echo 'CONFIG_DATA_NOISE="0.5"' >never/noisy.config
same="plan.yaml:[0-9]*: arm 'noisy' cannot differ from the baseline: DATA_NOISE counts from step 40 on"
fails "a treatment behind the last step" 1 "$same, and the training has 40 " \
	"$KNLP" run -q ./never --out never-run
fails "is no estimate" 1 "$same" "$KNLP" run -q ./never --estimate
equal "nothing is left of it" "$(ls never-run 2>/dev/null)" ""
sed -i 's/noisy: {role: arm}/noisy: {role: arm, expect: same}/' never/plan.yaml
succeeds "unless it is to be the same" "$KNLP" run -q ./never --estimate
sed -i 's/, expect: same}$/}/' never/plan.yaml
sed -i 's/_START=40/_START=39/' never/defconfig
succeeds "the last step is one that counts" "$KNLP" run -q ./never --estimate

# ---- arms that differ only in what is measured ---------------------------------------

"$KNLP" fim estimate -h >out 2>err || { skip "measures" "no such command"; exit 0; }
"$KNLP" fim compare -h >out 2>err || { skip "measures" "no such command"; exit 0; }
experiment ./ladder
sed -i 's/vary: .*/vary: [FIM_LABELS]/; s/  fast: .*/  sampled: {role: arm}/; /twin/d' ladder/plan.yaml
sed -i 's/from: eval.loss/from: like.between/; s/lower/higher/' ladder/plan.yaml
rm ladder/fast.config
echo 'CONFIG_FIM_LABELS="sampled"' >ladder/sampled.config
cat >>ladder/defconfig <<'END'
CONFIG_FIM_LABELS="observed"
CONFIG_FIM_UNIT="sequence"
CONFIG_FIM_SEQUENCES=8
CONFIG_TRAIN_KEEP_EVERY=10
END
cat >>ladder/plan.yaml <<'END'
measure:
  - name: fim
    run: [fim, estimate, "{model}", --config, "{config}", --data, "{data}", --halves, --out, "{measure}/{arm}.safetensors", --json]
  - name: like
    run: [fim, compare, "{baseline}/plain.safetensors", "{measure}/{arm}.safetensors", --json]
more:
  - {name: time, from: fim.seconds, better: lower}
  - {name: sequences, from: fim.sequences, better: higher}
at: [0.5, 1]
END
succeeds "a ladder of measures" "$KNLP" run -q ./ladder --out ladder-run --json --jobs 2
equal "the baseline is like itself" "$(sed 's/.*"arm":"plain","seed":3,[^}]*"value":\([0-9.]*\).*/\1/' out)" 1
equal "its training is that of the baseline" "$(forks ladder-run/cells/sampled/seed-3)" 40
equal "both have its bits" "$(bits ladder-run/cells/sampled/seed-5)" \
	"$(bits ladder-run/cells/plain/seed-5)"
estimate()
{
	cksum <"ladder-run/cells/$1/seed-3/measure/$2$1.safetensors"
}
equal "four estimates of a seed" "$({
	estimate plain at-0.5/; estimate plain; estimate sampled at-0.5/; estimate sampled
} | sort -u | wc -l)" 4
succeeds "--verify: what is read of the baseline" "$KNLP" run --verify ladder-run sampled 3
has "--verify: its number" '^like.between at 0.5$' out
# Forged, so that no two clocks can agree.
sed -i 's/"seconds":/"seconds":1/' ladder-run/cells/plain/seed-3/measure/fim.json
succeeds "--verify: the baseline with itself" "$KNLP" run --verify ladder-run plain 3
has "--verify: its number" '^like.between at 1$' out
sed '1,/^measured again: other numbers$/d' out >others
has "--verify: a time is told apart" '^fim.seconds at 1$' others
has "--verify: with a warning" 'fim.seconds at 1 differs: it is 1' err
# By hand: the checkpoint on the way is the baseline's.
"$KNLP" fim estimate -q --config ladder-run/cells/sampled/seed-3/config --data data --halves \
	--out by-hand.safetensors ladder-run/cells/plain/seed-3/checkpoints/step-0000000020 >out 2>err
equal "a share before the fork" "$(cksum <by-hand.safetensors)" "$(estimate sampled at-0.5/)"
