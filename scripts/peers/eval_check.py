#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""knlp eval against llama-perplexity: perplexity, divergence, HellaSwag.

    eval_check.py [options] MODEL.gguf

Runs both on the same file and compares what they print; exit code 1 if a bound is passed:

    perplexity      |d ln PPL| <= 0.005, activations rounded to 8 bits (--act=q8)
    divergence      of a requantized copy from MODEL: mean KLD within 2 %, with --parity
    HellaSwag       the same choice in 99.5 % of the items (knlp's acc_norm_token).  With
                    --self is told how often llama.cpp makes the same choice as itself with a
                    cache of another type: rounding activations to 8 bits makes of the
                    smallest difference one of the size of the rounding

With --lm-eval FOLDER, the same weights as a folder of Hugging Face, HellaSwag is asked by
lm-eval instead, and acc_norm's choices with activations in f32 are compared.

llama-perplexity must have llama-hellaswag.patch, which prints the choice of each item, in
the order of the file.  What each program answered is kept under --cache and not asked again,
knlp's as long as the binary is the same, HellaSwag in pieces of 100 items: a comparison that
was stopped goes on where it was.  A cache belongs to one TEXT and one file of HellaSwag.
--prepare SIDE only asks that side for HellaSwag, so that two can be asked beside each other,
or what is slow in the background.
"""
import argparse
import bz2
import hashlib
import json
import math
import os
import re
import subprocess
import sys


def run(cmd, env=None):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", env={**os.environ, **(env or {})})
    if p.returncode:
        sys.exit(f"{' '.join(cmd)}: exit code {p.returncode}\n{p.stdout[-2000:]}")
    return p.stdout


# The name of these answers, and options of llama.cpp
F32_CACHE = ["-f32-cache", "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--no-repack"]


class Peer:
    def __init__(self, a):
        self.a = a

    def run(self, name, args, env=None, tool="llama-perplexity"):
        return cached(self.a, name, lambda: run([os.path.join(self.a.llama, tool)] + args, env))


def cached(a, name, make):
    """The text that make() returns, or returned when it was last asked for @name."""
    path = os.path.join(a.cache, name + ".txt")
    if not os.path.exists(path):
        text = make()
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)
    with open(path, errors="replace") as f:
        return f.read()


def digest(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def knlp(a, *args):
    with open(a.knlp, "rb") as f:
        key = digest(f.read(), *(x.encode() for x in args))
    out = cached(a, f"knlp-{key}", lambda: run(
        [a.knlp, "eval"] + list(args) + ["-q", "--json", "-t", str(a.threads)]))
    return json.loads(out.strip().splitlines()[-1])


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def number(pattern, text):
    found = re.findall(pattern, text)
    if not found:
        sys.exit(f"llama-perplexity did not print {pattern!r}")
    return float(found[-1])


def check(what, ours, theirs, error, bound):
    ok = error <= bound
    print(f"{what:34} {ours:12.6f} {theirs:12.6f}  {error:.5f} of {bound}  "
          f"{'ok' if ok else 'FAILED'}", flush=True)
    return ok


def perplexity(a, peer):
    out = peer.run(f"ppl-{stem(a.model)}-{a.chunks}",
                   ["-m", a.model, "-f", a.text, "--chunks", str(a.chunks or -1),
                    "-t", str(a.threads)])
    theirs = number(r"Final estimate: PPL = ([0-9.]+)", out)
    limit = ["--limit", str(a.chunks)] if a.chunks else []
    ours = knlp(a, "ppl", a.model, "--file", a.text, *limit, "--act", "q8")
    ok = check("perplexity", ours["ppl"], theirs, abs(math.log(ours["ppl"] / theirs)), 0.005)
    errors = number(r"Final estimate: PPL = [0-9.]+ \+/- ([0-9.]+)", out)
    return check("  its error, by tokens", ours["ppl_error_tokens"], errors,
                 abs(ours["ppl_error_tokens"] / errors - 1), 0.02) and ok


def divergence(a, peer):
    copy = os.path.join(a.cache, f"{stem(a.model)}-{a.requantize}.gguf")
    if not os.path.exists(copy):
        run([os.path.join(a.llama, "llama-quantize"), "--allow-requantize", a.model, copy,
             a.requantize, str(a.threads)])
    base = os.path.join(a.cache, "base.logits")
    name = f"kld-{stem(a.model)}-{a.requantize}-{a.kld_chunks}"
    if not os.path.exists(os.path.join(a.cache, name + ".txt")):
        run([os.path.join(a.llama, "llama-perplexity"), "-m", a.model, "-f", a.text, "--chunks",
             str(a.kld_chunks), "-t", str(a.threads), "--kl-divergence-base", base])
    out = peer.run(name, ["-m", copy, "--kl-divergence", "--kl-divergence-base", base,
                          "-t", str(a.threads)])
    if os.path.exists(base):
        os.remove(base)
    ours = knlp(a, "kld", copy, "--base", a.model, "--file", a.text, "--limit",
                str(a.kld_chunks), "--act", "q8", "--parity")
    num = r" *: *(-?[0-9.]+)"
    rows = [("mean KLD", ours["kld"], r"Mean +KLD" + num, 1, 0.02),
            ("median KLD", ours["kld_quantiles"]["median"], r"Median +KLD" + num, 1, 0.05),
            ("99 % KLD", ours["kld_quantiles"]["q99"], r"99.0% +KLD" + num, 1, 0.1),
            ("RMS delta p, %", 100 * ours["delta_p_rms"], r"RMS Δp +" + num, 1, 0.02)]
    ok = True
    for what, x, pattern, scale, bound in rows:
        y = number(pattern, out)
        ok &= check(what, x, y, abs(x / y - 1), bound)
    y = number(r"Mean ln\(PPL\(Q\)/PPL\(base\)\)" + num, out)
    ok &= check("ln PPL / PPL base", ours["ln_ratio"], y, abs(ours["ln_ratio"] - y), 0.005)
    y = number(r"Same top p" + num, out)
    return check("same top token, %", 100 * ours["same_top"], y,
                 abs(100 * ours["same_top"] - y), 0.5) and ok


def share_same(x, y):
    return sum(i == j for i, j in zip(x, y)) / len(x)


def pieces(a):
    """HellaSwag's items as lists of lines, 100 items each."""
    opener = bz2.open if a.hellaswag.endswith(".bz2") else open
    with opener(a.hellaswag, "rt", encoding="utf-8", newline="\n") as f:
        lines = [line for i, line in enumerate(f) if i < 6 * a.items]
    return [lines[i:i + 600] for i in range(0, len(lines), 600)]


def piece_file(a, piece):
    text = "".join(piece)
    path = os.path.join(a.cache, f"items-{digest(text.encode())}.txt")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8", newline="\n") as f:
            f.write(text)
    return path


def ask_knlp(a, act):
    """What knlp's --dump says of each item."""
    items = []
    with open(a.knlp, "rb") as f:
        key = digest(f.read(), a.model.encode(), act.encode())
    for i, piece in enumerate(pieces(a)):
        dump = os.path.join(a.cache, f"knlp-{key}-{i}-{len(piece)}.jsonl")
        if not os.path.exists(dump):
            run([a.knlp, "eval", "hellaswag", a.model, "--file", piece_file(a, piece), "--act",
                 act, "--dump", dump, "-q", "-t", str(a.threads)])
        with open(dump) as f:
            items += [json.loads(line) for line in f][1:]
    return items


def ask_llama(a, peer, name, *options):
    """llama-perplexity's choices and mean ln p of the four endings of each item."""
    items = []
    for i, piece in enumerate(pieces(a)):
        nr = len(piece) // 6
        out = peer.run(f"hellaswag-{stem(a.model)}{name}-{i}-{nr}",
                       ["-m", a.model, "-f", piece_file(a, piece), "--hellaswag",
                        "--hellaswag-tasks", str(nr), "-t", str(a.threads), *options],
                       {"HELLASWAG_ITEMS": "1"})
        found = re.findall(r"^item\t\d+\t(\d)\t\d\t(\S+)\t(\S+)\t(\S+)\t(\S+)", out, re.M)
        if len(found) != nr:
            sys.exit(f"llama-perplexity printed {len(found)} items, not {nr}: is it patched?")
        items += [(int(x[0]), [float(y) for y in x[1:]]) for x in found]
    return items


def ask_lm_eval(a):
    """lm-eval's ln p of the endings, with the same weights in transformers."""
    lm, items = None, []
    for i, piece in enumerate(pieces(a)):
        path = f"lm-eval-{stem(a.lm_eval)}-{i}-{len(piece)}"
        if not lm and not os.path.exists(os.path.join(a.cache, path + ".txt")):
            lm = open_lm_eval(a)
        items += json.loads(cached(a, path, lambda p=piece: json.dumps(loglikelihoods(lm, p))))
    return items


def open_lm_eval(a):
    import torch
    from lm_eval.models.huggingface import HFLM
    torch.set_num_threads(a.threads)
    return HFLM(pretrained=a.lm_eval, dtype="float32", batch_size=4, device="cpu")


def loglikelihoods(lm, piece):
    from lm_eval.api.instance import Instance
    asked = []
    for i in range(0, len(piece), 6):
        context, _, *ends = (line.rstrip("\n") for line in piece[i:i + 6])
        asked += [Instance("loglikelihood", {}, (context, " " + e), 0) for e in ends]
    lls = [r[0] for r in lm.loglikelihood(asked, disable_tqdm=True)]
    return [lls[i:i + 4] for i in range(0, len(lls), 4)]


def choices(items, key):
    return [max(range(4), key=lambda c, i=i: i[key][c]) for i in items]


def difference(x, y):
    """Root mean square of the differences of two lists of four numbers for each item."""
    d = [(p - q) ** 2 for i, j in zip(x, y) for p, q in zip(i, j)]
    return math.sqrt(sum(d) / len(d))


def hellaswag(a, peer):
    if a.lm_eval:
        return hellaswag_lm_eval(a)
    answers = ask_knlp(a, "q8")
    peers = ask_llama(a, peer, "")
    gold = [i["gold"] for i in answers]
    ours, theirs = choices(answers, "log_p_token"), [i[0] for i in peers]
    same = share_same(ours, theirs)
    print(f"HellaSwag, right by token: knlp {100 * share_same(ours, gold):.2f} %, llama.cpp "
          f"{100 * share_same(theirs, gold):.2f} %; ln p of a token differs by "
          f"{difference([i['log_p_token'] for i in answers], [i[1] for i in peers]):.5f}")
    if a.self:
        other = ask_llama(a, peer, *F32_CACHE)
        print(f"HellaSwag, with a cache in f32 llama.cpp makes the same choice as without in "
              f"{100 * share_same([i[0] for i in other], theirs):.2f} %, as knlp in "
              f"{100 * share_same([i[0] for i in other], ours):.2f} %; ln p of a token differs "
              f"by {difference([i[1] for i in other], [i[1] for i in peers]):.5f} and "
              f"{difference([i['log_p_token'] for i in answers], [i[1] for i in other]):.5f}")
    return check("HellaSwag, same choices", same, 1, 1 - same, 0.005)


def hellaswag_lm_eval(a):
    answers, lls = ask_knlp(a, "f32"), ask_lm_eval(a)
    ends = [line.rstrip("\n") for piece in pieces(a) for line in piece]
    theirs = [max(range(4), key=lambda c, i=i: lls[i][c] / len(ends[6 * i + 2 + c]))
              for i in range(len(lls))]
    worst = max(abs(x - y) for i, j in zip(answers, lls) for x, y in zip(i["log_p"], j))
    same = share_same(choices(answers, "log_p_char"), theirs)
    print(f"HellaSwag, {len(lls)} items: largest difference of a ln p: {worst:.5f}")
    return check("HellaSwag, same choices as lm-eval", same, 1, 1 - same, 0.005)


def prepare(a, peer):
    """Asks one side for HellaSwag's items, for a later comparison."""
    if a.prepare == "knlp":
        ask_knlp(a, "f32" if a.lm_eval else "q8")
    elif a.prepare == "lm-eval":
        ask_lm_eval(a)
    elif a.prepare == "llama":
        ask_llama(a, peer, "")
    else:
        ask_llama(a, peer, *F32_CACHE)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--llama", required=True, help="folder of llama-perplexity")
    p.add_argument("--text", required=True, help="wikitext2-test.raw")
    p.add_argument("--hellaswag", help="file of six lines an item, plain or .bz2")
    p.add_argument("--lm-eval", metavar="FOLDER")
    p.add_argument("--cache", default="eval-check")
    p.add_argument("--requantize", default="Q4_0")
    p.add_argument("--chunks", type=int, default=40, help="perplexity; 0: the whole text")
    p.add_argument("--kld-chunks", type=int, default=8)
    p.add_argument("--items", type=int, default=2000)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--self", action="store_true", help="llama.cpp against itself, too")
    p.add_argument("--prepare", choices=["knlp", "llama", "llama-f32-cache", "lm-eval"])
    p.add_argument("--only", choices=["ppl", "kld", "hellaswag"])
    a = p.parse_args()
    os.makedirs(a.cache, exist_ok=True)
    peer = Peer(a)
    if a.prepare:
        prepare(a, peer)
        sys.exit(0)
    print(f"{'':34} {'knlp':>12} {'llama.cpp':>12}  difference")
    ok = True
    if a.only in (None, "ppl"):
        ok &= perplexity(a, peer)
    if a.only in (None, "kld"):
        ok &= divergence(a, peer)
    if a.hellaswag and a.only in (None, "hellaswag"):
        ok &= hellaswag(a, peer)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
