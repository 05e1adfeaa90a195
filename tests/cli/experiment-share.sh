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

kill_often 4 killed ./exp --jobs 2
same_cells "shared and killed" alone killed
no_remains "shared and killed: nothing temporary is left" killed
