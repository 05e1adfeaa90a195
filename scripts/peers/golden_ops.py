#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What PyTorch computes, in fp64, for small inputs of every op of core/ops/.

    golden_ops.py FILE      writes FILE (tests/data/golden/ops.safetensors)

Needs `pip install torch numpy`.  tests/ops/golden.c runs the ops' oracles on the same
inputs and demands the same results.  Tensors of a case:

    OP/CASE/in0 ...     inputs; a missing number is an absent input
    OP/CASE/out0 ...    all outputs
    OP/CASE/up          gradient of a loss with respect to out0 (not for OP_LOSS ops)
    OP/CASE/din0 ...    gradients of the inputs for it, by autograd

and in the metadata OP/CASE/attr: the attribute struct as a JSON object.  A new op needs
its cases here, and its struct in the test's table if it has one.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

from golden_file import save

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240229)

tensors, metadata = {}, {}


def f32(x):
    """A constant as the C program has it: rounded to float."""
    return torch.tensor(x, dtype=torch.float32).item()


def normal(*shape):
    return torch.randn(shape)


def positive(*shape):
    return 0.5 + torch.rand(shape)


def ids(limit, *shape, low=0):
    return torch.randint(low, limit, shape, dtype=torch.int32)


def i32(*values):
    return torch.tensor(values, dtype=torch.int32)


def flag(value):
    return torch.tensor(value, dtype=torch.int32)


def put(case, what, t):
    assert t.isnan().sum() == 0, (case, what)
    tensors[f"{case}/{what}"] = t.detach().clone()


