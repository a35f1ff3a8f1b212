"""Writes the models of this folder, with inputs and outputs: `pip install torch==2.15.0 onnx onnxscript onnxruntime`.

`pytorch_*` are exports of PyTorch. All others are written by hand: PyTorch has no such layers.
"""

import json
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

FOLDER = Path(__file__).parent
STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 2, 3
for path in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.weights")]:
    path.unlink()
random = numpy.random.default_rng(0)


def record(name):
    """Stores inputs and the outputs of all steps, as ONNX Runtime computes them."""
    xs = random.normal(size=[STEPS, BATCH, INPUTS]).astype(numpy.float32)
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", providers=["CPUExecutionProvider"])
    ys = session.run(None, {session.get_inputs()[0].name: xs})[0]
    with open(FOLDER / f"{name}.json", "w") as file:
        json.dump({"xs": xs.flatten().tolist(), "ys": ys.flatten().tolist(), "shape": ys.shape}, file)


def pytorch(name, layer, **options):
    path = FOLDER / f"pytorch_{name}.onnx"
    xs = torch.zeros(STEPS, BATCH, INPUTS)
    torch.onnx.export(layer.eval(), (xs,), path, external_data=False, **options)
    model = onnx.load(path)
    for node in model.graph.node:  # stack traces name the folders of this machine
        del node.metadata_props[:]
        node.doc_string = ""
    del model.metadata_props[:], model.graph.metadata_props[:]
    onnx.save(
        model, path, save_as_external_data=name == "gru", size_threshold=80, location="pytorch_gru.weights"
    )
    record(f"pytorch_{name}")


def operator(name, op_type, gates, biases=True, **attributes):
    """A model of one operator, whose outputs of all steps have no axis of directions."""
    shape = {"w": [1, gates * HIDDEN, INPUTS], "r": [1, gates * HIDDEN, HIDDEN], "b": [1, 2 * gates * HIDDEN]}
    weights = {key: random.normal(size=it).astype(numpy.float32) for key, it in shape.items()}
    axis = numpy_helper.from_array(numpy.array([1]), "axis")
    nodes = [
        helper.make_node(op_type, ["xs", "w", "r", "b" if biases else ""], ["all"], name=op_type, hidden_size=HIDDEN, **attributes),
        helper.make_node("Squeeze", ["all", "axis"], ["ys"]),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("xs", TensorProto.FLOAT, [STEPS, BATCH, INPUTS])],
        [helper.make_tensor_value_info("ys", TensorProto.FLOAT, [STEPS, BATCH, HIDDEN])],
        [axis, *(numpy_helper.from_array(value, key) for key, value in weights.items())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, FOLDER / f"{name}.onnx")
    record(name)


torch.manual_seed(0)
pytorch("lstm", nn.LSTM(INPUTS, HIDDEN, num_layers=2, bidirectional=True))
pytorch("gru", nn.GRU(INPUTS, HIDDEN))
pytorch("rnn", nn.RNN(INPUTS, HIDDEN, nonlinearity="relu"), dynamo=False)
operator("gru_before", "GRU", 3)
operator("hard", "LSTM", 4, activations=["HardSigmoid", "Tanh", "Tanh"])
operator("clipped", "LSTM", 4, clip=1.0)
operator("sloped", "LSTM", 4, activations=["HardSigmoid", "Tanh", "Tanh"], activation_alpha=[0.16666667])
operator("unbiased_before", "GRU", 3, biases=False)
