#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden files for the tests of the tokenizers, made by Hugging Face's tokenizers.

    golden-tokens.py golden DIR     write the small tokenizers and their golden ids into
                                    DIR (tests/data/tokenizer), from DIR/corpus.txt
    golden-tokens.py ids SPEC FILE  print the ids of FILE, one per line; SPEC is gpt2:DIR
                                    or a tokenizer.json

Needs `pip install tokenizers`.  A golden file has one case per line: the text in hex, a
tab, the ids separated by blanks.
"""
import json
import os
import random
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

EOT = "<|endoftext|>"
VOCAB = 500

# The pattern of GPT-4 and Llama 3, which differs from GPT-2's in every branch.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

CASES = [
    "a", " ", "  ", "\n", "\t\t", "Hello world", " Hello  world   ", "it's we'LL they'd I'm",
    "don't 'tis ''s 'S", "abc123 4567 89", "x\r\ny\r\n\r\nz", "end of line \n  next",
    "caf\u00e9 na\u00efve \u00c4pfel \u00df", "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
    "\u4e2d\u6587\u5b57\u7b26 \u65e5\u672c\u8a9e", "\U0001f600\U0001f469\u200d\U0001f4bb!",
    "e\u0301 combining", "\u00bd \u00b2 \u2167 \u0663\u0664", "\u00a0nbsp\u00a0\u2003em\u3000wide",
    "a\u180eb \u0085c \u2028d\u2029e", "\u200bzero\ufeffwidth", "\x1c\x1d \x1e\x1f\x7f\x01",
    EOT, "text" + EOT + "more", "!!! ... ???---", "a" * 100, "ab" * 60, " " * 50 + "x",
    "<html> & \"quotes\" \\ / {json: [1, 2]}", "\u05d0\u05d1 \u0627\u0644 \u0e01\u0e33",
    "The quick brown fox jumps over the lazy dog.", "\U0010ffff\ufffd",
]


def random_cases(nr):
    """Mixtures of what pre-tokenizers and merges find hard."""
    rng = random.Random(1)
    parts = [" ", "  ", "\n", "\n\n", "\t", "'s", "'ll", "'", "the", " the", "ing", "Nattie",
             "12", "345", "...", "!?", "\u00e9", "e\u0301", "\u4e2d", "\U0001f600", "\u00a0",
             "\u0085", "\u180e", "\u2028", "\r", "-", "\"", "\u0660", "\u00bd", "ABC", "x"]
    return ["".join(rng.choice(parts) for _ in range(rng.randrange(1, 40))) for _ in range(nr)]


def train(corpus):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train([corpus], trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[EOT], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def with_split(tok):
    """The same merges behind another pattern, with ignore_merges."""
    spec = json.loads(tok.to_str())
    spec["model"]["ignore_merges"] = True
    # A token that no merges lead to: found only by looking up whole words.
    spec["model"]["vocab"]["\u0120Hello"] = len(spec["model"]["vocab"])
    other = Tokenizer.from_str(json.dumps(spec))
    other.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated", False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return other


def plain(tok):
    """Without its special tokens: a document cannot contain one, only their letters."""
    spec = json.loads(tok.to_str())
    spec["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(spec))


def write_golden(tok, path, cases):
    enc = plain(tok)
    with open(path, "w", encoding="ascii") as f:
        for text in cases:
            ids = enc.encode(text, add_special_tokens=False).ids
            assert tok.decode(ids, skip_special_tokens=False) == text, text
            print(text.encode().hex(), " ".join(map(str, ids)), sep="\t", file=f)


def write_openai(tok, directory):
    """The same as OpenAI's two files."""
    model = json.loads(tok.to_str())["model"]
    with open(os.path.join(directory, "encoder.json"), "w", encoding="utf-8") as f:
        json.dump(model["vocab"], f)
    with open(os.path.join(directory, "vocab.bpe"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"]))


def golden(directory):
    corpus = os.path.join(directory, "corpus.txt")
    with open(corpus, encoding="utf-8", newline="") as f:
        text = f.read()
    cases = CASES + random_cases(200) + [text]
    tok = train(corpus)
    tok.save(os.path.join(directory, "small.json"))
    write_openai(tok, directory)
    write_golden(tok, os.path.join(directory, "small.golden"), cases)
    other = with_split(tok)
    other.save(os.path.join(directory, "split.json"))
    write_golden(other, os.path.join(directory, "split.golden"), cases)


def load(spec):
    if not spec.startswith("gpt2:"):
        return plain(Tokenizer.from_file(spec))
    directory = spec[len("gpt2:"):]
    tok = Tokenizer(models.BPE.from_file(os.path.join(directory, "encoder.json"),
                                         os.path.join(directory, "vocab.bpe")))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tok


def main(argv):
    if len(argv) == 3 and argv[1] == "golden":
        golden(argv[2])
    elif len(argv) == 4 and argv[1] == "ids":
        with open(argv[3], encoding="utf-8", newline="") as f:
            print(*load(argv[2]).encode(f.read(), add_special_tokens=False).ids, sep="\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
