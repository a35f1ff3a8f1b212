"""Writes the model of the package nokcut, and where it breaks the Thai sentences of `thai.txt`."""

import shared  # before PyTorch, whose threads it limits

import functools
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.numpy import save_file

torch.set_num_threads(1)
torch.load = functools.partial(torch.load, map_location="cpu")  # the package's file is of a GPU
import nokcut

NAMES = {"_charemb": "embedding", "_rnn": "gru", "_hidden": "output"}


def renamed(name):
    """The name of a tensor here."""
    module, parameter = name.split(".")
    return f"{NAMES[module]}.{parameter}"


def log_probabilities(symbols):
    """The log-probabilities of a break and of none after each symbol, without what gradients need."""
    with torch.no_grad():
        return nokcut.wordseg_model2(symbols)


def main():
    folder = shared.folder(__doc__)
    state = nokcut.wordseg_model2.state_dict()
    save_file({renamed(name): tensor.numpy() for name, tensor in state.items()}, folder / "model.safetensors")
    sentences = (Path(__file__).parent / "thai.txt").read_text(encoding="utf-8").splitlines()
    inputs = [nokcut.str2idxseq(sentence) for sentence in sentences]
    cases = []
    for sentence, symbols in zip(sentences, inputs):
        found = log_probabilities(symbols)
        breaks = [bool(row[0] > row[1]) for row in found]
        # the package joins the symbols between the breaks, and no break ends the last word
        assert nokcut.tokenize(sentence) == words(nokcut.cut(sentence), breaks)
        decisions = ["break" if is_break else "none" for is_break in breaks]
        cases.append(shared.case(symbols, decisions, found.flatten().tolist()))
    shared.write(
        folder,
        cases,
        shared.seconds(log_probabilities, inputs),
        package=f"nokcut {version('nokcut')}",
        runtime=f"PyTorch {torch.__version__}",
        unit="sentence",
    )


def words(clusters, breaks):
    """The words of a sentence, which end after a break."""
    found = [""]
    for place, (cluster, is_break) in enumerate(zip(clusters, breaks)):
        found[-1] += cluster
        if is_break and place + 1 < len(clusters):
            found.append("")
    return found


if __name__ == "__main__":
    main()
