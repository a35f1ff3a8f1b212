"""Runs the models of a folder in ONNX Runtime, and compares their outputs with the library's."""

import glob
import json
import sys

try:
    import numpy
    import onnxruntime
except ImportError as error:
    sys.exit(print(f"SKIPPED: {error}; pip install onnxruntime", file=sys.stderr))


def array(value):
    if "whole" in value:
        return numpy.array(value["whole"], dtype=numpy.int64).reshape(value["shape"])
    return numpy.array(value["data"], dtype=numpy.float32).reshape(value["shape"])


def error(session, case):
    """The largest difference from the library, relative to the largest element if that is above 1."""
    names = [value.name for value in session.get_inputs()]
    found = session.run(None, dict(zip(names, map(array, case["inputs"]), strict=True)))
    worst = 0.0
    for found, expected in zip(found, map(array, case["outputs"]), strict=True):
        assert found.shape == expected.shape, (found.shape, expected.shape)
        assert numpy.isfinite(found).all(), found
        scale = max(1.0, numpy.abs(expected).max(initial=0.0))
        worst = max(worst, numpy.abs(found - expected).max(initial=0.0) / scale)
    return worst


failed = 0
for path in sorted(glob.glob(f"{sys.argv[1]}/*.onnx")):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with open(path.replace(".onnx", ".json")) as cases:
        worst = max(error(session, case) for case in json.load(cases))
    failed += not worst <= 1e-6
    print(f"{path}: {worst:.1e}")
sys.exit(f"{failed} models differ" if failed else 0)
