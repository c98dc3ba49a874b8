"""What `--model` names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.errors import UserError

PHOTO = "photo"  # what the photos are called beside the methods
_NAME = re.compile(r"[^\W_][\w .,+()-]{0,39}")  # fits a heading, a file of tables and a column of LaTeX


@dataclass(frozen=True)
class Specification:
    """A method: its name in the report, and where it is. architecture: of a published checkpoint, where it was told."""

    name: str
    path: Path
    architecture: str | None = None


def parse_models(texts: Iterable[str]) -> list[Specification]:
    """The methods of NAME=PATH or NAME=ARCHITECTURE:PATH, in order; raises UserError."""
    found = {}
    for text in texts:
        name, equals, path = text.partition("=")
        name = name.strip()
        if not (equals and name and path):
            raise UserError(f"--model {text!r} is not NAME=PATH; write --model v3=runs/shinkai")
        if not _NAME.fullmatch(name) or name.casefold() == PHOTO:
            raise UserError(
                f"--model {text!r}: {name!r} cannot name a method; use up to 40 letters, digits, spaces and .,+()-_, a "
                f"letter or digit first, and not {PHOTO!r}"
            )
        if name.casefold() in found:
            raise UserError(f"--model {name!r} is given twice; name each method once")
        architecture, colon, rest = path.partition(":")
        told = bool(colon and rest and architecture in ARCHITECTURES)
        found[name.casefold()] = Specification(name, Path(rest if told else path), architecture if told else None)
    if not found:
        raise UserError("no --model is given; name at least one, such as --model v3=runs/shinkai")
    return list(found.values())
