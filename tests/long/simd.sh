# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The kernels for narrower vectors, which a processor with AVX-512 never takes by itself.
. "$SRCTREE/tests/lib.sh"

# narrow NAME LINE...: the op tests of a build with these lines in .config
narrow()
{
	_name=$1
	shift
	make_in obj defconfig >/dev/null 2>&1
	for _line; do
		sed -i "s/^${_line%%=*}=.*/# ${_line%%=*} is not set/" obj/.config
	done
	succeeds "$_name builds" make_in obj -j"$(nproc)" tests
	succeeds "$_name: kernels agree with the oracles" obj/knlp-test op_kernels gemm attention
	has "all of them" "100%: Checks" out
}

narrow "AVX2" CONFIG_CPU_AVX512
narrow "no vectors beyond the architecture's" CONFIG_CPU_SIMD CONFIG_CPU_AVX512
