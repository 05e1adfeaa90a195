/* SPDX-License-Identifier: MIT */
/* Unicode's normalization form C (Unicode Standard Annex 15). */
#ifndef DATA_NFC_H
#define DATA_NFC_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/** nfc_run() - append @text in form C; bytes that are no UTF-8 are kept. 0 or -ENOMEM. */
int nfc_run(const char *text, size_t len, struct strbuf *out);

/* Tables, made by scripts/unicode-nfc.py, by code point. */
struct nfc_pair {
	uint32_t c;			/* is canonically ... */
	uint32_t first, second;		/* these two, or the first alone */
};
struct nfc_class {
	uint32_t from, to;
	uint32_t class;			/* canonical combining class, not 0 */
};
extern const struct nfc_pair nfc_pairs[];
extern const uint32_t nfc_nr_pairs;
extern const uint16_t nfc_composed[];	/* (nfc_nr_composed) pairs by first and second */
extern const uint32_t nfc_nr_composed;
extern const struct nfc_class nfc_classes[];
extern const uint32_t nfc_nr_classes;

#endif
