"""Generators to and from weights files: which weights are deployed, and how they fit the network again."""

import numpy as np

from animegan3_tf.architectures import architecture_of
from animegan3_tf.errors import UserError
from animegan3_tf.layers import Upsample2x
from animegan3_tf.networks import animegan1, animegan2
from animegan3_tf.networks.generator import build_generator, main_tail
from animegan3_tf.weights_file import read_weights, write_weights

_DEPLOYED = {  # architecture -> its deployed generator, from the resize grid and the form of LADE, if it has any
    "animegan1": lambda resize, lade: animegan1.build_generator(resize),
    "animegan2": lambda resize, lade: animegan2.build_generator(resize),
    "animegan3": lambda resize, lade: build_generator("main", resize, lade),
}


def build_deployed(architecture, resize, lade="covariance"):
    """The deployed generator of an architecture of `ARCHITECTURES`; `resize` and `lade` as in `build_generator`."""
    return _DEPLOYED[architecture](resize, lade)


def weight_name(weight):
    """The name of a weight in files: its layers and its role, such as `main_attention/norm/gamma`."""
    # Keras 3 has the whole name in `path`, Keras 2.15 in `name`; a variable of several hosts would ask them for `path`
    return (weight.path if hasattr(type(weight), "path") else weight.name).split(":")[0]


def named_weights(model):
    """{name: weight} of a model. ValueError where two weights would have one name: one would be lost in a file."""
    named = {weight_name(weight): weight for weight in model.weights}
    if len(named) != len(model.weights):
        raise ValueError(f"the weights of {model.name} have only {len(named)} names for {len(model.weights)} arrays")
    return named


def save_generator(path, generator, metadata=None, dtype="float32"):
    """Writes the deployed part of a generator, whole or not at all.

    generator: a model of `build_generator`, whose support tail is left out, or of `build_deployed`.
    metadata: JSON-able header entries, such as the style, the step, or what the generator was trained on;
        "architecture", one of `ARCHITECTURES`, is by default animegan3.
    dtype: of the arrays in the file; "float16" halves it, which the pictures do not show.
    """
    upsampling = next(layer for layer in generator.layers if isinstance(layer, Upsample2x))
    header = {"architecture": "animegan3", "resize": upsampling.grid, **(metadata or {})}
    deployed = main_tail(generator) if isinstance(generator.output, dict) else generator
    write_weights(path, header, {n: w.numpy().astype(dtype) for n, w in named_weights(deployed).items()})


def load_generator(path, lade="covariance"):
    """The deployed generator of a weights file, [N, H, W, 3] in [-1, 1] in and out; `lade` as in `build_generator`.

    Every weight is matched by name and shape; what is missing, extra or misshapen is listed in one UserError.
    """
    header, arrays = read_weights(path)
    generator = build_deployed(architecture_of(header, path).name, header["resize"], lade)
    expected = named_weights(generator)
    problems = misfits(expected, arrays)
    if problems:
        raise UserError(f"weights {str(path)!r} do not fit the generator: {'; '.join(problems)}")
    for name, weight in expected.items():
        weight.assign(arrays[name].astype("float32"))
    return generator


def misfits(variables, arrays):
    """What keeps `arrays` from being the values of `variables`, both by name: a line each, none when they fit."""
    problems = [f"{name} is missing" for name in sorted(variables.keys() - arrays.keys())]
    problems += [f"{name} is not part of the network" for name in sorted(arrays.keys() - variables.keys())]
    for name in sorted(variables.keys() & arrays.keys()):
        if arrays[name].shape != tuple(variables[name].shape):
            problems.append(f"{name} is {arrays[name].shape}, expected {tuple(variables[name].shape)}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} holds NaN or infinite numbers")
    return problems
