#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Train a tokenizer with Hugging Face's BpeTrainer as `knlp data tokenizer` does.

    train-tokenizer.py train VOCAB PATTERN MIN_COUNT OUT.json TEXT [SPECIAL...]
    train-tokenizer.py compare A.json B.json    same vocabulary, ids and merges?
    train-tokenizer.py golden DIR               DIR/trained-*.golden of DIR/corpus.txt
    train-tokenizer.py plain ...                as train, by the plain algorithm: count all
                                                pairs anew before each merge (small texts)

PATTERN is gpt2 or llama3.  Needs `pip install tokenizers`.  Documents are divided as knlp
divides them.  A golden file has the spelling of each token by id, one per line, then the
merges by rank: two ids per line.
"""
import json
import sys
import time
from collections import Counter

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

EOT = "<|endoftext|>"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GOLDEN = [("gpt2", 700, 2, []), ("llama3", 500, 3, ["<|user|>", "<s>"])]


def documents(path):
    text = open(path, encoding="utf-8", newline="").read()
    if EOT not in text:
        return [text]
    parts = (part.strip("\r\n") for part in text.split(EOT))
    return [part for part in parts if part.strip(" \t\n\v\f\r")]


def pre_tokenizer(pattern):
    if pattern == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(vocab, pattern, min_count, text, special):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizer(pattern)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(documents(text), trainers.BpeTrainer(
        vocab_size=vocab, min_frequency=min_count, special_tokens=[EOT] + special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return json.loads(tok.to_str())


def plain(vocab, pattern, min_count, text, special):
    """The algorithm in its simplest form, sharing nothing with either implementation."""
    pre = pre_tokenizer(pattern)
    words = Counter(w for d in documents(text) for w, _ in pre.pre_tokenize_str(d))
    names = [EOT] + special + sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {name: i for i, name in enumerate(names)}
    split = [([ids[c] for c in w], n) for w, n in words.items()]
    merges = []
    while len(names) < vocab:
        pairs = Counter()
        for w, n in split:
            for pair in zip(w, w[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], p), default=None)
        if best is None or pairs[best] < min_count:
            break
        name = names[best[0]] + names[best[1]]
        if name not in ids:
            ids[name] = len(names)
            names.append(name)
        merges.append([names[best[0]], names[best[1]]])
        for k, (w, n) in enumerate(split):
            out, i = [], 0
            while i < len(w):
                if tuple(w[i:i + 2]) == best:
                    out.append(ids[name])
                    i += 2
                else:
                    out.append(w[i])
                    i += 1
            split[k] = (out, n)
    return {"model": {"vocab": ids, "merges": merges}}


def tables(root):
    model = root["model"]
    merges = [m.split(" ") if isinstance(m, str) else list(m) for m in model["merges"]]
    vocab = dict(model["vocab"])
    for added in root.get("added_tokens", []):
        vocab[added["content"]] = added["id"]
    return vocab, merges


def compare(a, b):
    (va, ma), (vb, mb) = (tables(json.load(open(f, encoding="utf-8"))) for f in (a, b))
    if ma != mb:
        at = next((i for i, (x, y) in enumerate(zip(ma, mb)) if x != y), min(len(ma), len(mb)))
        sys.exit(f"merges differ from number {at} on: {ma[at:at + 1]} {mb[at:at + 1]} "
                 f"({len(ma)} and {len(mb)})")
    if va != vb:
        sys.exit("vocabularies differ")
    for f in (a, b):    # both load, and give the same ids
        Tokenizer.from_file(f)
    print(f"equal: {len(va)} tokens, {len(ma)} merges")


def golden(folder):
    for pattern, vocab, min_count, special in GOLDEN:
        names, merges = tables(train(vocab, pattern, min_count, f"{folder}/corpus.txt", special))
        with open(f"{folder}/trained-{pattern}.golden", "w", encoding="utf-8") as f:
            for name in sorted(names, key=names.get):
                f.write(name + "\n")
            for left, right in merges:
                f.write(f"{names[left]} {names[right]}\n")


def main(argv):
    if len(argv) >= 7 and argv[1] in ("train", "plain"):
        begin = time.time()
        made = (train if argv[1] == "train" else plain)(
            int(argv[2]), argv[3], int(argv[4]), argv[6], argv[7:])
        print(f"{argv[1]}: {time.time() - begin:.1f} s")
        json.dump(made, open(argv[5], "w", encoding="utf-8"))
    elif len(argv) == 4 and argv[1] == "compare":
        compare(argv[2], argv[3])
    elif len(argv) == 3 and argv[1] == "golden":
        golden(argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
