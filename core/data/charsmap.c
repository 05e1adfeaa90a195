// SPDX-License-Identifier: MIT
#include "data/charsmap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "data/utf8.h"

struct charsmap {
	const unsigned char *units;
	size_t nr;			/* units */
	const char *texts;
	size_t bytes;			/* of them, the last one a NUL */
};

static uint32_t read_u32(const unsigned char *s)
{
	return s[0] | s[1] << 8 | s[2] << 16 | (uint32_t)s[3] << 24;
}

static bool split_map(const char *map, size_t size, struct charsmap *m)
{
	size_t array;

	if (size < 4)
		return false;
	array = read_u32((const unsigned char *)map);
	if (array > size - 4 || array % 4 || !array || array == size - 4)
		return false;
	*m = (struct charsmap){
		.units = (const unsigned char *)map + 4, .nr = array / 4,
		.texts = map + 4 + array, .bytes = size - 4 - array,
	};
	return !m->texts[m->bytes - 1];
}

int charsmap_check(const char *path, const char *map, size_t size)
{
	struct charsmap m;

	if (!split_map(map, size, &m))
		return fail(-EINVAL, "%s: precompiled_charsmap: not a double array and texts",
			    path);
	return 0;
}

/* Darts-clone's unit: how far the children are away. */
static uint32_t unit_offset(uint32_t unit)
{
	return unit >> 10 << ((unit & 1u << 9) >> 6);
}

/* Length of the longest beginning of @text that is replaced, and by what. */
static size_t match(const struct charsmap *m, const char *text, size_t len, const char **to)
{
	size_t at = unit_offset(read_u32(m->units)), found = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];
		uint32_t unit, value;

		at ^= c;
		if (!c || at >= m->nr)
			break;
		unit = read_u32(m->units + 4 * at);
		if ((unit & (1u << 31 | 0xff)) != c)
			break;
		at ^= unit_offset(unit);
		if (at >= m->nr)
			break;
		if (!(unit >> 8 & 1))
			continue;
		value = read_u32(m->units + 4 * at) & ~(1u << 31);
		if (value >= m->bytes)
			break;
		*to = m->texts + value;
		found = i + 1;
	}
	return found;
}

void charsmap_run(const char *map, size_t size, const char *text, size_t len,
		  struct strbuf *out)
{
	struct charsmap m;

	if (!split_map(map, size, &m))
		return;
	while (len) {
		const char *to;
		size_t n = match(&m, text, len, &to);

		if (n) {
			strbuf_adds(out, to);
		} else {
			n = utf8_first(text, len);
			strbuf_add(out, text, n);
		}
		text += n;
		len -= n;
	}
}
