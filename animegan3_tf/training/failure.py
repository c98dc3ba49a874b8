"""Report of a step that was not finite: its batch and values on disk, and an error that names a remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.run_files import states
from animegan3_tf.training.validation import to_levels

if TYPE_CHECKING:
    from pathlib import Path

    from animegan3_tf.training.configuration import RunConfiguration
    from animegan3_tf.training.guard import Failure


def report_failure(folder: Path, failure: Failure, configuration: RunConfiguration, worker: int = 0) -> UserError:
    """Writes `failure-<step>/` into the run folder.

    It holds batch.npz (the images as the networks got them, in [-1, 1]), batch.png (one row per example, one column per
    part of the batch) and values.json (every loss term, gradient norm and learning rate of the step).

    Args:
        folder: The run folder.
        failure: What the guard kept of the step.
        configuration: That of the run, which decides the remedy.
        worker: The number of this process in a run on several hosts; if not 0, the folder's name contains it.

    Returns:
        The error that describes the failure, for the caller to raise.
    """
    step = failure.step + 1
    place = folder / (f"failure-{step:06d}" + (f"-worker{worker}" if worker else ""))
    message = f"step {step}: {_cause(failure)} and the run stopped; "
    try:
        place.mkdir(parents=True, exist_ok=True)
        # by an open file: NumPy adds .npz to a name that lacks it
        with whole_file(place / "batch.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **failure.batch)
        with whole_file(place / "values.json") as temporary:
            values = {k: v if np.isfinite(v) else str(v) for k, v in failure.values.items()}
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        columns = [np.nan_to_num(part, posinf=1.0, neginf=-1.0) for part in failure.batch.values()]
        images.write_image(place / "batch.png", images.grid([[to_levels(i) for i in row] for row in zip(*columns)]))
        message += f"its batch is in {str(place)!r}; "
    except OSError as error:
        message += f"its batch could not be written ({error}); "
    found = states(folder)
    message += f"the last good checkpoint is {str(found[-1])!r}" if found else "there is no checkpoint yet"
    return UserError(f"{message}. Possible remedy: {_remedy(failure, configuration, found)}")


def _cause(failure: Failure) -> str:
    rates = [name for name in failure.causes if name.endswith("_learning_rate")]
    if failure.broken_images:
        return f"the batch's {', '.join(failure.broken_images)} held NaN or infinite values"
    return f"{', '.join(rates or failure.causes)} became NaN or infinite"


def _remedy(failure: Failure, configuration: RunConfiguration, found: Sequence[Path]) -> str:
    start = "--resume" if found else "start again"
    if failure.broken_images:
        return f"look at the images of that batch and their prepared targets, repair or remove them, then {start}"
    if any(name.endswith("_learning_rate") for name in failure.causes):
        return "a finite learning rate (train.*_learning_rate of the style), with --resume --override"
    lower = "a lower learning rate (--set train.generator_learning_rate=..., with --resume --override)"
    if configuration.precision != "float32":
        return f"training without --mixed-precision (with --resume --override), or {lower}"
    return f"{lower}, or lower weights of the terms that grew"
