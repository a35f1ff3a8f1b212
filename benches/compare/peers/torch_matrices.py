"""The works with matrix states in PyTorch: outputs [T, B, H] from the arrays of `matrices.py`.

What a step reads of the inputs is computed before the loop, of all steps at once. Products of a
vector and a matrix of each head are sums of products, which are compiled as one with the update of
the matrix.
"""

import torch
import torch.nn.functional as F

from matrices import HEAD
from shared import SIZES

T, B, H, E = SIZES.steps, SIZES.batch, SIZES.hidden, SIZES.heads


PIECE = 10  # steps that are compiled at once, since a whole loop takes many minutes


def loop(step, state, *sequences):
    ys, _ = steps(step, state, *sequences)
    return torch.stack(ys)


def steps(step, state, *sequences):
    ys = []
    for read in zip(*(sequence.unbind(0) for sequence in sequences)):
        y, state = step(state, *read)
        ys.append(y)
    return ys, state


def compiled():
    """A loop that runs a piece of the steps at a time, compiled."""
    piece = torch.compile(steps)

    def loop(step, state, *sequences):
        ys = []
        for read in zip(*(sequence.split(PIECE) for sequence in sequences)):
            of_piece, state = piece(step, state, *read)
            ys += of_piece
        return torch.stack(ys)

    return loop


def rows(z):
    return z.reshape(T, B * E, 1, HEAD)


def columns(z):
    return z.reshape(T, B * E, HEAD, 1)


def scalars(z):
    return z.reshape(T, B * E, 1, 1)


def m_lstm(loop, w_ih, w_ih_if, b, b_if, xs):
    q, k, v, o = (xs @ w_ih).chunk(4, -1)
    b_q, b_k, b_v, b_o = b.chunk(4)
    i, f = (xs @ w_ih_if + b_if).chunk(2, -1)

    def step(state, q, k, v, i, kept):
        c, n, m = state  # c [B E, key, value], so that sums over keys run along the rows
        kept = kept + m
        m = torch.maximum(kept, i)
        i, f = torch.exp(i - m), torch.exp(kept - m)
        c = f * c + (i * k) * v
        n = f * n + i * k
        norm = torch.maximum((n * q).sum(-2, keepdim=True).abs(), torch.exp(-m))
        return (c * q).sum(-2, keepdim=True) / norm, (c, n, m)

    start = torch.zeros(B * E, HEAD, HEAD), torch.zeros(B * E, HEAD, 1), torch.zeros(B * E, 1, 1)
    read = columns(q + b_q), columns(k / HEAD**0.5 + b_k), rows(v + b_v)
    ys = loop(step, start, *read, scalars(i), scalars(F.logsigmoid(f)))
    return torch.sigmoid(o + b_o) * ys.view(T, B, H)


def s_lstm(loop, w_ih, w_hh, b, xs):
    # [T, E, B, 4 H/E], so that a step's products are one batched product
    read = (xs @ w_ih + b).view(T, B, 4, E, HEAD).permute(0, 3, 1, 2, 4).reshape(T, E, B, 4 * HEAD)

    def step(state, read):
        h, c, n, m = state
        i, f, g, o = torch.baddbmm(read, h, w_hh).chunk(4, -1)
        kept = m + F.logsigmoid(f)
        m = torch.maximum(kept, i)
        i, f = torch.exp(i - m), torch.exp(kept - m)
        c = f * c + i * torch.tanh(g)
        n = f * n + i
        h = torch.sigmoid(o) * c / n
        return h, (h, c, n, m)

    ys = loop(step, [torch.zeros(E, B, HEAD)] * 4, read)
    return ys.transpose(1, 2).reshape(T, B, H)


def unit(z):
    return z / torch.sqrt(z.square().sum(-1, keepdim=True) + 1e-6)


def delta_net(loop, w_ih, w_i_beta, xs):
    q, k, v = (xs @ w_ih).chunk(3, -1)

    def step(s, q, k, v, beta):
        correction = beta * (v - (k * s).sum(-2, keepdim=True))
        s = s + k * correction
        return (q * s).sum(-2), s

    q, k = (unit(F.silu(z).view(T, B * E, HEAD)).unsqueeze(-1) for z in (q, k))
    beta = scalars(torch.sigmoid(xs @ w_i_beta))
    ys = loop(step, torch.zeros(B * E, HEAD, HEAD), q, k, rows(v), beta)
    return ys.view(T, B, H)


def selective_scan(loop, w_in, w_ir, w_r_delta, b_delta, w_ib, w_ic, a, d, xs):
    xs = F.silu(xs @ w_in)
    delta = F.softplus(xs @ w_ir @ w_r_delta + b_delta)
    rates = torch.exp(a)

    def step(s, delta, stored, b, c):
        s = torch.exp(-delta * rates) * s + stored * b
        return (s * c).sum(-1), s

    of_channels = [z.unsqueeze(-1) for z in (delta, delta * xs)]
    of_slots = [(xs @ w).unsqueeze(-2) for w in (w_ib, w_ic)]
    return loop(step, torch.zeros(B, H, SIZES.slots), *of_channels, *of_slots) + d * xs


def attention_lstm(loop, w_ih, w_hh, b, w_q, memory, xs):
    w_xh, w_rh = w_ih[: SIZES.input], w_ih[SIZES.input :]
    w = torch.cat([w_rh, w_hh])

    def step(state, read):
        h, c, r = state
        i, f, g, o = torch.addmm(read, torch.cat([r, h], 1), w).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        scores = torch.bmm(memory, (h @ w_q).unsqueeze(-1)) / H**0.5
        r = torch.bmm(scores.softmax(1).transpose(1, 2), memory).squeeze(1)
        return torch.cat([h, r], 1), (h, c, r)

    return loop(step, [torch.zeros(B, H)] * 3, xs @ w_xh + b)


WORKS = {f.__name__: f for f in (m_lstm, s_lstm, delta_net, selective_scan, attention_lstm)}
