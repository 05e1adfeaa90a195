// SPDX-License-Identifier: MIT
#include "data/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* A node and a byte fit into 32 bits, and so does the child beside them. */
#define NODES_MAX	(1u << 24)

static int grow_edges(struct trie *t)
{
	uint32_t old = t->nr ? t->mask + 1 : 0, size = old ? 2 * old : 64;
	uint64_t *edges = calloc(size, sizeof(*edges));

	if (!edges)
		return fail_nomem(size * sizeof(*edges), "a trie");
	for (uint32_t i = 0; i < old; i++) {
		uint32_t key = t->edges[i], slot;

		if (!t->edges[i])
			continue;
		slot = trie_hash(key >> 8, key & 0xff) & (size - 1);
		while (edges[slot])
			slot = (slot + 1) & (size - 1);
		edges[slot] = t->edges[i];
	}
	free(t->edges);
	t->edges = edges;
	t->mask = size - 1;
	return 0;
}

static int grow_nodes(struct trie *t)
{
	uint32_t cap = t->cap ? 2 * t->cap : 32;
	uint32_t *values;

	if (cap > NODES_MAX)
		return fail(-EFBIG, "a vocabulary with more than %u beginnings of tokens",
			    NODES_MAX);
	values = realloc(t->values, cap * sizeof(*values));
	if (!values)
		return fail_nomem(cap * sizeof(*values), "a trie");
	t->values = values;
	t->cap = cap;
	return 0;
}

static int add_node(struct trie *t, uint32_t node, unsigned char byte, uint32_t *child)
{
	uint32_t slot;
	int ret = 0;

	if (2 * (uint64_t)t->nr > t->mask)
		ret = grow_edges(t);
	if (!ret && t->nr == t->cap)
		ret = grow_nodes(t);
	if (ret)
		return ret;
	*child = t->nr++;
	t->values[*child] = TRIE_NONE;
	slot = trie_hash(node, byte) & t->mask;
	while (t->edges[slot])
		slot = (slot + 1) & t->mask;
	t->edges[slot] = (uint64_t)*child << 32 | node << 8 | byte;
	return 0;
}

int trie_add(struct trie *t, const char *bytes, size_t len, uint32_t value)
{
	uint32_t node = TRIE_ROOT;

	if (!t->nr) {
		int ret = grow_nodes(t);

		if (!ret)
			ret = grow_edges(t);
		if (ret)
			return ret;
		t->values[0] = TRIE_NONE;
		t->nr = 1;
	}
	for (size_t i = 0; i < len; i++) {
		uint32_t next = trie_step(t, node, bytes[i]);

		if (next == TRIE_ROOT) {
			int ret = add_node(t, node, bytes[i], &next);

			if (ret)
				return ret;
		}
		node = next;
	}
	t->values[node] = value;
	return 0;
}

void trie_free(struct trie *t)
{
	free(t->edges);
	free(t->values);
	*t = (struct trie){ 0 };
}
