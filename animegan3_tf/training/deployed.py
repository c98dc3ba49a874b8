"""The deployed generator of a training state: what `generator.h5` held when the state was saved."""

from __future__ import annotations

from typing import Any

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.training.state import State

_AVERAGE, _SUPPORT = "average/", "support_"


def deployed_weights(state: State) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Extracts the weights of the averaged generator, without its support tail.

    No network is built. The header leaves out the epsilons, which are the architecture's own.

    Args:
        state: A training state.

    Returns:
        Header and arrays by name, as `weights_file.read_weights` returns them for the run's `generator.h5` of that
        step.

    Raises:
        UserError: The state's header does not describe its run.
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
        raise UserError(f"the state of step {state.step} does not describe its run: {error} is missing") from None
    average = {name[len(_AVERAGE) :]: array for name, array in state.arrays.items() if name.startswith(_AVERAGE)}
    return header, {name: array for name, array in average.items() if not name.startswith(_SUPPORT)}
