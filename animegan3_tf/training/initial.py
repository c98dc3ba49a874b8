"""The first weights of a fine-tune: those of another run, or of a deployed generator."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from animegan3_tf.checkpoints import WEIGHTS, by_name
from animegan3_tf.errors import UserError
from animegan3_tf.generator_file import digest, is_published, open_generator
from animegan3_tf.networks.weights import misfits, named_weights
from animegan3_tf.styles.style import PAIRS, UNPAIRED
from animegan3_tf.training.configuration import Origin
from animegan3_tf.training.run_files import state_name, states
from animegan3_tf.training.state import DISCRIMINATORS, is_state, read_state
from animegan3_tf.training.state_folder import newest_state
from animegan3_tf.weights_file import read_weights


@dataclass(frozen=True)
class InitialWeights:
    """Arrays by part of the trainer ("average", the discriminators if there are any) and by weight name."""

    source: str
    parts: dict

    def give(self, trainer):
        """Sets the generator, its average and the discriminators; optimizers, step and the rest stay as built.

        UserError, and nothing set, when something does not fit. The generator's moving moments stay as built too: its
        average takes their initial values out again (ema.py), counting from step 0.
        """
        targets = {part: named_weights(getattr(trainer, part)) for part in self.parts}
        problems = [f"{part}: {told}" for part in self.parts for told in misfits(targets[part], self.parts[part])]
        if problems:
            raise UserError(f"--init {self.source!r} does not fit this run: {'; '.join(problems)}")
        for part, arrays in self.parts.items():
            for name, array in arrays.items():
                trainer.set_value(targets[part][name], array.astype("float32"))
        for name, weight in named_weights(trainer.generator).items():
            if not name.endswith(("moving_mean", "moving_variance")):
                trainer.set_value(weight, self.parts["average"][name].astype("float32"))


def find_origin(source, show=print):
    """The file that `source` names: a state, a weights file, a run folder's newest state, else its generator.h5, or a
    shipped checkpoint's weights.
    """
    path = by_name(source)
    if path.is_dir():
        path /= state_name(newest_state(path, show).step) if states(path) else WEIGHTS
    if is_published(path):
        return Origin(str(path), digest(_published(path).files))
    try:
        return Origin(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise UserError(
            f"--init {str(source)!r} cannot be used: {str(path)!r}: {error.strerror}; name a run folder, a state "
            "file, a weights file (.h5) or a published generator"
        ) from error


def _published(path):
    opened = open_generator(path)
    if opened is None:
        raise UserError(f"--init {str(path)!r} is of none of the networks here; `animegan3 import` says why")
    return opened


def read_initial(configuration):
    """The weights that a configuration's `init` names.

    From a state: the averaged generator with its tails, and the discriminators, if its style has this one's objective.
    From a weights file: base and main tail. Where the style trains a support tail and there is none, that begins as the
    main one does, which has its shape. UserError where the file is not what it was when it was named, is damaged, or
    holds another generation's generator or one trained with another resize.
    """
    path, style = configuration.init.path, configuration.style
    resize = style.train.resize
    if find_origin(path).sha256 != configuration.init.sha256:
        raise UserError(f"--init {path!r} has changed since it was named; start again")
    parts = {}
    if is_state(path):
        state = read_state(path)
        trained = state.header["configuration"]["style"]
        architecture, before = trained.get("generator", "animegan3"), trained["train"]["resize"]
        arrays = _below("average", state.arrays)
        if trained.get("objective", UNPAIRED) == style.objective:
            parts = {part: _below(part, state.arrays) for part in DISCRIMINATORS}
            judged = style.objective == UNPAIRED or style.pairs.discriminator
            parts = {part: arrays for part, arrays in parts.items() if arrays and judged}
    else:
        header, arrays = _generator(path)
        architecture, before = header.get("architecture"), header.get("resize")
    parts["average"] = _as_trained(style, arrays)
    if architecture != style.generator:
        raise UserError(
            f"--init {path!r} is of architecture {architecture!r}, style {style.name!r} trains {style.generator!r}; "
            f"name a style whose generator is {architecture!r}, or other weights"
        )
    if before != resize:
        raise UserError(
            f"--init {path!r} was trained with resize {before!r}, this style has {resize!r}; add --set train.resize="
            f"{before}"
        )
    return InitialWeights(path, parts)


def _as_trained(style, arrays):
    """A generator's arrays with the tails that the style trains."""
    support = {name: array for name, array in arrays.items() if name.startswith("support_")}
    if style.objective == PAIRS:
        return {name: array for name, array in arrays.items() if name not in support}
    main = {name: array for name, array in arrays.items() if name.startswith("main_")}
    return {**arrays, **(support or {f"support_{name[len('main_') :]}": array for name, array in main.items()})}


def _generator(path):
    """The header and the arrays of a weights file or of a published generator."""
    if not is_published(path):
        return read_weights(path)
    opened = _published(path)
    return opened.header, {name: weight.numpy() for name, weight in named_weights(opened.network).items()}


def _below(part, arrays):
    return {name[len(part) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{part}/")}
