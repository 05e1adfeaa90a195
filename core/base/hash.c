// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/build-info.h"
#include "base/fail.h"

static const char *xxhash_version(void)
{
	static char text[16];
	unsigned int v = XXH_versionNumber();

	snprintf(text, sizeof(text), "%u.%u.%u", v / 10000, v / 100 % 100, v % 100);
	return text;
}

static const struct library xxhash = { "xxHash", xxhash_version };
LIBRARY_REGISTER(xxhash);

uint64_t hash_name(const char *name)
{
	return XXH3_64bits(name, strlen(name));
}

static void to_hex(XXH128_hash_t value, char hex[HASH_HEX])
{
	snprintf(hex, HASH_HEX, "%016llx%016llx", (unsigned long long)value.high64,
		 (unsigned long long)value.low64);
}

void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX])
{
	to_hex(XXH3_128bits(bytes, len), hex);
}

int hash_begin(struct hash *h)
{
	h->state = XXH3_createState();
	if (!h->state)
		return fail_nomem(sizeof(XXH3_state_t *), "a checksum");
	XXH3_128bits_reset(h->state);
	return 0;
}

void hash_update(struct hash *h, const void *bytes, size_t len)
{
	XXH3_128bits_update(h->state, bytes, len);
}

void hash_end(struct hash *h, char hex[HASH_HEX])
{
	to_hex(XXH3_128bits_digest(h->state), hex);
	XXH3_freeState(h->state);
	h->state = NULL;
}

int hash_file(const char *path, char hex[HASH_HEX])
{
	char buf[1 << 16];
	struct hash h;
	size_t n;
	FILE *f;
	int ret;

	f = fopen(path, "rb");
	if (!f)
		return fail_errno("%s", path);
	ret = hash_begin(&h);
	if (ret)
		goto out_file;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		hash_update(&h, buf, n);
	if (ferror(f))
		ret = fail_errno("%s", path);
	hash_end(&h, hex);
out_file:
	fclose(f);
	return ret;
}
