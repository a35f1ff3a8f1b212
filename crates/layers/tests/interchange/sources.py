"""Makes the files that `sources.rs` converts by the snippets of the guide.

usage: python sources.py npz|h5|onnx|state_dict      in the folder of the files
"""

import json
import sys

import numpy as np
from safetensors.numpy import save_file

INPUT, HIDDEN, STEPS = 3, 2, 5
RANDOM = np.random.default_rng(0)


def uniform(*shape):
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


def npz():
    weight = np.asfortranarray(uniform(2, 3))
    np.savez("model.npz", **{"fc.weight": weight, "fc.bias": uniform(2), "step": np.int64(7)})
    save_file({"fc.weight": np.ascontiguousarray(weight)}, "expected.safetensors")


def h5():
    """As Keras 2 writes a `Sequential` of a `Bidirectional(LSTM)` with hard gates, and a `Dense`."""
    import h5py

    inner = {"name": "lstm", "activation": "tanh", "recurrent_activation": "hard_sigmoid"}
    configs = [
        {"class_name": "Bidirectional", "config": {"name": "both", "layer": {"class_name": "LSTM", "config": inner}}},
        {"class_name": "Dense", "config": {"name": "dense", "activation": "linear"}},
    ]
    shapes = {"kernel": (INPUT, 4 * HIDDEN), "recurrent_kernel": (HIDDEN, 4 * HIDDEN), "bias": (4 * HIDDEN,)}
    weights = {
        "both": {f"both/{way}_lstm/lstm_cell/{k}:0": uniform(*s) for way in ("forward", "backward") for k, s in shapes.items()},
        "dense": {"dense/kernel:0": uniform(2 * HIDDEN, 1), "dense/bias:0": uniform(1)},
    }
    with h5py.File("model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": configs}})
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, variables in weights.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in variables]
            for name, value in variables.items():
                group.create_dataset(name, data=value)
    save_file({"bias": weights["both"]["both/backward_lstm/lstm_cell/bias:0"]}, "expected.safetensors")


def onnx():
    from onnx import TensorProto, helper, numpy_helper, save
    from onnx.reference import ReferenceEvaluator

    arrays = {"W": uniform(1, 4 * HIDDEN, INPUT), "R": uniform(1, 4 * HIDDEN, HIDDEN), "B": uniform(1, 8 * HIDDEN)}
    node = helper.make_node("LSTM", ["X", *arrays], ["Y"], hidden_size=HIDDEN)
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, 1, INPUT])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [STEPS, 1, 1, HIDDEN])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    save(model, "model.onnx")
    x = uniform(STEPS, 1, INPUT)
    (y,) = ReferenceEvaluator(model).run(None, {"X": x})
    save_file({"x": x, "y": np.ascontiguousarray(y.reshape(STEPS, 1, HIDDEN))}, "expected.safetensors")


def state_dict():
    import torch

    linear = torch.nn.Linear(3, 2)
    torch.save({"state_dict": {"fc.weight": linear.weight.detach(), "tied": linear.weight.detach()}}, "model.pt")
    save_file({"fc.weight": linear.weight.detach().numpy()}, "expected.safetensors")


{"npz": npz, "h5": h5, "onnx": onnx, "state_dict": state_dict}[sys.argv[1]]()
