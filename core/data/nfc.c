// SPDX-License-Identifier: MIT
#include "data/nfc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/utf8.h"

/* Below this, characters neither decompose in form C nor join with what is before them. */
#define PLAIN	0x300

enum { S_BASE = 0xac00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11a7 };
enum { L_COUNT = 19, V_COUNT = 21, T_COUNT = 28, S_COUNT = L_COUNT * V_COUNT * T_COUNT };

/* struct letters - a run of characters that may change each other. */
struct letters {
	uint32_t *c;
	unsigned char *class;
	size_t nr, cap;
};

static unsigned char class_of(uint32_t c)
{
	uint32_t low = 0, high = nfc_nr_classes;

	if (c < PLAIN)
		return 0;
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (nfc_classes[mid].to < c)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nfc_nr_classes && nfc_classes[low].from <= c ? nfc_classes[low].class : 0;
}

static const struct nfc_pair *pair_of(uint32_t c)
{
	uint32_t low = 0, high = nfc_nr_pairs;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (nfc_pairs[mid].c < c)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nfc_nr_pairs && nfc_pairs[low].c == c ? &nfc_pairs[low] : NULL;
}

static int add_letter(struct letters *l, uint32_t c)
{
	if (l->nr == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		uint32_t *letters = realloc(l->c, cap * sizeof(*letters));
		unsigned char *class;

		if (!letters)
			return fail_nomem(cap * sizeof(*letters), "a text");
		l->c = letters;
		class = realloc(l->class, cap);
		if (!class)
			return fail_nomem(cap, "a text");
		l->class = class;
		l->cap = cap;
	}
	l->class[l->nr] = class_of(c);
	l->c[l->nr++] = c;
	return 0;
}

static int decompose(struct letters *l, uint32_t c)
{
	const struct nfc_pair *p;
	int ret;

	if (c >= S_BASE && c < S_BASE + S_COUNT) {
		uint32_t s = c - S_BASE;

		ret = add_letter(l, L_BASE + s / (V_COUNT * T_COUNT));
		if (!ret)
			ret = add_letter(l, V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT);
		if (!ret && s % T_COUNT)
			ret = add_letter(l, T_BASE + s % T_COUNT);
		return ret;
	}
	p = c < 0xc0 ? NULL : pair_of(c);
	if (!p)
		return add_letter(l, c);
	ret = decompose(l, p->first);	/* the table nests a few levels only */
	return !ret && p->second ? decompose(l, p->second) : ret;
}

/* Marks between two starters by class; equal ones keep their order. */
static int order_marks(struct letters *l, size_t from, size_t to)
{
	size_t n = to - from, at[257] = { 0 };
	uint32_t *c;

	for (size_t i = from + 1; i <= to; i++)
		if (i == to)
			return 0;
		else if (l->class[i] < l->class[i - 1])
			break;
	c = malloc(n * sizeof(*c));
	if (!c)
		return fail_nomem(n * sizeof(*c), "a text");
	for (size_t i = from; i < to; i++)
		at[l->class[i] + 1]++;
	for (int k = 0; k < 256; k++)
		at[k + 1] += at[k];
	for (size_t i = from; i < to; i++)
		c[at[l->class[i]]++] = l->c[i];
	for (size_t i = 0; i < n; i++) {
		l->c[from + i] = c[i];
		l->class[from + i] = class_of(c[i]);
	}
	free(c);
	return 0;
}

static int order(struct letters *l)
{
	int ret = 0;

	for (size_t i = 0, end; i < l->nr && !ret; i = end) {
		end = i + 1;
		if (!l->class[i])
			continue;
		while (end < l->nr && l->class[end])
			end++;
		ret = order_marks(l, i, end);
	}
	return ret;
}

static uint32_t join(uint32_t first, uint32_t second)
{
	uint32_t low = 0, high = nfc_nr_composed;

	if (first >= L_BASE && first < L_BASE + L_COUNT && second >= V_BASE &&
	    second < V_BASE + V_COUNT)
		return S_BASE + ((first - L_BASE) * V_COUNT + second - V_BASE) * T_COUNT;
	if (first >= S_BASE && first < S_BASE + S_COUNT && !((first - S_BASE) % T_COUNT) &&
	    second > T_BASE && second < T_BASE + T_COUNT)
		return first + second - T_BASE;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		const struct nfc_pair *p = &nfc_pairs[nfc_composed[mid]];

		if (p->first == first && p->second == second)
			return p->c;
		if (p->first < first || (p->first == first && p->second < second))
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

static void compose(struct letters *l)
{
	size_t starter = SIZE_MAX, nr = 0;
	int last = -1;		/* class of the letter before, once it is kept */

	for (size_t i = 0; i < l->nr; i++) {
		int class = l->class[i];
		uint32_t c = 0;

		if (starter != SIZE_MAX && last < class)
			c = join(l->c[starter], l->c[i]);
		if (c) {
			l->c[starter] = c;
			continue;
		}
		if (!class)
			starter = nr;
		last = class ? class : -1;
		l->c[nr] = l->c[i];
		l->class[nr++] = class;
	}
	l->nr = nr;
}

static int run_letters(struct letters *l, struct strbuf *out)
{
	int ret = order(l);

	if (ret)
		return ret;
	compose(l);
	for (size_t i = 0; i < l->nr; i++) {
		char s[4];

		strbuf_add(out, s, utf8_put(s, l->c[i]));
	}
	l->nr = 0;
	return 0;
}

/* Cut in front of each plain character: nothing reaches across. */
static int run_valid(struct letters *l, const char *text, size_t len, struct strbuf *out)
{
	int ret = 0;

	for (size_t i = 0, n; i < len && !ret; i += n) {
		uint32_t c = utf8_char(text + i, &n);

		if (c < PLAIN)
			ret = run_letters(l, out);
		if (!ret && c < PLAIN &&
		    (i + n == len || (unsigned char)text[i + n] < 0xcc))
			strbuf_add(out, text + i, n);	/* what follows is plain as well */
		else if (!ret)
			ret = decompose(l, c);
	}
	return ret ? ret : run_letters(l, out);
}

int nfc_run(const char *text, size_t len, struct strbuf *out)
{
	struct letters l = { 0 };
	int ret = 0;

	while (len && !ret) {
		size_t n = utf8_valid(text, len);

		ret = run_valid(&l, text, n, out);
		text += n;
		len -= n;
		n = utf8_invalid(text, len);
		strbuf_add(out, text, n);
		text += n;
		len -= n;
	}
	free(l.c);
	free(l.class);
	return ret;
}
