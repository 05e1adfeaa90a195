# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# knlp report: of real runs, and of logs that are made here for what must be seen in them.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train report 'data prepare'
prepare_text

# well_formed NAME FILE: a page that a parser of XML takes, and that loads nothing
well_formed()
{
	if command -v xmllint >/dev/null; then
		succeeds "$1: well-formed" xmllint --noout "$2"
	else
		skip "$1: well-formed" "xmllint is missing"
	fi
	equal "$1: loads nothing" "$(grep -c -E 'src=|href=|url\(|@import|<script|<link' "$2")" 0
}

# ---- a real run -------------------------------------------------------------------
tiny run --set TRAIN_SAMPLE_EVERY=20 >out 2>err
has "train says how to see it" '^see it with  *knlp report run$' out
succeeds "a page of a run" "$KNLP" report run
equal "it says where the page is" "$(cat out)" "run/report.html"
well_formed "page" run/report.html
cp run/report.html first.html
"$KNLP" report run >out 2>err
succeeds "the same again: the same page" cmp run/report.html first.html
loss=$(field loss run/metrics.jsonl)
has "it has the held-out loss" "Held-out loss $(printf %.4f "$loss") nats/token" run/report.html
has "and that the run is finished" 'The run is finished' run/report.html
has "and a parameter that was set" '<code>TRAIN_WARMUP</code>' run/report.html
has "and what ran" '<th>kernels</th>' run/report.html
equal "seven charts" "$(grep -c '<svg [^>]*role="img"' run/report.html)" 7
equal "a dot for each evaluation, in both charts of the loss" \
	"$(grep -c '<circle class="dots c1" .*<title>' run/report.html)" \
	$((2 * $(grep -c '"event":"eval"' run/metrics.jsonl)))

"$KNLP" report --format=json run >run.json 2>err
equal "JSON has the loss that was logged" "$(sed 's/.*"figures":{"loss":\([^,]*\),.*/\1/' run.json)" \
	"$loss"
if command -v python3 >/dev/null; then
	succeeds "JSON says what the folder says" python3 - <<'END'
import json
run = json.load(open("run.json"))["runs"][0]
log = [json.loads(line) for line in open("run/metrics.jsonl")]
train = [l for l in log if l["event"] == "train"]
for key in "step", "tokens", "elapsed", "loss", "lr", "grad_norm", "tokens_per_s", "rss_mib":
    assert run["train"][key] == [l[key] for l in train], key
evals = [l for l in log if l["event"] == "eval"]
assert [e["loss"] for e in run["eval"]] == [l["loss"] for l in evals]
assert run["figures"]["best_loss"] == min(l["loss"] for l in evals)
assert run["figures"]["seconds"] == train[-1]["elapsed"]
assert [s["text"] for s in run["samples"]] == [l["text"] for l in log if l["event"] == "sample"]
assert run["state"] == "finished" and run["steps_planned"] == 40
assert run["config"]["TRAIN_WARMUP"] == "4"
assert "TRAIN_WARMUP" in run["changed"] and "TRAIN_LR" not in run["changed"]
assert "MODEL_KV_HEADS" not in run["changed"]
assert isinstance(run["provenance"]["kernels"], list) and run["provenance"]["program"] == "knlp"
END
fi
"$KNLP" report -f md run >out 2>err
has "Markdown has the held-out losses" '^| 20 | 2.56k | .* |$' out
succeeds "the ending of the file says the format" "$KNLP" report -o it.md run
has "it does" '^| Held-out loss (nats/token) | ' it.md

tiny other --set TRAIN_LR=1e-3 --set MODEL_KV_HEADS=1 >out 2>err
succeeds "two runs" "$KNLP" report --out=two.html run other
well_formed "two runs" two.html
equal "where they differ" "$(sed -n '/Where the runs differ/,/<\/table>/s/.*<code>\(.*\)<\/code>.*/\1/p' \
	two.html | tr '\n' ' ')" "MODEL_KV_HEADS TRAIN_LR TRAIN_MIN_LR TRAIN_SAMPLE_EVERY "
has "the legend" '</svg>other</li>' two.html
has "a winner" 'The lowest held-out loss at the end is that of [a-z]*, [0-9.]* nats/token' two.html
# Other data, other tokenizers: runs in copies whose manifests say so.
cp -r run elsewhere
sed -i 's/^data_hash: .*/data_hash: 0123456789abcdef/' elsewhere/manifest.yaml
"$KNLP" report --out=elsewhere.html run elsewhere >out 2>err
has "no winner on different data" 'do not say which is better' elsewhere.html
equal "and nothing is bold" "$(grep -c 'class="num best"' elsewhere.html)" 0
sed -i 's/^tokenizer: .*/tokenizer: another one/' elsewhere/manifest.yaml
"$KNLP" report --out=elsewhere.html run elsewhere >out 2>err
has "by bytes where tokenizers differ" 'is that of [a-z]*, [0-9.]* nats/byte' elsewhere.html
fails "an ending that is no format" 2 "'pdf' is no format" "$KNLP" report --out=x.pdf run
equal "writes nothing" "$(ls x.pdf 2>/dev/null)" ""

