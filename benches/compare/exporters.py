"""Cells as `bptt`, PyTorch and jax2onnx export them.

Prints a table of nodes, sizes, open extents, agreement, and times in ONNX Runtime, of a hundred
steps of one sequence on one thread. See README.md.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

import exported
from language_models import HERE, ROOT, TARGET, close, in_turn, note, print_machine
from peers import exports

OURS = {"bptt": "", "bptt operator": "_operator"}  # with the ends of the files' names
EXPORTERS = [*OURS, "torch", "jax2onnx"]
COLUMNS = ["exporter, cell", "`H`", "nodes", "kB without weights", "kB", "steps", "batch"]
COLUMNS += ["error", "loading, ms", "µs a step"]
CELLS = ["lstm", "gru", "custom"]
LARGE = 64  # elements: tensors of as many and more are weights


class Model:
    """An exported model and what its framework computes in the cases of `peers/exports.py`."""

    def __init__(self, path):
        self.exporter, self.cell, self.hidden = path.stem.split("; ")
        self.proto = onnx.load(path)
        self.times = []
        self.cases = {
            case.suffixes[-2][1:]: dict(np.load(case))
            for case in path.parent.glob(f"{path.stem}.*.npz")
        }
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 4
        before = time.perf_counter()
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.loading = time.perf_counter() - before
        self.names = [value.name for value in self.session.get_inputs()]

    def run(self, case):
        given = self.cases[case]
        return self.session.run(None, {name: given[f"in.{k}"] for k, name in enumerate(self.names)})

    def error(self, case):
        """The largest difference from the framework, relative to what is largest if above 1."""
        found = self.run(case)
        expected = [value for name, value in self.cases[case].items() if name.startswith("out.")]
        pairs = list(zip(found, expected))  # of the library, the outputs without the last state
        if any(a.shape != b.shape for a, b in pairs):
            raise ValueError("another shape")
        return max(np.abs(a - b).max() / max(1.0, np.abs(b).max()) for a, b in pairs)

    def is_open(self, case):
        try:
            return "open" if self.error(case) < 1e-4 else "wrong"
        except Exception:
            return "fixed"

    def run_block(self, seconds):
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            before = time.perf_counter()
            self.run("timed")
            self.times.append(time.perf_counter() - before)

    def row(self):
        whole, weights = self.proto.ByteSize(), sum(map(elements_size, tensors(self.proto)))
        micros = 1e6 * statistics.median(self.times) / exported.STEPS
        return (
            f"{self.exporter}, {self.cell}",
            self.hidden,
            count(self.proto),
            f"{(whole - weights) / 1e3:.1f}",
            f"{whole / 1e3:.0f}",
            self.is_open("steps"),
            self.is_open("batch"),
            f"{self.error('timed'):.0e}",
            f"{1e3 * self.loading:.0f}",
            f"{micros:.1f}",
        )


def graphs(proto):
    """The graph, the functions of the model, and the bodies of their nodes."""
    todo = [proto.graph, *proto.functions]
    while todo:
        graph = todo.pop()
        yield graph
        todo += [
            attribute.g
            for node in graph.node
            for attribute in node.attribute
            if attribute.HasField("g")
        ]


def count(proto):
    return sum(len(graph.node) for graph in graphs(proto))


def tensors(proto):
    for graph in graphs(proto):
        yield from getattr(graph, "initializer", [])
        yield from (it.t for node in graph.node for it in node.attribute if it.HasField("t"))


def elements_size(tensor):
    array = numpy_helper.to_array(tensor)
    return array.nbytes if array.size >= LARGE else 0


def write_models(folder, sizes):
    for script in "torch_exports.py", "jax_exports.py":
        note(f"{script}: some minutes")
        subprocess.run(
            [sys.executable, "-B", "-W", "ignore", HERE / "peers" / script, folder, *sizes],
            check=True,
        )
    subprocess.run([TARGET / "exported", "write", folder, "--hidden", *sizes], check=True)
    for cell, size, (name, end) in itertools.product(CELLS, sizes, OURS.items()):
        written = folder / f"{cell}_{size}{end}.onnx"
        if not written.exists():  # no operator computes it
            continue
        written.rename(folder / f"{name}; {cell}; {size}.onnx")
        for case, (steps, batch) in exports.CASES.items():
            ys = np.fromfile(folder / f"{cell}_{size}.{steps}x{batch}.f32", np.float32)
            ys = ys.reshape(steps, batch, int(size))
            state = np.zeros((batch, int(size)), np.float32)
            given = exports.entries(steps, batch), state, state
            exports.keep(folder / f"{name}; {cell}; {size}.{case}.npz", given, [ys])


def order(path):
    exporter, cell, hidden = path.stem.split("; ")
    return EXPORTERS.index(exporter), cell, int(hidden)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", nargs="+", default=["64", "256"])
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each")
    parser.add_argument("--block", type=float, default=0.1, help="seconds of a block")
    parser.add_argument(
        "--models", type=Path, help="a folder that keeps the models, or has them already"
    )
    return parser.parse_args()


def main():
    args = parse()
    build = "cargo build --release --locked --quiet -p bptt-benches --bin exported"
    subprocess.run(build.split(), check=True, cwd=ROOT)
    print_machine(argparse.Namespace(python=sys.executable, threads=1))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.models or Path(temporary)
        if not folder.exists() or not any(folder.iterdir()):
            folder.mkdir(parents=True, exist_ok=True)
            write_models(folder, args.hidden)
        models = [Model(path) for path in sorted(folder.glob("*; *.onnx"), key=order)]
        library = {
            (cell, hidden): exported.library(cell, "sequence", hidden, 1)
            for cell in CELLS
            for hidden in args.hidden
        }
        in_turn([*models, *library.values()], args.rounds, args.block)
    exported.print_header(COLUMNS)
    for model in models:
        print("|", " | ".join(map(str, model.row())), "|")
    for (cell, hidden), side in library.items():
        micros = 1e6 / side.best()[1]
        print(f"| bptt itself, {cell} | {hidden} {'| — ' * 7}| {micros:.1f} |")
    close(*library.values())


if __name__ == "__main__":
    main()
