"""The other side of `python.rs`: PyTorch and Keras with random weights, and with ours.

usage: python peer.py make|check torch|keras float32|float64 FILE      needs: torch, keras, safetensors

`make` saves the weights of a random model, symbols and what the model computes of them; `check` loads such a
file from the other side and prints by how much its own outputs differ.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
from safetensors.numpy import load_file, save_file

SYMBOLS, STEPS, BATCH = 7, 6, 3


def torch_model(precision):
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(SYMBOLS, 5)
            self.norm = nn.LayerNorm(5)
            self.rnn = nn.RNN(5, 4, nonlinearity="relu")
            self.lstm = nn.LSTM(4, 4, num_layers=2, bidirectional=True)
            self.projected = nn.LSTM(8, 5, num_layers=2, proj_size=3)
            self.gru = nn.GRU(3, 4, bidirectional=True)
            self.gru_nobias = nn.GRU(8, 4, bias=False)
            self.cell = nn.LSTMCell(4, 3)
            self.head = nn.Linear(3, 2)

        def forward(self, symbols):
            x = self.rnn(self.norm(self.embed(symbols)))[0]
            for layer in self.lstm, self.projected, self.gru, self.gru_nobias:
                x = layer(x)[0]
            state, outputs = None, []
            for x_t in x:
                state = self.cell(x_t, state)
                outputs.append(state[0])
            return self.head(torch.stack(outputs))

    model = Model().to(getattr(torch, precision))

    def set_weights(weights):
        model.load_state_dict({k: torch.tensor(v) for k, v in weights.items()})

    def run(symbols):
        return model(torch.tensor(symbols.astype(np.int64))).detach().numpy()

    return {k: tuple(v.shape) for k, v in model.state_dict().items()}, set_weights, run


def keras_model(precision):
    import keras
    from keras import layers

    keras.config.set_dtype_policy(precision)
    sequence = {"return_sequences": True}
    symbols = keras.Input((None,), dtype="int64")
    x = layers.Embedding(SYMBOLS, 5)(symbols)
    x = layers.SimpleRNN(4, **sequence)(x)
    x = layers.Bidirectional(layers.LSTM(4, name="lstm", **sequence))(x)
    x = layers.LSTM(3, use_bias=False, name="upper", **sequence)(x)
    x = layers.Bidirectional(layers.GRU(4, name="gru", **sequence))(x)
    x = layers.GRU(3, reset_after=False, name="published", **sequence)(x)
    model = keras.Model(symbols, layers.Dense(2)(x))

    def set_weights(weights):
        left = dict(weights)
        for variable in model.weights:
            variable.assign(left.pop(variable.path))
        assert not left, f"superfluous: {list(left)}"

    def run(symbols):  # [T, B] here, [B, T] there
        outputs = model(symbols.astype(np.int64).T)
        return keras.ops.convert_to_numpy(outputs).transpose(1, 0, 2)

    return {v.path: tuple(v.shape) for v in model.weights}, set_weights, run


def main():
    action, framework, precision, path = sys.argv[1:]
    shapes, set_weights, run = {"torch": torch_model, "keras": keras_model}[framework](precision)
    if action == "make":
        random = np.random.default_rng(0)
        weights = {k: random.uniform(-0.8, 0.8, s).astype(precision) for k, s in shapes.items()}
        symbols = random.integers(SYMBOLS, size=(STEPS, BATCH)).astype(precision)
        set_weights(weights)
        outputs = np.ascontiguousarray(run(symbols))
        save_file({"symbols": symbols, "outputs": outputs} | {f"model.{k}": v for k, v in weights.items()}, path)
    else:
        tensors = load_file(path)
        set_weights({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        print(np.abs(run(tensors["symbols"]) - tensors["outputs"]).max())


main()
