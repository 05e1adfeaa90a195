#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lm-eval and transformers, in fp64, make of a small random Llama.

    golden_eval.py TREE    writes TREE/tests/data/eval (TREE is the source tree)

Needs `pip install torch transformers lm_eval[hf]` (made with torch 2.15, transformers 5.24,
lm_eval 0.4.13).  In the folder:

    config, model.safetensors   the model, for knlp; its tokenizer is ../tokenizer/small.json
    hellaswag.txt, *.jsonl      questions, with what usually goes wrong: white space at the end
                                of a context, an empty context, characters of several bytes,
                                endings that begin alike, contexts longer than the model's
    text.txt                    documents
    golden.jsonl                a line for each item of each case; see tests/unit/test-eval.c

ln p of questions and documents is lm-eval's own (HFLM.loglikelihood, loglikelihood_rolling),
the number by token is written from llama.cpp's perplexity.cpp, the windows from the guide
"Perplexity of fixed-length models" of Hugging Face.
"""
import json
import os
import random
import sys

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT, VOCAB, WIDTH, MLP, LAYERS, HEADS, KV = 96, 500, 16, 40, 2, 2, 1
EOT = "<|endoftext|>"

CONFIG = {
    "MODEL_FAMILY": '"llama"', "MODEL_LAYERS": LAYERS, "MODEL_HEADS": HEADS,
    "MODEL_KV_HEADS": f'"{KV}"', "MODEL_WIDTH": WIDTH, "MODEL_CONTEXT": CONTEXT,
    "MODEL_VOCAB": f'"{VOCAB}"', "MODEL_MLP_WIDTH": f'"{MLP}"', "MODEL_TIED": '"no"',
    "MODEL_NORM": '"rmsnorm"', "MODEL_NORM_EPS": '"1e-5"', "MODEL_ACTIVATION": '"swiglu"',
    "MODEL_POSITION": '"rope"', "MODEL_ROPE_BASE": '"10000"', "MODEL_BIAS": '"no"',
}


def make_model(out):
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=MLP, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV, max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False,
        bos_token_id=None, eos_token_id=0, attn_implementation="eager")
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim == 2:
                p.copy_(torch.randn_like(p) * (0.5 if "lm_head" in name else 0.35))
            else:
                p.copy_(1 + 0.1 * torch.randn_like(p))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()},
              os.path.join(out, "model.safetensors"))
    with open(os.path.join(out, "config"), "w") as f:
        f.writelines(f"CONFIG_{k}={v}\n" for k, v in CONFIG.items())
    return model.double()


def log_probs(model, ids):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1).numpy()


# ---- questions ---------------------------------------------------------------------

def phrases(corpus, rng):
    words = corpus.split()
    while True:
        at = rng.randrange(len(words) - 12)
        yield lambda n, at=at: " ".join(words[at:at + n])


def make_questions(corpus, out):
    rng = random.Random(5)
    p = phrases(corpus, rng)
    odd = ["caf\u00e9 na\u00efve", "\u65e5\u672c\u8a9e", "\U0001f600 ok", "a", "the the the"]

    def choices(n):
        c = [next(p)(rng.randrange(1, 7)) for _ in range(n)]
        if rng.random() < 0.4:
            c[rng.randrange(n)] = rng.choice(odd)
        if rng.random() < 0.3:
            c[1] = c[0] + " " + c[1]
        return c

    six, query, options, cloze = [], [], [], []
    for i in range(24):
        context = next(p)(rng.randrange(1, 12))
        if i % 5 == 1:
            context += ": [x] " + next(p)(11) + " " + next(p)(11)
        six.append((context, rng.randrange(4), choices(4)))
        n = rng.randrange(2, 6)
        q = "Question: " + next(p)(rng.randrange(2, 9)) + ["", "\n", "\nAnswer:"][i % 3]
        query.append({"query": q, "choices": choices(n), "gold": rng.randrange(n)})
        options.append({"context_options": choices(2), "continuation": next(p)(4),
                        "gold": rng.randrange(2)})
        cloze.append({"context": next(p)(rng.randrange(1, 60)),
                      "continuation": rng.choice(corpus.split())})
    query[3]["query"] = "Question: why? \t \u00a0"
    six[2] = ("Blanks at the end.  ", 1, six[2][2])
    six[4] = ("Ends in a letter x", 2, ["y z", "y w", "y", "y z q"])
    cloze[5] = {"context": "", "continuation": "telegraph"}
    cloze[6] = {"text": cloze[6]["context"] + " " + cloze[6]["continuation"]}
    with open(os.path.join(out, "hellaswag.txt"), "w", encoding="utf-8") as f:
        for c, g, e in six:
            f.write("\n".join([c, str(g)] + e) + "\n")
    for name, items in (("piqa", query), ("winogrande", options), ("lambada", cloze)):
        with open(os.path.join(out, name + ".jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(i, ensure_ascii=i is items[0]) + "\n" for i in items)
    return six, query, options, cloze


def ask(lm, pairs):
    reqs = [Instance("loglikelihood", {}, p, i) for i, p in enumerate(pairs)]
    return lm.loglikelihood(reqs, disable_tqdm=True)


def by_token(model, tok, context, endings):
    """hellaswag_score() of perplexity.cpp; what is too long is cut off on the left."""
    seqs = [tok.encode(context + " " + e) for e in endings]
    least = min(map(len, seqs))
    common = next((k for k in range(least - 1) if len({s[k] for s in seqs}) > 1), least - 1)
    out = []
    for s in seqs:
        scored, s = len(s) - common, s[-(CONTEXT + 1):]
        lp = log_probs(model, s[:-1])
        out.append(float(np.mean([lp[i - 1, s[i]] for i in range(len(s) - scored, len(s))])))
    return out


def question_cases(model, tok, lm, six, query, options, cloze):
    for i, (context, gold, endings) in enumerate(six):
        lls = [r[0] for r in ask(lm, [(context, " " + e) for e in endings])]
        token = by_token(model, tok, context, endings)
        chars = (lls / np.array([float(len(e)) for e in endings])).tolist()
        yield {"case": "hellaswag", "item": i, "log_p": lls, "log_p_char": chars,
               "log_p_token": token,
               "acc": int(np.argmax(lls) == gold),
               "acc_norm": int(np.argmax(chars) == gold),
               "acc_norm_token": int(np.argmax(token) == gold)}
    for i, q in enumerate(query):
        context = q["query"]
        if not context.endswith("Answer:"):
            context += ("" if context.endswith("\n") else "\n") + "Answer:"
        lls = [r[0] for r in ask(lm, [(context, " " + c) for c in q["choices"]])]
        chars = (lls / np.array([float(len(c)) for c in q["choices"]])).tolist()
        yield {"case": "piqa", "item": i, "log_p": lls, "log_p_char": chars,
               "acc": int(np.argmax(lls) == q["gold"]),
               "acc_norm": int(np.argmax(chars) == q["gold"])}
    for i, o in enumerate(options):
        lls = [r[0] for r in ask(lm, [(c, " " + o["continuation"])
                                      for c in o["context_options"]])]
        yield {"case": "winogrande", "item": i, "log_p": lls,
               "acc": int(np.argmax(lls) == o["gold"])}
    for i, c in enumerate(cloze):
        if "text" in c:
            words = c["text"].split(" ")
            pair = (" ".join(words[:-1]), " " + words[-1])
        else:
            pair = (c["context"], " " + c["continuation"])
        ll, greedy = ask(lm, [pair])[0]
        yield {"case": "lambada", "item": i, "log_p": [ll], "nll": -ll, "acc": int(greedy)}


# ---- texts -------------------------------------------------------------------------

def llama_case(model, tok, text, context):
    """perplexity() of perplexity.cpp."""
    ids = tok.encode(text[:-1] if text.endswith("\n") else text)
    first = context // 2
    for i in range(len(ids) // context):
        chunk = ids[i * context:(i + 1) * context]
        lp = log_probs(model, chunk)
        nll = [-lp[k, chunk[k + 1]] for k in range(first, context - 1)]
        yield {"case": "llama", "item": i, "tokens": len(nll), "nll": float(np.sum(nll))}


def sliding_case(model, tok, text, context, stride):
    """The guide's loop; each token counts once."""
    ids = tok.encode(text)
    prev = 0
    for i, begin in enumerate(range(0, len(ids), stride)):
        end = min(begin + context, len(ids))
        trg = end - prev
        window = ids[begin:end]
        lp = log_probs(model, window)
        nll = [-lp[k - 1, window[k]] for k in range(max(len(window) - trg, 1), len(window))]
        yield {"case": "sliding", "item": i, "tokens": len(nll), "nll": float(np.sum(nll))}
        prev = end
        if end == len(ids):
            break


