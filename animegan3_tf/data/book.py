"""JSON files with an entry a line: `{part: {name: value}}`, however long, read and written without being held whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote


def read_book(path: Path, fits: Callable[[str, object], bool]) -> Iterator[tuple[str, str, object]]:
    """Yields (part, name, value) in the file's order; nothing when there is no file.

    A file that holds anything else, told by `fits(part, value)`, raises `UserError`: a data set's own file of that
    name is not ours to overwrite.
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
            f"{quote(path)} was not written by prepare; move it away, or delete it to make the targets anew"
        ) from None


def write_book(path: Path, entries: Iterable[tuple[str, str, object]]) -> None:
    """Replaces the file by (part, name, value) entries, sorted by part; without any, removes it. Raises OSError."""
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


def _entries(file):
    """By line where the file is laid out as `write_book` does; parsed whole where it is not."""
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
