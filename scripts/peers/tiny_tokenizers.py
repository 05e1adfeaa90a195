# SPDX-License-Identifier: MIT
"""Small tokenizers of every kind that model files carry, trained on a given text.

byte_level() gives the tokenizers library's byte-level BPE with the pre-tokenizer of a
family; spm() a SentencePiece model with byte fallback and the tokenizer.json that Hugging
Face makes of such a model.
"""
import io
import json

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import processors, trainers

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def split(pattern):
    return pre.Sequence([pre.Split(Regex(pattern), "isolated"),
                         pre.ByteLevel(add_prefix_space=False, use_regex=False)])


def pre_tokenizer(family):
    if family == "gpt-2":
        return pre.ByteLevel(add_prefix_space=False)
    if family == "smollm":
        return pre.Sequence([pre.Digits(individual_digits=True),
                             pre.ByteLevel(add_prefix_space=False)])
    return split({"qwen2": QWEN2, "llama-bpe": LLAMA3}[family])


def byte_level(text, family, vocab, special, bos=None):
    """A byte-level BPE of `vocab` tokens, the special ones last, as a Tokenizer."""
    tok = Tokenizer(models.BPE(ignore_merges=family == "llama-bpe"))
    tok.pre_tokenizer = pre_tokenizer(family)
    tok.decoder = decoders.ByteLevel()
    if family == "qwen2":
        tok.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=vocab - len(special), show_progress=False,
                                  initial_alphabet=pre.ByteLevel.alphabet())
    tok.train_from_iterator(text.splitlines(keepends=True), trainer)
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    if bos:
        tok.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B",
            special_tokens=[(bos, tok.token_to_id(bos))])
    return tok


def spm_bytes(text, vocab, kind="bpe", gemma=False):
    """A SentencePiece model, serialized, with the settings of Llama 2 or Gemma."""
    out = io.BytesIO()
    ids = dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3) if gemma else \
        dict(pad_id=-1, unk_id=0, bos_id=1, eos_id=2)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()), model_writer=out, vocab_size=vocab,
        model_type=kind, byte_fallback=True, character_coverage=0.9995, split_digits=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=not gemma, allow_whitespace_only_pieces=True, num_threads=1,
        max_sentence_length=8192, minloglevel=2, **ids)
    return out.getvalue()


def spm_json(data, gemma=False):
    """The tokenizers library's form of a SentencePiece BPE model."""
    sp = sentencepiece.SentencePieceProcessor(model_proto=data)
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size())]
    ids = {p: i for i, p in enumerate(pieces)}
    plain = [i for i in range(len(pieces))
             if not (sp.is_control(i) or sp.is_unknown(i) or sp.is_byte(i))]
    merges = []
    for i in plain:
        p = pieces[i]
        for cut in range(1, len(p)):
            a, b = ids.get(p[:cut]), ids.get(p[cut:])
            if a is not None and b is not None:
                merges.append((sp.get_score(i), a, b))
    merges.sort(key=lambda m: (-m[0], m[1], m[2]))
    unk = pieces[sp.unk_id()]
    tok = Tokenizer(models.BPE(vocab=ids, merges=[(pieces[a], pieces[b]) for _, a, b in merges],
                               unk_token=unk, fuse_unk=True, byte_fallback=True))
    space = normalizers.Replace(" ", "▁")
    tok.normalizer = space if gemma else normalizers.Sequence([normalizers.Prepend("▁"), space])
    if gemma:
        tok.pre_tokenizer = pre.Split(" ", "merged_with_previous")
    tail = [] if gemma else [decoders.Strip(" ", 1, 0)]
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                     decoders.Fuse()] + tail)
    bos = pieces[sp.bos_id()]
    tok.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, sp.bos_id())])
    control = [p for i, p in enumerate(pieces) if sp.is_control(i) or sp.is_unknown(i)]
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in control])
    return tok


def pretty(tok):
    """The bytes of tokenizer.json as Hugging Face writes it."""
    return json.dumps(json.loads(tok.to_str()), indent=2, ensure_ascii=False)
