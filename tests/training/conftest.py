import json

import numpy as np
import pytest
from helpers.golden import golden


@pytest.fixture(scope="session")
def step_arrays():
    """Pictures and discriminator weights of upstream's training step."""
    with np.load(golden("v3", "train_step.npz")) as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def step_numbers():
    """Losses, gradients and updates of upstream's training step."""
    return json.loads(golden("v3", "train_step.json").read_text())
