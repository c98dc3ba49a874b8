"""Times a training step on pairs, and compares it with the generator's own forward and backward pass."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf import __version__
from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.speed import Timing, describe_machine, peak_memory, ratios, take_turns
from animegan3_tf.data.demo import demo_photos
from animegan3_tf.data.pair_dataset import PairBatches, open_pairs
from animegan3_tf.models.perceptual import load_perceptual, perceptual_family
from animegan3_tf.styles import load_style, override
from animegan3_tf.styles.style import PAIRS
from animegan3_tf.training.pairs import PairTrainer
from animegan3_tf.training.trainer import ADVERSARIAL

_GENERATOR = "generator, forward and backward"
_WARM_UP = 2
_BATCHES = 20  # timed batches of the input pipeline
_UNKNOWN = tf.TensorSpec([None, None, None, 3])  # a run's batches have several shapes


@dataclass(frozen=True)
class PairsSettings:
    """The options of `benchmark.py pairs`; kept in its JSON.

    Attributes:
        style: Name of a style that learns from pairs, or its .toml file.
        perceptual: Networks of the feature losses, each timed.
        steps: Timed rounds.
        discriminator: Whether the step has the discriminator's part.
    """

    style: str = "portrait"
    perceptual: tuple[str, ...] = ("random",)
    steps: int = 5
    discriminator: bool = False


def benchmark_pairs(settings: PairsSettings, show=print) -> dict:
    """Times a step of each kind of batch.

    Args:
        settings: The options.
        show: Called with a line for each part of the work.

    Returns:
        Plain values for the report and for JSON: "kinds" has, for each kind of batch, rows of milliseconds and of
        ratios to the generator's own pass, round by round; "data" has the input pipeline alone.

    Raises:
        UserError: The style does not learn from pairs, or has no weights for a network.
    """
    machine = describe_machine()
    style = override(load_style(settings.style), {})
    if style.objective != PAIRS:
        raise UserError(f"style {style.name!r} does not learn from pairs; name one that does, such as portrait")
    style = override(style, {"pairs.discriminator": settings.discriminator})
    show("networks")
    trainers = {name: _trainer(style, name) for name in settings.perceptual}
    kinds = []
    shapes = {}
    for name, kind in style.pairs.batches.items():
        shapes.setdefault((kind.count, kind.crop), []).append((name, kind))
    for alike in shapes.values():
        name, kind = ", ".join(name for name, _ in alike), alike[0][1]
        show(f"compiling and timing {name}: {kind.count} crops of {kind.crop}x{kind.crop}")
        kinds.append(
            {"name": name, "count": kind.count, "crop": kind.crop, "rows": _rows(trainers, kind, settings.steps)}
        )
    show("timing the input pipeline")
    return {
        "command": "pairs",
        "version": __version__,
        "machine": machine,
        "settings": asdict(settings),
        "kinds": kinds,
        "data": _data(style),
        "memory": peak_memory(),
    }


def _trainer(style, perceptual):
    family = perceptual_family(perceptual)
    if family not in style.perceptual:
        raise UserError(f"style {style.name!r} has no loss weights for --perceptual {perceptual}")
    network = load_perceptual(perceptual, sorted(style.perceptual[family].features))
    trainer = PairTrainer(style, network, steps=1_000_000)
    trainer.enter_phase(ADVERSARIAL if style.pairs.discriminator else trainer.first_phase)
    return trainer


def _rows(trainers, kind, rounds):
    """The rows of one kind of batch: the generator alone, then the step with each network, timed in turns."""
    rng = np.random.default_rng(0)
    shape = (kind.count, kind.crop, kind.crop, 3)
    batch = {name: rng.uniform(-1, 1, shape).astype(np.float32) for name in ("photo", "drawing")}
    first = next(iter(trainers.values()))
    runs = {_GENERATOR: _own_pass(first.generator, batch["photo"])}
    for name, trainer in trainers.items():
        runs[f"step with {name.partition(':')[0]}"] = _step(trainer, batch)
    for run in runs.values():
        for _ in range(_WARM_UP):
            run()
    timings = take_turns(runs, rounds)
    return [{"name": name, **timing.to_dict(), "ratio": _ratio(timing, timings)} for name, timing in timings.items()]


def _own_pass(generator, photo):
    """The generator's forward and backward pass, the least that a step must do."""

    @tf.function(input_signature=[_UNKNOWN])
    def run(photo):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(generator(photo, training=True) * photo)
        return [tf.reduce_sum(part) for part in tape.gradient(value, generator.trainable_variables)]

    return lambda: [float(value) for value in run(photo)]


def _step(trainer, batch):
    """One step as `fit` takes it, which reads every term afterwards, as the run's guard against NaN does."""
    signature = dict.fromkeys(batch, _UNKNOWN)

    def endless():
        while True:
            yield batch

    iterator = iter(tf.data.Dataset.from_generator(endless, output_signature=signature).prefetch(2))

    def run():
        return {name: float(value) for name, value in trainer.train_function(iterator).items()}

    return run


def _ratio(timing, timings):
    values = ratios(timing, timings[_GENERATOR])
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": values}


def _data(style):
    """Times one thread making a batch, with bundled photos as both images of a pair."""
    with tempfile.TemporaryDirectory(prefix="animegan3-benchmark-") as folder:
        photos = Path(folder, "photo")
        demo_photos(photos, size=style.pairs.validation_size)
        batches = PairBatches(style.pairs, open_pairs(photos, photos), warn=lambda line: None)
        for step in range(_BATCHES):
            batches.batch(step)  # decodes the images, which are kept
        timings = take_turns({str(step): lambda step=step: batches.batch(step) for step in range(_BATCHES)}, 1)
    return Timing(tuple(timing.median for timing in timings.values())).to_dict()
