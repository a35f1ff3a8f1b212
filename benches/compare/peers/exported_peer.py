"""A cell that the library exported, in ONNX Runtime on one thread; see `shared.py`.

The work is `step PATH` or `sequence PATH`: PATH.onnx is the layer, PATH_step.onnx a single step.
Or it is `call`, the time of calling ONNX Runtime at all.
"""

import sys

import shared
from shared import SIZES, WORK, say

try:
    import onnxruntime as ort
    from onnx import TensorProto, helper
except ImportError as error:
    say("missing", error.name)
    sys.exit()
import numpy as np

from exports import entries

MODE, _, PATH = WORK.partition(" ")


def session(model):
    """Of a path, or of the bytes of a model."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Model:
    """A model, its inputs and its outputs: first the sequence, then the variables of the state."""

    def __init__(self, model):
        self.session = session(model)
        self.inputs = [value.name for value in self.session.get_inputs()]
        self.outputs = [value.name for value in self.session.get_outputs()]
        widths = [value.shape[-1] for value in self.session.get_inputs()[1:]]
        self.start = [np.zeros((SIZES.batch, width), np.float32) for width in widths]

    def bound(self, x, y, first, last):
        """A call that reads and writes these arrays, which stay where they are."""
        binding = self.session.io_binding()
        for bind, names, arrays in (
            (binding.bind_input, self.inputs, [x, *first]),
            (binding.bind_output, self.outputs, [y, *last]),
        ):
            for name, array in zip(names, arrays, strict=True):
                bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        run = self.session._sess.run_with_iobinding  # without the checks of the wrapper around it
        bound = binding._iobinding
        kept = [x, y, *first, *last]  # a binding has addresses alone
        return lambda kept=kept: run(bound, None)


def run_steps(path, xs):
    """A step in a call, by `session.run` on arrays."""
    model = Model(path)
    call, names = model.session.run, model.inputs

    def steps():
        state = model.start
        for x in xs:
            y, *state = call(None, dict(zip(names, [x, *state])))
        return [y]

    return steps


def bound_steps(path, xs):
    """A step in a call on bound arrays: the state goes from one to the other and back."""
    model = Model(path)
    x, y = np.empty_like(xs[0]), np.empty((*xs.shape[1:-1], SIZES.hidden), np.float32)
    here, there = model.start, [array.copy() for array in model.start]
    calls = [model.bound(x, y, here, there), model.bound(x, y, there, here)]
    pairs = list(zip(xs, calls * (len(xs) // 2), strict=True))

    def steps():
        for variable in here:
            variable[...] = 0
        for entry, call in pairs:
            x[...] = entry
            call()
        return [y]

    return steps


def run_sequence(path, xs):
    model = Model(path)
    feed = dict(zip(model.inputs, [xs, *model.start], strict=True))
    return lambda: [model.session.run(None, feed)[0]]


def bound_sequence(path, xs):
    model = Model(path)
    y = np.empty((*xs.shape[:-1], SIZES.hidden), np.float32)
    call = model.bound(xs, y, model.start, [array.copy() for array in model.start])

    def sequence():
        call()
        return [y]

    return sequence


def empty_calls(xs):
    """As many calls as steps of a model that copies its input."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, xs[0].shape) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "copy", [x], [y])
    copy = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    y = np.empty_like(xs[0])
    call = Model(copy.SerializeToString()).bound(xs[0], y, [], [])

    def calls():
        for _ in xs:
            call()
        return [y]

    return calls


def variants():
    xs = entries(SIZES.steps, SIZES.batch)
    if MODE == "call":
        return {"bound": lambda: empty_calls(xs)}
    if MODE == "sequence":
        ways = {"run": run_sequence, "bound": bound_sequence}
        return {name: lambda way=way: way(f"{PATH}.onnx", xs) for name, way in ways.items()}
    ways, models = {"run": run_steps, "bound": bound_steps}, {"layer": "", "step": "_step"}
    return {
        f"{model}, {name}": lambda way=way, kind=kind: way(
            f"{PATH}{kind}.onnx", xs if kind else xs[:, None]
        )
        for model, kind in models.items()
        for name, way in ways.items()
    }


if __name__ == "__main__":
    shared.serve(variants(), lambda results: results)
