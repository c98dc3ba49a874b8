"""JSON files `{part: {name: value}}` with one entry a line, read and written without holding the whole in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import Any, TextIO

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote


def read_book(path: Path, fits: Callable[[str, Any], bool]) -> Iterator[tuple[str, str, Any]]:
    """Reads the entries of a file, one at a time.

    Args:
        path: The file; without one there are no entries.
        fits: (part, value) -> whether `write_book` may have written such an entry.

    Yields:
        (part, name, value) in the file's order; a value is any JSON value.

    Raises:
        UserError: The file cannot be read, or holds something else: a data set's own file of that name must not be
            overwritten.
    """
    try:
        with open(path, encoding="utf-8") as file:
            for part, name, value in _entries(file):
                if not fits(part, value):
                    raise ValueError
                yield part, name, value
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); change its permissions") from None
    except (ValueError, AttributeError):
        raise UserError(
            f"{quote(path)} was not written by prepare; move it away, or delete it to have the targets made again"
        ) from None


def write_book(path: Path, entries: Iterable[tuple[str, str, Any]]) -> None:
    """Replaces a file, whole or not at all.

    Args:
        path: The file; it is removed when there are no entries.
        entries: (part, name, value), sorted by part; a value is any JSON value.

    Raises:
        OSError: The file cannot be written.
    """
    entries = iter(entries)
    first = next(entries, None)
    if first is None:
        path.unlink(missing_ok=True)
        return
    with whole_file(path, durable=True) as temporary, open(temporary, "w", encoding="utf-8") as file:
        before = "{\n"
        for part, group in groupby(chain([first], entries), key=lambda entry: entry[0]):
            file.write(f"{before}{json.dumps(part)}: {{\n")
            before = ""
            for _, name, value in group:
                file.write(f"{before}{json.dumps(name)}: {json.dumps(value, sort_keys=True)}")
                before = ",\n"
            before = "\n},\n"
        file.write("\n}\n}\n")


def _entries(file: TextIO) -> Iterator[tuple[str, str, Any]]:
    """Reads line by line a file that is laid out as `write_book` does, and any other whole."""
    if file.readline() != "{\n" or not file.readline().startswith('"'):
        file.seek(0)
        for part, entries in json.loads(file.read()).items():
            for name, value in entries.items():
                yield part, name, value
        return
    file.seek(0)
    file.readline()
    part = None
    for line in file:
        if part is None and line == "}\n":
            return
        if part is None:
            (part,) = json.loads(f"{{{line}}}}}")
        elif line in ("}\n", "},\n"):
            part = None
        else:
            ((name, value),) = json.loads(f"{{{line.rstrip().removesuffix(',')}}}").items()
            yield part, name, value
    raise ValueError("the end is missing")
