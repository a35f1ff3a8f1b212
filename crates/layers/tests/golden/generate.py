"""Generates the float64 reference cases in this folder with PyTorch.

usage: python generate.py [OUT_DIR]      needs: torch 2.15, safetensors

Every NAME.safetensors has a NAME.json that says what each tensor is.  Inputs are drawn from
torch.manual_seed(CASE SEED), so a rerun with the same torch version gives the same files.
All floating-point tensors are float64, all index tensors int64, everything is row-major.
"""
import json
import os
import re
import sys
import zlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.backends.mkldnn.enabled = False
index = {}


def seed(name):
    s = zlib.crc32(name.encode()) & 0x7FFFFFFF
    torch.manual_seed(s)
    return s


def save(name, what, tensors, meta, s):
    tensors = {k: v.detach().clone().contiguous() for k, v in tensors.items()}
    save_file(tensors, os.path.join(OUT, name + ".safetensors"))
    d = {"file": name + ".safetensors", "what": what, "seed": s, "torch": torch.__version__.split("+")[0], **meta,
         "tensors": {k: {"shape": list(v.shape), "dtype": str(v.dtype).replace("torch.", "")}
                     for k, v in tensors.items()}}
    text = json.dumps(d, indent=1)
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda m: re.sub(r"\s+", " ", m.group()).replace("[ ", "[").replace(" ]", "]"), text)
    text = re.sub(r"\{\s+(\"shape\": [^{}]*?)\s+\}", lambda m: "{" + re.sub(r"\s+", " ", m.group(1)) + "}", text)
    with open(os.path.join(OUT, name + ".json"), "w") as f:
        f.write(text + "\n")
    index[name] = what


# ----------------------------------------------------------------- recurrent
RNN_NOTE = {
    "layout": "input [T,B,I], output [T,B,D*O], h0 and h_n [layers*D,B,O], c0 and c_n [layers*D,B,H]; D = 2 if "
              "bidirectional else 1; O = proj_size or H",
    "gates": {"RNN": "h = act(W_ih x + b_ih + W_hh h + b_hh)",
              "LSTM": "rows of weight_ih/weight_hh/bias are ordered input, forget, cell (g), output",
              "GRU": "rows ordered reset, update, new; n = tanh(W_in x + b_in + r*(W_hn h + b_hn)); h = (1-z)*n + z*h"},
    "names": "param.* are torch parameter names (suffix _reverse = backward direction); cotangent.output is r, "
             "grad.* are gradients of L = sum(output * cotangent.output); grad_state.* are gradients of "
             "L + sum(h_n * cotangent.h_n) (+ sum(c_n * cotangent.c_n) for LSTM)",
}


def recurrent(name, cls, T=7, B=3, I=5, H=4, lengths=None, **kw):
    s = seed(name)
    m = cls(I, H, **kw)
    for p in m.parameters():  # larger than the default, so that the nonlinearities matter
        nn.init.uniform_(p, -0.8, 0.8)
    D = 2 if m.bidirectional else 1
    O = m.proj_size or H
    L = m.num_layers * D
    lstm = cls is nn.LSTM
    x = torch.randn(T, B, I, requires_grad=True)
    h0 = (0.5 * torch.randn(L, B, O)).requires_grad_()
    c0 = (0.5 * torch.randn(L, B, H)).requires_grad_()
    xin = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False) if lengths else x
    out, st = m(xin, (h0, c0) if lstm else h0)
    if lengths:
        out, _ = nn.utils.rnn.pad_packed_sequence(out, total_length=T)
    hn, cn = st if lstm else (st, None)
    r, rh = torch.randn_like(out), torch.randn_like(hn)
    t = {"input": x, "h0": h0, "output": out, "h_n": hn, "cotangent.output": r, "cotangent.h_n": rh}
    wrt = {"input": x, "h0": h0, **dict(m.named_parameters())}
    loss2 = (out * r).sum() + (hn * rh).sum()
    if lstm:
        rc = torch.randn_like(cn)
        t.update({"c0": c0, "c_n": cn, "cotangent.c_n": rc})
        wrt["c0"] = c0
        loss2 = loss2 + (cn * rc).sum()
    for k, p in m.named_parameters():
        t["param." + k] = p
    g1 = torch.autograd.grad((out * r).sum(), list(wrt.values()), retain_graph=True)
    g2 = torch.autograd.grad(loss2, list(wrt.values()))
    for k, a, b in zip(wrt, g1, g2):
        t["grad." + k], t["grad_state." + k] = a, b
    if lengths:
        t["lengths"] = torch.tensor(lengths)
    opts = {"input_size": I, "hidden_size": H, **kw}
    what = f"torch.nn.{cls.__name__}({', '.join(f'{k}={v}' for k, v in opts.items())})"
    if lengths:
        what += f" on a packed batch with lengths {lengths} (outputs beyond the length are 0)"
    save(name, what, t, {"options": opts, **RNN_NOTE}, s)


