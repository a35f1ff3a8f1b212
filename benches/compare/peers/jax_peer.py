"""The works in JAX; see `shared.py`."""

import functools
import os
import sys

import matrices
import shared
from shared import SIZES, THREADS, WORK, Numbers, say

# XLA takes as many threads as there are cores that it may use.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
os.environ["JAX_PLATFORMS"] = "cpu"
try:
    import jax
except ImportError:
    say("missing", "jax")
    sys.exit()
import jax.numpy as jnp
import jax_matrices
from jax.nn import sigmoid


# ------------------------------------------------------------------------------------------ cells
# A cell is `read(weights, x)`, what it does with inputs, and `step(weights, state, read)`.
def read_affine(weights, x):
    w_ih, _, b, *_ = weights
    return x @ w_ih + b


def elman(weights, state, read):
    (h,) = state
    h = jnp.tanh(read + h @ weights[1])
    return (h,), h


def lstm(weights, state, read):
    h, c = state
    i, f, g, o = jnp.split(read + h @ weights[1], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def lstm_1997(weights, state, read):
    h, c = state
    g, i, o = jnp.split(read + h @ weights[1], 3, -1)
    c = c + jnp.tanh(g) * sigmoid(i)
    h = jnp.tanh(c) * sigmoid(o)
    return (h, c), h


def layer_norm(x, gain, bias):
    centred = x - x.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * gain + bias


def read_peephole(weights, x):
    w_ih, _, gain_x, bias_x, *_ = weights
    return layer_norm(x @ w_ih, gain_x, bias_x)


def peephole(weights, state, read):
    h, c = state
    _, w_hh, _, _, gain_h, bias_h, b, p, gain_c, bias_c = weights
    i, f, g, o = jnp.split(read + layer_norm(h @ w_hh, gain_h, bias_h) + b, 4, -1)
    i = sigmoid(i + p[0] * c)
    f = sigmoid(f + p[1] * c)
    c = f * c + i * jnp.tanh(g)
    o = sigmoid(o + p[2] * c)
    h = o * jnp.tanh(layer_norm(c, gain_c, bias_c))
    return (h, c), h


def scan(read, cell, weights, xs, state, hoisted):
    """The last state and the outputs; `hoisted` reads all inputs at once, before the loop."""
    if hoisted:
        return jax.lax.scan(lambda s, x: cell(weights, s, x), state, read(weights, xs))
    return jax.lax.scan(lambda s, x: cell(weights, s, read(weights, x)), state, xs)


def zeros(count):
    return tuple(jnp.zeros((SIZES.batch, SIZES.hidden)) for _ in range(count))


# ------------------------------------------------------------------------------------------ works
def jitted(function, *arguments):
    function = jax.jit(function)
    return lambda: jax.block_until_ready(function(*arguments))


def gradients(read, cell, draw, hoisted):
    """Gradients of the sum of squares of the outputs."""
    numbers = Numbers()
    weights = [jnp.asarray(w) for w in draw(numbers)]
    x = jnp.asarray(numbers.sequence(SIZES.input))
    state = zeros(1 if cell is elman else 2)

    def loss(weights, x):
        return jnp.square(scan(read, cell, weights, x, state, hoisted)[1]).sum()

    return jitted(jax.grad(loss, argnums=(0, 1)), weights, x)


def lstm_layer(backward, hoisted):
    numbers = Numbers()
    weights = [jnp.asarray(w) for w in numbers.gates(4, SIZES.input, SIZES.hidden)]
    x = jnp.asarray(numbers.sequence(SIZES.input))
    cotangent = jnp.asarray(numbers.sequence(SIZES.hidden))
    outputs = lambda weights, x: scan(read_affine, lstm, weights, x, zeros(2), hoisted)[1]
    if not backward:
        return jitted(outputs, weights, x)

    def vjp(weights, x, cotangent):
        return jax.vjp(outputs, weights, x)[1](cotangent)

    return jitted(vjp, weights, x, cotangent)


def adam(weights, gradients, memory):
    means, squares, t = memory
    t = t + 1
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)

    def update(w, m, v):
        return w - 2e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return jax.tree.map(update, weights, means, squares), (means, squares, t)


