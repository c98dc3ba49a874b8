"""What a run that broke leaves behind: the batch, the values, and one line on what to do."""

import json

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.run_files import states
from animegan3_tf.training.validation import to_levels


def report_failure(folder, failure, configuration, worker=0):
    """Writes `failure-<step>/` into the run folder and returns the UserError that tells of it.

    worker: the number of this process in a run on several hosts; those after the first add it to the folder's name.

    In it: batch.npz (the pictures as the networks got them, [-1, 1]), batch.png (rows of photo, region target, anime,
    smoothed anime), values.json (every loss term, gradient norm and learning rate of the step).
    """
    step = failure.step + 1
    place = folder / (f"failure-{step:06d}" + (f"-worker{worker}" if worker else ""))
    told = f"step {step}: {_cause(failure)} and the run stopped; "
    try:
        place.mkdir(parents=True, exist_ok=True)
        # by an open file: NumPy adds .npz to a name that lacks it
        with whole_file(place / "batch.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **failure.batch)
        with whole_file(place / "values.json") as temporary:
            values = {k: v if np.isfinite(v) else str(v) for k, v in failure.values.items()}
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        columns = [np.nan_to_num(pictures, posinf=1.0, neginf=-1.0) for pictures in failure.batch.values()]
        images.write_image(place / "batch.png", images.grid([[to_levels(p) for p in row] for row in zip(*columns)]))
        told += f"its batch is in {str(place)!r}; "
    except OSError as error:
        told += f"its batch could not be written ({error}); "
    found = states(folder)
    told += f"the last good checkpoint is {str(found[-1])!r}" if found else "there is no checkpoint yet"
    return UserError(f"{told}. What usually helps: {_remedy(failure, configuration, found)}")


def _cause(failure):
    rates = [name for name in failure.causes if name.endswith("_learning_rate")]
    if failure.broken_pictures:
        return f"the batch's {', '.join(failure.broken_pictures)} held NaN or infinite numbers"
    return f"{', '.join(rates or failure.causes)} became NaN or infinite"


def _remedy(failure, configuration, found):
    start = "--resume" if found else "a new start"
    if failure.broken_pictures:
        return f"look at the pictures of that batch and their prepared targets, mend or remove them, then {start}"
    if any(name.endswith("_learning_rate") for name in failure.causes):
        return "a learning rate that is a number (train.*_learning_rate of the style), with --resume --override"
    lower = "a lower learning rate (--set train.generator_learning_rate=..., with --resume --override)"
    if configuration.precision != "float32":
        return f"training without --mixed-precision (with --resume --override), or {lower}"
    return f"{lower}, or lower weights of the terms that grew"
