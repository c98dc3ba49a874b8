"""Reads and writes the weights file of a deployed generator: HDF5 with named arrays and a header that describes them.

The header is the attribute "header" of the root: a JSON object with "format" and further entries of its writer. The
file is sealed (`models.array_file`); those of older versions are not, and are read with a warning unless a file
SHA256SUMS beside them vouches for them. TensorFlow is not needed here; `models.weights` turns the arrays into a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError, first_line, quote
from animegan3_tf.common.files import regular_file
from animegan3_tf.models.array_file import LARGEST, SIGNATURE, check_hdf5, read_hdf5, seal_holds, write_sealed

if TYPE_CHECKING:
    import numpy as np

FORMAT = "animegan3_tf generator 1"
MAGIC = b"animegan3_tf weights"  # the first bytes of a sealed file
SUMS = "SHA256SUMS"  # of a shipped checkpoint's folder, as `sha256sum` writes it
_LONGEST_LIST = 1 << 20  # bytes


def write_weights(path: str | os.PathLike, header: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a weights file, sealed, whole or not at all.

    Args:
        path: The file to write.
        header: Entries that JSON can hold; "format" is added.
        arrays: Arrays by name, where slashes make groups.
    """
    write_sealed(path, MAGIC, {**header, "format": FORMAT}, arrays)


def read_weights(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a weights file.

    Returns:
        The header, and the arrays by name.

    Raises:
        UserError: The file does not exist, is damaged or not as its checksum says, holds something else than arrays of
            numbers, or is no weights file of this version's format.
    """
    return _read(Path(path))


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the header of a weights file; raises UserError as `read_weights` does, but for what its arrays are."""
    return _read(Path(path), arrays=False)[0]


def warning_of(path: str | os.PathLike) -> str | None:
    """Returns what the user of a readable weights file should know: that nothing shows its damage; or None."""
    if _kind_of_checksum(Path(path)) is not None:
        return None
    return (
        f"weights {quote(path)} have no checksum, as older versions wrote them, so damage may go unseen; compare the "
        "output of sha256sum with that of whoever gave them to you"
    )


def describe_weights(path: Path) -> dict[str, Any]:
    """Describes a weights file for `animegan3 info`; raises UserError as `read_weights`."""
    described = describe_arrays("weights", path, *read_weights(path))
    return {**described, "checksum": _kind_of_checksum(path) or "none: damage may go unseen"}


def describe_arrays(
    kind: str, path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Describes a file of named arrays: plain values by name, its kind first."""
    numbers = sum(array.size for array in arrays.values())
    stored = ", ".join(sorted({str(array.dtype) for array in arrays.values()}))
    return {"kind": kind, "bytes": path.stat().st_size, **header, "numbers": numbers, "stored_as": stored}


def _kind_of_checksum(path: Path) -> str | None:
    """What vouches for a readable file, in words; None where nothing does."""
    if _listed(path) is not None:
        return f"that of {SUMS}"
    with open(regular_file(path), "rb") as file:
        return "its own" if file.read(len(MAGIC)) == MAGIC else None


def _read(path: Path, arrays: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    data = _whole(path)
    with _damage(path):
        header, found = read_hdf5(data, arrays)
        if header["format"] != FORMAT:
            raise UserError(f"{quote(path)} is in format {header['format']!r}; this version reads {FORMAT!r}")
    return header, found


def _whole(path: Path) -> bytes:
    """The bytes of a weights file that agree with their checksum, or that HDF5 has survived in another process."""
    remedy = "name a run folder (with generator.h5), a weights file (.h5) or a name of `animegan3 models`"
    if not os.path.exists(path):
        raise UserError(f"{quote(path)} does not exist; {remedy}")
    if not path.is_file():
        raise UserError(f"{quote(path)} is not a weights file; {remedy}")
    with _damage(path):
        data = regular_file(path, LARGEST).read_bytes()
        listed = _listed(path)
    if listed is not None and listed != hashlib.sha256(data).hexdigest():
        raise UserError(
            f"{quote(path)} is not the file that {SUMS} beside it lists, or it is damaged; fetch both again"
        )
    if data.startswith(MAGIC):
        if not seal_holds(data, MAGIC):
            raise UserError(
                f"weights {quote(path)} are damaged, cut short or altered: their checksum does not match their bytes; "
                "fetch the file again"
            )
    elif not data.startswith(SIGNATURE):
        raise UserError(f"{quote(path)} is not a weights file of animegan3_tf, or its first bytes are damaged")
    elif listed is None:
        check_hdf5(path)
    return data


def _listed(path: Path) -> str | None:
    """The SHA-256 of a file in a list beside it; None where there is no list, or the file is not in it."""
    sums = path.with_name(SUMS)
    if not sums.is_file():
        return None
    text = regular_file(sums, _LONGEST_LIST).read_text(encoding="utf-8", errors="replace")
    digests = {name: digest.lower() for digest, name in re.findall(r"^([0-9a-fA-F]{64})[ \t][ *](.+)$", text, re.M)}
    return digests.get(path.name)


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turns what a file's readers raise into a UserError that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # HDF5 raises anything, also MemoryError and RecursionError
        raise UserError(
            f"{quote(path)} is not a weights file of animegan3_tf, or it is damaged: {first_line(error)}"
        ) from error
