/* SPDX-License-Identifier: MIT */
/* A set of byte strings, each with a number, walked byte by byte. */
#ifndef DATA_TRIE_H
#define DATA_TRIE_H

#include <stddef.h>
#include <stdint.h>

#define TRIE_NONE	UINT32_MAX	/* no value */
#define TRIE_ROOT	0u

/** struct trie - start with { 0 }. */
struct trie {
	uint64_t *edges;		/* (mask + 1) child << 32 | node << 8 | byte; 0: free */
	uint32_t mask;
	uint32_t *values;		/* (nr) of the nodes; TRIE_NONE if none ends there */
	uint32_t nr, cap;
};

/**
 * trie_add() - put @len >= 1 bytes with @value, which replaces an older one.
 * Return: 0; -ENOMEM; -EFBIG beyond 16 million nodes.
 */
int trie_add(struct trie *t, const char *bytes, size_t len, uint32_t value);
void trie_free(struct trie *t);

static inline uint32_t trie_hash(uint32_t node, unsigned char byte)
{
	uint64_t h = ((uint64_t)node << 8 | byte) * 0x9e3779b97f4a7c15u;

	return h >> 32;
}

/** trie_step() - the node behind @node by @byte, or TRIE_ROOT if there is none. */
static inline uint32_t trie_step(const struct trie *t, uint32_t node, unsigned char byte)
{
	uint64_t key = (uint64_t)node << 8 | byte;
	uint32_t slot;

	if (!t->nr)
		return TRIE_ROOT;
	for (slot = trie_hash(node, byte) & t->mask; t->edges[slot]; slot = (slot + 1) & t->mask)
		if ((t->edges[slot] & 0xffffffff) == key)
			return t->edges[slot] >> 32;
	return TRIE_ROOT;
}

#endif
