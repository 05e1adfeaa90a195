#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text that finds the differences between two tokenizers.

    mixed_text.py OUT BYTES [--valid] FILE...

Pieces of the FILEs (text of any language, sources), and between them random pieces: words
of several scripts, accents composed and not, CJK, emoji with joiners and skin tones, digits,
white space of every kind, control bytes, punctuation, and, unless --valid, invalid UTF-8.
The same arguments give the same bytes.
"""
import random
import sys

RANGES = [(0x21, 0x7e), (0xa1, 0xff), (0x100, 0x17f), (0x370, 0x3ff), (0x400, 0x4ff), (0x590, 0x5ff),
          (0x600, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f), (0x1780, 0x17ff), (0x3040, 0x30ff),
          (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0x1f300, 0x1faff), (0x1d400, 0x1d7ff),
          (0x2000, 0x206f), (0x2190, 0x22ff), (0xff00, 0xffef), (0x20000, 0x20fff)]
SPACE = ["\n", "\r\n", "\t", " ", "  ", "   ", "\u00a0", "\u3000", "\u2028", "\u200b", "\x0b", "\x0c",
         "\x85", " \n", "\n ", "\n\n\n", "\t\t"]
# No code point over 0x10ffff: llama.cpp's byte-level BPE aborts at F4 90 80 80.
BROKEN = [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf",
          b"\xfe\xfe", b"\xf8\x88\x80\x80\x80"]
JOINED = ["👨‍👩‍👧‍👦", "👍🏽", "🇫🇷🇩🇪", "❤️", "e\u0301", "o\u0302\u0323", "ﬁ", "'s", "'S", "’s", "'LL",
          "I've", "can't", "3.14159", "1,000,000", "0xdeadBEEF", "...", "!!!", "==>", "/*", "*/",
          "</s>", "<s>", "<|endoftext|>", "<|im_start|>", "<bos>", "<unk>", "▁", "Ġ"]


def word(rng):
    low, high = rng.choice(RANGES)
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9)))


def piece(rng, valid):
    kind = rng.random()
    if kind < 0.35:
        return word(rng).encode("utf-8", "ignore")
    if kind < 0.6:
        return rng.choice(SPACE).encode() * rng.choice((1, 1, 1, 2, 5))
    if kind < 0.8:
        return rng.choice(JOINED).encode()
    if kind < 0.9:
        return str(rng.randrange(10 ** rng.randint(1, 12))).encode()
    if kind < 0.95:
        return bytes(rng.randrange(1, 32) for _ in range(rng.randint(1, 3)))
    return b"" if valid else rng.choice(BROKEN)


def main():
    args = [a for a in sys.argv[1:] if a != "--valid"]
    valid = "--valid" in sys.argv
    if len(args) < 3:
        sys.exit(__doc__.split("\n\n")[1])
    rng = random.Random(4)
    files = []
    for path in args[2:]:
        with open(path, "rb") as f:
            files.append(f.read())
    out, size = [], 0
    while size < int(args[1]):
        data = rng.choice(files)
        at, n = rng.randrange(len(data)), rng.randrange(200, 4000)
        part = data[at:at + n]
        if valid:
            part = part.decode("utf-8", "ignore").encode()
        out.append(part + b" ".join(piece(rng, valid) for _ in range(rng.randrange(40)))
                   + b"".join(piece(rng, valid) for _ in range(rng.randrange(40))))
        size += len(out[-1])
    with open(args[0], "wb") as f:
        f.write(b"".join(out))


if __name__ == "__main__":
    main()
