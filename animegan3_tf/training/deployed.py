"""The deployed generator of a training state: what `generator.h5` held when the state was saved."""

from __future__ import annotations

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.training.state import State

_AVERAGE, _SUPPORT = "average/", "support_"


def deployed_weights(state: State) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays by name, as `weights_file.read_weights` gives those of the run's `generator.h5` of that step.

    They are the averaged generator's, without the support tail. Nothing is built, so no TensorFlow work is done; the
    header leaves out the epsilons, which are the architecture's own.
    Raises UserError for a state whose header does not tell of its run.
    """
    try:
        configuration = state.header["configuration"]
        style = configuration["style"]
        header = {
            "architecture": style.get("generator", "animegan3"),
            "resize": style["train"]["resize"],
            "style": style["name"],
            "perceptual": configuration["perceptual"],
            "version": state.header["environment"]["animegan3_tf"],
            "step": state.step,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the state of step {state.step} does not tell of its run: {error} is missing") from None
    average = {name[len(_AVERAGE) :]: array for name, array in state.arrays.items() if name.startswith(_AVERAGE)}
    return header, {name: array for name, array in average.items() if not name.startswith(_SUPPORT)}