def add_case(op, name, attr, inputs, fn, diff=()):
    """fn(*inputs) gives all outputs; diff: inputs that autograd differentiates out0 by."""
    case = f"{op}/{name}"
    assert f"{case}/in0" not in tensors, case
    if attr is not None:
        metadata[f"{case}/attr"] = json.dumps(attr)
    for i, x in enumerate(inputs):
        if x is not None:
            put(case, f"in{i}", x)
            if i in diff:
                x.requires_grad_()
    outs = fn(*inputs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    for o, y in enumerate(outs):
        put(case, f"out{o}", y)
    if diff:
        up = torch.randn(outs[0].shape)
        put(case, "up", up)
        grads = torch.autograd.grad(outs[0], [inputs[i] for i in diff], up)
        for i, d in zip(diff, grads):
            put(case, f"din{i}", d)


# ---- elementwise --------------------------------------------------------------------

def elementwise():
    add_case("add", "same", None, [normal(3, 5), normal(3, 5)], torch.add, (0, 1))
    add_case("add", "rows", None, [normal(2, 3, 5), normal(5)], torch.add, (0, 1))
    add_case("add", "scalar", None, [normal(3, 5), normal()], torch.add, (0, 1))
    add_case("mul", "same", None, [normal(3, 5), normal(3, 5)], torch.mul, (0, 1))
    add_case("mul", "positions", None, [normal(2, 3, 5), normal(3, 5)], torch.mul, (0, 1))
    add_case("mul", "scalar", None, [normal(3, 5), normal()], torch.mul, (0, 1))
    add_case("scale", "third", {"factor": 1 / 3}, [normal(3, 5)], lambda x: x * f32(1 / 3), (0,))
    add_case("scale_by", "odd", None, [normal(3, 5), normal(1)], torch.mul, (0, 1))
    wide = lambda: torch.cat([normal(3, 7) * 3, torch.tensor([[0.0] * 2 + [40.0, -40.0, 6, -6, 1]])])
    add_case("gelu", "tanh", {"exact": False}, [wide()],
             lambda x: F.gelu(x, approximate="tanh"), (0,))
    add_case("gelu", "exact", {"exact": True}, [wide()], F.gelu, (0,))
    add_case("relu2", "odd", None, [wide()], lambda x: F.relu(x).square(), (0,))
    add_case("sigmoid", "odd", None, [wide()], torch.sigmoid, (0,))
    add_case("silu", "odd", None, [wide()], F.silu, (0,))
    for cap in (0.7, 30):
        add_case("softcap", f"{cap}", {"cap": cap}, [wide()],
                 lambda x: f32(cap) * torch.tanh(x / f32(cap)), (0,))
    acts = [F.silu, lambda x: F.gelu(x, approximate="tanh"), F.gelu]
    for i, act in enumerate(acts):
        add_case("glu", ["silu", "gelu", "gelu_exact"][i], {"act": i},
                 [normal(3, 7), normal(3, 7)], lambda gate, up: act(gate) * up, (0, 1))


# ---- reductions, shapes, copies -------------------------------------------------------

def token_scores(z, targets):
    log_p = F.log_softmax(z, -1).gather(-1, targets.long().clamp(min=0)[..., None])[..., 0]
    return torch.where(targets < 0, 0.0, log_p), z.argmax(-1).int()


def reductions():
    for name, fn in ("sum", torch.sum), ("mean", torch.mean):
        add_case(name, "odd", None, [normal(2, 3, 5)], fn, (0,))
        add_case(name, "one", None, [normal(1)], fn, (0,))
    add_case("sum_last", "odd", None, [normal(2, 3, 5)], lambda x: x.sum(-1), (0,))
    for nd in range(3):
        add_case("sum_to", f"{nd}", {"nd": nd}, [normal(2, 3, 5)],
                 lambda x: x.sum(tuple(range(3 - nd))), (0,))
    add_case("sq_norm", "odd", None, [normal(2, 3, 5)], lambda x: torch.linalg.norm(x) ** 2)
    add_case("max_last", "odd", None, [normal(2, 3, 5)], lambda x: x.amax(-1))
    add_case("token_scores", "odd", None, [normal(2, 3, 5), ids(5, 2, 3, low=-1)], token_scores)
    add_case("count_valid", "odd", None, [ids(5, 3, 7, low=-1)],
             lambda t: (t != -1).sum().double())
    for last in False, True:
        for average in False, True:
            x = normal(2, 3) if last else normal(5)
            add_case("broadcast_to", f"{'last' if last else 'leading'}{' mean' * average}",
                     {"last": last, "average": average}, [x, normal(2, 3, 5)],
                     lambda x, like: (x.unsqueeze(-1) if last else x).expand_as(like) /
                     ((like.numel() // x.numel()) if average else 1),
                     () if average else (0,))


def shapes():
    for dim in range(3):
        sizes = [[2, 3, 5], [2, 3, 5]]
        sizes[1][dim] = 1
        add_case("concat", f"{dim}", {"dim": dim, "start": 0}, [normal(*s) for s in sizes],
                 lambda *x: torch.cat(x, dim), (0, 1))
    add_case("pad_slice", "middle", {"dim": 1, "start": 2}, [normal(2, 2, 3), normal(2, 5, 3)],
             lambda x, like: F.pad(x, (0, 0, 2, 1)), (0,))
    add_case("slice", "middle", {"dim": 1, "start": 2, "length": 2}, [normal(2, 5, 3)],
             lambda x: x.narrow(1, 2, 2), (0,))
    add_case("slice", "end", {"dim": 2, "start": 1, "length": -1}, [normal(2, 2, 3)],
             lambda x: x[:, :, 1:], (0,))
    add_case("transpose", "heads", {"a": 1, "b": 2}, [normal(2, 3, 5, 2)],
             lambda x: x.transpose(1, 2), (0,))
    add_case("split_dim", "heads", {"dim": 2, "inner": 2}, [normal(2, 3, 6)],
             lambda x: x.unflatten(2, (3, 2)), (0,))
    add_case("merge_dims", "heads", {"dim": 1}, [normal(2, 3, 2, 2)],
             lambda x: x.flatten(1, 2), (0,))
    add_case("contiguous", "odd", None, [normal(2, 3)], lambda x: x.clone(), (0,))
    add_case("fill_like", "odd", {"value": -0.25}, [normal(2, 3)],
             lambda x: torch.full_like(x, -0.25))


def append(cache, new, start):
    cache = cache.clone()
    for b, at in enumerate(start.tolist()):
        cache[b, at:at + new.shape[1]] = new[b]
    return cache


def updates():
    add_case("cache_append", "odd", None, [normal(2, 5, 2, 3), normal(2, 2, 2, 3), i32(3, 0)], append)
    for name, always, how in ("add", 0, 1), ("overwrite", 0, 0), ("always", 1, 0):
        add_case("accumulate", name, {"always_add": bool(always)},
                 [normal(3, 5), normal(3, 5), flag(how)],
                 lambda prev, x, _: prev + x if always or how else x.clone())


# ---- layers -----------------------------------------------------------------------------

def grad_of(fn, x, up):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(fn(x), x, up)[0]


def layers():
    add_case("linear", "bias", None, [normal(2, 3, 5), normal(4, 5), normal(4)], F.linear, (0, 1, 2))
    add_case("linear", "plain", None, [normal(3, 7), normal(5, 7)], F.linear, (0, 1))
    add_case("linear", "one", None, [normal(1), normal(1, 1)], F.linear, (0, 1))
    add_case("bias_grad", "odd", None, [normal(2, 3, 5)], lambda dy: dy.sum((0, 1)))
    for name, always, how in ("add", 0, 1), ("overwrite", 0, 0), ("always", 1, None):
        prev = flag(how) if how is not None else None
        keep = 1 if always or how else 0
        add_case("linear_dw", name, {"always_add": bool(always)},
                 [normal(2, 3, 5), normal(2, 3, 4), normal(4, 5), prev],
                 lambda x, dy, prev, _: keep * prev +
                 grad_of(lambda w: F.linear(x, w), torch.zeros(4, 5), dy))
        add_case("embedding_grad", name,
                 {"rows": 6, "accumulate.always_add": bool(always)},
                 [normal(2, 3, 5), ids(6, 2, 3), normal(6, 5), prev],
                 lambda dy, n, prev, _: keep * prev +
                 grad_of(lambda w: F.embedding(n, w), torch.zeros(6, 5), dy))
    add_case("embedding", "odd", {"out": 0}, [normal(5, 3), ids(5, 2, 4)],
             lambda table, n: F.embedding(n, table), (0,))
    add_case("softmax", "odd", None, [normal(3, 7) * 5], lambda x: F.softmax(x, -1), (0,))


def norms():
    def layernorm(x, w, b=None):
        y, mean, rstd = torch.native_layer_norm(x, [x.shape[-1]], w, b, f32(eps))
        return y, mean.squeeze(-1), rstd.squeeze(-1)

    def rmsnorm(x, w):
        return (F.rms_norm(x, [x.shape[-1]], w, f32(eps)),
                torch.rsqrt(x.square().mean(-1) + f32(eps)))

    for name, eps in ("usual", 1e-5), ("large eps", 0.5):
        add_case("layernorm", name, {"eps": eps, "out": 0}, [normal(2, 3, 7), normal(7), normal(7)],
                 layernorm, (0, 1, 2))
        add_case("rmsnorm", name, {"eps": eps, "out": 0}, [normal(2, 3, 7), normal(7)], rmsnorm, (0, 1))
    add_case("layernorm", "no bias", {"eps": eps, "out": 0}, [normal(3, 5), normal(5)], layernorm, (0, 1))
    add_case("layernorm", "one", {"eps": eps, "out": 0}, [normal(1), normal(1), normal(1)], layernorm,
             (0, 1, 2))


# ---- rotary positions and attention ---------------------------------------------------

def scaled(f, a):
    """Radians per token after scaling, as transformers' modeling_rope_utils.py does it."""
    factor, low, high = (a["scaling." + key] for key in ("factor", "low", "high"))
    if a["scaling.kind"] == 0:
        return f
    if a["scaling.kind"] == 1:
        return f / factor
    wave = 2 * math.pi / f
    smooth = (a["scaling.original"] / wave - low) / (high - low)
    between = (1 - smooth) * f / factor + smooth * f
    kept = torch.where(wave < a["scaling.original"] / high, f, between)
    return torch.where(wave > a["scaling.original"] / low, f / factor, kept)


def rope_fn(a):
    def rope(x, positions):
        n = a["rotary_dims"] or x.shape[-1]
        f = scaled(f32(a["base"]) ** (-torch.arange(0, n, 2).double() / n), a)
        angle = positions.double()[:, :, None, None] * f * (-1 if a["inverse"] else 1)
        part, rest = x[..., :n], x[..., n:]
        if a["adjacent"]:       # complex numbers, as in the paper and Llama's own code
            z = torch.view_as_complex(part.unflatten(-1, (n // 2, 2)).contiguous())
            part = torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2)
        else:                   # rotate_half, as in Hugging Face's Llama
            one, two = part.chunk(2, -1)
            double = torch.cat([angle, angle], -1)
            part = part * double.cos() + torch.cat([-two, one], -1) * double.sin()
        return torch.cat([part, rest], -1)
    return rope


def angles_fn(a, width):
    def angles(positions):
        f = scaled(f32(a["base"]) ** (-torch.arange(0, width, 2).double() / width), a)
        angle = positions.double()[:, :, None] * f
        return torch.stack([angle.cos(), angle.sin()], 2)
    return angles


NO_SCALING = {"scaling.kind": 0, "scaling.factor": 0, "scaling.low": 0, "scaling.high": 0,
              "scaling.original": 0}
LINEAR = {"scaling.kind": 1, "scaling.factor": 8}
LLAMA3 = {"scaling.kind": 2, "scaling.factor": 32, "scaling.low": 1, "scaling.high": 4,
          "scaling.original": 128}


def ropes():
    plain = dict(base=10000, rotary_dims=0, adjacent=False, inverse=False) | NO_SCALING
    for name, scaling in ("linear", LINEAR), ("llama3", LLAMA3):
        a = plain | scaling
        add_case("rope", name, a, [normal(2, 3, 2, 16), ids(500, 2, 3)], rope_fn(a), (0,))
        of = {"rope." + key: value for key, value in a.items()} | {"width": 16}
        add_case("rope_angles", name, of, [ids(500, 2, 3)], angles_fn(a, 16))
    for name, a in (
            ("halves", dict(base=10000, rotary_dims=0, adjacent=False, inverse=False)),
            ("adjacent", dict(base=500, rotary_dims=0, adjacent=True, inverse=False)),
            ("partial", dict(base=10000, rotary_dims=4, adjacent=False, inverse=True)),
            ("partial adjacent", dict(base=100, rotary_dims=4, adjacent=True, inverse=False))):
        add_case("rope", name, NO_SCALING | a, [normal(2, 3, 2, 6), ids(500, 2, 3)], rope_fn(NO_SCALING | a), (0,))


NO_ROPE = {"rope.base": 0, "rope.rotary_dims": 0, "rope.adjacent": False, "rope.inverse": False}
NO_ROPE |= {"rope." + key: value for key, value in NO_SCALING.items()}


def attention_fn(a):
    rope = rope_fn({key[5:]: value for key, value in a.items() if key.startswith("rope.")})

    def attention(q, k, v, doc_start=None, kv_length=None, positions=None):
        if positions is not None:
            q, k = rope(q, positions), rope(k, positions)
        (nb, tq, nh, d), tk = q.shape, k.shape[1]
        length = kv_length if kv_length is not None else torch.full((nb,), tk)
        j = torch.arange(tk)
        p = (torch.arange(tq)[None, :] + length[:, None] - tq)[:, :, None]      # (B, Tq, 1)
        sees = (j < length[:, None, None]).expand(nb, tq, tk)
        if a["causal"]:
            sees = sees & (j <= p)
        if a["window"]:
            sees = sees & (p - j < a["window"])
        if doc_start is not None:
            sees = sees & (j >= doc_start[:, :, None])
        sees = sees[:, None]                                                    # (B, 1, Tq, Tk)
        empty = ~sees.any(-1, keepdim=True)
        group = nh // k.shape[2]
        qh = q.transpose(1, 2)
        kh, vh = (x.transpose(1, 2).repeat_interleave(group, 1) for x in (k, v))
        scale = f32(a["scale"]) or 1 / math.sqrt(d)
        s = scale * qh @ kh.mT
        if a["softcap"]:
            s = f32(a["softcap"]) * torch.tanh(s / f32(a["softcap"]))
        s = s.masked_fill(~(sees | empty), -math.inf)
        o = F.softmax(s, -1) @ vh * ~empty
        lse = torch.logsumexp(s, -1).masked_fill(empty[..., 0], -math.inf)
        if not a["softcap"] and not empty.any():
            fused = F.scaled_dot_product_attention(qh, kh, vh, attn_mask=sees, scale=scale)
            assert torch.allclose(o, fused, rtol=1e-12, atol=1e-14)
        return o.transpose(1, 2), lse
    return attention


def attentions():
    def case(name, q, k, dv=None, extra=(), **attr):
        a = dict(scale=0, causal=False, window=0, softcap=0) | NO_ROPE | attr
        v = k[:3] + ([dv] if dv else k[3:])
        add_case("attention", name, a, [normal(*q), normal(*k), normal(*v), *extra],
                 attention_fn(a), (0, 1, 2))

    case("plain", [1, 3, 2, 3], [1, 3, 2, 3])
    case("causal", [2, 4, 1, 3], [2, 4, 1, 3], causal=True)
    case("lower right", [1, 2, 2, 3], [1, 5, 2, 3], causal=True, scale=0.3)
    case("no keys", [1, 4, 1, 2], [1, 2, 1, 2], causal=True)
    case("grouped", [1, 3, 4, 2], [1, 3, 2, 2], dv=3, causal=True)
    case("window", [1, 6, 1, 2], [1, 6, 1, 2], causal=True, window=2)
    case("around", [1, 5, 1, 2], [1, 5, 1, 2], window=3)
    case("softcap", [1, 4, 2, 3], [1, 4, 2, 3], causal=True, softcap=0.8, scale=0.7)
    case("documents", [2, 5, 1, 2], [2, 5, 1, 2], causal=True,
         extra=[torch.tensor([[0, 0, 2, 2, 2], [0, 1, 1, 1, 4]], dtype=torch.int32)])
    case("lengths", [2, 2, 2, 2], [2, 5, 2, 2], causal=True, extra=[None, i32(3, 5)])
    case("everything", [2, 3, 4, 3], [2, 6, 2, 3], dv=2, causal=True, window=3, softcap=1.5,
         scale=0.9, extra=[i32(0, 0, 2, 1, 1, 3).reshape(2, 3), i32(4, 6)])


def rotary_attentions():
    """q and k turned by attention itself, and attention_grad_packed: dq, dk, dv side by side."""
    for name, rope in (("halves", {"rope.base": 10000}),
                       ("adjacent", {"rope.base": 50, "rope.adjacent": True}),
                       ("partial", {"rope.base": 500, "rope.rotary_dims": 4})):
        a = dict(scale=0, causal=True, window=0, softcap=0) | NO_ROPE | rope
        q, k, v = normal(2, 4, 2, 6), normal(2, 4, 1, 6), normal(2, 4, 1, 3)
        add_case("attention", f"rope {name}", a, [q, k, v, None, None, ids(40, 2, 4)],
                 attention_fn(a), (0, 1, 2))

    def case(name, q, k, dv, positions=None, **attr):
        a = dict(scale=0, causal=True, window=0, softcap=0) | NO_ROPE | attr
        q, k, v = normal(*q), normal(*k), normal(*k[:3], dv)

        def gradient(q, k, v, _doc_start, _kv_length, positions, _o, _lse, up):
            parts = [x.clone().requires_grad_() for x in (q, k, v)]
            o = attention_fn(a)(*parts, positions=positions)[0]
            grads = torch.autograd.grad(o, parts, up)
            return torch.cat([x.flatten(2) for x in grads], -1)

        o, lse = attention_fn(a)(q, k, v, positions=positions)
        add_case("attention_grad_packed", name, a,
                 [q, k, v, None, None, positions, o, lse, normal(*o.shape)], gradient)

    case("causal", [2, 4, 2, 3], [2, 4, 2, 3], 3)
    case("grouped", [1, 5, 4, 2], [1, 5, 2, 2], 3, window=2, softcap=0.9)
    case("rope", [2, 4, 2, 6], [2, 4, 1, 6], 3, ids(40, 2, 4), **{"rope.base": 10000})


# ---- losses, randomness -----------------------------------------------------------------

MASK64 = (1 << 64) - 1
HASH_LABELS = 0x0115917b0083001d        # XXH3, 64 bits, of "labels"


def philox(key, counter):
    """Philox 4x32-10 (Salmon et al. 2011), four words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xffffffff, a >> 32 ^ c[3] ^ k[1], a & 0xffffffff]
        k = [k[0] + 0x9E3779B9 & 0xffffffff, k[1] + 0xBB67AE85 & 0xffffffff]
    return c


def uniform(key, purpose, nr):
    """What core/base/rng.h says: the first numbers of a stream."""
    seed, step = key.tolist()
    z = seed + 0x9e3779b97f4a7c15 & MASK64
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK64
    z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK64
    z = z ^ z >> 31 ^ purpose
    words = [w for i in range(nr + 3 >> 2) for w in
             philox((z & 0xffffffff, z >> 32), (i, 0, step & 0xffffffff, step >> 32))]
    return torch.tensor([(w >> 8) / (1 << 24) for w in words[:nr]])


def dropouts():
    for rate in 0.1, 0.75:
        add_case("dropout", f"{rate}", {"purpose": 12345, "rate": rate},
                 [normal(5, 9), torch.tensor([42, 7])],
                 lambda x, key: x * (uniform(key, 12345, 45).reshape(5, 9) >= f32(rate)) /
                 (1 - f32(rate)), (0,))


def losses():
    def logits(x, w, cap):
        z = F.linear(x, w)
        return f32(cap) * torch.tanh(z / f32(cap)) if cap else z

    def rows(x, w, targets, cap):
        return F.cross_entropy(logits(x, w, cap).flatten(0, -2), targets.flatten().long(),
                               ignore_index=-1, reduction="none").reshape(targets.shape)

    def train(x, w, targets, scale, prev=None, how=None, key=None):
        x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
        if key is not None:
            p = F.softmax(logits(x, w, cap), -1).flatten(0, -2).cumsum(-1)
            u = uniform(key, HASH_LABELS, targets.numel())
            drawn = (p <= u[:, None]).sum(-1).int().reshape(targets.shape)
            targets = torch.where(targets < 0, targets, drawn)
        loss = rows(x, w, targets, cap)
        dx, dw = torch.autograd.grad((scale * loss).sum(), (x, w))
        keep = always or (how is not None and how.item() != 0)
        return loss, dx, dw + prev if keep else dw

    def inputs():
        targets = ids(7, 2, 3)
        targets[0, 1] = -1
        return [normal(2, 3, 5), normal(7, 5), targets]

    key = torch.tensor([11, 3])
    for name, cap, always, more in (
            ("plain", 0, False, []), ("softcap", 1.5, False, []),
            ("add", 0, False, [normal(7, 5), flag(1)]),
            ("overwrite", 0, False, [normal(7, 5), flag(0)]),
            ("always", 0, True, [normal(7, 5)]),
            ("sampled", 0, False, [None, None, key]),
            ("sampled softcap", 3, False, [None, None, key])):
        add_case("linear_cross_entropy", name,
                 {"softcap": cap, "sampled": len(more) == 3, "squares": False,
                  "accumulate.always_add": always}, inputs() + [positive()] + more, train)
    # The same gradients through the graph, where the rule hands them on.
    name, case = "graph", inputs() + [positive()]
    cap, always = 0, False
    loss, dx, dw = train(*case)
    add_case("linear_cross_entropy", name,
             {"softcap": 0, "sampled": False, "squares": False,
              "accumulate.always_add": False}, case, train)
    put(f"linear_cross_entropy/{name}", "din0", dx)
    put(f"linear_cross_entropy/{name}", "din1", dw)
    for cap in 0, 2:
        add_case("linear_cross_entropy_eval", f"{cap}",
                 {"softcap": cap, "sampled": False, "squares": False,
                  "accumulate.always_add": False}, inputs(),
                 lambda x, w, targets: rows(x, w, targets, cap))


# ---- optimizers ---------------------------------------------------------------------------

def adamw_fn(a, step, lr, decay):
    def adamw(w, m, v, grad, clip, hyper):
        w = w.clone().requires_grad_()
        w.grad = grad * clip
        opt = torch.optim.AdamW([w], lr=lr, betas=(a["beta1"], a["beta2"]), eps=a["eps"],
                                weight_decay=a["weight_decay"] * decay)
        opt.state[w] = {"step": torch.tensor(float(step - 1)), "exp_avg": m.clone(),
                        "exp_avg_sq": v.clone()}
        opt.step()
        return w, opt.state[w]["exp_avg"], opt.state[w]["exp_avg_sq"]
    return adamw


def adamw_shadow_fn(a, step, lr, decay):
    def adamw_shadow(w, m, v, grad, clip, hyper, mask, shadow):
        new = adamw_fn(a, step, lr, decay)(w, m, v, grad, clip, hyper)
        new = tuple(x.detach() * mask for x in new)
        return (*new, new[0])
    return adamw_shadow


def optimizers():
    usual = dict(beta1=0.9, beta2=0.95, eps=1e-8, weight_decay=0.1)
    coarse = dict(beta1=0.8, beta2=0.999, eps=1e-3, weight_decay=0.5)
    for name, a, step, lr, decay, zero in (("first step", usual, 1, 0.01, 1, True),
                                           ("later", usual, 7, 0.01, 1, False),
                                           ("no decay", coarse, 3, 0.1, 0, False),
                                           ("coarse", coarse, 3, 0.1, 1, False)):
        m, v = (torch.zeros(3, 5),) * 2 if zero else (normal(3, 5), positive(3, 5))
        hyper = torch.tensor([lr, 1 - a["beta1"] ** step, 1 - a["beta2"] ** step, decay])
        add_case("adamw", name, a, [normal(3, 5), m, v, normal(3, 5), positive(), hyper],
                 adamw_fn(a, step, lr, decay))
    for name, limit, nr in ("off", 0, 1), ("clipped", 0.25, 1), ("loose", 100, 2), ("parts", 0.25, 3):
        grads = [normal(4) for _ in range(nr)]

        def clip(*_):
            params = [torch.zeros(4, requires_grad=True) for _ in grads]
            for p, g in zip(params, grads):
                p.grad = g.clone()
            if limit:
                torch.nn.utils.clip_grad_norm_(params, f32(limit))
            return params[0].grad[0] / grads[0][0]
        add_case("clip_scale", name, {"max_norm": limit}, [g.square().sum() for g in grads], clip)


# ---- types ----------------------------------------------------------------------------------

def casts():
    add_case("cast", "to f32", {"to": 0}, [normal(3, 5)], lambda x: x.clone(), (0,))


def shadows():
    a = dict(beta1=0.9, beta2=0.95, eps=1e-8, weight_decay=0.1)
    step, lr, decay = 4, 0.01, 1
    hyper = torch.tensor([lr, 1 - a["beta1"] ** step, 1 - a["beta2"] ** step, decay])
    mask = torch.randint(0, 2, (3, 5)).to(torch.float64)
    inputs = [normal(3, 5), normal(3, 5), positive(3, 5), normal(3, 5), positive(), hyper]
    fn = adamw_shadow_fn(a, step, lr, decay)
    add_case("adamw", "mask", a, inputs + [mask], lambda *x: fn(*x, None)[:3])
    shadow = torch.zeros(3, 5, dtype=torch.bfloat16)
    add_case("adamw_shadow", "mask", a, inputs + [mask, shadow], fn)


# ---- norms of residual sums ----------------------------------------------------------------

def residuals():
    eps = f32(1e-5)

    def layernorm(x, w, b, branch):
        s = x + branch.to(torch.float64)
        d = s - s.mean(-1, keepdim=True)
        var = d.square().mean(-1, keepdim=True)
        rstd = (var + eps).rsqrt()
        return d * rstd * w + b, s.mean(-1), rstd.squeeze(-1), s

    def rmsnorm(x, w, branch):
        s = x + branch.to(torch.float64)
        rstd = (s.square().mean(-1, keepdim=True) + eps).rsqrt()
        return s * rstd * w, rstd.squeeze(-1), s

    attr = {"eps": eps, "out": 0}
    add_case("add_layernorm", "odd", attr, [normal(2, 3, 7), normal(7), normal(7), normal(2, 3, 7)],
             layernorm, (0, 1, 2, 3))
    add_case("add_rmsnorm", "odd", attr, [normal(2, 3, 7), normal(7), normal(2, 3, 7)], rmsnorm,
             (0, 1, 2))
    half = normal(2, 3, 7).to(torch.bfloat16)
    add_case("add_layernorm", "bf16", attr, [normal(2, 3, 7), normal(7), normal(7), half],
             layernorm, (0, 1, 2))
    add_case("add_rmsnorm", "bf16", attr, [normal(2, 3, 7), normal(7), half], rmsnorm, (0, 1))


def fused():
    """Linear layers with their activation; numbers are those of enum activation."""
    acts = {"gelu": (1, lambda x: F.gelu(x, approximate="tanh")), "gelu_exact": (2, F.gelu),
            "silu": (3, F.silu), "relu2": (4, lambda x: F.relu(x).square())}
    for name, (number, act) in acts.items():
        def layer(x, w, b):
            return act(F.linear(x, w, b)), F.linear(x, w, b)

        add_case("linear_act", name, {"act": number}, [normal(2, 3, 5), normal(4, 5), normal(4)],
                 layer, (0, 1, 2))
        add_case("linear_dx_act", name, {"act": number},
                 [normal(2, 3, 5), normal(5, 4), normal(2, 3, 4)],
                 lambda dy, w, before: grad_of(act, before, dy @ w))


# ---- optimizers with a momentum buffer --------------------------------------------------

BF16 = torch.bfloat16


def momentum_fn(make):
    """One step of an optimizer with a momentum buffer; mask and shadow may be absent."""
    def step(w, buf, grad, clip, hyper, mask=None, shadow=None):
        keep = 1 if mask is None else mask
        w = w.clone().requires_grad_()
        w.grad = grad * clip * keep
        opt = make(w, hyper[0].item())
        opt.state[w] = {"momentum_buffer": buf * keep}
        opt.step()
        new = w.detach() * keep, opt.state[w]["momentum_buffer"] * keep
        return new if shadow is None else (*new, new[0])
    return step


def momentum_cases(op, cases, make):
    for name, a, shape, masked in cases:
        fn = momentum_fn(lambda w, lr, a=a: make(a, w, lr))
        hyper = torch.tensor([0.02, 0, 0, 0])
        inputs = [normal(*shape), normal(*shape), normal(*shape), positive(), hyper]
        mask = torch.randint(0, 2, shape).to(torch.float64) if masked else None
        add_case(op, name, a, inputs + ([mask] if masked else []), fn)
        shadow = torch.zeros(*shape, dtype=BF16)
        add_case(op + "_shadow", name, a, inputs + [mask, shadow], fn)


def make_sgd(a, w, lr):
    return torch.optim.SGD([w], lr=lr, momentum=a["momentum"], nesterov=a["nesterov"],
                           weight_decay=a["weight_decay"])


def make_muon(a, w, lr):
    return torch.optim.Muon([w], lr=lr, weight_decay=a["weight_decay"], momentum=a["momentum"],
                            nesterov=a["nesterov"],
                            adjust_lr_fn="match_rms_adamw" if a["match_rms"] else "original")


def momenta():
    plain = dict(momentum=0.5, weight_decay=0, nesterov=True)
    ball = dict(momentum=0.9, weight_decay=0.1, nesterov=False)
    nesterov = dict(momentum=0.95, weight_decay=0.01, nesterov=True)
    momentum_cases("sgd", (("no decay", plain, (3, 5), False), ("heavy ball", ball, (3, 5), False),
                           ("nesterov", nesterov, (3, 5), False),
                           ("mask", ball, (3, 5), True)), make_sgd)
    # PyTorch's Newton-Schulz steps are in bf16: here they stay in fp64.
    torch.bfloat16 = torch.float64
    try:
        momentum_cases("muon", (
            ("wide", dict(nesterov, match_rms=False), (4, 7), False),
            ("tall", dict(nesterov, match_rms=False), (9, 4), False),
            ("heavy ball", dict(ball, match_rms=False), (5, 5), False),
            ("match_rms", dict(nesterov, match_rms=True), (6, 3), False)), make_muon)
    finally:
        torch.bfloat16 = BF16


# ---- squares of gradients -----------------------------------------------------------------

def squares():
    for name, always, how in ("add", 0, 1), ("overwrite", 0, 0), ("always", 1, 0):
        add_case("square_accumulate", name, {"always_add": bool(always)},
                 [normal(3, 5), normal(3, 5), flag(how)],
                 lambda old, x, _: old + x**2 if always or how else x**2)

    def row_by_row(x, w, targets, scale, prev=None, how=None):
        """The gradient of each row's loss by itself, squared."""
        flat, labels = x.flatten(0, -2), targets.flatten().long()
        losses, dx, total = [], [], torch.zeros_like(w)
        for row, label in zip(flat, labels):
            row, weight = row.clone().requires_grad_(), w.clone().requires_grad_()
            z = F.linear(row, weight)
            z = f32(cap) * torch.tanh(z / f32(cap)) if cap else z
            loss = F.cross_entropy(z[None], label[None], ignore_index=-1, reduction="sum")
            gx, gw = torch.autograd.grad(scale * loss, (row, weight))
            losses.append(loss)
            dx.append(gx)
            total += gw**2
        return (torch.stack(losses).reshape(targets.shape), torch.stack(dx).reshape(x.shape),
                total + prev if prev is not None else total)

    for name, cap, more in ("squares", 0, []), ("squares softcap", 2, [normal(7, 5), flag(1)]):
        targets = ids(7, 2, 3)
        targets[0, 1] = -1
        add_case("linear_cross_entropy", name,
                 {"softcap": cap, "sampled": False, "squares": True,
                  "accumulate.always_add": False},
                 [normal(2, 3, 5), normal(7, 5), targets, positive()] + more, row_by_row)


def movements():
    def by_mask(total, w, grad):
        """w g is the gradient of a mask on w, as movement pruning defines it."""
        mask = torch.ones_like(w, requires_grad=True)
        # A loss whose gradient by the masked weights is @grad.
        (score,) = torch.autograd.grad((w * mask * grad).sum(), mask)
        return total - score

    add_case("movement", "matrix", None, [normal(3, 5), normal(3, 5), normal(3, 5)], by_mask)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for group in (elementwise, reductions, shapes, updates, layers, norms, ropes, attentions,
                  dropouts, losses, optimizers, casts, shadows, residuals, fused, momenta,
                  rotary_attentions, squares, movements):
        group()
    save(sys.argv[1], tensors, metadata)


if __name__ == "__main__":
    main()
