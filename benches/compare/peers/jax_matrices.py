"""The works with matrix states in JAX: outputs [T, B, H] from the arrays of `matrices.py`.

What a step reads of the inputs is computed before the loop, of all steps at once. `scan` is
`jax.lax.scan` with options.
"""

import jax.numpy as jnp
from jax.nn import log_sigmoid, sigmoid, silu, softmax, softplus

from matrices import HEAD
from shared import SIZES

T, B, H, E = SIZES.steps, SIZES.batch, SIZES.hidden, SIZES.heads


def of_heads(z):
    return z.reshape(T, B, E, HEAD)


def m_lstm(scan, w_ih, w_ih_if, b, b_if, xs):
    q, k, v, o = jnp.split(xs @ w_ih, 4, -1)
    b_q, b_k, b_v, b_o = jnp.split(b, 4)
    i, f = jnp.split(xs @ w_ih_if + b_if, 2, -1)
    q, k, v = of_heads(q + b_q), of_heads(k / HEAD**0.5 + b_k), of_heads(v + b_v)

    def step(state, read):
        (c, n, m), (q, k, v, i, kept) = state, read
        kept = kept + m
        m = jnp.maximum(kept, i)
        i, f = jnp.exp(i - m)[..., None], jnp.exp(kept - m)[..., None]
        c = f[..., None] * c + (i * v)[..., :, None] * k[..., None, :]
        n = f * n + i * k
        norm = jnp.maximum(jnp.abs((n * q).sum(-1)), jnp.exp(-m))
        return (c, n, m), jnp.einsum("bevk,bek->bev", c, q) / norm[..., None]

    start = jnp.zeros((B, E, HEAD, HEAD)), jnp.zeros((B, E, HEAD)), jnp.zeros((B, E))
    _, ys = scan(step, start, (q, k, v, i, log_sigmoid(f)))
    return sigmoid(o + b_o) * ys.reshape(T, B, H)


def s_lstm(scan, w_ih, w_hh, b, xs):
    # [T, E, B, 4, H/E], so that a step's products are one batched product
    read = (xs @ w_ih + b).reshape(T, B, 4, E, HEAD).transpose(0, 3, 1, 2, 4)

    def step(state, read):
        h, c, n, m = state
        z = read + (h @ w_hh).reshape(E, B, 4, HEAD)
        i, f, g, o = (z[:, :, k] for k in range(4))
        kept = m + log_sigmoid(f)
        m = jnp.maximum(kept, i)
        i, f = jnp.exp(i - m), jnp.exp(kept - m)
        c = f * c + i * jnp.tanh(g)
        n = f * n + i
        h = sigmoid(o) * c / n
        return (h, c, n, m), h

    _, ys = scan(step, (jnp.zeros((E, B, HEAD)),) * 4, read)
    return ys.transpose(0, 2, 1, 3).reshape(T, B, H)


def unit(z):
    return z / jnp.sqrt(jnp.square(z).sum(-1, keepdims=True) + 1e-6)


def delta_net(scan, w_ih, w_i_beta, xs):
    q, k, v = (of_heads(z) for z in jnp.split(xs @ w_ih, 3, -1))

    def step(s, read):
        q, k, v, beta = read
        correction = beta[..., None] * (v - jnp.einsum("bek,bekv->bev", k, s))
        s = s + k[..., :, None] * correction[..., None, :]
        return s, jnp.einsum("bek,bekv->bev", q, s)

    read = unit(silu(q)), unit(silu(k)), v, sigmoid(xs @ w_i_beta)
    _, ys = scan(step, jnp.zeros((B, E, HEAD, HEAD)), read)
    return ys.reshape(T, B, H)


def selective_scan(scan, w_in, w_ir, w_r_delta, b_delta, w_ib, w_ic, a, d, xs):
    xs = silu(xs @ w_in)
    delta = softplus(xs @ w_ir @ w_r_delta + b_delta)
    rates = jnp.exp(a)

    def step(s, read):
        delta, stored, b, c = read
        s = jnp.exp(-delta[..., None] * rates) * s + stored[..., None] * b[:, None, :]
        return s, jnp.einsum("bhn,bn->bh", s, c)

    read = delta, delta * xs, xs @ w_ib, xs @ w_ic
    _, ys = scan(step, jnp.zeros((B, H, SIZES.slots)), read)
    return ys + d * xs


def attention_lstm(scan, w_ih, w_hh, b, w_q, memory, xs):
    w_xh, w_rh = w_ih[: SIZES.input], w_ih[SIZES.input :]
    w = jnp.concatenate([w_rh, w_hh])

    def step(state, read):
        h, c, r = state
        i, f, g, o = jnp.split(read + jnp.concatenate([r, h], -1) @ w, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
        weights = softmax(jnp.einsum("bsh,bh->bs", memory, h @ w_q) / H**0.5, -1)
        r = jnp.einsum("bs,bsh->bh", weights, memory)
        return (h, c, r), jnp.concatenate([h, r], -1)

    return scan(step, (jnp.zeros((B, H)),) * 3, xs @ w_xh + b)[1]


WORKS = {f.__name__: f for f in (m_lstm, s_lstm, delta_net, selective_scan, attention_lstm)}
