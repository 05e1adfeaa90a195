# SPDX-License-Identifier: MIT
# knlp bench: figures that agree with each other and with other clocks.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs 'bench train' 'bench machine'

# number KEY FILE: the value of a key in a line of JSON
number() { tail -n 1 "$2" | sed -n "s/.*\"$1\": *\\([-0-9.e+]*\\).*/\\1/p"; }

# holds NAME EXPRESSION: what awk says of numbers
holds()
{
	if awk "BEGIN { exit !($2) }"; then
		ok "$1"
	else
		not_ok "$1" "$2"
	fi
}

# positive NAME KEY FILE [LEAST]: the key is there and its value is above 0, or not below LEAST
positive()
{
	value=$(number "$2" "$3")
	if [ -n "$value" ]; then
		holds "$1" "$value ${4:-> 0}"
	else
		not_ok "$1" "no number called '$2'"
	fi
}

bench() { "$KNLP" bench train -q --config tiny.config --threads=1 "$@"; }

succeeds "train, as text" bench --steps=5
has "speed" '^speed  *[0-9.]*[kM]* tok/s' out
has "peak" '% of the peak of' out

succeeds "two steps" bench --steps=2 --warmup=0 --json
holds "their median lies in the middle" \
	"($(number ms out) - ($(number ms_min out) + $(number ms_max out)) / 2)^2 < 1e-12"
# 200 steps: their time must show on the clock of the shell, too.
begin=$(date +%s%N)
succeeds "train, as JSON" bench --steps=200 --warmup=0 --json
elapsed=$((($(date +%s%N) - begin) / 1000000))
cp out json
for key in ms ms_min ms_max tokens_per_s gflops peak_gflops share_of_peak rss_mib; do
	positive "$key is a number" $key json
done
positive "load is a number" load json '>= 0'
# That such a check can fail at all:
echo '{"nothing":1,"gflops":null}' >planted
for key in ms gflops; do
	if (positive planted $key planted) | grep -q '^not ok'; then
		ok "a missing $key is noticed"
	else
		not_ok "a missing $key is noticed" "it was not"
	fi
done
ms=$(number ms json)
holds "least <= median <= greatest" "$(number ms_min json) <= $ms && $ms <= $(number ms_max json)"
holds "tokens per second follow from it" \
	"$(number tokens_per_s json) * $ms / (1000 * $(number tokens_per_step json)) - 1 < 1e-6"
holds "no longer than all took" "200 * $(number ms_min json) < $elapsed"
# 6 N + 6 L C T: 25,824 weights and embeddings without positions, 2 layers of 32, context 32.
flops="(6 * ($(number parameters json) - 32 * 32) + 6 * 2 * 32 * 32)"
holds "the work is 6 N + 6 L C T" \
	"($(number gflops json) * 1e6 * $ms / ($flops * 128) - 1)^2 < 1e-6"
holds "the share is of the peak" \
	"($(number share_of_peak json) / ($(number gflops json) / $(number peak_gflops json)) - 1)^2 < 1e-6"

succeeds "by kernel" bench --steps=20 --ops
has "the table" '^KERNEL.*% STEP' out
has "its rest" '^between them' out
# The shares of all lines make up the step; each is rounded to a tenth.
sum=$(awk '/^KERNEL/ { on = 1; next } on { sum += $1 == "between" ? $NF : $4; nr++ }
	END { print sum, nr }' out)
holds "the shares are all of the step" "(${sum% *} - 100)^2 < (0.05 * ${sum#* })^2 + 1e-9"
has "adamw is one of them" '^adamw[a-z_0-9]*  *[1-9]' out

fails "a vocabulary of one" 2 '1 is not in 2' bench --vocab=1
fails "a parameter that it does not read" 2 'unknown parameter NOPE' bench --set=NOPE=1

succeeds "machine" "$KNLP" bench machine --seconds=0.1 --json
for key in f32_gflops bf16_gflops read_gb_s copy_gb_s triad_gb_s; do
	positive "$key is positive" $key out
done

# ---- the ops ----------------------------------------------------------------------
if "$KNLP" bench ops -h >out 2>err; then
	succeeds "ops" "$KNLP" bench ops -q --threads=1 sum_last clip_scale
	equal "a line for each kernel and case" \
		"$(awk '/^KERNEL/ { on = 1; next } on && NF >= 6 { print $1 }' out | sort -u | tr '\n' ' ')" \
		"$("$KNLP" ops | awk '$1 == "sum_last" || $1 == "clip_scale"' | grep -o 'cpu:[a-z0-9_]*' |
			sed 's/cpu://' | sort -u | tr '\n' ' ')"
	succeeds "ops, as JSON" "$KNLP" bench ops -q --threads=1 --json clip_scale
	has "a kernel" '"kernels":\[{"op":"clip_scale","kernel":"clip_scale_' out
	for key in gflops peak_gflops share_of_peak rss_mib load; do
		positive "$key of ops is a number" $key out '>= 0'
	done
	fails "no such op" 1 "no op is called 'sum_lats'; did you mean 'sum_last'" \
		"$KNLP" bench ops sum_lats
else
	skip "bench ops" "built without CONFIG_ORACLES"
fi

# ---- the time that is predicted ---------------------------------------------------
# A sanitizer slows the kernels down, and not the loops that measure the machine.
medium='--threads=1 --set MODEL_LAYERS=2 --set MODEL_WIDTH=128 --set TRAIN_BATCH=4'
if nm "$KNLP" 2>/dev/null | grep -q '__[at]san_init'; then
	skip "a prediction" "sanitizers change what is fast"
	exit 0
fi
prepare_text
# shellcheck disable=SC2086 # words
"$KNLP" bench train -q $medium --json >out 2>err
ms=$(number ms out)
# shellcheck disable=SC2086
succeeds "--dry-run" "$KNLP" train -q --data data --dry-run --json $medium
predicted=$(number seconds_per_step out)
holds "predicted $predicted s, measured $ms ms: within a factor of 3" \
	"$predicted < 3 * $ms / 1000 && $predicted > $ms / 3000"
# shellcheck disable=SC2086
succeeds "--dry-run as text" "$KNLP" train -q --data data --dry-run $medium
has "time per step" '^time per step  *about [0-9]' out
has "time in all" '^time in all  *about [0-9]' out

# What an estimate costs: four sides, of which the first is the measure.
needs 'bench fim'
succeeds 'bench fim' "$KNLP" bench fim -q -c tiny.config --batch=2 --turns=3 --threads=1
has 'forward and backward' '^forward and backward .* 1.000  *1.000$' out
equal 'sides' "$(grep -c '^unit \(sequence\|position\) .* [0-9.]*$' out)" 2
succeeds 'bench fim as JSON' "$KNLP" bench fim -q -c tiny.config --batch=2 --turns=3 --threads=1 --json
has 'ratios' '"name":"position","seconds":[0-9.e-]*,"tokens_per_s":[0-9.e+]*,"ratio":[0-9.]*' out
fails 'another kind of parameter' 2 'does not read TRAIN_LR' "$KNLP" bench fim --set TRAIN_LR=1
