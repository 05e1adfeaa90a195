# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# knlp report of an experiment's run.  Its numbers are computed anew here, from the logs of the
# cells, with nothing of the program.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs run report train 'eval loss' 'data prepare'
prepare_text

mkdir plan
cat tiny.config - >plan/defconfig <<'END'
CONFIG_TRAIN_SAMPLE_TOKENS=0
CONFIG_TRAIN_EVAL_EVERY=10
CONFIG_DATA_NOISE_START=20
CONFIG_TRAIN_KEEP_EVERY=20
END
echo 'CONFIG_DATA_NOISE="0.6"' >plan/noisy.config
echo 'CONFIG_DATA_NOISE="0.9"' >plan/worse.config
cat >plan/plan.yaml <<'END'
experiment: planted
hypothesis: Random targets help <b>a lot</b>.
data: data
metric: {name: held-out loss, from: eval.loss, better: lower, unit: nats/token}
delta: 0.01
seeds: [1, 2, 3, 4, 5]
vary: [DATA_NOISE]
at: [0.5, 1]
measure:
  - {name: again, run: [eval, loss, "{model}", --data, "{data}", --json]}
more:
  - {name: measured anew, from: again.loss, better: lower, unit: nats/token}
arms:
  plain: {role: baseline, what: clean targets}
  twin:  {role: control, expect: same, what: the same again}
  noisy: {role: primary, expect: worse, what: 60 % of the targets are random}
  worse: {role: arm, what: 90 % of the targets are random}
END
succeeds "an experiment" "$KNLP" run plan --out=run --data=data -q
succeeds "its report" "$KNLP" report run
equal "it says where" "$(tr '\n' ' ' <out)" "run/report.html run/report.md run/report.json "

if command -v xmllint >/dev/null; then
	succeeds "the page is well-formed" xmllint --noout run/report.html
else
	skip "the page is well-formed" "xmllint is missing"
fi
equal "it loads nothing" \
	"$(grep -c -E 'src=|href=|url\(|@import|<script|<link' run/report.html)" 0
equal "it has what was written, harmless" "$(grep -c '<b>a lot' run/report.html)" 0
cp run/report.html first.html
"$KNLP" report -f html -o - run >second.html 2>err
succeeds "the same again: the same page" cmp first.html second.html
"$KNLP" report -f json run >second.json 2>err
succeeds "the same JSON on standard output" cmp second.json run/report.json

# ---- the numbers ------------------------------------------------------------------------
# end ARM SEED: the last held-out loss; gains ARM: five of them
end() { sed -n 's/.*"event":"eval",.*"loss":\([^,]*\),.*/\1/p' \
	"run/cells/$1/seed-$2/metrics.jsonl" | tail -n 1; }
gains() { for seed in 1 2 3 4 5; do echo "$(end plain $seed) $(end "$1" $seed)"; done; }
# paired: "MEAN SD LOW HIGH" of lines "BASELINE ARM"; 2.7764451051977987 is the 97.5 % quantile
# of Student's t with 4 degrees of freedom.
paired()
{
	awk '{ d[NR] = $1 - $2; sum += d[NR] }
	END { mean = sum / NR
	      for (i = 1; i <= NR; i++) ss += (d[i] - mean) ^ 2
	      sd = sqrt(ss / (NR - 1)); half = 2.7764451051977987 * sd / sqrt(NR)
	      printf "%.17g %.17g %.17g %.17g\n", mean, sd, mean - half, mean + half }'
}
# alike NAME A B: numbers that differ by rounding alone
alike()
{
	if echo "$2 $3" | awk '{ n = NF / 2; bad = NF == 0 || NF % 2
		for (i = 1; i <= n; i++) { d = $i - $(i + n); s = $i < 0 ? -$i : $i
			if (d > 1e-9 * s + 1e-12 || d < -1e-9 * s - 1e-12) bad = 1 }
		exit bad }'; then
		ok "$1"
	else
		not_ok "$1" "'$2', not '$3'"
	fi
}
if command -v python3 >/dev/null; then
	gain() { python3 - "$1" <<'END'
import json, sys
arm = [a for a in json.load(open("run/report.json"))["tables"][0]["arms"] if a["arm"] == sys.argv[1]][0]
print(*(arm["gain"][k] for k in ("mean", "sd", "low", "high")))
END
	}
	for arm in noisy worse; do
		alike "$arm: mean, deviation and interval" "$(gain $arm)" "$(gains $arm | paired)"
	done
	equal "A/A: exactly 0" "$(gain twin)" "0 0 0 0"
	succeeds "the rest of the JSON" python3 - <<'END'
import json, math
r = json.load(open("run/report.json"))
log = lambda arm, seed: [json.loads(l) for l in open(f"run/cells/{arm}/seed-{seed}/metrics.jsonl")]
arms = {a["name"]: a for a in r["arms"]}
assert r["finished"] and r["plan"] == "same" and r["cells"]["done"] == 20
assert r["hypothesis"] == "Random targets help <b>a lot</b>."
assert arms["twin"]["outcome"] == "as expected" and "verdict" not in arms["twin"]
assert arms["noisy"]["verdict"]["word"] == "not supported" and arms["noisy"]["verdict"]["reversed"]
assert arms["noisy"]["outcome"] == "as expected"
assert arms["worse"]["differs"] == {"DATA_NOISE": "0.9"}
for t in r["tables"]:
    for a in t["arms"]:
        for seed, value in zip(r["seeds"], a["values"]):
            evals = [l for l in log(a["arm"], seed) if l["event"] == "eval" and l["step"] <= 40 * t["at"]]
            assert value == evals[-1]["loss"], (a["arm"], seed, t["at"])