recurrent("rnn_tanh_1layer", nn.RNN, nonlinearity="tanh")
recurrent("rnn_relu_1layer", nn.RNN, nonlinearity="relu")
recurrent("rnn_tanh_2layer_bidirectional", nn.RNN, nonlinearity="tanh", num_layers=2, bidirectional=True)
recurrent("rnn_relu_2layer", nn.RNN, nonlinearity="relu", num_layers=2)
recurrent("lstm_1layer", nn.LSTM)
recurrent("lstm_1layer_nobias", nn.LSTM, bias=False)
recurrent("lstm_2layer", nn.LSTM, num_layers=2)
recurrent("lstm_1layer_bidirectional", nn.LSTM, bidirectional=True)
recurrent("lstm_2layer_bidirectional", nn.LSTM, num_layers=2, bidirectional=True)
recurrent("lstm_1layer_proj3", nn.LSTM, proj_size=3)
recurrent("lstm_2layer_bidirectional_proj3", nn.LSTM, num_layers=2, bidirectional=True, proj_size=3)
recurrent("lstm_1layer_long_t60", nn.LSTM, T=60, B=2, I=3, H=6)
recurrent("lstm_2layer_bidirectional_packed", nn.LSTM, num_layers=2, bidirectional=True, lengths=[4, 7, 2])
recurrent("gru_1layer", nn.GRU)
recurrent("gru_1layer_nobias", nn.GRU, bias=False)
recurrent("gru_2layer", nn.GRU, num_layers=2)
recurrent("gru_2layer_bidirectional", nn.GRU, num_layers=2, bidirectional=True)
recurrent("gru_1layer_bidirectional_packed", nn.GRU, bidirectional=True, lengths=[7, 3, 5])


# ------------------------------------------------- the benchmark's own cells
def custom(name, what, params, body, T=7, B=3, I=5, H=4):
    s = seed(name)
    p = {k: (0.8 * (2 * torch.rand(*v) - 1) + (1.0 if k in ("gx", "gh", "gc") else 0.0)).requires_grad_()
         for k, v in params(I, H).items()}
    x = torch.randn(T, B, I, requires_grad=True)
    h, c = torch.zeros(B, H), torch.zeros(B, H)
    ys = []
    for t in range(T):
        h, c = body(p, x[t], h, c, H)
        ys.append(h)
    y = torch.stack(ys)
    loss = (y * y).sum()
    g = torch.autograd.grad(loss, [x] + list(p.values()))
    t = {"input": x, "output": y, "c_n": c, "loss": loss, "grad.input": g[0]}
    for (k, v), gv in zip(p.items(), g[1:]):
        t["param." + k], t["grad." + k] = v, gv
    save(name, what, t, {"layout": "input [T,B,I], output [T,B,H], W [G*H,I], R [G*H,H]; h0 = c0 = 0",
                         "names": "grad.* are gradients of loss = sum(output^2)"}, s)


def b1997(p, x, h, c, H):
    z, i, o = (F.linear(x, p["W"], p["b"]) + F.linear(h, p["R"])).chunk(3, 1)
    c = c + torch.tanh(z) * torch.sigmoid(i)
    return torch.tanh(c) * torch.sigmoid(o), c


def bln(p, x, h, c, H):
    a = F.layer_norm(F.linear(x, p["W"]), (4 * H,), p["gx"], p["bx"]) \
        + F.layer_norm(F.linear(h, p["R"]), (4 * H,), p["gh"], p["bh"]) + p["b"]
    i, f, z, o = a.chunk(4, 1)
    i = torch.sigmoid(i + p["p"][0] * c)
    f = torch.sigmoid(f + p["p"][1] * c)
    c = f * c + i * torch.tanh(z)
    o = torch.sigmoid(o + p["p"][2] * c)
    return o * torch.tanh(F.layer_norm(c, (H,), p["gc"], p["bc"])), c


