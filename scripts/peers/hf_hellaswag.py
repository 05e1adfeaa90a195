#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HellaSwag with transformers, scored as lm-eval does, item by item.

    hf_hellaswag.py FOLDER ITEMS.txt OUT.tsv [--first 0] [--items N] [--bos] [--threads 2]

ITEMS.txt has six lines an item: context, label, four endings.  A line of OUT.tsv is

    item, choice by acc, choice by acc_norm, gold, four sums of log-probabilities

and the last line the two accuracies.  As in lm-eval, an ending is what "context ending"
has more tokens than "context", and acc_norm divides its log-probability by the length of
the ending in characters, the space before it not counted.  --bos puts the tokenizer's BOS
before every text, as lm-eval does for Gemma.

Needs torch, transformers, numpy.
"""
import argparse

import numpy as np
import torch
import transformers


def score(model, tokenizer, context, endings, bos):
    """The sums of the log-probabilities of the endings, in fp64."""
    def encode(text):
        return bos + tokenizer.encode(text, add_special_tokens=False)

    start = len(encode(context))
    texts = [encode(context + " " + e) for e in endings]
    width = max(map(len, texts))
    # What is padded comes after all that counts, and attention is causal.
    batch = torch.tensor([t + [0] * (width - len(t)) for t in texts])
    with torch.no_grad():
        hidden = model.base_model(batch, use_cache=False)[0][:, start - 1:-1]
        logits = model.get_output_embeddings()(hidden)
        cap = getattr(model.config, "final_logit_softcapping", None)
        if cap:
            logits = torch.tanh(logits / cap) * cap
    sums = []
    for row, text in zip(logits, texts):
        target = torch.tensor(text[start:])
        logp = torch.log_softmax(row[:len(target)].double(), -1)
        sums.append(logp.gather(1, target[:, None]).sum().item())
    return np.array(sums)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("items")
    p.add_argument("out")
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--items", dest="count", type=int, default=10042)
    p.add_argument("--bos", action="store_true")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(a.folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        a.folder, dtype=torch.float32).eval()
    bos = [tokenizer.bos_token_id] if a.bos else []
    with open(a.items, encoding="utf-8", newline="\n") as f:
        lines = f.read().split("\n")
    total = min(a.count, len(lines) // 6 - a.first)
    right = np.zeros(2, int)
    with open(a.out, "w", encoding="utf-8") as f:
        for i in range(a.first, a.first + total):
            context, gold, *endings = lines[6 * i:6 * i + 6]
            sums = score(model, tokenizer, context, endings, bos)
            choice = [int(sums.argmax()), int((sums / [len(e) for e in endings]).argmax())]
            right += [c == int(gold) for c in choice]
            print(i, *choice, gold, *(f"{s:.6f}" for s in sums), sep="\t", file=f, flush=True)
        print(f"# {total} items: acc {right[0] / total:.4f}, acc_norm {right[1] / total:.4f}",
              file=f)


if __name__ == "__main__":
    main()
