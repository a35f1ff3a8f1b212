"""What the converters of Keras models share: one thread, and weights by the names of `bptt::weights::keras`.

Import it before any package of a model.
"""

import shared

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow
from safetensors.numpy import save_file

tensorflow.config.threading.set_intra_op_parallelism_threads(1)
tensorflow.config.threading.set_inter_op_parallelism_threads(1)
RUNTIME = f"TensorFlow {tensorflow.__version__}"


def save(path, model, layers, **texts):
    """Writes the variables of a model as `layer/variable`, and texts. `layers` has our names of the model's layers."""
    tensors = {
        f"{ours}/{variable.name.split('/')[-1].split(':')[0]}": variable.numpy()
        for theirs, ours in layers.items()
        for variable in model.get_layer(theirs).weights
    }
    save_file(tensors, path / "model.safetensors", metadata=texts)
