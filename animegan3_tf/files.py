"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path in the same folder; what the block writes there replaces `path` when the block ends.

    Missing folders are made. When the block or the renaming fails, or is interrupted, the temporary file is removed and
    `path` stays as it was. The block creates the file, so its permissions follow the umask.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):  # gone already when the rename succeeded
            temporary.unlink()
