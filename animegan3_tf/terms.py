"""The terms of weights: what they may be used for, which the code's licence does not say. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping

NOT_STATED = "not stated"


def terms_of(header: Mapping[str, object]) -> str:
    """What the weights of a header may be used for, as one line; "not stated" where "license" is missing from it."""
    return " ".join(str(header.get("license") or NOT_STATED).split())
