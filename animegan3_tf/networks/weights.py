"""The weights file of a deployed generator: HDF5, named arrays, and a header that says what they are."""

import json
import os
import tempfile
from pathlib import Path

import h5py
import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.networks.generator import build_generator

FORMAT = "animegan3_tf generator 1"


def weight_name(weight):
    """The name of a weight in files: its layers and its role, such as `main_attention/norm/gamma`."""
    return weight.name.split(":")[0]


def save_generator(path, generator, metadata=None):
    """Writes the deployed part of a generator (base and main tail), whole or not at all.

    generator: a model of `build_generator`; weights of the support tail are left out.
    metadata: JSON-able header entries, such as the style, the step, or what the generator was trained on.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    upsampling = next(layer for layer in generator.layers if layer.name == "main_1_up")
    header = {"format": FORMAT, "architecture": "animegan3", "resize": upsampling.grid, **(metadata or {})}
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs["header"] = json.dumps(header)
            for weight in generator.weights:
                if not weight_name(weight).startswith("support_"):
                    file.create_dataset(weight_name(weight), data=weight.numpy())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_header(path):
    """The header of a weights file as a dictionary."""
    return _read(path)[0]


def load_generator(path):
    """The deployed generator of a weights file, [N, H, W, 3] in [-1, 1] in and out.

    Every weight is matched by name and shape; what is missing, extra or misshapen is listed in one UserError.
    """
    header, arrays = _read(path)
    generator = build_generator(tails="main", resize=header["resize"])
    expected = {weight_name(weight): weight for weight in generator.weights}
    problems = [f"{name} is missing" for name in sorted(expected.keys() - arrays.keys())]
    problems += [f"{name} is not part of the network" for name in sorted(arrays.keys() - expected.keys())]
    for name in sorted(expected.keys() & arrays.keys()):
        if arrays[name].shape != tuple(expected[name].shape):
            problems.append(f"{name} is {arrays[name].shape}, expected {tuple(expected[name].shape)}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} holds NaN or infinite numbers")
    if problems:
        raise UserError(f"weights {str(path)!r} do not fit the generator: {'; '.join(problems)}")
    for name, weight in expected.items():
        weight.assign(arrays[name])
    return generator


def _read(path):
    path = Path(path)
    if not path.is_file():
        raise UserError(f"weights file {str(path)!r} does not exist")
    arrays = {}
    try:
        with h5py.File(path, "r") as file:
            header = json.loads(file.attrs["header"])
            file.visititems(
                lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{str(path)!r} is not a weights file of animegan3_tf, or it is damaged: {error}") from error
    if header.get("format") != FORMAT:
        raise UserError(f"{str(path)!r} is in format {header.get('format')!r}; this version reads {FORMAT!r}")
    return header, arrays