# What is measured of the checkpoints is what training logged, at each share.
logged, anew = ({t["at"]: t["arms"] for t in r["tables"] if t["from"] == f} for f in ("eval.loss", "again.loss"))
assert logged == anew and sorted(logged) == [0.5, 1]
cost = arms["plain"]["cost"]
assert cost["tokens"] == 5120 and cost["cells"] == 5 and cost["flops"] > 0
assert math.isclose(cost["tokens_per_parameter"], 5120 / cost["parameters"])
begun = sum(x["steps_shared"] > 0 for x in r["runs"])
spent = sum(a["cost"]["seconds_spent"] for a in r["arms"])
steps = [l for x in r["runs"] for l in log(x["arm"], x["seed"])
         if l["event"] == "train" and l["step"] > x["steps_shared"]]
# The twin is trained by itself; what differs later only begins in the baseline's cell.
assert begun == 10 and len(steps) == 10 * 40 + 10 * 20, (begun, len(steps))
assert sum(a["cost"]["tokens_spent"] for a in r["arms"]) == 128 * len(steps)
assert math.isclose(spent, sum(l["seconds"] for l in steps), rel_tol=1e-6), spent
END
fi

# ---- the page and the Markdown -------------------------------------------------------------
has "the verdict stands on top" 'class="verdict">noisy: not supported, reversed' run/report.html
has "the control held" '^| twin .* exactly 0 for all 5 seeds' run/report.md
# 5 slopes for each of 3 arms; gains and a mean of each; all arms: 3 means and their 15 points
equal "a slope for each pair" "$(grep -c 'class="slope"' run/report.html)" 15
equal "a point for each gain" "$(grep -c 'circle class="pale' run/report.html)" 15
equal "a line for each seed and arm in both losses, and of each arm over the baseline" \
	"$(grep -c '<path class="faint' run/report.html)" $((20 + 20 + 15))
equal "tables are aligned" "$(awk '/^\|/ { if (was && length($0) != was) bad++; was = length($0) }
	!/^\|/ { was = 0 } END { print bad + 0 }' run/report.md)" 0
has "the course of the training" '^| measured anew *| *50 % | ' run/report.md
has "the other metric" '^### measured anew (nats/token), lower is better' run/report.md
has "what differs" '^| `DATA_NOISE` *| `0` *| `0` *| `0.6` *| `0.9` *|' run/report.md

# ---- what is not as it should be -----------------------------------------------------------
cp plan/plan.yaml saved
echo '# later' >>plan/plan.yaml
"$KNLP" report run >out 2>err
has "an edited plan is shown" 'class="warn">The plan was edited after the run began: plan.yaml' \
	run/report.html
has "in Markdown, too" '^> \*\*The plan was edited after the run began: plan.yaml' run/report.md
has "and in JSON" '"plan":"edited","plan_changes":"plan.yaml"' run/report.json
cp saved plan/plan.yaml
cp -r run altered
sed -i 's/^delta: .*/delta: 0.000001/' altered/plan/plan.yaml
"$KNLP" report altered >out 2>err
has "an altered copy is" 'What follows proves nothing' altered/report.html

cp -r run alike
sed -i '/"event":"eval","step":40,/s/"loss":[0-9.]*/"loss":3/' alike/cells/plain/*/metrics.jsonl
sed -i '/"event":"eval","step":40,/s/"loss":[0-9.]*/"loss":2.5/' alike/cells/noisy/*/metrics.jsonl
"$KNLP" report alike >out 2>err
has "gains that are all the same are one replicate" \
	'^> \*\*noisy has exactly the same gain with all 5 seeds: they made no difference' alike/report.md
equal "only of that arm" "$(grep -c 'made no difference' alike/report.md run/report.md | tr '\n' ' ')" \
	"alike/report.md:1 run/report.md:0 "
cp -r run part
rm -rf part/cells/noisy/seed-2 part/cells/worse
"$KNLP" report part >out 2>err
has "a run that is not finished has no verdict" '^noisy: unfinished' part/report.md
has "it says what is missing" '^> \*\*Not finished: 14 of 20 cells are done, 6 missing' part/report.md
has "by arm and seed" '^| noisy *| *2 | missing' part/report.md

# A measure that fails: training has given the metric, and the cell failed all the same.
cp -r plan bad
sed -i 's/^experiment: .*/experiment: bad/; s/"{data}", --json/nowhere, --json/' bad/plan.yaml
fails "cells that failed" 1 '20 of 20 cells failed' "$KNLP" run bad --out=bad-run --data=data -q
has "what knlp run writes at its end knows that it has ended" \
	'^> \*\*Not finished: 0 of 20 cells are done, 20 failed.\*\*' bad-run/report.md
has "they have no verdict, though their loss is known" \
	'^noisy: no verdict: 5 of 5 seeds failed; plain, seed 1: ' bad-run/report.md
equal "in JSON" "$(grep -o '"word":"no verdict"' bad-run/report.json | wc -l)" 2
has "that it has ended is in JSON, too" '"finished":false,"active":false' bad-run/report.json
cp bad-run/report.md ended.md
"$KNLP" report bad-run >out 2>err
succeeds "it is what knlp report writes later" cmp ended.md bad-run/report.md

rm -rf part/cells
succeeds "one that has just begun" "$KNLP" report part
has "has nothing to draw" 'nothing measured yet' part/report.html
fails "an experiment and a run" 1 'reported alone' "$KNLP" report run run/cells/plain/seed-1
fails "no experiment's run" 1 'holds no run' "$KNLP" report plan