def clipped_descent(weights, gradients, memory):
    norm = jnp.sqrt(sum(jnp.square(g).sum() for g in jax.tree.leaves(gradients)))
    rate = 0.1 * jnp.minimum(1.0, 5.0 / (norm + 1e-6))
    return jax.tree.map(lambda w, g: w - rate * g, weights, gradients), memory


def training(optimizer, hoisted):
    *weights, tokens, targets = shared.language_model(Numbers())
    weights = jax.tree.map(jnp.asarray, weights)
    tokens, targets = jnp.asarray(tokens), jnp.asarray(targets)
    nothing = lambda: jax.tree.map(jnp.zeros_like, weights)
    memory = (nothing(), nothing(), 0.0) if optimizer is adam else ()
    states = [zeros(2) for _ in range(SIZES.layers)]

    def loss(weights, states):
        embedding, layers, output, bias = weights
        xs, last = embedding[tokens], []
        for layer, state in zip(layers, states):
            state, xs = scan(read_affine, lstm, layer, xs, state, hoisted)
            last.append(state)
        logs = jax.nn.log_softmax(xs @ output + bias)
        return -jnp.take_along_axis(logs, targets[..., None], -1).mean(), last

    def train(weights, memory, states):
        (value, states), slopes = jax.value_and_grad(loss, has_aux=True)(weights, states)
        weights, memory = optimizer(weights, slopes, memory)
        return (weights, memory, states), value

    train = jax.jit(train, donate_argnums=(0, 1, 2))
    carried = [(weights, memory, states)]

    def step():
        carried[0], value = jax.block_until_ready(train(*carried[0]))
        return [value]

    return step


def of_matrices(scan):
    """Gradients of the mean of squares of the outputs, or these alone."""
    outputs = functools.partial(jax_matrices.WORKS[matrices.NAME], scan)
    arrays = [jnp.asarray(a) for a in matrices.drawn()]
    if not matrices.BACKWARD:
        return jitted(outputs, *arrays)
    loss = lambda *arrays: jnp.square(outputs(*arrays)).mean()
    return jitted(jax.grad(loss, argnums=range(len(arrays))), *arrays)


def variants_of_matrices():
    scan = jax.lax.scan
    scans = {"scan, hoisted": scan, "unrolled by 4": functools.partial(scan, unroll=4)}
    if matrices.BACKWARD:
        scans["recomputed"] = lambda step, *rest: scan(jax.checkpoint(step), *rest)
    return {name: functools.partial(of_matrices, scan) for name, scan in scans.items()}


def variants():
    if matrices.NAME in jax_matrices.WORKS:
        return variants_of_matrices()
    make = step_maker()
    return {"scan": lambda: make(False), "scan, hoisted": lambda: make(True)}


def step_maker():
    """A function of `hoisted` that makes the step of the work."""
    gates = lambda count: lambda numbers: numbers.gates(count, SIZES.input, SIZES.hidden)
    match WORK:
        case "char_lm":
            return lambda hoisted: training(adam, hoisted)
        case "lm_medium":
            return lambda hoisted: training(clipped_descent, hoisted)
        case "lstm_layer_forward":
            return lambda hoisted: lstm_layer(False, hoisted)
        case "lstm_layer" | "lstm_4":
            return lambda hoisted: lstm_layer(True, hoisted)
        case "lstm_1997":
            return lambda hoisted: gradients(read_affine, lstm_1997, gates(3), hoisted)
        case "layer_norm_peephole":
            draw = shared.layer_norm_peephole
            return lambda hoisted: gradients(read_peephole, peephole, draw, hoisted)
        case "elman" | "elman_small":
            return lambda hoisted: gradients(read_affine, elman, gates(1), hoisted)


if __name__ == "__main__":
    shared.serve(variants(), jax.tree.leaves)
