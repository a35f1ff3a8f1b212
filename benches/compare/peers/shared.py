"""What the peers share: the work's sizes, its numbers, and blocks of steps timed on request.

usage: PEER.py WORK THREADS NAME=SIZE...

A peer writes a line `variant TAB figure TAB name` for each way it has of doing the work, or
`failed TAB reason TAB name`, and then `ready`; or nothing but `missing TAB module`. It then reads
lines `index seconds`, takes steps of that variant for so long, and answers each with the seconds of
every step. It ends when there are no more lines.
"""

import math
import os
import sys
import time
from types import SimpleNamespace

WORK, THREADS = sys.argv[1], int(sys.argv[2])
_named = {name: int(size) for name, size in (a.split("=") for a in sys.argv[3:])}
SIZES = SimpleNamespace(**{"heads": 0, "slots": 0, "rank": 0} | _named)  # most works have none

# What libraries print must not come between the lines that are read.
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(*fields):
    print(*fields, sep="\t", file=_answers, flush=True)


try:
    import numpy as np
except ImportError:
    say("missing", "numpy")
    sys.exit()

WARM_UP = 3  # steps; the figure is that of the last, so that two updates of a model are in it
TEMPERATURE = 0.8  # of the draws of "generation"


class Numbers:
    """The stream of `stream.rs`: SplitMix64, so both sides compute with the same numbers."""

    def __init__(self):
        self.drawn = 0

    def _draw(self, count):
        index = np.arange(self.drawn + 1, self.drawn + count + 1, dtype=np.uint64)
        self.drawn += count
        z = index * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def uniform(self, bound, *shape):
        """Between -bound and bound."""
        bits = (self._draw(math.prod(shape)) >> np.uint64(40)).astype(np.float32)
        unit = bits * np.float32(2**-23) - np.float32(1)
        return (unit * np.float32(bound)).reshape(shape)

    def tokens(self, vocabulary, *shape):
        draws = self._draw(math.prod(shape)) >> np.uint64(33)
        return (draws % np.uint64(vocabulary)).astype(np.int64).reshape(shape)

    def gates(self, count, inputs, hidden):
        """w_ih [I, count H], w_hh [H, count H], b [count H]."""
        bound, width = hidden**-0.5, count * hidden
        rows = [(inputs, width), (hidden, width), (width,)]
        return [self.uniform(bound, *shape) for shape in rows]

    def sequence(self, features):
        return self.uniform(1.0, SIZES.steps, SIZES.batch, features)


def layer_norm_peephole(numbers):
    """w_ih, w_hh, gains and biases of two norms, b, peepholes [3, H], the norm of the cell."""
    hidden = SIZES.hidden
    w_ih, w_hh, b = numbers.gates(4, SIZES.input, hidden)
    peepholes = numbers.uniform(hidden**-0.5, 3, hidden)
    one, zero = (lambda n: np.ones(n, np.float32)), (lambda n: np.zeros(n, np.float32))
    norms = [one(4 * hidden), zero(4 * hidden), one(4 * hidden), zero(4 * hidden)]
    return [w_ih, w_hh, *norms, b, peepholes, one(hidden), zero(hidden)]


def language_model(numbers):
    """The embedding, the layers' [W, R, b], output weight and bias, tokens and targets [T, B]."""
    bound = SIZES.hidden**-0.5
    embedding = numbers.uniform(bound, SIZES.vocabulary, SIZES.input)
    inputs = [SIZES.input] + [SIZES.hidden] * (SIZES.layers - 1)
    layers = [numbers.gates(4, size, SIZES.hidden) for size in inputs]
    output = numbers.uniform(bound, SIZES.hidden, SIZES.vocabulary)
    bias = numbers.uniform(bound, SIZES.vocabulary)
    tokens, targets = (
        numbers.tokens(SIZES.vocabulary, SIZES.steps, SIZES.batch) for _ in range(2)
    )
    return embedding, layers, output, bias, tokens, targets


def norm(results):
    """The square root of the sum of the squares of all numbers in a list of arrays."""
    return math.sqrt(sum(float(np.square(np.asarray(r, np.float64)).sum()) for r in results))


def serve(variants, to_arrays):
    """Prepares the variants, each a function that makes a step, and times them on request."""
    steps = []
    for name, make in variants.items():
        try:
            step = make()
            for _ in range(WARM_UP):
                results = step()
            say("variant", norm(to_arrays(results)), name)
            steps.append(step)
        except Exception as error:  # a library that cannot do one variant may well do another
            say("failed", f"{type(error).__name__}: {error}".splitlines()[0], name)
    say("ready")
    for request in sys.stdin:
        index, seconds = request.split()
        say(" ".join(f"{t:.9f}" for t in block(steps[int(index)], float(seconds))))


def block(step, seconds):
    times, begin = [], time.perf_counter()
    while not times or time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return times
