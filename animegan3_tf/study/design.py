"""The design of a study: questions, methods, trials, and the order in which a rater sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from random import Random

from animegan3_tf.common.errors import UserError

KINDS = ("pairwise", "ranking")
QUESTIONS = ("overall", "style", "content")
MOST_METHODS = 100  # a table of every two is made
MOST_RANKED = 6  # methods that a person can put in order and a phone can show
_ITEMS = {"pairwise": 24, "ranking": 12}  # about ten minutes with one question
_REPEATS = 3


@dataclass(frozen=True)
class Study:
    """Everything that a rater's browser may know: images have codes, and no method is named.

    Attributes:
        id: Identifies this page.
        kind: One of KINDS.
        questions: Some of QUESTIONS.
        items: Trials for each rater.
        repeats: How many of these are shown a second time.
        trials: (photo's code, codes of its images).
        post: The address for answers; None for answers in files only.
    """

    id: str
    kind: str
    questions: tuple[str, ...]
    items: int
    repeats: int
    trials: tuple[tuple[str, tuple[str, ...]], ...]
    post: str | None = None

    @property
    def blocks(self) -> int:
        """The number of different blocks."""
        return len(self.trials) // math.gcd(len(self.trials), self.items)

    def block(self, number: int) -> list[int]:
        """The trials of a block, as indices into the table."""
        return [(number * self.items + i) % len(self.trials) for i in range(self.items)]

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def trials_of(
    photos: list[str], codes: dict[tuple[str, str], str], methods: list[str], kind: str, random: Random
) -> list[tuple[str, tuple[str, ...]]]:
    """Makes the table of trials.

    Args:
        photos: The photos' codes.
        codes: {(photo's code, method): code of the image}.
        methods: The methods.
        kind: One of KINDS.
        random: The source of every random choice.

    Returns:
        (photo's code, codes of its images). The images of a trial are in random order, so that their order says
        nothing about the methods.
    """
    groups: list[tuple[str, ...]] = list(combinations(methods, 2)) if kind == "pairwise" else [tuple(methods)]
    photos, groups = random.sample(photos, len(photos)), random.sample(groups, len(groups))
    run = math.lcm(len(photos), len(groups))
    trials = []
    for t in range(len(photos) * len(groups)):
        photo, group = photos[t % len(photos)], groups[(t + t // run) % len(groups)]
        trials.append((photo, tuple(codes[photo, method] for method in random.sample(group, len(group)))))
    return trials


def resolve_size(kind: str, photos: int, methods: int, items: int | None, repeats: int | None) -> tuple[int, int]:
    """Chooses or checks how many trials a rater gets.

    Args:
        kind: One of KINDS.
        photos: The number of photos.
        methods: The number of methods.
        items: Trials; None for 24 pairs, rounded up to whole rounds of all pairs of methods, or for 12 rankings.
        repeats: Trials shown a second time; None for 3. A third of the items at most, so that no repeat follows close
            on its first showing.

    Returns:
        (items, repeats).

    Raises:
        UserError: There are fewer trials than items, or too many repeats.
    """
    groups = methods * (methods - 1) // 2 if kind == "pairwise" else 1
    trials = photos * groups
    if items is None:
        items = min(trials, math.ceil(_ITEMS[kind] / groups) * groups)
    if not 1 <= items <= trials:
        raise UserError(f"--items {items} is not between 1 and the {trials:,} trials that these pictures give")
    if repeats is None:
        repeats = min(_REPEATS, items // 3)
    if not 0 <= repeats <= items // 3:
        raise UserError(f"--repeats {repeats} is not between 0 and {items // 3}, a third of the items")
    return items, repeats


_32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Shown:
    """A trial as a rater sees it.

    Attributes:
        trial: Its index in the table.
        pictures: The codes of its images from left to right.
        repeat: Whether the rater has seen it before.
    """

    trial: int
    pictures: tuple[str, ...]
    repeat: bool


def schedule(study: Study, seed: int, block: int) -> list[Shown]:
    """Draws up the trials of a rater in order.

    The block is shuffled. Its first `repeats` trials come again at random places of the second half. They show their
    images in reverse, so that a rater who always takes the left one does not look consistent.

    Args:
        study: The study.
        seed: The rater's seed, 0 to 2^32 - 1.
        block: The rater's block.

    Returns:
        `study.items + study.repeats` trials.
    """
    below = mulberry32(seed)
    trials = study.block(block)
    _shuffle(trials, below)
    half = len(trials) // 2
    late = [(trial, False) for trial in trials[half:]] + [(trial, True) for trial in trials[: study.repeats]]
    _shuffle(late, below)
    orders: dict[int, list[str]] = {}
    shown = []
    for trial, repeat in [(trial, False) for trial in trials[:half]] + late:
        if not repeat:
            orders[trial] = list(study.trials[trial][1])
            _shuffle(orders[trial], below)
        codes = reversed(orders[trial]) if repeat else orders[trial]
        shown.append(Shown(trial, tuple(codes), repeat))
    return shown


def mulberry32(seed: int) -> Callable[[int], int]:
    """Makes a random generator, Tommy Ettinger's mulberry32.

    Args:
        seed: 0 to 2^32 - 1.

    Returns:
        A function n -> a random whole number in [0, n), for n < 2^21.
    """
    state = seed & _32

    def below(n: int) -> int:
        nonlocal state
        state = (state + 0x6D2B79F5) & _32
        t = ((state ^ state >> 15) * (state | 1)) & _32
        t ^= (t + (((t ^ t >> 7) * (t | 61)) & _32)) & _32
        return ((t ^ t >> 14) * n) >> 32

    return below


def _shuffle(values: list, below: Callable[[int], int]) -> None:
    """Fisher and Yates, from the end."""
    for i in range(len(values) - 1, 0, -1):
        j = below(i + 1)
        values[i], values[j] = values[j], values[i]
