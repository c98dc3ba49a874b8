"""Fetches one file over HTTP: resumes an interrupted transfer, and checks size and checksum where they are known."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.common.errors import UserError

_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds of silence


@dataclass(frozen=True)
class Received:
    """A file that was fetched.

    Attributes:
        path: Where it is.
        bytes: Its size.
        sha256: Its checksum, in hexadecimal digits.
        known: Whether the checksum was known before, and so was checked.
    """

    path: Path
    bytes: int
    sha256: str
    known: bool


def fetch(
    url: str,
    path: str | os.PathLike,
    size: int | None = None,
    sha256: str | None = None,
    on_progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Received:
    """Fetches a file, whole or not at all; an existing file that fits is left as it is.

    An interrupted transfer leaves PATH.part. The next call continues it if the server's ETag, kept in PATH.part.etag,
    is still the same.

    Args:
        url: The file's address.
        path: Where to write it.
        size: Size that it must have in bytes; None where it is unknown.
        sha256: Checksum that it must have, in hexadecimal digits; None where it is unknown.
        on_progress: Called with the bytes so far and the bytes in all (None where they are unknown).

    Raises:
        UserError: The address cannot be reached, the connection breaks off, or size or checksum differ.
    """
    path = Path(path)
    if path.is_file():
        return _checked(path, path, url, size, sha256)
    part, tag = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.etag")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _receive(url, part, tag, size, on_progress)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        kept = f"; {part.stat().st_size:,} bytes are kept, run it again to go on" if part.is_file() else ""
        raise UserError(
            f"{url} cannot be fetched ({reason}){kept}; or put the file at {str(path)!r} by hand"
        ) from error
    received = _checked(part, path, url, size, sha256)
    os.replace(part, path)
    tag.unlink(missing_ok=True)
    return received


def _receive(url, part, tag, size, on_progress):
    request = urllib.request.Request(url, headers={"User-Agent": "animegan3_tf"})
    start = part.stat().st_size if part.is_file() and tag.is_file() else 0
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", tag.read_text(encoding="ascii"))
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # the part is as long as the file, or longer; its size or checksum decides
            raise
        return
    with response:
        if response.status != 206:
            start = 0  # the server does not resume, or has another file now
        _keep_tag(tag, response.headers.get("ETag"))
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else size
        with open(part, "ab" if start else "wb") as file:
            done = start
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                on_progress(done, total)
                if size is not None and done > size:
                    break  # another file; no need to wait for its end
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _keep_tag(tag, value):
    """Keeps an ETag, unless it is a weak one, which does not promise the same bytes."""
    if value and not value.startswith("W/") and value.isascii():
        tag.write_text(value, encoding="ascii")
    else:
        tag.unlink(missing_ok=True)


def _checked(found, path, url, size, sha256):
    """Checks size and checksum of the file `found`, which will be `path`; raises UserError where they differ."""
    count, digest = found.stat().st_size, _sha256(found)
    wrong = []
    if size is not None and count != size:
        wrong.append(f"{count:,} bytes in place of {size:,}")
    if sha256 is not None and digest != sha256:
        wrong.append(f"sha256 {digest} in place of {sha256}")
    if wrong:
        moved = found.with_name(f"{path.name}.rejected-{int(time.time())}")
        os.replace(found, moved)
        raise UserError(f"{url} is not the expected file: {', '.join(wrong)}; it was moved to {str(moved)!r}")
    return Received(path, count, digest, sha256 is not None)


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
