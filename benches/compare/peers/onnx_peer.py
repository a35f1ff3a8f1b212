"""Generation by a language model in ONNX Runtime; see `shared.py`."""

import os
import sys
import tempfile

import shared
from shared import SIZES, THREADS, WORK, Numbers, say

try:
    import onnx
    import onnxruntime
except ImportError as error:
    say("missing", error.name)
    sys.exit()
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


def model(embedding, layers, output, bias):
    """A graph that reads a token [1] and the states, and returns logits [1, V] and the next states.

    The operator LSTM is the runtime's own, here over a sequence of one step.
    """
    nodes, weights = [], {"embedding": embedding, "output": output, "bias": bias}
    weights["axis"] = np.array([1])

    def add(operator, inputs, outputs, **attributes):
        nodes.append(helper.make_node(operator, inputs, outputs, **attributes))

    add("Gather", ["embedding", "token"], ["embedded"])
    add("Unsqueeze", ["embedded", "axis"], ["x0"])
    for k, (w_ih, w_hh, b) in enumerate(layers):
        weights[f"w{k}"], weights[f"r{k}"] = reordered(w_ih.T)[None], reordered(w_hh.T)[None]
        weights[f"b{k}"] = np.concatenate([reordered(b), np.zeros_like(b)])[None]
        inputs = [f"x{k}", f"w{k}", f"r{k}", f"b{k}", "", f"h{k}", f"c{k}"]
        add("LSTM", inputs, [f"y{k}", f"next_h{k}", f"next_c{k}"], hidden_size=SIZES.hidden)
        add("Squeeze", [f"y{k}", "axis"], [f"x{k + 1}"])
    add("Squeeze", [f"next_h{SIZES.layers - 1}", "axis"], ["top"])
    add("Gemm", ["top", "output", "bias"], ["logits"])

    floats = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    states = [f"{name}{k}" for k in range(SIZES.layers) for name in "hc"]
    inputs = [floats(name, 1, 1, SIZES.hidden) for name in states]
    inputs.append(helper.make_tensor_value_info("token", TensorProto.INT64, [1]))
    outputs = [floats(f"next_{name}", 1, 1, SIZES.hidden) for name in states]
    outputs.insert(0, floats("logits", 1, SIZES.vocabulary))
    constants = [numpy_helper.from_array(w.copy(order="C"), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "next_token", inputs, outputs, constants)
    # versions that are old enough for every runtime, and have these operators as they are used
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made, states


def reordered(values):
    """Gates in the order of ONNX: i, o, f, g."""
    i, f, g, o = np.split(values, 4)
    return np.concatenate([i, o, f, g])


def to_int8(made):
    """The model with weights of eight bits, by the runtime's own tool."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = (os.path.join(folder, f"{name}.onnx") for name in ("before", "after"))
        onnx.save(made, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8)
        return onnx.load(after)


def generation(prepare):
    *weights, tokens, _ = shared.language_model(Numbers())
    made, states = model(*weights)
    made = prepare(made)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    given = list(tokens.reshape(-1, 1))
    feed = {name: np.zeros((1, 1, SIZES.hidden), np.float32) for name in states}
    feed["token"] = given[0]

    def step():
        if given:
            feed["token"] = given.pop(0)
        logits, *state = session.run(None, feed)
        feed.update(zip(states, state))
        feed["token"] = draw(logits[0])
        return [logits]

    def draw(logits):
        weights = np.exp((logits - logits.max()) / np.float32(shared.TEMPERATURE))
        sums = weights.cumsum()
        return np.searchsorted(sums, rng.random(1, np.float32) * sums[-1], "right")

    return step


def variants():
    if WORK == "generation_reduced":
        return {"LSTM, int8": lambda: generation(to_int8)}
    return {"LSTM": lambda: generation(lambda made: made)}


if __name__ == "__main__":
    shared.serve(variants(), lambda results: results)
