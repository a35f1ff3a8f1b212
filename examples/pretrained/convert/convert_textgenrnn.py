"""Writes the model of the package textgenrnn, and how it continues some texts greedily."""

import keras_shared  # before Keras, whose threads it limits
import shared

import importlib
import json
import sys
import types
from importlib.metadata import version

import numpy
import tensorflow

# Two names that TensorFlow no longer has. The package imports them for GPUs and never calls them here.
importlib.import_module("tensorflow.keras.utils").multi_gpu_model = None
sys.modules["keras.backend.tensorflow_backend"] = types.SimpleNamespace(set_session=None)
from textgenrnn import textgenrnn
from textgenrnn.utils import textgenrnn_encode_sequence, textgenrnn_sample

WINDOW = 40
CHARACTERS = 12  # to write after each text
LAYERS = {"embedding": "embedding", "rnn_1": "lstm_1", "rnn_2": "lstm_2", "attention": "attention", "output": "output"}
TEXTS = [
    "The", "What is", "I have", "My first", "How to", "When you", "This is a", "Just got", "Why do", "Can we",
    "Today I", "The best", "A new", "People of", "If you", "In the", "One of the", "Does anyone", "I was", "LPT:",
    "TIL that the word", "This picture of my cat, taken before we moved to a new house,",
]  # fmt: skip


def continued(predict, model, text):
    """The characters that follow a text when the most probable one is taken, and all probabilities."""
    window = [model.META_TOKEN, *text]
    characters, probabilities = [], []
    for _ in range(CHARACTERS):
        row = predict(textgenrnn_encode_sequence(window[-WINDOW:], model.vocab, WINDOW)).numpy()[0]
        characters.append(model.indices_char[textgenrnn_sample(row, 0.0)])
        probabilities.append(row)
        window.append(characters[-1])
    return characters, numpy.concatenate(probabilities)


def main():
    folder = shared.folder(__doc__)
    model = textgenrnn()
    vocabulary = [model.indices_char.get(symbol, "") for symbol in range(model.num_classes)]
    keras_shared.save(folder, model.model, LAYERS, vocabulary=json.dumps(vocabulary))
    # the model as a compiled function: `predict` of Keras, which the package calls, takes far longer for one window
    predict = tensorflow.function(model.model, reduce_retracing=True)
    cases = [shared.case(text, *continued(predict, model, text), units=CHARACTERS) for text in TEXTS]
    shared.write(
        folder,
        cases,
        shared.seconds(lambda text: continued(predict, model, text), TEXTS),
        package=f"textgenrnn {version('textgenrnn')}",
        runtime=keras_shared.RUNTIME,
        unit="character",
    )


if __name__ == "__main__":
    main()
