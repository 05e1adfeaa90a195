#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do the peers find the held-out loss of a model that knlp trained and converted?

    train_check.py KNLP LLAMA_CPP TEXT WORK [FAMILY...]

The last tenth of TEXT is held out.  A tokenizer, data and a small model of each family (by
default all that both peers have) are made in WORK, a new folder, by `knlp data tokenizer`,
`data prepare` and `train`; the run goes to GGUF and to a folder of Hugging Face by
`knlp convert`.  Then the loss of the held-out text, in nats per token, by the protocol of
llama-perplexity, is asked of

    knlp eval ppl           the run itself
    llama-perplexity        the GGUF file, with keys and values in f32
    transformers            the folder, text cut into tokens by its AutoTokenizer

Exit code 1 if a peer is more than 1e-3 away.
"""
import json
import math
import pathlib
import re
import subprocess
import sys

BOUND = 1e-3
CONTEXT = 64
CHUNKS = 200       # of the held-out text
VOCAB = 512
FAMILIES = ["gpt2", "llama", "qwen2", "qwen3", "gemma3"]
SETTINGS = {
    "MODEL_LAYERS": 2, "MODEL_WIDTH": 64, "MODEL_HEADS": 4, "MODEL_CONTEXT": CONTEXT,
    "TRAIN_BATCH": 8, "TRAIN_TOKENS": 150000, "TRAIN_WARMUP": 20, "TRAIN_EVAL_TOKENS": 0,
    "TRAIN_SAMPLE_TOKENS": 0,
}


def run(*command):
    p = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if p.returncode:
        sys.exit(f"{' '.join(str(c) for c in command)}: exit code {p.returncode}\n"
                 f"{p.stdout[-2000:]}")
    return p.stdout


def prepare(knlp, text, work):
    """WORK/data from the first nine tenths, WORK/held-out.txt from the rest, whole lines."""
    whole = text.read_bytes()
    cut = whole.index(b"\n", len(whole) * 9 // 10) + 1
    (work / "text").write_bytes(whole[:cut])
    # knlp and llama-perplexity take one newline off the end; there is none here.
    (work / "held-out.txt").write_bytes(whole[cut:].rstrip(b"\n"))
    run(knlp, "data", "tokenizer", "-q", "--input", work / "text", "--vocab", VOCAB, "--out",
        work / "tokenizer.json")
    run(knlp, "data", "prepare", "-q", "--input", work / "text", "--tokenizer",
        work / "tokenizer.json", "--out", work / "data")


def train(knlp, family, work):
    settings = dict(SETTINGS, MODEL_FAMILY=family)
    options = [f"--set={key}={value}" for key, value in settings.items()]
    run(knlp, "train", "-q", "--data", work / "data", "--run", work / family, *options)
    run(knlp, "convert", "-q", work / family, work / f"{family}.gguf")
    run(knlp, "convert", "-q", work / family, work / f"{family}-hf")


def own_loss(knlp, family, work):
    out = run(knlp, "eval", "ppl", "-q", "--json", "--context", CONTEXT, "--limit", CHUNKS,
              "--file", work / "held-out.txt", work / family)
    answer = json.loads(out.strip().splitlines()[-1])
    return answer["loss"], answer["items"]


def llama_loss(llama_cpp, family, work):
    out = run(llama_cpp / "build/bin/llama-perplexity", "-m", work / f"{family}.gguf", "-f",
              work / "held-out.txt", "-c", CONTEXT, "-ctk", "f32", "-ctv", "f32", "-fa", "off",
              "-t", 1, "--chunks", CHUNKS)
    found = re.search(r"Final estimate: PPL = ([0-9.]+)", out)
    if not found:
        sys.exit(f"llama-perplexity says no perplexity\n{out[-2000:]}")
    return math.log(float(found.group(1)))


def transformers_loss(family, work):
    """Chunks of CONTEXT tokens; counted are predictions at CONTEXT / 2 to CONTEXT - 2."""
    import torch
    import transformers

    folder = work / f"{family}-hf"
    tok = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    text = (work / "held-out.txt").read_text(encoding="utf-8")
    ids = tok(text, add_special_tokens=False, return_tensors="pt").input_ids[0]
    chunks = ids[:len(ids) // CONTEXT * CONTEXT].view(-1, CONTEXT)[:CHUNKS]
    first, total = CONTEXT // 2, 0.0
    with torch.no_grad():
        for part in chunks.split(64):
            logits = model(part).logits[:, first:-1].double()
            total += torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), part[:, first + 1:].reshape(-1),
                reduction="sum").item()
    return total / (len(chunks) * (CONTEXT - 1 - first)), len(chunks)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__.split("\n\n")[1])
    knlp, llama_cpp, text, work = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
    work.mkdir(parents=True)
    prepare(knlp, text, work)
    failed = 0
    print(f"{'family':8} {'knlp':>10} {'transformers':>12} {'llama.cpp':>10}  furthest", flush=True)
    for family in sys.argv[5:] or FAMILIES:
        train(knlp, family, work)
        ours, chunks = own_loss(knlp, family, work)
        hf, hf_chunks = transformers_loss(family, work)
        llama = llama_loss(llama_cpp, family, work)
        off = max(abs(hf - ours), abs(llama - ours))
        ok = off <= BOUND and chunks == hf_chunks
        failed += not ok
        print(f"{family:8} {ours:10.6f} {hf:12.6f} {llama:10.6f}  {off:.6f} of {BOUND} "
              f"{'ok' if ok else 'FAILED'}", flush=True)
    if failed:
        sys.exit(f"{failed} failed")


main()
