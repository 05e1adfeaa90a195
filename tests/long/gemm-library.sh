# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh disable=SC2034,SC2154
#
# Products by each library of the CPU_GEMM choice: the ops agree with their oracles, and a
# training gives the same bits with 1, 2 and 4 threads and after a kill.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

prepare_text

# trains NAME: the training is the same whatever the threads, and when it is cut
trains()
{
	for type in f32 bf16; do
		for threads in 1 2 4; do
			tiny run-$threads -t $threads --set TRAIN_DTYPE=$type >out 2>err ||
				not_ok "$1, $type: trains with $threads threads" "$(brief err)"
		done
		for threads in 2 4; do
			equal "$1, $type: the bits of $threads threads" "$(bits run-$threads)" \
				"$(bits run-1)"
		done
		cut_at 22 KILL cut -t 2 --set TRAIN_DTYPE=$type
		equal "$1, $type: killed on the way" "$code" 137
		succeeds "$1, $type: resumes" tiny cut --resume -t 4 --set TRAIN_DTYPE=$type
		equal "$1, $type: the bits after a kill" "$(bits cut)" "$(bits run-1)"
		rm -rf run-* cut
	done
}

# library SYMBOL NAME HEADER
library()
{
	if ! echo "#include <$3>" | "${CC:-cc}" -E -x c - >/dev/null 2>&1; then
		skip "$2" "$3 is not installed"
		return
	fi
	rm -rf obj
	make_in obj defconfig >out 2>err
	sed -i -e 's/^CONFIG_CPU_GEMM_OWN=y/# CONFIG_CPU_GEMM_OWN is not set/' \
		-e "s/^# CONFIG_$1 is not set/CONFIG_$1=y/" obj/.config
	make_in obj olddefconfig >out 2>err
	has "$2 is chosen" "^CONFIG_$1=y" obj/.config
	if ! make_in obj -j"$(nproc)" all tests >out 2>err; then
		not_ok "$2: builds" "$(brief err)"
		return
	fi
	succeeds "$2: says its version" obj/knlp version
	has "$2 is there" "^libraries:.* $2 [0-9]" out
	succeeds "$2: ops agree with the oracles" obj/knlp-test gemm op_kernels
	has "$2: all of them" "100%: Checks" out
	KNLP=$PWD/obj/knlp
	trains "$2"
}

library CPU_GEMM_ONEDNN oneDNN dnnl.h
library CPU_GEMM_OPENBLAS OpenBLAS cblas.h
