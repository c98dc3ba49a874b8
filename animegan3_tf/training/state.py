"""The state of a run on disk: one HDF5 file that holds everything a resumed run needs, written whole or not at all."""

import re

import h5py
import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.networks.weights import named_weights
from animegan3_tf.weights_file import DAMAGE, read_arrays, write_arrays

KEPT = 2
_PATTERN = re.compile(r"state-(\d+)\.h5")


def save_state(folder, trainer):
    """Writes `state-<step>.h5` and removes all but the newest two. Returns its path.

    Raises UserError, and writes nothing, when a variable is not finite.
    """
    step = int(trainer.step)
    path = folder / f"state-{step:06d}.h5"
    arrays = {name: variable.numpy() for name, variable in _variables(trainer).items()}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:  # a step's losses are of the weights before it: they cannot show what its update broke
        raise UserError(
            f"step {step}: {broken[0]} and {len(broken) - 1} more variables became NaN or infinite and were not saved; "
            "start a new run with a lower learning rate"
        )
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["step"] = step
        write_arrays(file, arrays)
    for old in states(folder)[:-KEPT]:
        old.unlink()
    return path


def states(folder):
    """The state files of a run folder, oldest first."""
    return sorted((p for p in folder.glob("state-*.h5") if _PATTERN.fullmatch(p.name)), key=step_of)


def restore_state(path, trainer):
    """Sets every variable of `trainer` from a state file; nothing is set unless all of them fit."""
    variables = _variables(trainer)
    try:
        with h5py.File(path, "r") as file:
            stored = read_arrays(file)
    except DAMAGE as error:
        raise UserError(f"state {str(path)!r} is damaged ({error}); remove it to resume from the one before") from error
    wrong = sorted(stored.keys() ^ variables.keys())
    wrong += sorted(n for n in stored.keys() & variables.keys() if stored[n].shape != tuple(variables[n].shape))
    if wrong:
        raise UserError(f"state {str(path)!r} does not fit this style: {', '.join(wrong[:5])} ({len(wrong)} in all)")
    for name, variable in variables.items():
        variable.assign(stored[name])


def step_of(path):
    """The step a state file was saved at."""
    return int(_PATTERN.fullmatch(path.name).group(1))


def _variables(trainer):
    """Every variable that training changes, under a name of its own."""
    named = {"step": trainer.step}
    for part in ("generator", "average", "support_discriminator", "main_discriminator"):
        named |= {f"{part}/{name}": weight for name, weight in named_weights(getattr(trainer, part)).items()}
    for part in ("pretrain_optimizer", "generator_optimizer", "discriminator_optimizer"):
        # by position: names of optimizer slots differ between Keras versions
        named |= {f"{part}/{i:04d}": v for i, v in enumerate(getattr(trainer, part).variables)}
    return named
