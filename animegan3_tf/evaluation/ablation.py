"""Ablation: the checkpoints of several runs, drawn and evaluated side by side."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common.console import Advance, Progress, no_progress
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, only_process
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS
from animegan3_tf.data.manifest import Manifest
from animegan3_tf.evaluation.drawn import DRAWN, DrawnRecord
from animegan3_tf.evaluation.evaluate import Evaluation, evaluate, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result
from animegan3_tf.models.checkpoints import WEIGHTS
from animegan3_tf.models.weights import model_of_weights
from animegan3_tf.models.weights_file import read_header, read_weights
from animegan3_tf.stylizer.files import plan_results, stylize_files
from animegan3_tf.stylizer.model import Stylizer, stylizer_of
from animegan3_tf.training.run_files import is_state, states, step_of
from animegan3_tf.training.run_folder import deployed_weights
from animegan3_tf.training.state import DamagedState, read_state

_ACCEPTED = "name a run folder, a state or a weights file (.h5)"


@dataclass(frozen=True)
class Generator:
    """A deployed generator.

    Attributes:
        source: The file that it was read from.
        header: See `weights_file.read_weights`.
        arrays: See `weights_file.read_weights`.
    """

    source: Path
    header: dict
    arrays: dict[str, np.ndarray]

    @property
    def sha256(self) -> str:
        """A digest of everything that the images depend on: the weights, the architecture and the resizing."""
        digest = hashlib.sha256(repr((self.header.get("architecture"), self.header.get("resize"))).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A training step and the files that hold its generator; any of them will do."""

    step: int
    sources: tuple[Path, ...]

    def read(self, report: Callable[[str], None]) -> Generator | None:
        """Reads the generator from the first file that can be read.

        Args:
            report: Called with a line for each file that cannot be read.

        Returns:
            The generator, or None where no file can be read.
        """
        for source in self.sources:
            try:
                return _read(source, self.step)
            except UserError as error:
                report(str(error))
        return None


@dataclass(frozen=True)
class AblationRun:
    """A run, which is one line in each chart.

    Attributes:
        label: Its name in the report.
        path: The run folder or the file.
        checkpoints: Its checkpoints, steps ascending.
    """

    label: str
    path: Path
    checkpoints: tuple[Checkpoint, ...]


def find_ablation_runs(
    specifications: Sequence[str], report: Callable[[str], None] = lambda line: None
) -> list[AblationRun]:
    """Finds the runs that `[NAME=]RUN` specifications name.

    Args:
        specifications: The specifications. Without NAME, the label is the name of the folder, or of the file.
        report: See `find_checkpoints`.

    Returns:
        The runs, in order.

    Raises:
        UserError: Two runs have one label, a label cannot name a folder, or a run has no checkpoint.
    """
    runs: dict[str, AblationRun] = {}
    for specification in specifications:
        label, path = _named(specification)
        if label.casefold() in runs:  # some file systems ignore case
            raise UserError(f"--ablate {label!r} is the label of two runs; rename one with --ablate NAME=RUN")
        runs[label.casefold()] = AblationRun(label, path, find_checkpoints(path, report))
    return list(runs.values())


def find_checkpoints(path: Path, report: Callable[[str], None] = lambda line: None) -> tuple[Checkpoint, ...]:
    """Finds the checkpoints of a run.

    Args:
        path: A run folder, a training state or a weights file.
        report: Called with a line where a run folder's generator.h5 cannot be read but its states are there.

    Returns:
        Every state of a run folder, and its generator.h5; or the file alone. Steps ascending.

    Raises:
        UserError: There is no checkpoint, or a file does not say its step.
    """
    if not path.exists():
        raise UserError(f"--ablate {quote(path)} does not exist; {_ACCEPTED}")
    if not path.is_dir():
        return (Checkpoint(_step(path), (path,)),)
    sources = {step_of(state): [state] for state in states(path)}
    weights = path / WEIGHTS
    if weights.is_file():
        try:
            sources.setdefault(_step(weights), []).append(weights)
        except UserError as error:
            if not sources:
                raise
            report(str(error))
    if not sources:
        raise UserError(f"--ablate {quote(path)} holds no state and no {WEIGHTS}; {_ACCEPTED}")
    return tuple(Checkpoint(step, tuple(sources[step])) for step in sorted(sources))


def _named(specification: str) -> tuple[str, Path]:
    """Reads (label, path) from `[NAME=]RUN`; where the whole is an existing path, its '=' belongs to the path."""
    name, equals, rest = specification.partition("=")
    if not equals or os.path.exists(specification):
        path = Path(specification)
        is_named_for_folder = path.name == WEIGHTS or path.name.startswith("state-")
        named = path.resolve().parent if is_named_for_folder else path.resolve()
        label = named.name if named.is_dir() else named.stem
        label = "".join(c if c.isprintable() else "?" for c in label)  # undecodable bytes too
    else:
        label, path = name.strip(), Path(rest)
        if not path.name:
            raise UserError(f"--ablate {specification!r} names no run; write --ablate NAME=RUN")
    if not label or label.startswith(".") or not label.isprintable() or set(label) & set('/\\:*?"<>|'):
        raise UserError(f"--ablate {specification!r}: {label!r} cannot name a folder; write --ablate NAME=RUN")
    return label, path


