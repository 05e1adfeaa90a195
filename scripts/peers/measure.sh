#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Measures the peers: machine ceilings, GEMM libraries, PyTorch training steps.
#
#   measure.sh [machine|gemm|torch|all]
#
# PYTHON   interpreter that has torch (default: python3)
# OUT      folder for the binaries and the raw figures (default: ./peers-out)
# THREADS  threads of ours and of the libraries (default: 2)
#
# Compare figures only when the load before a run was near zero. README.md
# beside this file says what to install.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-peers-out}
python=${PYTHON:-python3}
threads=${THREADS:-2}
lib=/usr/lib/$(gcc -print-multiarch)
cflags="-O2 -Wall -Wextra"

mkdir -p "$out"
out=$(cd "$out" && pwd)

note() {
	printf '\n== %s  (load %s)\n' "$1" "$(cut -d' ' -f1-3 /proc/loadavg)"
}

describe() {
	note "$(uname -sr)"
	lscpu | grep -E 'Model name|^CPU\(s\)|CPU family|L1d|L2|L3'
	free -m | sed -n 2p
	gcc --version | head -n 1
}

run_machine() {
	gcc $cflags -o "$out/machine" "$here/machine.c" -lpthread
	note "machine ceilings"
	"$out/machine" "$threads"
}

# gemm_case LABEL ENVIRONMENT ARGUMENTS...
gemm_case() {
	label=$1
	env=$2
	shift 2
	[ "$2" = - ] || [ -e "$2" ] || { note "$label: not installed"; return; }
	note "gemm $label"
	env $env "$out/gemm" "$@" 2>&1 | tee "$out/gemm-$label.txt" || :
}

# The files of one table: the same libraries in each mode.
gemm_columns() {
	names="dnnl-f32 openblas blis"
	[ "$1" = f32 ] || names="dnnl-bf16 dnnl-packed"
	for mode in lib1 "tile$threads" "lib$threads"; do
		for name in $names; do
			[ ! -e "gemm-$name-$mode.txt" ] ||
				echo "gemm-$name-$mode.txt"
		done
	done
}

run_gemm() {
	openmp=$lib/openblas-openmp/libopenblas.so.0
	pthread=$lib/openblas-pthread/libopenblas.so.0
	blis=$lib/blis-openmp/libblis.so.4

	gcc $cflags -o "$out/gemm" "$here/gemm.c" -ldnnl -ldl -lm -lpthread
	# What the libraries choose by themselves; a few shapes are enough.
	gemm_case default-openblas "ONLY=6x384_qkv" cblas "$openmp" lib 1
	gemm_case default-blis "ONLY=6x384_qkv" cblas "$blis" lib 1
	for mode in "lib 1" "tile $threads" "lib $threads"; do
		tag=$(echo "$mode" | tr -d ' ')
		gemm_case "dnnl-f32-$tag" A=1 f32 - $mode
		gemm_case "openblas-$tag" OPENBLAS_CORETYPE=SkylakeX \
			cblas "$openmp" $mode
		gemm_case "blis-$tag" BLIS_ARCH_TYPE=skx cblas "$blis" $mode
		gemm_case "dnnl-bf16-$tag" A=1 bf16 - $mode
		gemm_case "dnnl-packed-$tag" A=1 packed - $mode
	done
	gemm_case "openblas-pthread-lib$threads" OPENBLAS_CORETYPE=SkylakeX \
		cblas "$pthread" lib "$threads"
	for type in f32 bf16; do
		note "GFLOP/s, $type"
		# shellcheck disable=SC2046
		(cd "$out" && "$here/table.py" $(gemm_columns $type))
	done
}

# torch_case NAME OPTIONS...
torch_case() {
	name=$1
	shift
	LD_PRELOAD="${PRELOAD:-}" "$python" "$here/torch_train.py" \
		--threads "$threads" --name "$name" "$@" |
		tee -a "$out/torch.txt"
}

run_torch() {
	gpt2="--layers 12 --heads 12 --width 768 --vocab 50257"
	tcmalloc=$lib/libtcmalloc_minimal.so.4

	printf 'int mkl_serv_intel_cpu_true(void) { return 1; }\n' |
		gcc -shared -fPIC -o "$out/mkl-avx512.so" -x c -
	note torch
	for preload in "$out/mkl-avx512.so $tcmalloc" ""; do
		PRELOAD=$preload
		printf '# LD_PRELOAD=%s\n' "$PRELOAD" | tee -a "$out/torch.txt"
		for dtype in fp32 bf16; do
			for mode in eager compile; do
				set -- --dtype $dtype --mode $mode
				torch_case gpt-6x384 "$@"
				torch_case gpt2-124M $gpt2 --T 1024 --B 1 "$@"
			done
		done
		torch_case gpt2-124M-B4T64 $gpt2 --T 64 --B 4
	done
}

case ${1:-all} in
machine)	describe; run_machine ;;
gemm)		describe; run_gemm ;;
torch)		describe; run_torch ;;
all)		describe; run_machine; run_gemm; run_torch ;;
*)		echo "usage: measure.sh [machine|gemm|torch|all]" >&2; exit 2 ;;
esac
