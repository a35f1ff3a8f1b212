"""What the converters share: one thread, the median of times, and the two files of a folder.

Import it before any framework, since these read the number of threads when they are imported.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

BUDGET = 20.0  # seconds for which the original is measured
WARM_UP = 3  # rounds over all inputs before the measured ones
ROUNDS = 11  # fewest measured rounds, however long they take


def folder(description, **choices):
    """The folder of the command line, which is made if there is none, and what is chosen by flags of these names.

    The first choice is the default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="where model.safetensors and reference.json are written")
    for flag, values in choices.items():
        parser.add_argument(f"--{flag}", choices=values, default=values[0])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    return (args.folder, *(getattr(args, flag) for flag in choices)) if choices else args.folder


def words():
    """The words of `words.txt`."""
    return (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split()


def seconds(predict, inputs):
    """The median time of each input over rounds, which take all inputs in turn."""
    times = [[] for _ in inputs]
    for _ in range(WARM_UP):
        for value in inputs:
            predict(value)
    begin = time.perf_counter()
    while len(times[0]) < ROUNDS or time.perf_counter() - begin < BUDGET:
        for value, of_input in zip(inputs, times):
            start = time.perf_counter()
            predict(value)
            of_input.append(time.perf_counter() - start)
    return [statistics.median(of_input) for of_input in times]


def case(value, decisions, numbers, units=1):
    """An input, what the original decides on it, and the numbers by which it decides."""
    return {
        "input": value,
        "decisions": [str(decision) for decision in decisions],
        "numbers": [float(number) for number in numbers],
        "units": units,
    }


def write(path, cases, times, **about):
    """Writes reference.json: the package, its runtime, the unit of time, and the cases."""
    for of_case, duration in zip(cases, times, strict=True):
        of_case["seconds"] = duration
    text = json.dumps({**about, "cases": cases}, ensure_ascii=False)
    (path / "reference.json").write_text(text, encoding="utf-8")
