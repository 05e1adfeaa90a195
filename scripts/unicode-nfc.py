#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write core/data/nfc-table.c from Python's unicodedata: scripts/unicode-nfc.py > FILE"""
import unicodedata as u


def main():
    pairs, classes = [], []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or 0xAC00 <= c < 0xD7A4:
            continue
        d = u.decomposition(chr(c))
        if d and not d.startswith("<"):
            d = [int(x, 16) for x in d.split()]
            pairs.append((c, d[0], d[1] if len(d) > 1 else 0))
        k = u.combining(chr(c))
        if k and classes and classes[-1][1] == c - 1 and classes[-1][2] == k:
            classes[-1][1] = c
        elif k:
            classes.append([c, c, k])
    made = [(f, s, i) for i, (c, f, s) in enumerate(pairs)
            if s and u.normalize("NFC", chr(f) + chr(s)) == chr(c)]
    made.sort()

    def table(head, rows, per):
        print(f"\nconst {head} = {{")
        for i in range(0, len(rows), per):
            print("\t" + " ".join(rows[i:i + per]))
        print("};")

    print("// SPDX-License-Identifier: MIT")
    print(f"/* Made by scripts/unicode-nfc.py, Unicode {u.unidata_version}. */")
    print('#include "data/nfc.h"')
    table("struct nfc_pair nfc_pairs[]",
          [f"{{ 0x{c:x}, 0x{f:x}, 0x{s:x} }}," for c, f, s in pairs], 3)
    table("uint16_t nfc_composed[]", [f"{i}," for _, _, i in made], 12)
    table("struct nfc_class nfc_classes[]",
          [f"{{ 0x{a:x}, 0x{b:x}, {k} }}," for a, b, k in classes], 3)
    print(f"\nconst uint32_t nfc_nr_pairs = {len(pairs)};")
    print(f"const uint32_t nfc_nr_composed = {len(made)};")
    print(f"const uint32_t nfc_nr_classes = {len(classes)};")


main()
