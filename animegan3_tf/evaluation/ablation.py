"""The same photos over several checkpoints of one run or of several: every measure over training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.ablation_checkpoints import Run
from animegan3_tf.evaluation.ablation_pictures import Drawn, UnfitGenerator, draw_checkpoint
from animegan3_tf.evaluation.evaluate import Evaluation, evaluate, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result
from animegan3_tf.files import only_process
from animegan3_tf.images import quote

GENERATED = "generated"  # of a report's folder: RUN/STEP below it hold the pictures


@dataclass(frozen=True)
class Measured:
    """A checkpoint's evaluation. source: the file its generator came from; sha256: of the generator's numbers."""

    label: str
    step: int
    source: Path
    sha256: str
    evaluation: Evaluation

    def result(self, key: str) -> Result | None:
        """The result of a metric."""
        return next((result for result in self.evaluation.results if result.key == key), None)


@dataclass(frozen=True)
class Ablation:
    """runs: {label: path}. measured: the checkpoints, run by run, steps ascending. problems: what was left out."""

    runs: dict[str, Path]
    measured: tuple[Measured, ...]
    problems: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, Result]:
        """{key: a result of it}, which tells its name and which way is better, in the order of an evaluation."""
        found = {}
        for one in self.measured:
            for result in one.evaluation.results:
                found.setdefault(result.key, result)
        return found

    def of(self, label: str) -> list[Measured]:
        """A run's checkpoints."""
        return [one for one in self.measured if one.label == label]

    def best(self, key: str) -> Measured | None:
        """The checkpoint with a metric's best number, the earliest of equals; None where no way is better."""
        better = self.metrics[key].better
        known = [one for one in self.measured if one.result(key) and one.result(key).value is not None]
        if not better or not known:
            return None
        return (min if better == "lower" else max)(known, key=lambda one: one.result(key).value)


def ablate(
    runs: Sequence[Run],
    photos: str | os.PathLike,
    anime: str | os.PathLike,
    folder: str | os.PathLike,
    measures: Measures,
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext(),
    on_drawn: Callable[[str, int, Drawn], None] = lambda label, step, drawn: None,
) -> Ablation:
    """Evaluates every checkpoint of the runs on the same photos; their pictures go to `folder`/generated/RUN/STEP.

    progress: as `animegan3_tf.progress.progress`. on_drawn: called with a run's label, a step and what was drawn.
    A checkpoint that cannot be read is told of in `problems` and the rest goes on; UserError when none is left.
    """
    folder = Path(folder)
    for kind, pictures in (("photos", photos), ("anime", anime)):
        if Path(pictures).resolve() in (folder.resolve(), *folder.resolve().parents):
            raise UserError(f"-o {quote(folder)} lies in --{kind}, whose pictures it would join; name another folder")
    measured, problems = [], []
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
                    problems.append(f"{what}: not measured, for no picture could be drawn")
                    continue
                found = evaluate(place, photos, anime, measures, lambda part: progress(f"{what}: {part}"))  # noqa: B023
                problems += rejected(found)
                measured.append(Measured(run.label, checkpoint.step, generator.source, generator.sha256, found))
    problems = tuple(dict.fromkeys(problems))  # a photo fails in each checkpoint anew
    if not measured:
        raise UserError(f"no checkpoint could be measured: {'; '.join(problems)}; name others with --ablate")
    return Ablation({run.label: run.path for run in runs}, tuple(measured), problems)


def _place(folder, label, step):
    return folder / GENERATED / label / f"{step:06d}"


@contextlib.contextmanager
def _alone(folder):
    """Another process would draw over the pictures while they are measured."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_process(folder))
        except BlockingIOError:
            raise UserError(f"{quote(folder)} is being drawn in already; wait for it, or name another -o") from None
        except OSError as error:
            raise UserError(f"{quote(folder)} cannot be written to ({error.strerror}); name another with -o") from None
        yield
