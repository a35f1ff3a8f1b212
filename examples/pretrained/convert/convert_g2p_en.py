"""Writes the model of the package g2p_en, and its answers to the words of `words.txt`."""

import shared  # before NumPy, whose threads it limits

import json
import types
from importlib.metadata import version

import nltk
import numpy
from safetensors.numpy import save_file

nltk.download = lambda *_: None  # the corpora are not needed, as every word is predicted
import g2p_en.g2p

g2p_en.g2p.cmudict = types.SimpleNamespace(dict=dict)
START, END = 2, 3

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")
GROUPS = {"enc": "encoder", "dec": "decoder"}
TABLES = {"enc_emb": "source.weight", "dec_emb": "target.weight", "fc_w": "output.weight", "fc_b": "output.bias"}


def name(variable):
    """The name of a variable in the layout of PyTorch."""
    if variable in TABLES:
        return TABLES[variable]
    group, kind, which = variable.split("_")
    return f"{GROUPS[group]}.{'weight' if kind == 'w' else 'bias'}_{which}_l0"


def logits(model, word, phonemes):
    """The logits of every step of the original's decoder, when it reads its own phonemes."""
    encoder, decoder = ([model.variables[f"{part}_{which}"] for which in WEIGHTS] for part in GROUPS)
    h = model.gru(model.encode(word), len(word) + 1, *encoder)[:, -1, :]
    rows = []
    for symbol in [START, *(model.p2idx[phoneme] for phoneme in phonemes)][:20]:
        h = model.grucell(model.dec_emb[[symbol]], h, *decoder)
        rows.append(h @ model.fc_w.T + model.fc_b)
    return numpy.concatenate(rows).ravel()


def main():
    folder = shared.folder(__doc__)
    model = g2p_en.G2p()
    tensors = {name(variable): numpy.ascontiguousarray(model.variables[variable]) for variable in model.variables}
    save_file(tensors, folder / "model.safetensors", metadata={"phonemes": json.dumps(model.phonemes)})
    words = shared.words()
    answers = [model.predict(word) for word in words]
    cases = [shared.case(word, found, logits(model, word, found)) for word, found in zip(words, answers)]
    shared.write(
        folder,
        cases,
        shared.seconds(model.predict, words),
        package=f"g2p_en {version('g2p_en')}",
        runtime=f"NumPy {numpy.__version__}",
        unit="word",
    )


if __name__ == "__main__":
    main()
