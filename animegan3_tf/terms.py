"""The terms of use of weights, which the code's licence does not cover. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping

NOT_STATED = "not stated"


def terms_of(header: Mapping[str, object]) -> str:
    """Returns the entry "license" of a weights file's header on one line; "not stated" where it is missing."""
    return " ".join(str(header.get("license") or NOT_STATED).split())
