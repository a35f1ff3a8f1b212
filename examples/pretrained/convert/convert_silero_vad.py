"""Writes the model of the package silero-vad for 16 kHz, and its answers to synthetic recordings."""

import shared  # before the frameworks, whose threads it limits

import functools
from importlib.metadata import version

import numpy
import torch
from safetensors.numpy import save_file
from silero_vad import load_silero_vad

RATE = 16000
CHUNK = 512
THRESHOLD = 0.5  # the package's default
RECORDINGS, SECONDS = 6, 8  # a recording is a whole number of chunks

# Frequencies and bandwidths of the formants of a, e, i, o, u, in Hz.
VOWELS = [(730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240)]
BANDWIDTHS = (80, 100, 140)

NAMES = {
    "stft.forward_basis_buffer": "stft.weight",
    **{
        f"encoder.{layer}.reparam_conv.{kind}": f"conv{layer + 1}.{kind}"
        for layer in range(4)
        for kind in ("weight", "bias")
    },
    **{f"decoder.rnn.{kind}_{which}": f"lstm.{kind}_{which}" for kind in ("weight", "bias") for which in ("ih", "hh")},
    **{f"decoder.decoder.2.{kind}": f"output.{kind}" for kind in ("weight", "bias")},
}


def tensors(jit):
    """The weights by their names here. Windows are pixels of an image of one row; the last kernel has one pixel."""
    state = jit.state_dict()
    found = {ours: state[f"_model.{theirs}"].numpy().copy() for theirs, ours in NAMES.items()}
    kernels = {name: weight[:, :, None, :] for name, weight in found.items() if weight.ndim == 3}
    found = {**found, **kernels, "output.weight": found["output.weight"][:, :, 0]}
    return {name: numpy.ascontiguousarray(weight) for name, weight in found.items()}


def resonated(signal, frequency, bandwidth):
    """A signal through a resonance of second order."""
    r = numpy.exp(-numpy.pi * bandwidth / RATE)
    a, b = 2 * r * numpy.cos(2 * numpy.pi * frequency / RATE), -r * r
    out = numpy.zeros(len(signal) + 2)
    for t, x in enumerate(signal):
        out[t + 2] = x + a * out[t + 1] + b * out[t]
    return out[2:]


def syllable(random):
    """A vowel of a voice with a falling pitch, after a short noise."""
    length = int(RATE * random.uniform(0.12, 0.25))
    pitch = random.uniform(110, 220) * numpy.linspace(1.1, 0.85, length)
    pulses = numpy.diff(numpy.floor(numpy.cumsum(pitch / RATE)), prepend=0.0)
    vowel = pulses + 0.01 * random.normal(size=length)
    for frequency, bandwidth in zip(VOWELS[random.integers(len(VOWELS))], BANDWIDTHS):
        vowel = resonated(vowel, frequency, bandwidth)
    vowel *= numpy.hanning(length) / numpy.abs(vowel).max()
    noise = random.normal(size=int(RATE * random.uniform(0.02, 0.08)))
    return numpy.concatenate([0.05 * noise, 0.5 * vowel])


def recording(seed):
    """A synthetic recording of syllables and pauses over faint noise, as numbers of sixteen bits."""
    random = numpy.random.default_rng(seed)
    signal = 0.002 * random.normal(size=RATE * SECONDS)
    at = int(RATE * random.uniform(0.2, 0.6))
    while at < len(signal) - RATE:
        for _ in range(random.integers(3, 9)):
            sound = syllable(random)[: len(signal) - at]
            signal[at : at + len(sound)] += sound
            at += len(sound)
        at += int(RATE * random.uniform(0.4, 1.2))
    return (signal * 2**14).clip(-(2**15), 2**15 - 1).astype(numpy.int16)


def chunk_by_chunk(model, samples):
    """The probability of speech in each chunk, when chunks arrive one after another."""
    model.reset_states()
    with torch.no_grad():
        return [model(chunk, RATE).item() for chunk in torch.from_numpy(samples).split(CHUNK)]


def whole(model, samples):
    """The probability of speech in each chunk, when the recording is there from the start."""
    return model.audio_forward(samples).tolist()


def original(runtime):
    """The package's model as a function of the samples of a recording, and what it computes with."""
    onnx, torch_version = f"ONNX Runtime {version('onnxruntime')}", f"PyTorch {torch.__version__}"
    if runtime == "sequence":
        return functools.partial(whole, load_silero_vad(sequence=True)), f"{onnx}, a recording at once"
    model = load_silero_vad(onnx=runtime == "onnx")
    return functools.partial(chunk_by_chunk, model), onnx if runtime == "onnx" else torch_version


def main():
    folder, choice = shared.folder(__doc__, runtime=("onnx", "jit", "sequence"))
    torch.set_num_threads(1)
    save_file(tensors(load_silero_vad()), folder / "model.safetensors")
    predict, runtime = original(choice)
    recordings = [recording(seed) for seed in range(RECORDINGS)]
    inputs = [samples.astype(numpy.float32) / 2**15 for samples in recordings]
    cases = []
    for samples, found in zip(recordings, map(predict, inputs)):
        decisions = ["speech" if p >= THRESHOLD else "silence" for p in found]
        cases.append(shared.case(samples.tolist(), decisions, found, units=len(found)))
    shared.write(
        folder,
        cases,
        shared.seconds(predict, inputs),
        package=f"silero-vad {version('silero-vad')}",
        runtime=runtime,
        unit="chunk of 32 ms",
    )


if __name__ == "__main__":
    main()
