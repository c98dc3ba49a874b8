"""Which generation of the lineage a published checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable

from animegan3_tf.lineage import animegan1, animegan2, animegan3

CHECKPOINTS = {"animegan1": animegan1.variables, "animegan2": animegan2.variables, "animegan3": animegan3.variables}


def detect_architecture(names: Iterable[str]) -> str | None:
    """The architecture whose variables are all among the names of a file's variables; None where there is not just one.

    A file that lacks a single variable is of none: `open_published`, told the architecture, says what is missing.
    """
    found = set(names)
    fitting = [name for name, variables in CHECKPOINTS.items() if found.issuperset(variables().values())]
    return fitting[0] if len(fitting) == 1 else None
