"""Run folders of states whose generators are tiny arrays, and what draws with these in place of a network."""

import numpy as np

from animegan3_tf.models.weights_file import write_weights
from animegan3_tf.training.run_files import state_name
from animegan3_tf.training.state import State, write_state

HEADER = {"architecture": "animegan3", "resize": "half_pixel"}


def write_checkpoint(folder, step, value, arrays=None):
    """A state whose averaged generator is `arrays`, or a main tail of one number, which is `value`."""
    style = {"name": "tiny", "generator": HEADER["architecture"], "train": {"resize": HEADER["resize"]}}
    header = {
        "format": "animegan3_tf state 1",
        "step": step,
        "configuration": {"style": style, "perceptual": "random"},
        "environment": {"animegan3_tf": "0"},
    }
    arrays = arrays or {"main_value": np.float32([value]), "support_value": np.float32([9])}
    kept = {f"average/{name}": array for name, array in arrays.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / state_name(step)
    write_state(path, State(header, {"step": np.int64(step), "generator/main_value": np.float32([7]), **kept}))
    return path


def write_plain_weights(path, value, step=None):
    """A weights file of the same kind; without a step where None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = HEADER if step is None else {**HEADER, "step": step}
    write_weights(path, header, {"main_value": np.float32([value])})
    return path


def plain_stylizer(calls):
    """An `ablation.stylizer_from` for such files: pictures are darkened by the value, which `calls` receives."""

    def make(generator):
        value = float(generator.arrays["main_value"][0])

        def stylize(rgb):
            calls.append(value)
            return (rgb * (1.0 - value)).astype(np.uint8)

        return stylize

    return make
