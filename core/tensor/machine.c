// SPDX-License-Identifier: MIT
#include "tensor/machine.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HOST_HAS(feature) __builtin_cpu_supports(feature)
#else
#define HOST_HAS(feature) 0
#endif

const struct machine *machine_facts(const struct device *dev)
{
	static _Thread_local struct machine facts;

	facts = (struct machine){
		.device = dev,
		.avx2 = HOST_HAS("avx2") && HOST_HAS("fma"),
		.avx512 = HOST_HAS("avx512f") && HOST_HAS("avx512bw") &&
			  HOST_HAS("avx512vl") && HOST_HAS("avx512dq"),
		.avx512_bf16 = HOST_HAS("avx512bf16"),
		.avx512_vnni = HOST_HAS("avx512vnni"),
	};
	return &facts;
}
