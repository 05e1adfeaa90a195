# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# A measure that leaves a dump of an evaluation: documents are compared beside the verdict.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train report 'data prepare' 'eval ppl'
prepare_text
experiment ./exp
nr=0
while [ $nr -lt 20 ]; do
	nr=$((nr + 1))
	printf 'The document with the number %d says little.<|endoftext|>' $((nr * nr))
done >docs
cat >>exp/plan.yaml <<END
measure:
  - name: ppl
    run: [eval, ppl, "{model}", --file, "$PWD/docs", --protocol, document, --json,
          --dump, "{measure}/ppl.jsonl"]
END

succeeds "an experiment with a dump" "$KNLP" run -q ./exp --out run
equal "each cell has one" "$(find run/cells -name ppl.jsonl | wc -l)" 6
succeeds "its report" "$KNLP" report run --format json -o report.json
# of ARM METRIC KEY: a number of the report's documents
of()
{
	sed 's/.*"documents":\[//; s/}/}\n/g' report.json |
		sed -n "s/.*\"arm\":\"$1\",\"measure\":\"ppl\",\"metric\":\"$2\".*\"$3\":\([^,}]*\).*/\1/p"
}
equal "twins: documents differ by nothing" \
	"$(of twin loss difference) $(of twin loss low) $(of twin loss high)" "0 0 0"
equal "all documents of both seeds" "$(of fast loss items) $(of fast loss seeds)" "20 2"
equal "the interval is around the difference" "$(awk "BEGIN { print $(of fast loss low) < \
	$(of fast loss difference) && $(of fast loss difference) < $(of fast loss high) }")" 1

# What both seeds say, by hand: the mean over seeds of each document's loss, over all tokens.
sum()
{
	cat run/cells/"$1"/seed-*/measure/ppl.jsonl | grep -o '"nll":[^,]*' | cut -d: -f2 |
		awk '{ s += $1 } END { printf "%.12g", s / 2 }'
}
tokens=$(grep -o '"tokens":[0-9]*' run/cells/plain/seed-3/measure/ppl.jsonl | cut -d: -f2 |
	awk '{ s += $1 } END { print s }')
equal "the difference by hand" "$(awk "BEGIN { d = ($(sum fast) - $(sum plain)) / $tokens
	e = $(of fast loss difference) - d; print (e < 1e-9 && e > -1e-9) }")" 1
