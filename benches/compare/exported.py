"""Cells in the library and, exported, in ONNX Runtime: microseconds a step, each on one thread.

Prints a table. In a call, either side makes one step and its caller keeps the state, or it makes a
sequence of a hundred steps. See README.md.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from language_models import (
    HERE,
    ROOT,
    TARGET,
    TOLERANCE,
    Peer,
    close,
    in_turn,
    named,
    note,
    print_machine,
)

STEPS, INPUT = 100, 64  # as in exported/main.rs
SIDES = ["bptt", "ONNX Runtime", "ratio"]
CELLS = ["lstm", "gru", "layer-norm-lstm", "minimal-gated-unit", "peephole-lstm", "custom"]
PEER = [sys.executable, "-B", "-W", "ignore", HERE / "peers" / "exported_peer.py"]


def library(cell, mode, hidden, batch):
    command = [TARGET / "exported", "serve", cell, mode, str(hidden), str(batch)]
    return Peer("bptt", command, STEPS)


def onnx_runtime(work, hidden, batch):
    sizes = named(dict(steps=STEPS, batch=batch, input=INPUT, hidden=hidden))
    return Peer("ONNX Runtime", [*PEER, work, "1", *sizes], STEPS)


def compared(cell, mode, hidden, batch, folder, args):
    """Microseconds a step: of the library, and of the fastest variant in ONNX Runtime."""
    ours = library(cell, mode, hidden, batch)
    theirs = onnx_runtime(f"{mode} {folder}/{cell}_{hidden}", hidden, batch)
    (truth,) = ours.figures.values()
    for variant, figure in theirs.figures.items():
        if abs(figure - truth) > TOLERANCE * truth:
            sys.exit(f"error: {cell}, {mode}, {variant} computes {figure}, not {truth}")
    in_turn([ours, theirs], args.rounds, args.block)
    close(ours, theirs)
    (_, our_rate), (variant, their_rate) = ours.best(), theirs.best()
    note(f"{cell} {hidden}, batch {batch}, {mode}: {variant}")
    return 1e6 / our_rate, 1e6 / their_rate


def print_header(names):
    print("|", " | ".join(names), "|")
    print("|---" * len(names) + "|", flush=True)


def columns(ours, theirs):
    return f"{ours:.1f} | {theirs:.1f} | {ours / theirs:.2f}"


def empty_call(args):
    """Microseconds of a call of a model that copies its input, on bound arrays."""
    peer = onnx_runtime("call", INPUT, 1)
    in_turn([peer], args.rounds, args.block)
    close(peer)
    return 1e6 / peer.best()[1]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--hidden", nargs="+", type=int, default=[64, 256])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=7, help="blocks of each side")
    parser.add_argument("--block", type=float, default=0.1, help="seconds of a block")
    return parser.parse_args()


def main():
    args = parse()
    build = "cargo build --release --locked --quiet -p bptt-benches --bin exported"
    subprocess.run(build.split(), check=True, cwd=ROOT)
    print_machine(argparse.Namespace(python=sys.executable, threads=1))
    print_header(["cell", "`H`", "`B`", *SIDES, *(f"100 steps: {side}" for side in SIDES)])
    with tempfile.TemporaryDirectory() as folder:
        sizes = [str(hidden) for hidden in args.hidden]
        subprocess.run([TARGET / "exported", "write", folder, "--hidden", *sizes], check=True)
        for cell in args.cell:
            for hidden in args.hidden:
                for batch in args.batch:
                    both = [
                        compared(cell, mode, hidden, batch, folder, args)
                        for mode in ("step", "sequence")
                    ]
                    step, sequence = (columns(*times) for times in both)
                    print(f"| {cell} | {hidden} | {batch} | {step} | {sequence} |", flush=True)
    print(f"\nA call of a model that copies its input takes {empty_call(args):.1f} µs.")


if __name__ == "__main__":
    main()
