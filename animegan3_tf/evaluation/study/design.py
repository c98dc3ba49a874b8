"""The trials of a study, in an order in which any stretch is balanced.

A trial is a photo with the images of two methods (pairwise) or of all methods (ranking). Trial t of the table shows
photo t mod P and pair (t + t // L) mod K, for P photos, K pairs and their least common multiple L. In this cyclic
design, P * K consecutive trials show every photo with every pair once. The study's seed shuffles which photo and which
pair the numbers stand for.

A rater gets a block: `items` consecutive trials from b * items on for block b, where the table's start follows its end.
Within a block, the counts of photos differ by at most one, and the counts of pairs by at most one where P and K share
no factor, else by at most two. Over all `blocks`, every trial comes equally often. `schedule` applies the rater's seed
to a block.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from random import Random

from animegan3_tf.errors import UserError

KINDS = ("pairwise", "ranking")
QUESTIONS = ("overall", "style", "content")
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
        """Plain values for JSON; `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Study:
        """Reads what `to_dict` wrote.

        Raises:
            KeyError, TypeError or ValueError: `to_dict` did not write this.
        """
        trials = tuple((photo, tuple(images)) for photo, images in values["trials"])
        return cls(**{**values, "questions": tuple(values["questions"]), "trials": trials})


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
    photos = random.sample(photos, len(photos))
    groups = random.sample(groups, len(groups))
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
