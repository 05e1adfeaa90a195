// SPDX-License-Identifier: MIT
#include "data/shard.h"
#include "tests/fuzz/fuzz.h"

#define IDS 64

static void one(const uint8_t *data, size_t len)
{
	struct shard s = { 0 };
	uint32_t ids[IDS];

	if (shard_open(fuzz_file("x.bin", data, len), &s))
		return;
	shard_read(&s, 0, s.nr < IDS ? s.nr : IDS, ids);
	if (s.nr > IDS)
		shard_read(&s, s.nr - IDS, IDS, ids);
	shard_check(&s, 300);
	shard_close(&s);
}
FUZZ_REGISTER(shard, one);
