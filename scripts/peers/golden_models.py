#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What PyTorch computes, in fp64, when it trains two small models for ten steps.

    golden_models.py DIR    writes DIR/gpt2 and DIR/llama (DIR is tests/data/golden)

Needs `pip install torch numpy`.  In each folder:

    model.safetensors   initial weights (fp32), named as Hugging Face names them
    golden.safetensors  config (metadata): the model and its training, for knlp
                        tokens: one stream; step s takes BATCH windows in its order
                        logits, losses: of the first batch, before the first step
                        grad/NAME: of the first step's mean loss, before clipping
                        after1/NAME, after10/NAME: weights after that many steps
                        step_losses, grad_norms: of each step, before its update

and in DIR/llama

    sgd.safetensors, muon.safetensors
                        config (metadata): on top of the other, another optimizer
                        step_losses, grad_norms, after10/NAME: the training with it

The models are written here in plain torch, from the papers and Hugging Face's layouts
(GPT-2's projections are stored (in, out)).  tests/unit/test-golden-models.c builds the
same models from the same config and compares everything.
"""
import math
import os
import sys

import torch
import torch.nn.functional as F

from golden_file import save

STEPS, BATCH, T, VOCAB = 10, 2, 16, 61
LR, BETAS, EPS, DECAY, CLIP = 3e-3, (0.9, 0.95), 1e-6, 0.1, 1.0
SGD_LR, MUON_LR = 0.1, 0.01
NORM_EPS = torch.tensor(1e-5, dtype=torch.float32).item()

TRAINING = {
    "TRAIN_BATCH": BATCH, "TRAIN_ACCUM": 1, "TRAIN_TOKENS": STEPS * BATCH * T,
    "TRAIN_LR": LR, "TRAIN_SCHEDULE": "constant", "TRAIN_WARMUP": 0, "DATA_SHUFFLE": "n",
    "OPTIM_NAME": "adamw", "OPTIM_BETA1": BETAS[0], "OPTIM_BETA2": BETAS[1], "OPTIM_EPS": EPS,
    "OPTIM_WEIGHT_DECAY": DECAY, "OPTIM_CLIP": CLIP,
}


class Gpt2:
    # An odd head dimension, so that no kernel is lucky.
    layers, heads, width = 2, 4, 20
    config = {"MODEL_FAMILY": "gpt2", "MODEL_LAYERS": layers, "MODEL_HEADS": heads,
              "MODEL_WIDTH": width, "MODEL_CONTEXT": T, "MODEL_VOCAB": VOCAB}

    def shapes(self):
        c = self.width
        yield "transformer.wte.weight", (VOCAB, c)
        yield "transformer.wpe.weight", (T, c)
        for i in range(self.layers):
            h = f"transformer.h.{i}."
            for name, size in (("ln_1.weight", (c,)), ("ln_1.bias", (c,)),
                               ("attn.c_attn.weight", (c, 3 * c)), ("attn.c_attn.bias", (3 * c,)),
                               ("attn.c_proj.weight", (c, c)), ("attn.c_proj.bias", (c,)),
                               ("ln_2.weight", (c,)), ("ln_2.bias", (c,)),
                               ("mlp.c_fc.weight", (c, 4 * c)), ("mlp.c_fc.bias", (4 * c,)),
                               ("mlp.c_proj.weight", (4 * c, c)), ("mlp.c_proj.bias", (c,))):
                yield h + name, size
        yield "transformer.ln_f.weight", (c,)
        yield "transformer.ln_f.bias", (c,)

    def logits(self, p, ids):
        def norm(x, name):
            return F.layer_norm(x, [self.width], p[name + ".weight"], p[name + ".bias"], NORM_EPS)

        def conv1d(x, name):
            return x @ p[name + ".weight"] + p[name + ".bias"]

        x = p["transformer.wte.weight"][ids] + p["transformer.wpe.weight"][:ids.shape[1]]
        for i in range(self.layers):
            h = f"transformer.h.{i}."
            q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in
                       conv1d(norm(x, h + "ln_1"), h + "attn.c_attn").split(self.width, -1))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + conv1d(y.transpose(1, 2).flatten(2), h + "attn.c_proj")
            y = F.gelu(conv1d(norm(x, h + "ln_2"), h + "mlp.c_fc"), approximate="tanh")
            x = x + conv1d(y, h + "mlp.c_proj")
        return norm(x, "transformer.ln_f") @ p["transformer.wte.weight"].T


class Llama:
    layers, heads, kv_heads, width, hidden = 2, 4, 2, 16, 64    # 8/3 * 16, up to 32s
    config = {"MODEL_FAMILY": "llama", "MODEL_LAYERS": layers, "MODEL_HEADS": heads,
              "MODEL_KV_HEADS": kv_heads, "MODEL_WIDTH": width, "MODEL_CONTEXT": T,
              "MODEL_VOCAB": VOCAB}

    def shapes(self):
        c, kv = self.width, self.width * self.kv_heads // self.heads
        yield "model.embed_tokens.weight", (VOCAB, c)
        for i in range(self.layers):
            h = f"model.layers.{i}."
            for name, size in (("input_layernorm", (c,)), ("self_attn.q_proj", (c, c)),
                               ("self_attn.k_proj", (kv, c)), ("self_attn.v_proj", (kv, c)),
                               ("self_attn.o_proj", (c, c)), ("post_attention_layernorm", (c,)),
                               ("mlp.gate_proj", (self.hidden, c)),
                               ("mlp.up_proj", (self.hidden, c)),
                               ("mlp.down_proj", (c, self.hidden))):
                yield h + name + ".weight", size
        yield "model.norm.weight", (c,)
        yield "lm_head.weight", (VOCAB, c)

    def rotate(self, x):
        """apply_rotary_pos_emb of Hugging Face: pairs (i, i + D/2)."""
        t, d = x.shape[-2:]
        angle = torch.arange(t).double()[:, None] * 10000.0 ** (-torch.arange(0, d, 2).double() / d)
        angle = torch.cat([angle, angle], -1)
        one, two = x.chunk(2, -1)
        return x * angle.cos() + torch.cat([-two, one], -1) * angle.sin()

    def logits(self, p, ids):
        def norm(x, name):
            return F.rms_norm(x, [self.width], p[name + ".weight"], NORM_EPS)

        def linear(x, name):
            return F.linear(x, p[name + ".weight"])

        x = p["model.embed_tokens.weight"][ids]
        for i in range(self.layers):
            h = f"model.layers.{i}."
            y = norm(x, h + "input_layernorm")
            d = self.width // self.heads
            q, k, v = (linear(y, f"{h}self_attn.{n}_proj").unflatten(-1, (-1, d)).transpose(1, 2)
                       for n in "qkv")
            y = F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True,
                                               enable_gqa=True)
            x = x + linear(y.transpose(1, 2).flatten(2), h + "self_attn.o_proj")
            y = norm(x, h + "post_attention_layernorm")
            y = F.silu(linear(y, h + "mlp.gate_proj")) * linear(y, h + "mlp.up_proj")
            x = x + linear(y, h + "mlp.down_proj")
        return F.linear(norm(x, "model.norm"), p["lm_head.weight"])


def initial(model):
    """Larger than usual, so that everything matters; fp32 numbers."""
    out = {}
    for name, size in model.shapes():
        std = 0.5 / math.sqrt(model.width) if len(size) > 1 else 0.2
        w = torch.randn(size, dtype=torch.float64) * std
        if len(size) == 1 and name.endswith("weight"):
            w += 1
        out[name] = w.float()
    return out


def batch(tokens, step):
    """Windows of T in the order of the stream, targets one further."""
    at = step * BATCH * T
    return (tokens[at:at + BATCH * T].reshape(BATCH, T).long(),
            tokens[at + 1:at + 1 + BATCH * T].reshape(BATCH, T).long())


def adamw(groups):
    return torch.optim.AdamW(groups, lr=LR, betas=BETAS, eps=EPS)


def all_adamw(p):
    return [adamw([{"params": [w for w in p.values() if w.dim() > 1], "weight_decay": DECAY},
                   {"params": [w for w in p.values() if w.dim() == 1], "weight_decay": 0}])]


def all_sgd(p):
    return [torch.optim.SGD(
        [{"params": [w for w in p.values() if w.dim() > 1], "weight_decay": DECAY},
         {"params": [w for w in p.values() if w.dim() == 1], "weight_decay": 0}],
        lr=SGD_LR, momentum=0.8, nesterov=False)]


def grouped_muon(p):
    """Muon for hidden matrices, keys slower; the rest as OPTIM_GROUPS below says."""
    hidden = {name: w for name, w in p.items() if w.dim() > 1 and ".layers." in name}
    keys = [w for name, w in hidden.items() if "k_proj" in name]
    rest = [w for name, w in hidden.items() if "k_proj" not in name]
    return [torch.optim.Muon([{"params": keys, "lr": MUON_LR / 4}, {"params": rest}], lr=MUON_LR,
                             weight_decay=DECAY, momentum=0.9, nesterov=True,
                             adjust_lr_fn="original"),
            adamw([{"params": [p["model.embed_tokens.weight"]], "lr": LR / 2,
                    "weight_decay": 0.02},
                   {"params": [p["lm_head.weight"]], "weight_decay": DECAY}]),
            torch.optim.SGD([w for w in p.values() if w.dim() == 1], lr=LR, momentum=0.9,
                            nesterov=True, weight_decay=0)]


OTHERS = {
    "sgd": (all_sgd, {"OPTIM_NAME": "sgd", "TRAIN_LR": SGD_LR, "OPTIM_MOMENTUM": 0.8,
                      "OPTIM_NESTEROV": "n"}),
    "muon": (grouped_muon, {
        "OPTIM_NAME": "muon", "OPTIM_MUON_LR": MUON_LR, "OPTIM_MOMENTUM": 0.9,
        "OPTIM_NESTEROV": "y", "OPTIM_MUON_SCALE": "original",
        "OPTIM_GROUPS": "embedding:lr_scale=0.5,decay=0.02; /k_proj/:lr_scale=0.25; "
                        "norm:optimizer=sgd"}),
}


def train(model, weights, tokens, make_optimizers):
    p = {name: w.double().requires_grad_() for name, w in weights.items()}
    optimizers = make_optimizers(p)
    out, step_losses, norms = {}, [], []
    for step in range(STEPS):
        ids, targets = batch(tokens, step)
        logits = model.logits(p, ids)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        for w in p.values():
            w.grad = None
        losses.mean().backward()
        if step == 0:
            out["logits"], out["losses"] = logits, losses.reshape(BATCH, T)
            out |= {f"grad/{name}": w.grad.clone() for name, w in p.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(p.values(), CLIP))
        step_losses.append(losses.mean().detach())
        for opt in optimizers:
            opt.step()
        if step + 1 in (1, STEPS):
            out |= {f"after{step + 1}/{name}": w.detach().clone() for name, w in p.items()}
    out["step_losses"], out["grad_norms"] = torch.stack(step_losses), torch.stack(norms)
    return out


def text(config):
    return "\n".join(f"{k}={v}" for k, v in config.items())


def make_others(path, model, weights, tokens):
    # PyTorch's Newton-Schulz steps are in bf16: here they stay in fp64.
    bf16, torch.bfloat16 = torch.bfloat16, torch.float64
    runs = {name: train(model, weights, tokens, make) for name, (make, _) in OTHERS.items()}
    torch.bfloat16 = bf16
    for name, (_, config) in OTHERS.items():
        kept = {k: v for k, v in runs[name].items()
                if k in ("step_losses", "grad_norms") or k.startswith(f"after{STEPS}/")}
        print(name, "losses", kept["step_losses"].tolist())
        save(os.path.join(path, f"{name}.safetensors"), kept, {"config": text(config)})


def make(name, model, directory):
    torch.manual_seed(20240401)
    weights = initial(model)
    tokens = torch.randint(VOCAB, (STEPS * BATCH * T + 1,), dtype=torch.int32)
    out = train(model, weights, tokens, all_adamw)
    print(name, "losses", out["step_losses"].tolist(), "norms", out["grad_norms"].tolist())
    path = os.path.join(directory, name)
    os.makedirs(path, exist_ok=True)
    save(os.path.join(path, "model.safetensors"), weights, {"format": "pt"})
    save(os.path.join(path, "golden.safetensors"), {"tokens": tokens, **out},
         {"config": text(model.config | TRAINING)})
    if name == "llama":
        make_others(path, model, weights, tokens)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make("gpt2", Gpt2(), sys.argv[1])
    make("llama", Llama(), sys.argv[1])


if __name__ == "__main__":
    main()
