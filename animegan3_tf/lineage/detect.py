"""Which generation of the lineage a published checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable

from animegan3_tf.lineage import animegan1, animegan2, animegan3

CHECKPOINTS = {"animegan1": animegan1.variables, "animegan2": animegan2.variables, "animegan3": animegan3.variables}


def detect_architecture(names: Iterable[str]) -> str | None:
    """Finds the architecture whose variables a file holds.

    Args:
        names: The names of the file's variables; others may be among them.

    Returns:
        A key of `CHECKPOINTS`, or None where no architecture's variables are all there, or those of several. A file
        that lacks a single variable has no architecture: given one, `open_published` lists the missing variables.
    """
    found = set(names)
    fitting = [name for name, variables in CHECKPOINTS.items() if found.issuperset(variables().values())]
    return fitting[0] if len(fitting) == 1 else None
