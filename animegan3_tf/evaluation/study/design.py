"""What a study shows: its trials, in an order of which any stretch is balanced.

A trial is a photo with two pictures of it (pairwise) or with those of all methods (ranking). Trial t of the table shows
photo t mod P and pair (t + t // L) mod K, for P photos, K pairs and L their least common multiple: a cyclic design in
which P * K trials in a row are every photo with every pair, once. Which photo and which pair the numbers stand for is
shuffled by the study's seed.

A rater gets a block: `items` trials in a row, from b * items on for block b, round and round. Within a block the
photos come equally often up to one, and the pairs up to one where P and K share no factor, else up to two. Over all
`blocks` every trial comes equally often. What a rater's seed does to a block is in `schedule`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from random import Random

from animegan3_tf.errors import UserError

KINDS = ("pairwise", "ranking")
QUESTIONS = ("overall", "style", "content")
MOST_RANKED = 6  # methods that a person can put in order, and a phone can show
_ITEMS = {"pairwise": 24, "ranking": 12}  # about ten minutes with one question
_REPEATS = 3


@dataclass(frozen=True)
class Study:
    """All that a rater's browser may know: pictures go by codes, and no method is named.

    id: of this very page. trials: (code of the photo, codes of its pictures). items: trials of a rater. repeats: how
    many of these come a second time. post: where answers are sent, or None for files alone.
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
        """How many different stretches of the table raters can get."""
        return len(self.trials) // math.gcd(len(self.trials), self.items)

    def block(self, number: int) -> list[int]:
        """The trials of a block, as their numbers in the table."""
        return [(number * self.items + i) % len(self.trials) for i in range(self.items)]

    def to_dict(self) -> dict:
        """For JSON; `from_dict` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict) -> Study:
        """Raises KeyError, TypeError or ValueError for what `to_dict` did not write."""
        trials = tuple((photo, tuple(pictures)) for photo, pictures in told["trials"])
        return cls(**{**told, "questions": tuple(told["questions"]), "trials": trials})


def trials_of(photos: list[str], codes: dict[tuple[str, str], str], methods: list[str], kind: str, random: Random):
    """The table of trials, [(photo, codes of the pictures)].

    codes: (photo, method) -> code of the picture. The pictures of a trial stand in random order, so that "the first"
    says nothing of the method.
    """
    groups = list(combinations(methods, 2)) if kind == "pairwise" else [tuple(methods)]
    photos = random.sample(photos, len(photos))
    groups = random.sample(groups, len(groups))
    run = math.lcm(len(photos), len(groups))
    trials = []
    for t in range(len(photos) * len(groups)):
        photo, group = photos[t % len(photos)], groups[(t + t // run) % len(groups)]
        trials.append((photo, tuple(codes[photo, method] for method in random.sample(group, len(group)))))
    return trials


def resolve_size(kind: str, photos: int, methods: int, items: int | None, repeats: int | None) -> tuple[int, int]:
    """(items, repeats) of a rater; by default 24 pairs, rounded up to whole rounds, or 12 rankings, and 3 repeats.

    Raises UserError for more items than there are trials, and for repeats that would follow close on the first time.
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
