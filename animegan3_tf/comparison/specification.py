"""The values of `--model`: a name and where the method is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.errors import UserError

PHOTO = "photo"  # the name of the photos beside the methods'
_NAME = re.compile(r"[^\W_][\w .,+()-]{0,39}")  # fits a heading, a CSV file and a column of LaTeX


@dataclass(frozen=True)
class Specification:
    """A method as the user names it.

    Attributes:
        name: Its name in the report.
        path: Where it is.
        architecture: The architecture of a published checkpoint, where the user names it.
    """

    name: str
    path: Path
    architecture: str | None = None


def parse_models(texts: Iterable[str]) -> list[Specification]:
    """Reads NAME=PATH or NAME=ARCHITECTURE:PATH values, in order.

    Raises:
        UserError: There is none, or one cannot be read, has a name that cannot be used, or repeats a name.
    """
    found: dict[str, Specification] = {}
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
        if colon and rest and architecture in ARCHITECTURES:
            found[name.casefold()] = Specification(name, Path(rest), architecture)
        else:
            found[name.casefold()] = Specification(name, Path(path))
    if not found:
        raise UserError("no --model is given; name at least one, such as --model v3=runs/shinkai")
    return list(found.values())
