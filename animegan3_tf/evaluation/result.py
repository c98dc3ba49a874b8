"""One number of an evaluation, and everything one has to know to quote it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A metric's value.

    key: for programs. name: as a paper would tell it, with the network in it. value: None where the number would mean
    nothing; `note` then says why, and otherwise what to keep in mind. interval: the 95 % interval (low, high), or None.
    better: "lower", "higher" or "" where neither is. count: pictures that it was measured on, in words.
    """

    key: str
    name: str
    value: float | None
    interval: tuple[float, float] | None
    better: str
    count: str
    note: str = ""

    def to_dict(self) -> dict:
        """As JSON takes it."""
        low, high = self.interval or (None, None)
        return {
            "key": self.key,
            "name": self.name,
            "value": self.value,
            "low": low,
            "high": high,
            "better": self.better,
            "count": self.count,
            "note": self.note,
        }