def _step(path: Path) -> int:
    """The training step of a state or weights file."""
    step = read_state(path).step if _is_state(path) else read_header(path).get("step")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise UserError(
            f"--ablate {quote(path)} does not say its training step, so curves have no place for it; {_ACCEPTED}"
        )
    return step


def _read(path: Path, step: int) -> Generator:
    if not _is_state(path):
        return Generator(path, *read_weights(path))
    state = read_state(path)
    if state.step != step:
        raise DamagedState(f"{str(path)!r} holds the state of step {state.step}: it was renamed")
    try:
        return Generator(path, *deployed_weights(state))
    except UserError as error:
        raise UserError(f"{str(path)!r} cannot be used: {error}") from None


def _is_state(path: Path) -> bool:
    """Whether a file is a state, or has the name of one."""
    try:
        return path in states(path.parent) or is_state(path)
    except OSError as error:
        raise UserError(f"--ablate {quote(path)} cannot be read ({error.strerror}); {_ACCEPTED}") from None


class UnfitGenerator(UserError):
    """Weights that do not fit the network that their header names."""


@dataclass(frozen=True)
class DrawnCheckpoint:
    """Counts of a checkpoint's images.

    Attributes:
        written: Images drawn by this call.
        kept: Images that an earlier call left.
        failures: One line for each photo that could not be stylised.
    """

    written: int
    kept: int
    failures: tuple[str, ...]


def draw_checkpoint(
    generator: Generator,
    photos: StrPath,
    folder: StrPath,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Advance | None = None,
) -> DrawnCheckpoint:
    """Stylises the photos into a folder, which then holds this generator's images of these photos and no others.

    An image that an earlier call has drawn is not drawn again; see `DrawnRecord`. The images are PNG files, so that
    compression does not change what is measured.

    Args:
        generator: The generator.
        photos: The folder of photos.
        folder: The folder of images, made if missing.
        max_pixels: The limit for photos that are read.
        on_progress: Called with (photos done, all photos, name) after each photo.

    Raises:
        UnfitGenerator: The weights do not fit the network.
        UserError: The folder cannot be used.
    """
    targets = plan_results(photos, folder, ".png")
    with Manifest(Path(folder), DRAWN) as records:
        record = DrawnRecord(records, generator.sha256, targets, Path(photos))

        def advance(done: int, total: int, photo: Path, error: str | None) -> None:
            if error is None:
                record.add(photo)
            if on_progress:
                on_progress(done, total, photo.name)

        complete = len(record.standing) == len(targets)
        stylizer = _not_needed if complete else stylizer_from(generator)
        report = stylize_files(
            [photos],
            folder,
            stylizer,
            max_pixels=max_pixels,
            suffix=".png",
            skip=record.standing,
            record=False,  # this is what `record` here does
            on_progress=advance,
        )
    return DrawnCheckpoint(report.written, len(record.standing), tuple(reason for _, reason in report.failures))


def _not_needed(photo: np.ndarray) -> np.ndarray:
    raise AssertionError("every photo has its image already")


def stylizer_from(generator: Generator) -> Stylizer:
    """Makes the stylizer of a generator; raises UnfitGenerator where the weights do not fit the network."""
    try:
        return stylizer_of(model_of_weights(generator.header, generator.arrays, generator.source))
    except UserError as error:
        raise UnfitGenerator(str(error)) from None


BIASED = (
    "A checkpoint that was chosen by its numbers on these photos looks better on them than it is. Report its numbers "
    "on other photos, or report the last checkpoint."
)
_OWN = ("sets", "rejected", "results")  # keys of an evaluation's JSON whose values differ between checkpoints
_DROPPED = "pictures"  # key of single images' scores; evaluating a checkpoint's folder on its own gives them
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

    def to_dict(self) -> dict:
        """Everything except single images' scores, as plain values for JSON."""
        checkpoints: dict[str, list[dict]] = {label: [] for label in self.runs}
        for one in self.measured:
            evaluation = one.evaluation.to_dict()
            checkpoint = {"step": one.step, "source": str(one.source), "generator_sha256": one.sha256}
            checkpoints[one.label].append({**checkpoint, **{key: evaluation[key] for key in _OWN}})
        runs = {label: {"path": str(path), "checkpoints": checkpoints[label]} for label, path in self.runs.items()}
        shared = {key: value for key, value in evaluation.items() if key not in (*_OWN, _DROPPED)}
        found = {key: self.best(key) for key in self.metrics}
        best = {key: one and {"run": one.label, "step": one.step} for key, one in found.items()}
        return {**shared, "runs": runs, "best": best, "best_is_biased": BIASED, "problems": list(self.problems)}


def ablate(
    runs: Sequence[AblationRun],
    photos: StrPath,
    anime: StrPath,
    folder: StrPath,
    measures: Measures,
    progress: Progress = no_progress,
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
        progress: A function such as `animegan3_tf.common.console.progress`.
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