# ---- under way, cut, gone on --------------------------------------------------------
"$KNLP" train -q --data data --run long --config tiny.config --set TRAIN_TOKENS=90M >/dev/null 2>&1 &
pid=$!
while [ "$(lines long)" -lt 300 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
succeeds "a run that is under way" "$KNLP" report --out=now.html long
has "the page says so" 'The run is running, at step .* of training left' now.html
well_formed "a run under way" now.html
kill -KILL $pid
wait $pid 2>/dev/null
"$KNLP" report long >out 2>err
has "cut" 'The run is cut at step' long/report.html
cut_at 100 INT halves --set TRAIN_TOKENS=90M
cut_at $(($(lines halves) + 100)) INT halves --resume --set TRAIN_TOKENS=90M
"$KNLP" report halves >out 2>err
has "resumed" 'at step [0-9]*, 20..-.*Z' halves/report.html
has "marked in the chart" '<path class="mark" .*<title>resumed' halves/report.html

# ---- odd logs ---------------------------------------------------------------------
# made NAME: a run of 10,000 steps as ./run, with what stdin has for a log
made()
{
	mkdir -p "$1"
	cp run/manifest.yaml "$1"
	sed 's/^CONFIG_TRAIN_TOKENS=.*/CONFIG_TRAIN_TOKENS="1280000"/' run/config >"$1/config"
	cat >"$1/metrics.jsonl"
}

made empty </dev/null
succeeds "a run without a step" "$KNLP" report empty
has "says so" 'No step of training is logged yet' empty/report.html
well_formed "empty" empty/report.html
rm empty/metrics.jsonl
succeeds "a run without a log" "$KNLP" report empty
head -n 1 run/metrics.jsonl | made one
succeeds "a run of one step" "$KNLP" report one
well_formed "one step" one/report.html
has "it is a dot" '<circle class="line c0"' one/report.html

bad='<script>alert(1)</script>'
made "odd $bad" <<END
{"event":"train","step":1,"tokens":128,"loss":5,"seconds":1}
{"event":"train","step":2,"tokens":256,"loss":null,"seconds":1}
{"event":"unheard of","step":2,"x":"y"}
{"event":"train","step":3,"tokens":384,"loss":4,"seconds":1}
{"event":"sample","step":3,"prompt":"</pre>$bad","text":"\u0001 & ]]> \ud83d\ude00"}
{"event":"resume","step":3}
{"event":"eval","step":3,"loss":null}
{"event":"train","ste
END
printf %s "$(cat "odd $bad/metrics.jsonl")" >half && mv half "odd $bad/metrics.jsonl"
succeeds "an odd log, half a line at its end" "$KNLP" report -o odd.html "odd $bad" run
well_formed "odd" odd.html
has "text of files is only text" '&lt;/pre&gt;&lt;script&gt;alert(1)' odd.html
"$KNLP" report -o odd.html "odd $bad" >out 2>err
has "a loss that is not there is a gap" '<path class="faint c0" d="M[0-9]* [0-9]*l0 0M[0-9]* ' odd.html
made broken <<'END'
{"event":"train","step":1,"tokens":128,"loss":5}
{"event":"train","step":2,"tokens":256,"loss":}
END
fails "a broken line is named" 1 'broken/metrics.jsonl:2: ' "$KNLP" report broken
equal "nothing is written then" "$(ls broken)" "$(printf 'config\nmanifest.yaml\nmetrics.jsonl')"
fails "no run" 1 'nothing holds no run' "$KNLP" report nothing
mkdir several
cp -r one several/b
fails "the folder around a run" 1 'several is no run, but holds one: say several/b' \
	"$KNLP" report several
cp -r one several/a
fails "the folder around runs" 1 'holds 2: say several/a, or another' "$KNLP" report several
fails "a data folder" 1 'data: a data folder, not a run' "$KNLP" report data
fails "the same run twice" 1 'run and ./several/../run are the same run' \
	"$KNLP" report run one ./several/../run
fails "no format" 2 "'pdf': there are html, json, md" "$KNLP" report -f pdf run
fails "no place" 1 'cannot write' "$KNLP" report -o /nowhere/x.html run

# ---- long runs: quick, small, and no spike is lost ------------------------------------
steps()
{
	awk -v s="$1" 'BEGIN {
		srand(s)
		for (i = 1; i <= 10000; i++) {
			loss = i == 7777 ? 40 : 1.5 + 4 * exp(-i / 700) + 0.4 * rand()
			printf "{\"event\":\"train\",\"step\":%d,\"tokens\":%d,\"loss\":%.9f,", i, i * 128, loss
			printf "\"lr\":%.9g,\"grad_norm\":%.9f,\"seconds\":0.05,", 3e-3 * rand(), rand()
			printf "\"elapsed\":%.3f,\"tokens_per_s\":%.6f,", i * 0.05, 1e4 + 999 * rand()
			printf "\"rss_mib\":%.6f}\n", 500 + 9 * rand()
			if (i % 50 == 0)
				printf "{\"event\":\"eval\",\"step\":%d,\"loss\":%.9f}\n", i, loss
		}
	}'
}
ten=
for i in 1 2 3 4 5 6 7 8 9 10; do
	steps $i | made ten$i
	ten="$ten ten$i"
done
# shellcheck disable=SC2086
succeeds "ten runs of 10,000 steps, in 2 s of processor time" \
	sh -c 'ulimit -t 2; exec "$@"' sh "$KNLP" report -o ten.html $ten
well_formed "ten runs" ten.html
below "they take less than 3 MB" "$(wc -c <ten.html)" 3000000
# Its top is the top of the axis, where the pale curve of the first chart must come to.
"$KNLP" report -o spike.html ten1 >out 2>err
top=$(awk '/class="faint c0" d="M[0-9]* [0-9]*l0 0/ {
	gsub(/.*d="M|l0 0|"\/>/, " "); gsub(/-/, " -")
	y = $2; least = y
	for (i = 4; i <= NF; i += 2) { y += $i; if (y < least) least = y }
	print least; exit
}' spike.html)
equal "a spike of one step is as high as it was" "$top" 260
"$KNLP" report -f json ten1 >out
has "and is in the JSON" '[[,]40,' out