def document_case(lm, tok, documents):
    for i, d in enumerate(documents):
        ll = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (d,), i)],
                                      disable_tqdm=True)[0]
        yield {"case": "document", "item": i, "tokens": len(tok.encode(d)), "nll": -ll,
               "bytes": len(d.encode())}


def make_documents(corpus, out):
    rng = random.Random(6)
    p = phrases(corpus, rng)
    documents = [" ".join(next(p)(9) for _ in range(n)) for n in (1, 3, 9, 2, 17, 5, 1)]
    documents[3] += "\n\nTwo paragraphs, caf\u00e9."
    with open(os.path.join(out, "text.txt"), "w", encoding="utf-8") as f:
        f.write(f"\n{EOT}\n".join(documents) + "\n" + EOT + "\n")
    return documents


def main():
    tree = sys.argv[1]
    out = os.path.join(tree, "tests/data/eval")
    os.makedirs(out, exist_ok=True)
    data = os.path.join(tree, "tests/data/tokenizer")
    tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(data, "small.json"),
                                  eos_token=EOT, model_max_length=CONTEXT)
    with open(os.path.join(data, "corpus.txt"), encoding="utf-8") as f:
        corpus = f.read()
    torch.set_default_dtype(torch.float32)
    model = make_model(out)
    lm = HFLM(pretrained=model, tokenizer=tok, batch_size=1, max_length=CONTEXT,
              softmax_dtype=torch.float64)
    questions = make_questions(corpus, out)
    documents = make_documents(corpus, out)
    lines = list(question_cases(model, tok, lm, *questions))
    lines += llama_case(model, tok, corpus, 64)
    lines += sliding_case(model, tok, corpus, 80, 24)
    lines += document_case(lm, tok, documents)
    with open(os.path.join(out, "golden.jsonl"), "w") as f:
        f.writelines(json.dumps(line) + "\n" for line in lines)


if __name__ == "__main__":
    main()
