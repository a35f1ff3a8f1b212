"""Cells of PyTorch, written by `torch.onnx.export(dynamo=True)`.

usage: torch_exports.py FOLDER HIDDEN...
"""

import sys

import numpy as np
import torch
from torch import nn
from torch._higher_order_ops import scan

from exports import INPUT, entries, weights, write

STEPS, BATCH = torch.export.Dim("steps"), torch.export.Dim("batch")


class Lstm(nn.LSTM):
    def forward(self, xs, h, c):
        ys, (h, c) = super().forward(xs, (h, c))
        return ys, h, c


class Custom(nn.Module):
    """The cell of exported/custom.rs."""

    def __init__(self, hidden):
        super().__init__()
        self.w_ih, self.w_hh, self.b = (nn.Parameter(torch.from_numpy(w)) for w in weights(hidden))

    def step(self, x, h, c):
        f, g, o = (x @ self.w_ih + h @ self.w_hh + self.b).chunk(3, -1)
        f = f.sigmoid()
        c = f * c + (1 - f) * g.tanh()
        h = o.sigmoid() * c / (c.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return h, c


class Loop(Custom):
    def forward(self, xs, h, c):
        ys = []
        for x in xs:
            h, c = self.step(x, h, c)
            ys.append(h)
        return torch.stack(ys), h, c


class Scan(Custom):
    def forward(self, xs, h, c):
        def step(state, x):
            h, c = self.step(x, *state)
            return [h, c], h.clone()  # an output may not be part of the state

        (h, c), ys = scan(step, [h, c], xs)
        return ys, h, c


def exporter(name, module, shapes):
    def export(path, inputs):
        # an extent of 1 is always fixed
        tensors = tuple(map(torch.from_numpy, inputs(100, 2 if shapes else 1)))
        torch.onnx.export(
            module,
            tensors,
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes=shapes,
        )

    export.__name__ = name
    return export


def compute(module):
    def computed(*inputs):
        with torch.no_grad():
            return [value.numpy() for value in module(*map(torch.from_numpy, inputs))]

    return computed


def main():
    for hidden in map(int, sys.argv[2:]):
        torch.manual_seed(0)
        for name, make, states, leading in (
            ("nn.LSTM", lambda: Lstm(INPUT, hidden), 2, (1,)),
            ("nn.GRU", lambda: nn.GRU(INPUT, hidden), 1, (1,)),
            ("custom, loop", lambda: Loop(hidden), 2, ()),
            ("custom, scan", lambda: Scan(hidden), 2, ()),
        ):
            module = make().eval()

            def inputs(steps, batch):
                state = np.zeros((*leading, batch, hidden), np.float32)
                return [entries(steps, batch), *[state] * states]

            state = [{len(leading): BATCH}] * states
            both, batch = (({**steps, 1: BATCH}, *state) for steps in ({0: STEPS}, {}))
            shapes = {"steps and batch open": both, "batch open": batch, "nothing open": None}
            if name == "custom, loop":
                del shapes["steps and batch open"]  # an unrolled loop has a number of steps
            ways = [exporter(way, module, open_axes) for way, open_axes in shapes.items()]
            write(f"torch; {name}; {hidden}", inputs, compute(module), *ways)


if __name__ == "__main__":
    main()
