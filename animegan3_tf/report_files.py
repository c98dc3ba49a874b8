"""Writes the files of a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote


def write_texts(folder: str | os.PathLike, texts: Mapping[str, str]) -> None:
    """Writes text files into a folder, which is made if missing; each file appears whole or not at all.

    Args:
        folder: Where to write.
        texts: Each file's text by its name. File names in a text that are not Unicode are written with backslashes.

    Raises:
        UserError: A file cannot be written.
    """
    for name, text in texts.items():
        try:
            with whole_file(Path(folder, name)) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise UserError(f"{quote(folder)} cannot be written to ({error.strerror}); name another with -o") from None
