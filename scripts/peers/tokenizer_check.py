#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the token ids of `knlp tokenize` with those of the programs it stands in for.

  tokenizer_check.py text OUT [--size=10M] [--seed=1] [--invalid] [SOURCE...]
	mixed text, the same for the same arguments: slices of the SOURCE files, accents,
	CJK, emoji, control bytes, blanks, digits, text like special tokens; with --invalid
	also bytes that are no UTF-8; NUL bytes between documents of a few kilobytes

  tokenizer_check.py compare --knlp=PROGRAM --tokenizer=SPEC --text=FILE
		(--hf=tokenizer.json | --spm=tokenizer.model | --llama=GGUF --lib=libllama.so)
		[--parse-special] [--add-special] [--replace-invalid]
	every document; exit status 1 if one differs

  tokenizer_check.py speed (the same options)
	seconds of one thread for the whole text, best of 3 each, in turns

  tokenizer_check.py vectors --knlp=PROGRAM FOLDER
	the .inp and .out files of llama.cpp beside its ggml-vocab-*.gguf
"""
import argparse
import ctypes
import os
import random
import subprocess
import sys
import time

SPECIAL = ["<|endoftext|>", "<s>", "</s>", "<bos>", "<eos>", "<|im_start|>", "<|im_end|>",
           "<0x0A>", "<unk>", "<start_of_turn>", "<unused12>", "<|begin_of_text|>", "[PAD1]",
           "<h1>", "\u2581", "\u2581\u2581", "<|user|>", "<|end|>"]
RANGES = [(0x20, 0x7e), (0xa0, 0x17f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff),
          (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x1fff),
          (0x2000, 0x206f), (0x2070, 0x218f), (0x2190, 0x2bff), (0x3000, 0x30ff),
          (0x3400, 0x4dbf), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xf900, 0xfaff),
          (0xfe00, 0xfe6f), (0xff00, 0xffef), (0x1f300, 0x1faff), (0x20000, 0x2a6df),
          (0x1d400, 0x1d7ff)]
EMOJI = ["\U0001f999", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd",
         "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001f600"]
BLANKS = [" ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", " \n ", "\u00a0", "\u3000", "\u2003",
          "\u0085", "\u2028", "\u180e", "\u200b", "\ufeff", "        ", "\t\t", "\n" * 17,
          " " * 40, "\v", "\f"]
CODE = ["for (int i = 0; i < n; i++)\n\t\tx[i] += 0x1f;\n", "def f(a, b=None):\n    return a\n",
        "<a href=\"http://example.org/?q=1&r=%20\">x</a>", "SELECT * FROM t WHERE a='b';",
        "#include <stdio.h>\n", "\\begin{equation} \\alpha_{ij}^2 \\end{equation}",
        "{\"key\": [1, 2.5e-3, null]}", "don't we'll I'VE they're HE'S 'tis", "CamelCaseName_x9"]


def known(c):
    import unicodedata
    return unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")


def letters(rng, pools):
    pool = rng.choice(pools)
    return "".join(chr(rng.choice(pool)) for _ in range(rng.randint(1, 12)))


def document(rng, sources, pools, invalid):
    out = []
    for _ in range(rng.randint(5, 40)):
        kind = rng.random()
        if kind < 0.45 and sources:
            s = rng.choice(sources)
            at = rng.randrange(max(1, len(s) - 400))
            out.append(s[at:at + rng.randint(20, 400)])
        elif kind < 0.65:
            out.append(letters(rng, pools))
        elif kind < 0.72:
            out.append(rng.choice(EMOJI) * rng.randint(1, 3))
        elif kind < 0.82:
            out.append(rng.choice(BLANKS))
        elif kind < 0.88:
            out.append(rng.choice(CODE))
        elif kind < 0.92:
            out.append(str(rng.randrange(10 ** rng.randint(1, 18))))
        elif kind < 0.95:
            out.append(rng.choice(SPECIAL))
        elif kind < 0.97:
            out.append("".join(chr(rng.randint(1, 31)) for _ in range(rng.randint(1, 4))))
        else:
            out.append(rng.choice("ae o,.!=#") * rng.randint(2, 60))
    parts = [p.encode() for p in out]
    if invalid:
        for _ in range(rng.randint(1, 6)):
            bad = rng.choice([b"\xff", b"\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\xfe\xfe",
                              b"\xbf\xbf\xbf", b"\xc3", b"\xe4\xb8 "])
            parts.insert(rng.randrange(len(parts) + 1), bad)
    return b"".join(parts).replace(b"\0", b"")


def make_text(a):
    rng = random.Random(a.seed)
    size = int(float(a.size.rstrip("M")) * 1e6) if a.size.endswith("M") else int(a.size)
    pools = [[c for c in range(lo, hi + 1) if known(c)] for lo, hi in RANGES]
    sources = [open(f, encoding="utf-8", errors="replace").read().replace("\0", "")
               for f in a.sources]
    made = 0
    with open(a.out, "wb") as f:
        while made < size:
            d = document(rng, sources, pools, a.invalid)
            if d:
                f.write(d + b"\0")
                made += len(d) + 1


# ---- the programs ----------------------------------------------------------------------------

class HuggingFace:
    def __init__(self, a):
        import tokenizers
        self.t = tokenizers.Tokenizer.from_file(a.hf)
        self.t.encode_special_tokens = not a.parse_special
        self.add = a.add_special

    def encode(self, data):
        return self.t.encode(data.decode("utf-8", "replace"), add_special_tokens=self.add).ids


class SentencePiece:
    def __init__(self, a):
        import sentencepiece
        self.t = sentencepiece.SentencePieceProcessor(model_file=a.spm)

    def encode(self, data):
        return self.t.encode(data)


class Llama:
    class Model(ctypes.Structure):
        pass

    def __init__(self, a):
        os.environ.setdefault("LLAMA_LOG_LEVEL", "0")
        self.lib = lib = ctypes.CDLL(a.lib)
        shim = os.path.join(os.path.dirname(os.path.abspath(a.lib)), "llama_vocab_only.so")
        shim = a.shim or shim
        self.shim = s = ctypes.CDLL(shim)
        s.vocab_only_load.restype = ctypes.c_void_p
        s.vocab_only_load.argtypes = [ctypes.c_char_p]
        lib.llama_tokenize.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32,
                                       ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool,
                                       ctypes.c_bool]
        self.vocab = s.vocab_only_load(a.llama.encode())
        if not self.vocab:
            sys.exit(f"{a.llama}: llama.cpp cannot load it")
        self.a = a

    def encode(self, data):
        room = 4 * len(data) + 16
        ids = (ctypes.c_int32 * room)()
        n = self.lib.llama_tokenize(self.vocab, data, len(data), ids, room, self.a.add_special,
                                    self.a.parse_special)
        return ids[:n]


SHIM = r"""
#include "llama.h"
static void quiet(enum ggml_log_level l, const char *t, void *u) { (void)l; (void)t; (void)u; }
const void *vocab_only_load(const char *path)
{
	struct llama_model_params p;

	llama_log_set(quiet, 0);
	p = llama_model_default_params();
	p.vocab_only = 1;
	struct llama_model *m = llama_model_load_from_file(path, p);
	return m ? llama_model_get_vocab(m) : 0;
}
"""


def knlp_args(a):
    args = [a.knlp, "tokenize", "--tokenizer=" + a.tokenizer]
    for name in ("parse_special", "add_special", "replace_invalid"):
        if getattr(a, name):
            args.append("--" + name.replace("_", "-"))
    return args


def knlp_ids(a):
    out = subprocess.run(knlp_args(a) + ["--null", "--file=" + a.text], check=True,
                         stdout=subprocess.PIPE).stdout
    return [[int(x) for x in line.split()] for line in out.decode().split("\n")[:-1]]


def open_peer(a):
    return HuggingFace(a) if a.hf else SentencePiece(a) if a.spm else Llama(a)


def compare(a):
    data = open(a.text, "rb").read()
    docs = data.split(b"\0")[:-1]
    ours = knlp_ids(a)
    if len(ours) != len(docs):
        sys.exit(f"{len(docs)} documents, {len(ours)} answers")
    peer, wrong, tokens = open_peer(a), 0, 0
    for i, (doc, ids) in enumerate(zip(docs, ours)):
        want = list(peer.encode(doc))
        tokens += len(want)
        if ids == want:
            continue
        wrong += 1
        if wrong <= a.show:
            k = next((k for k, (x, y) in enumerate(zip(ids, want)) if x != y),
                     min(len(ids), len(want)))
            print(f"document {i}: token {k}: {ids[max(0, k - 2):k + 6]} and not "
                  f"{want[max(0, k - 2):k + 6]}")
            if a.verbose:
                print(doc)
    print(f"{a.tokenizer}: {len(docs)} documents, {len(data)} bytes, {tokens} tokens: "
          f"{wrong} documents differ")
    return wrong > 0


def speed(a):
    docs = open(a.text, "rb").read().split(b"\0")[:-1]
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    peer = open_peer(a)
    best = [1e9, 1e9]
    empty = os.path.join(os.path.dirname(a.text) or ".", "empty.txt")
    open(empty, "w").close()

    def run(path):
        t = time.perf_counter()
        subprocess.run(knlp_args(a) + ["--null", "--count", "--file=" + path], check=True,
                       stdout=subprocess.DEVNULL)
        return time.perf_counter() - t

    start = min(run(empty) for _ in range(3))
    for _ in range(3):
        best[0] = min(best[0], run(a.text) - start)
        t = time.perf_counter()
        if a.hf:
            peer.t.encode_batch([d.decode("utf-8", "replace") for d in docs],
                                add_special_tokens=False)
        else:
            for d in docs:
                peer.encode(d)
        best[1] = min(best[1], time.perf_counter() - t)
    size = sum(map(len, docs)) / 1e6
    print(f"{a.tokenizer}: knlp {best[0]:.3f} s ({size / best[0]:.1f} MB/s, start "
          f"{start:.3f} s), peer {best[1]:.3f} s ({size / best[1]:.1f} MB/s)")


def vectors(a):
    wrong = 0
    for name in sorted(os.listdir(a.folder)):
        path = os.path.join(a.folder, name)
        if not name.endswith(".gguf") or not os.path.exists(path + ".inp"):
            continue
        texts = open(path + ".inp", "rb").read().split(b"\n__ggml_vocab_test__\n")[:-1]
        want = open(path + ".out").read().split("\n")
        bad = 0
        for text, ids in zip(texts, want):
            out = subprocess.run([a.knlp, "tokenize", "--tokenizer=" + path, "--file=-"],
                                 input=text, stdout=subprocess.PIPE, check=True).stdout
            bad += out.decode().split() != ids.split()
        print(f"{name}: {len(texts)} vectors, {bad} differ")
        wrong += bad
    return wrong > 0


def make_shim(a):
    src = a.out + ".c"
    with open(src, "w") as f:
        f.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-I" + os.path.join(a.llama_cpp, "include"),
                    "-I" + os.path.join(a.llama_cpp, "ggml", "include"), src, "-o", a.out,
                    a.lib, "-Wl,-rpath," + os.path.dirname(os.path.abspath(a.lib))], check=True)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    t = sub.add_parser("text")
    t.add_argument("out")
    t.add_argument("sources", nargs="*")
    t.add_argument("--size", default="10M")
    t.add_argument("--seed", type=int, default=1)
    t.add_argument("--invalid", action="store_true")
    for what in ("compare", "speed"):
        c = sub.add_parser(what)
        for name in ("knlp", "tokenizer", "text"):
            c.add_argument("--" + name, required=True)
        for name in ("hf", "spm", "llama", "lib", "shim"):
            c.add_argument("--" + name)
        for name in ("parse-special", "add-special", "replace-invalid", "verbose"):
            c.add_argument("--" + name, action="store_true")
        c.add_argument("--show", type=int, default=5)
    v = sub.add_parser("vectors")
    v.add_argument("--knlp", required=True)
    v.add_argument("folder")
    s = sub.add_parser("shim", help="llama_vocab_only.so, which --llama needs")
    s.add_argument("--llama-cpp", required=True)
    s.add_argument("--lib", required=True)
    s.add_argument("out")
    a = p.parse_args()
    sys.exit({"text": make_text, "compare": compare, "speed": speed, "vectors": vectors,
              "shim": make_shim}[a.what](a) or 0)


if __name__ == "__main__":
    main()
