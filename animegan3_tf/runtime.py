"""Sets TensorFlow up for the command line: quiet, and without claiming a whole GPU at once."""

import os
import warnings


def quiet_tensorflow() -> None:
    """Sets up the environment and the warning filters; call it before the first import of TensorFlow.

    Settings that the user made in the environment stay.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    warnings.filterwarnings("ignore", module="tensorflow_addons")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    warnings.filterwarnings("ignore", module="PIL")  # images.py says in one line what is wrong with a file
