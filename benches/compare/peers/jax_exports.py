"""Cells of JAX and Flax, written by jax2onnx.

usage: jax_exports.py FOLDER HIDDEN...
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax2onnx import to_onnx

from exports import INPUT, entries, weights, write


def custom(hidden):
    """The cell of exported/custom.rs, in `lax.scan`."""
    w_ih, w_hh, b = map(jnp.asarray, weights(hidden))

    def step(state, x):
        h, c = state
        f, g, o = jnp.split(x @ w_ih + h @ w_hh + b, 3, axis=-1)
        f = jax.nn.sigmoid(f)
        c = f * c + (1 - f) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * c / jnp.sqrt(jnp.square(c).mean(-1, keepdims=True) + 1e-5)
        return (h, c), h

    def run(xs, h, c):
        (h, c), ys = jax.lax.scan(step, (h, c), xs)
        return ys, h, c

    return run


def carried(states):
    """A state of Flax from its variables, as one variable is not a tuple."""
    return states[0] if len(states) == 1 else states


def flax_rnn(cell, hidden):
    """A cell of Flax in its own `RNN`."""
    layer = nnx.RNN(cell(INPUT, hidden, rngs=nnx.Rngs(0)), time_major=True, return_carry=True)

    def run(xs, *states):
        last, ys = layer(xs, initial_carry=carried(states))
        return ys, *jax.tree.leaves(last)

    return run


def flax_scan(cell, hidden):
    """A cell of Flax in `lax.scan`."""
    step = cell(INPUT, hidden, rngs=nnx.Rngs(0))

    def run(xs, *states):
        last, ys = jax.lax.scan(step, carried(states), xs)
        return ys, *jax.tree.leaves(last)

    return run


def exporter(name, run, shape, hidden):
    def export(path, inputs):
        states = [(shape[1], hidden) for _ in inputs(1, 1)[1:]]
        to_onnx(run, [(*shape, INPUT), *states], return_mode="file", output_path=path)

    export.__name__ = name
    return export


def main():
    for hidden in map(int, sys.argv[2:]):
        for name, make, states in (
            ("lax.scan, custom", lambda: custom(hidden), 2),
            ("nnx.RNN, LSTMCell", lambda: flax_rnn(nnx.LSTMCell, hidden), 2),
            ("lax.scan, nnx.LSTMCell", lambda: flax_scan(nnx.LSTMCell, hidden), 2),
            (
                "lax.scan, nnx.OptimizedLSTMCell",
                lambda: flax_scan(nnx.OptimizedLSTMCell, hidden),
                2,
            ),
            ("nnx.RNN, GRUCell", lambda: flax_rnn(nnx.GRUCell, hidden), 1),
            ("lax.scan, nnx.GRUCell", lambda: flax_scan(nnx.GRUCell, hidden), 1),
        ):
            run = make()

            def inputs(steps, batch):
                state = np.zeros((batch, hidden), np.float32)
                return [entries(steps, batch), *[state] * states]

            shapes = {
                "steps and batch open": ("T", "B"),
                "batch open": (100, "B"),
                "steps open": ("T", 1),
                "nothing open": (100, 1),
            }
            ways = [exporter(way, run, shape, hidden) for way, shape in shapes.items()]
            write(f"jax2onnx; {name}; {hidden}", inputs, run, *ways)


if __name__ == "__main__":
    main()
