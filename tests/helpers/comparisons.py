"""A comparison put together by hand, with nothing measured: two methods of two photos."""

from pathlib import Path

import numpy as np

from animegan3_tf.common.images import write_image
from animegan3_tf.comparison.compare import Comparison, Entry, Measured, Settings
from animegan3_tf.comparison.inputs import Inputs
from animegan3_tf.comparison.memory import Memory
from animegan3_tf.comparison.method import Drawn, Method
from animegan3_tf.comparison.speed import Speed, Timing
from animegan3_tf.evaluation.result import Result, Score
from animegan3_tf.stylizer.model import Stylizer
from helpers.prepared_folders import picture
from helpers.tiny_training import write_pictures

PHOTOS = ("<b>a&b", "z")
MACHINE = {"processor": "<CPU>", "cores": 2, "load_average": 1.25, "gpus": [], "python": "3.11", "tensorflow": "2.15.1"}
KINDS = (Score("ms_ssim", "MS-SSIM to the photo", "higher"), Score("flatness", "flat", ""))


def comparison(folder):
    """`ours` has both pictures, `theirs` only that of z, whose sizes, scores and times are all different."""
    for name in ("photos", "ours", "theirs"):
        for number, photo in enumerate(PHOTOS):
            write_image(folder / name / f"{photo}.png", picture(number, 64))
    write_pictures(folder / "anime", 3, side=64)
    paths = {name: {p: folder / name / f"{p}.png" for p in PHOTOS} for name in ("photos", "ours", "theirs")}
    inputs = Inputs(Path("given"), folder / "photos", paths["photos"], dict.fromkeys(PHOTOS, (64, 64)), ("x: bad",), 64)
    small, large = (64, 64), (128, 256)
    ours = Entry(
        Method("ours", Path("runs/ours"), "run", folder, Stylizer(None), 1_027_520, 2_500_000, 14.82),
        Drawn(folder / "ours", paths["ours"]),
        _measured(0.5, (0.4, 0.75), [0.25, 0.75]),
        {
            small: Speed(Timing((0.01, 0.02, 0.04)), "ours", (1.0, 1.0, 1.0)),
            large: Speed(Timing((0.1,)), "ours", (1.0, 1.0, 1.0)),
        },
        Memory(400 * 2**20, {small: 500 * 2**20, large: 1500 * 2**20}),
    )
    theirs = Entry(
        Method("theirs_2", Path("t.tflite"), "TFLite", folder, Stylizer(None, fixed_size=small), bytes=1_230_000),
        Drawn(folder / "theirs", {"z": paths["theirs"]["z"]}, {PHOTOS[0]: "gone"}, (), {"z": (32, 32)}),
        _measured(0.125, None, [0.125]),
        {small: Speed(Timing((0.03, 0.03, 0.04)), "ours", (1.5, 1.0, 3.0))},
        Memory(300 * 2**20, {small: 350 * 2**20}),
    )
    metrics = {"features": None, "distance": {"network": "<net>"}}
    return Comparison(inputs, folder / "anime", 3, (ours, theirs), Settings(64, (large, small), 3), metrics, MACHINE)


def _measured(value, interval, scores):
    results = (
        Result("frechet_anime", "FID to anime", None, None, "lower", "2", "not measured: too few"),
        Result("ms_ssim", "MS-SSIM to the photo", value, interval, "higher", "2 pictures"),
        Result("flatness", "flat", None if interval else 0.25, None, "", "1", "not measured: none" if interval else ""),
    )
    arrays = {"ms_ssim": np.array(scores), "flatness": np.full(len(scores), np.nan)}
    return Measured(results, KINDS, arrays)