custom("cell_lstm1997_no_forget_gate",
       "LSTM of 1997 (benchmark W4a): a = W x + R h + b; z,i,o = split(a); c' = c + tanh(z)*sigmoid(i); "
       "h' = tanh(c')*sigmoid(o)",
       lambda I, H: {"W": (3 * H, I), "R": (3 * H, H), "b": (3 * H,)}, b1997)
custom("cell_lstm_layernorm_peephole",
       "layer-normalised LSTM with peepholes (benchmark W4b): a = LN(W x; gx,bx) + LN(R h; gh,bh) + b; i,f,z,o = "
       "split(a); i = sigmoid(i + p[0]*c); f = sigmoid(f + p[1]*c); c' = f*c + i*tanh(z); o = sigmoid(o + p[2]*c'); "
       "h' = o*tanh(LN(c'; gc,bc)); LN eps 1e-5, biased variance",
       lambda I, H: {"W": (4 * H, I), "R": (4 * H, H), "gx": (4 * H,), "bx": (4 * H,), "gh": (4 * H,),
                     "bh": (4 * H,), "b": (4 * H,), "p": (3, H), "gc": (H,), "bc": (H,)}, bln)


# ---------------------------------------------------------------- functional
def functional(name, what, inputs, fn, extra=None, **options):
    """inputs: dict of tensors; the float ones get gradients of sum(output * cotangent)."""
    s = seed(name)
    ins = {k: (v() if callable(v) else v) for k, v in inputs.items()}
    wrt = {k: v.requires_grad_() for k, v in ins.items() if v.is_floating_point() and not k.startswith("const_")}
    y = fn(**{k.removeprefix("const_"): v for k, v in ins.items()})
    r = torch.randn_like(y)
    g = torch.autograd.grad((y * r).sum(), list(wrt.values()))
    t = {**{"input." + k.removeprefix("const_"): v for k, v in ins.items()}, "output": y, "cotangent": r}
    for k, gv in zip(wrt, g):
        t["grad." + k] = gv
    save(name, what, t, {"options": options, "names": "grad.* are gradients of sum(output * cotangent)"}, s)


N = lambda *s: (lambda: 2 * torch.randn(*s))  # noqa: E731
Y = lambda hi, *s: (lambda: torch.randint(0, hi, s))  # noqa: E731
for red in ("mean", "sum", "none"):
    functional(f"cross_entropy_{red}", f"F.cross_entropy(logits [6,5], target [6], reduction='{red}')",
               {"logits": N(6, 5), "target": Y(5, 6)},
               lambda logits, target: F.cross_entropy(logits, target, reduction=red), reduction=red)
functional("cross_entropy_ignore_index", "F.cross_entropy(..., ignore_index=1), mean over the targets kept",
           {"logits": N(8, 4), "target": lambda: torch.tensor([0, 1, 2, 3, 1, 0, 2, 1])},
           lambda logits, target: F.cross_entropy(logits, target, ignore_index=1), ignore_index=1)
functional("cross_entropy_label_smoothing", "F.cross_entropy(..., label_smoothing=0.1)",
           {"logits": N(6, 5), "target": Y(5, 6)},
           lambda logits, target: F.cross_entropy(logits, target, label_smoothing=0.1), label_smoothing=0.1)
functional("cross_entropy_class_weight", "F.cross_entropy(..., weight=weight), weighted mean",
           {"logits": N(6, 5), "target": Y(5, 6), "const_weight": lambda: torch.rand(5) + 0.5},
           lambda logits, target, weight: F.cross_entropy(logits, target, weight=weight))
functional("cross_entropy_extreme_logits", "F.cross_entropy with logits around +-1000 (needs the max-shifted form)",
           {"logits": lambda: torch.tensor([[1000., -1000., 0.], [-1000., -999., -1001.], [1e4, 1e4, 1e4]]),
            "target": lambda: torch.tensor([1, 0, 2])},
           lambda logits, target: F.cross_entropy(logits, target))
functional("nll_loss_mean", "F.nll_loss(log_probabilities, target)",
           {"input": lambda: torch.log_softmax(torch.randn(6, 5), 1), "target": Y(5, 6)},
           lambda input, target: F.nll_loss(input, target))
functional("mse_loss_mean", "F.mse_loss(input, target)", {"input": N(4, 3), "target": N(4, 3)},
           lambda input, target: F.mse_loss(input, target))
