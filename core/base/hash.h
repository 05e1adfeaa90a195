/* SPDX-License-Identifier: MIT */
/*
 * Checksums: XXH3 of 128 bits, written as 32 hex digits, the form that `xxh128sum`
 * prints.  They find damage and name contents; they are not cryptographic.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_HEX 33	/* 32 digits and the NUL */

/** hash_name() - stable 64-bit hash of a name, used to key random numbers. */
uint64_t hash_name(const char *name);

/** hash_bytes() - checksum of @len bytes as hex text. */
void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX]);

/** struct hash - a running checksum. */
struct hash {
	void *state;
};
int hash_begin(struct hash *h);
void hash_update(struct hash *h, const void *bytes, size_t len);
void hash_end(struct hash *h, char hex[HASH_HEX]);

/** hash_file() - checksum of a whole file. Return: 0 or -errno with a message. */
int hash_file(const char *path, char hex[HASH_HEX]);

#endif
