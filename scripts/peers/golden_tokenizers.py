#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small tokenizers of each kind, with the ids that the programs give which they belong to.

    golden_tokenizers.py DIR --lib=libllama.so --shim=llama_vocab_only.so

writes into DIR (tests/data/tokenizer), from DIR/corpus.txt and DIR/small.json; the shim is
made by `tokenizer_check.py shim`.  Needs tokenizers, sentencepiece and gguf.  A golden file
has one case per line: the text in hex, a tab, the ids separated by blanks.
"""
import argparse
import importlib.util
import json
import os
import random
import struct
import tempfile

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, \
    pre_tokenizers, trainers

import tokenizer_check

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("golden_tokens",
                                              os.path.join(HERE, "golden-tokens.py"))
golden_tokens = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden_tokens)

PRE = ["default", "gpt-2", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "smollm", "tekken",
       "gpt-4o", "falcon"]
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+"
         r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
MORE = ["\u2581", " \u2581\u2581 x", "<s>a</s>", "<unk>", "<0x0A>", "a<sep>b <sep> c", "   lead",
        "trail   ", "\u00c5ngstr\u00f6m \uac00\u1100\u1161\u11a8", "q\u0307\u0323 d\u0307\u0323",
        "\ufb01ne \u2460 \uff21", "<|im_start|>x<|im_end|>", "a <pad>  b", "  \n\n  ", "one\n\n\ntwo",
        "hello lo\n", "<tool>\t<tool> <tool>", "12345678901234567890", "\u212b\u2126\u0344", "A\u030a\u0301x \u01fa"]
INVALID = [b"\xff", b"a\x80b", b"\xe2\x82", b"x\xe2ab y", b"\xf0\x9f\x98 z", b"\xfe\xfe\xfe",
           b"Nattie \xc3 telegraph", b"\xbf\xbf the \xe4\xb8 wire"]


def texts():
    rng = random.Random(7)
    out = golden_tokens.CASES + golden_tokens.random_cases(60) + MORE
    parts = [" ", "  ", "\u2581", "the", "Nattie", "<sep>", "<s>", "\n", "\n\n", "\u00e9", "e\u0301",
             "\u4e2d", "\U0001f999", "1", "22", "'s", "'LL", "?", "\u017f", "A", "bC", "/\r\n"]
    out += ["".join(rng.choice(parts) for _ in range(rng.randrange(1, 30))) for _ in range(60)]
    return [t.encode() for t in out if "\0" not in t]


def golden(path, cases, encode):
    with open(path, "w") as f:
        for c in cases:
            f.write(c.hex() + "\t" + " ".join(map(str, encode(c))) + "\n")


def train_spm(corpus, prefix, tmp, **options):
    out = os.path.join(tmp, "m")
    sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=out, minloglevel=2,
                                             num_threads=1, **options)
    os.replace(out + ".model", prefix + ".model")
    return sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")


def rules(tmp):
    """A few rules: SentencePiece's own tables are hundreds of kilobytes."""
    path = os.path.join(tmp, "rules.tsv")
    with open(path, "w") as f:
        for a, b in [("\ufb01", "fi"), ("\uff21", "A"), ("\u3000", " "), ("\u00a0", " "),
                     ("\t", " "), ("\n", " "), ("\u2581", " "), ("e\u0301", "\u00e9"), ("\u200b", "")]:
            f.write(" ".join(f"{ord(c):X}" for c in a) + "\t" +
                    " ".join(f"{ord(c):X}" for c in b) + "\n")
    return path


