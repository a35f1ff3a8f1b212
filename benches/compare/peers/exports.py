"""What all exporters share: sizes, inputs, and the files that `exporters.py` reads.

A model is NAME.onnx. What its framework computes is in NAME.CASE.npz: the inputs as `in.0`,
`in.1` and so on, in the order of the model, and the outputs likewise.
"""

import sys
from pathlib import Path

import numpy as np

STEPS, INPUT = 100, 64
# numbers of steps and of sequences
CASES = {"timed": (STEPS, 1), "steps": (37, 1), "batch": (STEPS, 3)}


def entries(steps, batch):
    """Inputs [T, B, I] between -1 and 1, as exported/main.rs computes them."""
    numbers = 7 * np.arange(steps * batch * INPUT) % 23
    numbers = numbers.astype(np.float32) / np.float32(11) - np.float32(1)
    return numbers.reshape(steps, batch, INPUT)


def weights(hidden):
    """W_ih [I, 3H], W_hh [H, 3H] and b [3H] of the cell of exported/custom.rs."""
    rng, bound = np.random.default_rng(0), hidden**-0.5
    shapes = (INPUT, 3 * hidden), (hidden, 3 * hidden), (3 * hidden,)
    return [rng.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes]


def write(name, inputs, compute, *ways):
    """Exports by the first way that succeeds, and writes what the framework computes in each case.

    `inputs` makes those of a number of steps and sequences. A way is called with the path and it.
    """
    folder = Path(sys.argv[1])
    for way in ways:
        try:
            way(str(folder / f"{name}.onnx"), inputs)
            break
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{name}, {way.__name__} failed: {reason}", file=sys.stderr)
    else:
        return
    for case, sizes in CASES.items():
        given = inputs(*sizes)
        try:
            found = compute(*given)
        except Exception:
            continue  # the framework itself has no such case
        keep(folder / f"{name}.{case}.npz", given, found)


def keep(path, given, found):
    """Keeps the inputs and outputs of a case."""
    arrays = {f"in.{k}": value for k, value in enumerate(given)}
    np.savez(path, **arrays, **{f"out.{k}": np.asarray(value) for k, value in enumerate(found)})
