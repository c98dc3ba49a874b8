"""One number of an evaluation, with everything that one must know to quote it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A metric's value.

    Attributes:
        key: The metric's name in JSON and CSV.
        name: The metric's name in reports, with its network.
        value: The number; None where it would mean nothing.
        interval: The 95 % interval (low, high), if any.
        better: "lower", "higher", or "" where neither is better.
        count: The number of images that it was measured on, in words.
        note: Why there is no value; beside a value, a caution.
    """

    key: str
    name: str
    value: float | None
    interval: tuple[float, float] | None
    better: str
    count: str
    note: str = ""

    def to_dict(self) -> dict:
        """Plain values for JSON."""
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
