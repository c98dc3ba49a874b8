"""Builds a study: the page that raters open, and its key."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.study.design import KINDS, MOST_RANKED, QUESTIONS, Study, resolve_size, trials_of
from animegan3_tf.evaluation.study.key import Key, key_path
from animegan3_tf.evaluation.study.page import post_origin, study_page
from animegan3_tf.evaluation.study.pictures import match_pictures, read_alike
from animegan3_tf.files import whole_file
from animegan3_tf.images import DEFAULT_MAX_PIXELS, jpeg_bytes, quote

_QUALITY = 90  # no artefact that a rater could take for a method's


@dataclass(frozen=True)
class Built:
    """page, key: the files written. bytes: of the page."""

    page: Path
    key: Path
    study: Study
    bytes: int


def build_study(
    photos: str | os.PathLike,
    methods: dict[str, Path],
    out: str | os.PathLike,
    seed: int,
    kind: str = "pairwise",
    questions: tuple[str, ...] = ("overall",),
    items: int | None = None,
    repeats: int | None = None,
    side: int = 512,
    post: str | None = None,
    overwrite: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    advance: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Built:
    """Writes the page `out` and, beside it, its key; the same arguments and pictures give the same bytes.

    methods: name -> folder of pictures with the photos' names. seed: of the codes and of the table of trials; who knows
    it and the names could tell the methods, so it goes into the key alone. side: longest side of the pictures in the
    page. post: address to which the page sends answers, relative to its own where it has no host.

    Raises UserError for arguments that do not fit, for missing or unreadable pictures, and, without `overwrite`, where
    a page or key is there: answers to an overwritten study can no longer be scored.
    """
    out = Path(out)
    _check(methods, kind, questions, side)
    post_origin(post)  # a wrong address is told before any picture is read
    for path in (out, key_path(out)):
        if path.exists() and not overwrite:
            raise UserError(f"{quote(path)} exists, and answers to it would be lost; name another or add --overwrite")
    files = match_pictures(photos, methods)
    items, repeats = resolve_size(kind, len(files), len(methods), items, repeats)

    random = Random(seed)
    codes = _codes(random)
    photo_codes = {name: next(codes) for name in files}
    picture_codes = {(photo_codes[name], method): next(codes) for name in files for method in methods}
    jpegs = {}
    for number, (name, paths) in enumerate(files.items(), 1):
        for method, rgb in read_alike(paths, side, max_pixels).items():
            photo = photo_codes[name]
            jpegs[photo if method is None else picture_codes[photo, method]] = jpeg_bytes(rgb, _QUALITY)
        advance(number, len(files), name)

    trials = trials_of(list(photo_codes.values()), picture_codes, list(methods), kind, random)
    study = Study("", kind, tuple(questions), items, repeats, tuple(trials), post)
    jpegs = dict(sorted(jpegs.items()))  # by code: their order of making would tell the methods
    study = replace(study, id=_identity(study, jpegs))
    names = {photo: name for name, photo in photo_codes.items()}
    made = {code: (names[photo], method) for (photo, method), code in picture_codes.items()}
    html = study_page(study, jpegs).encode()
    try:
        # the key first: a page without its key would be worthless, and could be handed out
        Key(study, tuple(methods), names, made, seed).write(key_path(out))
        with whole_file(out) as temporary:
            temporary.write_bytes(html)
    except OSError as error:
        raise UserError(f"{quote(out)} cannot be written ({error.strerror}); name another with -o") from None
    return Built(out, key_path(out), study, len(html))


def _check(methods, kind, questions, side):
    if kind not in KINDS:
        raise UserError(f"--kind {kind!r} is none of {', '.join(KINDS)}")
    unknown = [question for question in questions if question not in QUESTIONS]
    if unknown or not questions or len(set(questions)) < len(questions):
        raise UserError(f"--questions {','.join(questions)!r} must name some of {', '.join(QUESTIONS)}, each once")
    if len(methods) < 2:
        raise UserError(f"{len(methods)} method given, a study compares two or more; add --method NAME=DIR")
    if kind == "ranking" and len(methods) > MOST_RANKED:
        raise UserError(f"{len(methods)} methods are too many to rank, {MOST_RANKED} at most; use --kind pairwise")
    if side < 64:
        raise UserError(f"--side {side} is too small to judge; give 64 or more")


def _codes(random):
    """Names of eight hexadecimal digits, all different."""
    seen = set()
    while True:
        code = f"{random.getrandbits(32):08x}"
        if code not in seen:
            seen.add(code)
            yield code


def _identity(study, jpegs):
    """Twelve digits that another study, or other pictures, would not have."""
    told = {**study.to_dict(), "pictures": {code: hashlib.sha256(data).hexdigest() for code, data in jpegs.items()}}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