functional("bce_with_logits_mean", "F.binary_cross_entropy_with_logits(input, target)",
           {"input": N(4, 3), "const_target": lambda: torch.rand(4, 3)},
           lambda input, target: F.binary_cross_entropy_with_logits(input, target))
for d in (0, 1, 2):
    functional(f"softmax_dim{d}", f"F.softmax(x [3,4,5], dim={d})", {"x": N(3, 4, 5)},
               lambda x: F.softmax(x, dim=d), dim=d)
    functional(f"log_softmax_dim{d}", f"F.log_softmax(x [3,4,5], dim={d})", {"x": N(3, 4, 5)},
               lambda x: F.log_softmax(x, dim=d), dim=d)
functional("layer_norm_affine_last_dim", "F.layer_norm(x [4,3,6], (6,), weight, bias, eps=1e-5)",
           {"x": N(4, 3, 6), "weight": N(6), "bias": N(6)},
           lambda x, weight, bias: F.layer_norm(x, (6,), weight, bias), eps=1e-5, normalized_shape=[6])
functional("layer_norm_plain_last_dim", "F.layer_norm(x [4,6], (6,), eps=1e-3), no affine part", {"x": N(4, 6)},
           lambda x: F.layer_norm(x, (6,), eps=1e-3), eps=1e-3, normalized_shape=[6])
functional("layer_norm_affine_two_dims", "F.layer_norm(x [4,3,6], (3,6), weight, bias, eps=1e-5)",
           {"x": N(4, 3, 6), "weight": N(3, 6), "bias": N(3, 6)},
           lambda x, weight, bias: F.layer_norm(x, (3, 6), weight, bias), eps=1e-5, normalized_shape=[3, 6])
functional("embedding_repeated_indices", "F.embedding(indices [3,4] with repeats, weight [7,5]); the gradient adds up",
           {"weight": N(7, 5), "indices": lambda: torch.tensor([[0, 1, 2, 1], [6, 6, 6, 0], [3, 1, 2, 5]])},
           lambda weight, indices: F.embedding(indices, weight))
functional("embedding_padding_idx", "F.embedding(indices, weight, padding_idx=2); row 2 gets no gradient",
           {"weight": N(7, 5), "indices": lambda: torch.tensor([[0, 1, 2, 1], [6, 2, 6, 0]])},
           lambda weight, indices: F.embedding(indices, weight, padding_idx=2), padding_idx=2)
functional("conv2d", "F.conv2d(x [2,3,6,5], weight [4,3,3,2], bias, stride=(2, 1), padding=(1, 2))",
           {"x": N(2, 3, 6, 5), "weight": N(4, 3, 3, 2), "bias": N(4)},
           lambda x, weight, bias: F.conv2d(x, weight, bias, (2, 1), (1, 2)), stride=[2, 1], padding=[1, 2])
for nm, f in {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": F.relu, "softplus": F.softplus, "silu": F.silu,
              "gelu_erf": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "elu": F.elu}.items():
    functional("activation_" + nm, f"{nm} with its gradient, values from -40 to 40 included",
               {"x": lambda: torch.cat([torch.randn(16), torch.tensor([-40., -12., -3., 0.5, 3., 12., 40.])])},
               lambda x: f(x))


# ------------------------------------------------------------------- optimisers
def optim(name, cls, **kw):
    s = seed("optim")  # the same start and gradients for every optimiser
    a0, b0 = torch.randn(4, 3), torch.randn(5)
    ga, gb = torch.randn(5, 4, 3), torch.randn(5, 5)
    a, b = nn.Parameter(a0.clone()), nn.Parameter(b0.clone())
    o = cls([a, b], foreach=False, **kw)
    ta, tb = [], []
    for k in range(5):
        a.grad, b.grad = ga[k].clone(), gb[k].clone()
        o.step()
        ta.append(a.detach().clone())
        tb.append(b.detach().clone())
    t = {"start.a": a0, "start.b": b0, "gradients.a": ga, "gradients.b": gb,
         "after.a": torch.stack(ta), "after.b": torch.stack(tb)}
    for nm, p in (("a", a), ("b", b)):
        for k, v in o.state[p].items():
            if torch.is_tensor(v):
                t[f"state.{nm}.{k}"] = v.to(torch.float64)
    d = {k: v for k, v in o.defaults.items() if isinstance(v, (int, float, bool, tuple))}
    save(name, f"torch.optim.{cls.__name__}, 5 steps with given gradients",
         t, {"optimizer": cls.__name__, "options": d,
             "names": "gradients.* [5,...] are fed at steps 1..5; after.* [5,...] are the parameters after each step; "
                      "state.* is the optimiser state after step 5"}, s)


