"""Files as TensorFlow 1 wrote them, for tests of the import."""

import numpy as np
import tensorflow as tf

from animegan3_tf.models import published
from animegan3_tf.models.weights import build_deployed, named_weights
from helpers.golden import golden

GOLDEN = {  # architecture -> checkpoint, arrays, the picture's name in them, tolerance
    "animegan1": ("v1", "Hayao-golden.ckpt", "output", 2e-4),
    "animegan2": ("v2", "Hayao-golden.ckpt", "output", 1e-4),
    "animegan3": ("v3", "AnimeGANv3.ckpt", "inference_main", 1e-4),
}


def golden_checkpoint(architecture):
    """The prefix of the original authors' variables."""
    folder, name, _, _ = GOLDEN[architecture]
    return golden(folder, f"{name}.index").with_name(name)


def golden_pictures(architecture):
    """(input, expected output, absolute tolerance)."""
    folder, _, output, tolerance = GOLDEN[architecture]
    arrays = np.load(golden(folder, "generator.npz"))
    return arrays["input"], arrays[output], tolerance


def read_checkpoint(prefix):
    """{name: array} of every variable."""
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def random_variables(architecture):
    """{name: array} of a published generator, with numbers of no meaning."""
    weights, rng = named_weights(build_deployed(architecture, "legacy")), np.random.default_rng(5)
    names = published.CHECKPOINTS[architecture]()
    if architecture == "animegan3":
        names |= published.batch_norm_variables("generator_1")
    shapes = {theirs: published.STORED_SHAPES.get(ours, weights[ours].shape) for ours, theirs in names.items()}
    return {name: rng.uniform(0.1, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}


def write_checkpoint(prefix, arrays):
    """Writes `prefix`.index and .data-00000-of-00001; returns the prefix."""
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[name]) for name in names],
    )
    return prefix
