#!/bin/sh
# SPDX-License-Identifier: MIT
#
# llama.cpp's programs as knlp is compared with them; raw output goes to files.
#
#   llama_eval.sh types LLAMA_CPP IN.gguf PREFIX TYPE...
#       PREFIX-TYPE.gguf: every matrix of IN in that type (f16, q4_0, q4_k, ...)
#   llama_eval.sh ppl LLAMA_CPP MODEL TEXT OUT [CHUNKS]
#       perplexity in windows of 512 with the running values, all chunks by default
#   llama_eval.sh kld LLAMA_CPP MODEL BASE TEXT OUT CHUNKS
#       KL divergence of MODEL from BASE; the logits of BASE need 1 GB for 10
#       chunks of a vocabulary of 200,000, and are removed at the end
#   llama_eval.sh hellaswag LLAMA_CPP MODEL ITEMS.txt OUT [N]
#       the first N items in the order of the file, and for each a line "item, its
#       number, choice, gold, the four mean log-probabilities per token"
#   llama_eval.sh bench LLAMA_CPP OUT MODEL...
#       pp512 and tg128 with flash attention off and on, without and with BLAS,
#       as JSON lines after the load average
#
# LLAMA_CPP is the folder that build_llama.sh made. THREADS (2), BUILD (build; or
# build-blas), REPEAT (bench: 3), ARGS (more options of the program).
set -eu

usage() {
	sed -n '4,/^set/{/^set/d;s/^# \{0,1\}//p;}' "$0" >&2
	exit 2
}

[ $# -ge 4 ] || usage
what=$1
root=$2
shift 2
bin=$root/${BUILD:-build}/bin
threads=${THREADS:-2}

perplexity() {
	# shellcheck disable=SC2086 # options
	"$bin/llama-perplexity" -t "$threads" -c 512 ${ARGS:-} "$@"
}

case $what in
types)
	in=$1
	prefix=$2
	shift 2
	for type in "$@"; do
		"$bin/llama-quantize" --allow-requantize --pure "$in" \
			"$prefix-$type.gguf" "$type" "$threads"
	done ;;
ppl)
	perplexity -m "$1" -f "$2" --chunks "${4:--1}" > "$3" 2>&1 ;;
kld)
	[ $# -ge 5 ] || usage
	base=$4.base
	perplexity -m "$2" -f "$3" --chunks "$5" --save-all-logits "$base" \
		> "$4.log" 2>&1
	perplexity -m "$1" --chunks "$5" --kl-divergence \
		--kl-divergence-base "$base" > "$4" 2>&1
	rm -f "$base" ;;
hellaswag)
	items=$3.items
	head -n $((6 * ${4:-10042})) "$2" > "$items"
	HELLASWAG_ITEMS=1 perplexity -m "$1" -f "$items" --hellaswag \
		--hellaswag-tasks "${4:-10042}" > "$3" 2>&1
	rm -f "$items" ;;
bench)
	out=$1
	shift
	for model in "$@"; do
		for build in build build-blas; do
			for fa in 0 1; do
				echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
				# shellcheck disable=SC2086 # options
				"$root/$build/bin/llama-bench" -m "$model" -p 512 \
					-n 128 -t "$threads" -fa $fa -o jsonl \
					-r "${REPEAT:-3}" ${ARGS:-}
			done
		done
	done > "$out" 2> "$out.err" ;;
*)
	usage ;;
esac