def write_gguf(path, model, tokens, types, **more):
    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(64)
    w.add_embedding_length(8)
    w.add_block_count(1)
    w.add_feed_forward_length(8)
    w.add_head_count(1)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_tokenizer_model(model)
    w.add_token_list(tokens)
    w.add_token_types(types)
    for name, value in more.items():
        getattr(w, "add_" + name)(value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def from_spm(sp):
    n = range(sp.vocab_size())
    kind = [2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 1
            for i in n]
    kind = [4 if sp.id_to_piece(i) in ("<sep>", "\u2581\u2581") else k for i, k in enumerate(kind)]
    return [sp.id_to_piece(i).encode() for i in n], kind, [sp.get_score(i) for i in n]


class Llama:
    def __init__(self, args, path, special):
        a = argparse.Namespace(lib=args.lib, shim=args.shim, llama=path, add_special=special,
                               parse_special=special)
        self.encode = tokenizer_check.Llama(a).encode


def spm_kinds(a, tmp, corpus, cases):
    d = a.dir
    sp = train_spm(corpus, d + "/spm-bpe", tmp, vocab_size=600, model_type="bpe",
                   byte_fallback=True, normalization_rule_name="identity",
                   remove_extra_whitespaces=False, split_digits=True,
                   allow_whitespace_only_pieces=True)
    golden(d + "/spm-bpe.golden", cases, sp.encode)
    llama2c_file(sp, d + "/spm-bpe.bin")
    tokens, types, scores = from_spm(sp)
    write_gguf(d + "/spm-bpe.gguf", "llama", tokens, types, token_scores=scores,
               bos_token_id=1, eos_token_id=2, unk_token_id=0, add_bos_token=True)
    for name, special in (("", False), ("-special", True)):
        golden(d + f"/spm-bpe{name}.llama.golden", cases + INVALID,
               Llama(a, d + "/spm-bpe.gguf", special).encode)
    sp = train_spm(corpus, d + "/spm-user", tmp, vocab_size=300, model_type="bpe",
                   user_defined_symbols=["<sep>", "\u2581\u2581"],
                   normalization_rule_tsv=rules(tmp))
    golden(d + "/spm-user.golden", cases, sp.encode)
    sp = train_spm(corpus, d + "/spm-unigram", tmp, vocab_size=300, model_type="unigram",
                   pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_tsv=rules(tmp))
    golden(d + "/spm-unigram.golden", cases, sp.encode)
    tokens, types, scores = from_spm(sp)
    write_gguf(d + "/spm-unigram.gguf", "t5", tokens, types, token_scores=scores,
               eos_token_id=1, unk_token_id=2, pad_token_id=0, add_bos_token=False,
               add_eos_token=True, add_space_prefix=True, remove_extra_whitespaces=True)
    golden(d + "/spm-unigram.llama.golden", cases,
           Llama(a, d + "/spm-unigram.gguf", False).encode)


def llama2c_file(sp, path):
    """As llama2.c's tokenizer.py exports it: Tokenizer.export(), but 0 for the score -0."""
    tokens = []
    for i in range(sp.vocab_size()):
        text = sp.id_to_piece(i)
        if i in (sp.bos_id(), sp.eos_id()):
            text = f"\n{text}\n"
        tokens.append((sp.get_score(i) + 0.0, text.replace("\u2581", " ").encode()))
    with open(path, "wb") as f:
        f.write(struct.pack("<I", max(len(t) for _, t in tokens)))
        for score, t in tokens:
            f.write(struct.pack("<fI", score, len(t)) + t)


def train_uncut(corpus, cases):
    """Merges across everything, so that the ids tell where text is cut."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    lines = open(corpus).read().split("\n") + 3 * [c.decode() for c in cases]
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=1000, special_tokens=[golden_tokens.EOT], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=6))
    return json.loads(t.to_str())["model"]


def byte_kinds(a, tmp, corpus, cases):
    d = a.dir
    small = train_uncut(corpus, cases)
    tokens = sorted(small["vocab"], key=small["vocab"].get)
    types = [3 if t == golden_tokens.EOT else 1 for t in tokens]
    merges = [" ".join(m) if isinstance(m, list) else m for m in small["merges"]]
    for pre in PRE:
        path = d + "/pre.gguf" if pre == "default" else os.path.join(tmp, "pre.gguf")
        write_gguf(path, "gpt2", [t.encode() for t in tokens], types, token_merges=merges,
                   tokenizer_pre=pre, bos_token_id=0, eos_token_id=0, add_bos_token=False)
        golden(d + f"/pre-{pre}.golden", cases, Llama(a, path, False).encode)


def json_kinds(a, cases):
    d = a.dir
    small = json.load(open(d + "/small.json"))["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in small["merges"]]
    t = Tokenizer(models.BPE(vocab=small["vocab"], merges=merges))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(x, normalized=False, special=True)
                          for x in (golden_tokens.EOT, "<|im_start|>", "<|im_end|>")])
    t.add_tokens([AddedToken("<tool>", normalized=False, rstrip=True),
                  AddedToken("<pad>", normalized=True, lstrip=True),
                  AddedToken("hello lo\n", normalized=True),
                  AddedToken("\u01fa", normalized=True), AddedToken("    ", normalized=False)])
    t.save(d + "/nfc.json")
    both(t, d + "/nfc", cases)
    sp = sentencepiece.SentencePieceProcessor(model_file=d + "/spm-bpe.model")
    t = Tokenizer(models.BPE(vocab={sp.id_to_piece(i): i for i in range(sp.vocab_size())},
                             merges=spm_merges(sp), unk_token="<unk>", fuse_unk=True,
                             byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"),
                                         normalizers.Replace(" ", "\u2581")])
    t.add_special_tokens([AddedToken(x, normalized=False, special=True)
                          for x in ("<unk>", "<s>", "</s>")])
    t.save(d + "/text.json")
    both(t, d + "/text", cases)
    t.normalizer = None
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first",
                                               split=False)
    t.save(d + "/metaspace.json")
    both(t, d + "/metaspace", cases)


def both(t, prefix, cases):
    for name, special in (("", False), ("-special", True)):
        t.encode_special_tokens = not special
        golden(prefix + name + ".golden", cases,
               lambda c: t.encode(c.decode(), add_special_tokens=False).ids)


def spm_merges(sp):
    """As transformers' SentencePieceExtractor."""
    vocab = {sp.id_to_piece(i): i for i in range(sp.vocab_size())
             if not sp.is_control(i) and not sp.is_unknown(i) and not sp.is_byte(i)}
    found = [(-sp.get_score(i), i, vocab[p[:k]], vocab[p[k:]], (p[:k], p[k:]))
             for p, i in vocab.items() for k in range(1, len(p))
             if p[:k] in vocab and p[k:] in vocab]
    return [m[-1] for m in sorted(found)]


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--lib", required=True)
    p.add_argument("--shim", required=True)
    a = p.parse_args()
    cases = texts()
    with tempfile.TemporaryDirectory() as tmp:
        spm_kinds(a, tmp, a.dir + "/corpus.txt", cases)
        byte_kinds(a, tmp, a.dir + "/corpus.txt", cases)
    json_kinds(a, cases)


if __name__ == "__main__":
    main()