def optim_quadratic(name, cls, **kw):
    s = seed("optim_quadratic")
    M, t = torch.randn(6, 4), torch.randn(6)
    p = nn.Parameter(torch.randn(4))
    p0 = p.detach().clone()
    o = cls([p], foreach=False, **kw)
    ps, ls, gs = [], [], []
    for _ in range(5):
        o.zero_grad()
        loss = 0.5 * ((M @ p - t) ** 2).sum() + 0.1 * torch.cos(3 * p).sum()
        loss.backward()
        ls.append(loss.detach())
        gs.append(p.grad.clone())
        o.step()
        ps.append(p.detach().clone())
    d = {k: v for k, v in o.defaults.items() if isinstance(v, (int, float, bool, tuple))}
    save(name, f"torch.optim.{cls.__name__}, 5 steps on loss(p) = 0.5*sum((M p - t)^2) + 0.1*sum(cos(3 p))",
         {"M": M, "t": t, "start": p0, "after": torch.stack(ps), "loss": torch.stack(ls), "grad": torch.stack(gs)},
         {"optimizer": cls.__name__, "options": d,
          "names": "loss[k], grad[k] before step k+1, after[k] the parameters after it"}, s)


O = torch.optim
CASES = {
    "sgd": (O.SGD, dict(lr=0.1)),
    "sgd_weight_decay": (O.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd_momentum": (O.SGD, dict(lr=0.1, momentum=0.9)),
    "sgd_momentum_dampening": (O.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3)),
    "sgd_nesterov": (O.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    "adam": (O.Adam, dict(lr=0.05, betas=(0.9, 0.99), eps=1e-8)),
    "adam_weight_decay": (O.Adam, dict(lr=0.05, weight_decay=0.05)),
    "adam_amsgrad": (O.Adam, dict(lr=0.05, amsgrad=True)),
    "adamw": (O.AdamW, dict(lr=0.05, weight_decay=0.1)),
    "rmsprop": (O.RMSprop, dict(lr=0.05, alpha=0.9)),
    "rmsprop_centered_momentum": (O.RMSprop, dict(lr=0.05, alpha=0.9, momentum=0.8, centered=True)),
    "adagrad": (O.Adagrad, dict(lr=0.1)),
    "adagrad_decay": (O.Adagrad, dict(lr=0.1, lr_decay=0.01, weight_decay=0.02, initial_accumulator_value=0.1)),
    "adadelta": (O.Adadelta, dict(lr=1.0, rho=0.9)),
    "adamax": (O.Adamax, dict(lr=0.05)),
    "nadam": (O.NAdam, dict(lr=0.05)),
    "radam": (O.RAdam, dict(lr=0.05)),
}
for k, (c, kw) in CASES.items():
    optim("optim_" + k, c, **kw)
for k in ("sgd", "sgd_momentum", "sgd_nesterov", "adam", "adamw", "rmsprop", "adagrad"):
    c, kw = CASES[k]
    optim_quadratic("optim_quadratic_" + k, c, **{**kw, "lr": kw["lr"] * (0.2 if k.startswith("sgd") else 1)})

s = seed("clip_grad_norm")
ps = [nn.Parameter(torch.zeros(4, 3)), nn.Parameter(torch.zeros(5))]
gs = [3 * torch.randn(4, 3), 3 * torch.randn(5)]
for p, g in zip(ps, gs):
    p.grad = g.clone()
n = nn.utils.clip_grad_norm_(ps, 5.0)
save("clip_grad_norm_5", "torch.nn.utils.clip_grad_norm_(params, 5.0): g * min(1, 5/(norm + 1e-6))",
     {"gradients.a": gs[0], "gradients.b": gs[1], "norm": n, "clipped.a": ps[0].grad, "clipped.b": ps[1].grad},
     {"options": {"max_norm": 5.0}}, s)

with open(os.path.join(OUT, "index.json"), "w") as f:
    json.dump({"torch": torch.__version__.split("+")[0], "dtype": "float64", "cases": index}, f, indent=1)
    f.write("\n")
big = [(n, os.path.getsize(os.path.join(OUT, n + ".safetensors"))) for n in index]
print(len(big), "cases, total", sum(s for _, s in big), "bytes, largest", max(big, key=lambda p: p[1]))
assert all(s < 200_000 for _, s in big)
