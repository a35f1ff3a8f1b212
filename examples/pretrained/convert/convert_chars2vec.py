"""Writes the model eng_100 of the package chars2vec, and which words of `words.txt` it finds nearest to misspelt ones."""

import keras_shared  # before Keras, whose threads it limits
import shared

import json
from importlib.metadata import version

import chars2vec
import numpy


OTHERS = 5  # words to choose the nearest from


def misspelt(word):
    """A word with two letters in the middle exchanged."""
    middle = len(word) // 2
    return word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]


def symbols(model, word):
    """A word as the package encodes it: a row for each character, of zeros for one that it does not know."""
    rows = numpy.zeros((1, len(word), model.vocab_size), numpy.float32)
    for place, character in enumerate(word):
        if character in model.char_to_ix:
            rows[0, place, model.char_to_ix[character]] = 1
    return rows


def main():
    folder = shared.folder(__doc__)
    model = chars2vec.load_model("eng_100")
    first, second = [layer.name for layer in model.embedding_model.layers if layer.weights]
    alphabet = sorted(model.char_to_ix, key=model.char_to_ix.get)
    keras_shared.save(
        folder, model.embedding_model, {first: "lstm_1", second: "lstm_2"}, alphabet=json.dumps(alphabet)
    )
    words = shared.words()
    inputs = [[misspelt(words[i]), *words[i : i + OTHERS]] for i in range(0, len(words) - OTHERS, OTHERS)]
    cases = []
    for value in inputs:
        vectors = numpy.stack([model.vectorize_words([word])[0] for word in value])
        nearest = numpy.square(vectors[1:] - vectors[0]).sum(axis=1).argmin()
        cases.append(shared.case(value, [value[1 + nearest]], vectors.ravel(), units=len(value)))
    # the model as a compiled function: `predict` of Keras, which the package calls, takes far longer for one word
    function = keras_shared.tensorflow.function(model.embedding_model, reduce_retracing=True)
    shared.write(
        folder,
        cases,
        shared.seconds(lambda value: [function(symbols(model, word)).numpy() for word in value], inputs),
        package=f"chars2vec {version('chars2vec')}",
        runtime=keras_shared.RUNTIME,
        unit="word",
    )


if __name__ == "__main__":
    main()
