"""Evaluates several checkpoints of one or more runs on the same photos: every metric over training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.ablation_checkpoints import Run
from animegan3_tf.evaluation.ablation_images import DrawnCheckpoint, UnfitGenerator, draw_checkpoint
from animegan3_tf.evaluation.evaluate import Evaluation, evaluate, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result
from animegan3_tf.files import only_process
from animegan3_tf.images import quote

GENERATED = "generated"  # folder inside a report's folder; its subfolders RUN/STEP hold the images


@dataclass(frozen=True)
class MeasuredCheckpoint:
    """A checkpoint's evaluation.

    Attributes:
        label: The run's label.
        step: The training step.
        source: The file that the generator was read from.
        sha256: See `Generator.sha256`.
        evaluation: The evaluation.
    """

    label: str
    step: int
    source: Path
    sha256: str
    evaluation: Evaluation

    def result(self, key: str) -> Result | None:
        """The result of a metric, or None where the evaluation has none."""
        return next((result for result in self.evaluation.results if result.key == key), None)


@dataclass(frozen=True)
class Ablation:
    """The evaluations of several checkpoints.

    Attributes:
        runs: {label: path}.
        measured: The checkpoints, run by run, steps ascending.
        problems: One line for each checkpoint or image that was left out.
    """

    runs: dict[str, Path]
    measured: tuple[MeasuredCheckpoint, ...]
    problems: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, Result]:
        """{key: any of its results, for its name and which way is better}, in the order of an evaluation."""
        found: dict[str, Result] = {}
        for one in self.measured:
            for result in one.evaluation.results:
                found.setdefault(result.key, result)
        return found

    def of(self, label: str) -> list[MeasuredCheckpoint]:
        """The checkpoints of a run, steps ascending."""
        return [one for one in self.measured if one.label == label]

    def best(self, key: str) -> MeasuredCheckpoint | None:
        """The checkpoint with a metric's best number, the first of equals; None where no way is better."""
        better = self.metrics[key].better
        results = [(one, one.result(key)) for one in self.measured]
        known = [(result.value, one) for one, result in results if result and result.value is not None]
        if not better or not known:
            return None
        sign = 1.0 if better == "lower" else -1.0
        return min(known, key=lambda pair: sign * pair[0])[1]


def ablate(
    runs: Sequence[Run],
    photos: str | os.PathLike,
    anime: str | os.PathLike,
    folder: str | os.PathLike,
    measures: Measures,
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext(),
    on_drawn: Callable[[str, int, DrawnCheckpoint], None] = lambda label, step, drawn: None,
) -> Ablation:
    """Evaluates every checkpoint of the runs on the same photos.

    A checkpoint that cannot be read is reported in `problems`, and the others are evaluated.

    Args:
        runs: The runs.
        photos: The folder of photos.
        anime: The folder of anime images.
        folder: The report's folder. The images go to its subfolders generated/RUN/STEP.
        measures: The networks and settings.
        progress: A function such as `animegan3_tf.progress.progress`.
        on_drawn: Called with a run's label, a step and the counts of its images.

    Raises:
        UserError: No checkpoint could be evaluated, or a folder cannot be used.
    """
    folder = Path(folder)
    for kind, given in (("photos", photos), ("anime", anime)):
        if Path(given).resolve() in (folder.resolve(), *folder.resolve().parents):
            raise UserError(f"-o {quote(folder)} lies in --{kind}, whose pictures it would join; name another folder")
    measured: list[MeasuredCheckpoint] = []
    problems: list[str] = []
    with _alone(folder / GENERATED):
        for run in runs:
            for checkpoint in run.checkpoints:
                what, place = f"{run.label}, step {checkpoint.step:,}", _place(folder, run.label, checkpoint.step)
                generator = checkpoint.read(problems.append)
                if generator is None:
                    continue
                try:
                    with progress(f"{what}: stylising") as advance:
                        drawn = draw_checkpoint(generator, photos, place, measures.max_pixels, advance)
                except UnfitGenerator as error:
                    problems.append(str(error))
                    continue
                on_drawn(run.label, checkpoint.step, drawn)
                problems += drawn.failures
                if drawn.written + drawn.kept == 0:
                    problems.append(f"{what}: not measured, because no picture could be drawn")
                    continue
                found = evaluate(place, photos, anime, measures, lambda part: progress(f"{what}: {part}"))  # noqa: B023
                problems += rejected(found)
                one = MeasuredCheckpoint(run.label, checkpoint.step, generator.source, generator.sha256, found)
                measured.append(one)
    distinct = tuple(dict.fromkeys(problems))  # a photo that cannot be read fails with every checkpoint
    if not measured:
        raise UserError(f"no checkpoint could be measured: {'; '.join(distinct)}; name others with --ablate")
    return Ablation({run.label: run.path for run in runs}, tuple(measured), distinct)


def _place(folder: Path, label: str, step: int) -> Path:
    return folder / GENERATED / label / f"{step:06d}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Locks the folder: another process would overwrite the images while they are measured."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_process(folder))
        except BlockingIOError:
            raise UserError(f"{quote(folder)} is being drawn in already; wait for it, or name another -o") from None
        except OSError as error:
            raise UserError(f"{quote(folder)} cannot be written to ({error.strerror}); name another with -o") from None
        yield
