"""Builds a study: the page that raters open, and its key."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.study.design import KINDS, MOST_RANKED, QUESTIONS, Study, resolve_size, trials_of
from animegan3_tf.evaluation.study.images import match_images, read_alike
from animegan3_tf.evaluation.study.key import Key, key_path
from animegan3_tf.evaluation.study.page import post_origin, study_page
from animegan3_tf.files import whole_file
from animegan3_tf.images import DEFAULT_MAX_PIXELS, jpeg_bytes, quote

_QUALITY = 90  # JPEG quality without artefacts that a rater could take for a method's


@dataclass(frozen=True)
class Built:
    """A study on disk.

    Attributes:
        page: The page's file.
        key: The key's file.
        study: The study.
        bytes: Size of the page.
    """

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
    """Writes a study's page and, beside it, its key. The same arguments and images give the same bytes.

    Args:
        photos: The folder of photos.
        methods: {name: folder of images that have the photos' names}.
        out: The page's file.
        seed: The seed of the codes and of the table of trials. With it and the names one could find out the methods,
            so only the key holds it.
        kind: One of KINDS.
        questions: Some of QUESTIONS, each once.
        items: Trials for each rater; see `resolve_size`.
        repeats: Trials that are shown a second time; see `resolve_size`.
        side: Pixels of the longest side of images in the page, at most; 64 or more.
        post: The address to which the page sends answers, relative to the page's own where it names no host. None for
            answers in files only.
        overwrite: Whether to replace a page and a key. Answers to the old study can then no longer be scored.
        max_pixels: The limit for images that are read.
        advance: Called with (photos done, all photos, name) after each photo.

    Raises:
        UserError: Arguments do not fit, an image is missing or cannot be read, or a file exists.
    """
    out = Path(out)
    _check(methods, kind, questions, side)
    post_origin(post)  # refuses a wrong address before any image is read
    for path in (out, key_path(out)):
        if path.exists() and not overwrite:
            raise UserError(
                f"{quote(path)} exists, and answers to its study would be lost; name another file or add --overwrite"
            )
    files = match_images(photos, methods)
    items, repeats = resolve_size(kind, len(files), len(methods), items, repeats)

    random = Random(seed)
    codes = _codes(random)
    photo_codes = {name: next(codes) for name in files}
    image_codes = {(photo_codes[name], method): next(codes) for name in files for method in methods}
    jpegs: dict[str, bytes] = {}
    for number, (name, paths) in enumerate(files.items(), 1):
        for method, rgb in read_alike(paths, side, max_pixels).items():
            photo = photo_codes[name]
            jpegs[photo if method is None else image_codes[photo, method]] = jpeg_bytes(rgb, _QUALITY)
        advance(number, len(files), name)

    trials = trials_of(list(photo_codes.values()), image_codes, list(methods), kind, random)
    study = Study("", kind, tuple(questions), items, repeats, tuple(trials), post)
    jpegs = dict(sorted(jpegs.items()))  # by code: the order in which they were made would reveal the methods
    study = replace(study, id=_identity(study, jpegs))
    names = {photo: name for name, photo in photo_codes.items()}
    made = {code: (names[photo], method) for (photo, method), code in image_codes.items()}
    html = study_page(study, jpegs).encode()
    try:
        # the key first: a page without its key would be worthless, yet someone could hand it to raters
        Key(study, tuple(methods), names, made, seed).write(key_path(out))
        with whole_file(out) as temporary:
            temporary.write_bytes(html)
    except OSError as error:
        raise UserError(f"{quote(out)} cannot be written ({error.strerror}); name another with -o") from None
    return Built(out, key_path(out), study, len(html))


def _check(methods: Mapping[str, Path], kind: str, questions: tuple[str, ...], side: int) -> None:
    if kind not in KINDS:
        raise UserError(f"--kind {kind!r} is not one of {', '.join(KINDS)}")
    unknown = [question for question in questions if question not in QUESTIONS]
    if unknown or not questions or len(set(questions)) < len(questions):
        raise UserError(f"--questions {','.join(questions)!r} must name some of {', '.join(QUESTIONS)}, each once")
    if len(methods) < 2:
        raise UserError(f"{len(methods)} method given, but a study compares two or more; add --method NAME=DIR")
    if kind == "ranking" and len(methods) > MOST_RANKED:
        raise UserError(f"{len(methods)} methods are too many to rank; give {MOST_RANKED} at most, or --kind pairwise")
    if side < 64:
        raise UserError(f"--side {side} is too small for a comparison; give 64 or more")


def _codes(random: Random) -> Iterator[str]:
    """Names of eight hexadecimal digits, all different."""
    seen = set()
    while True:
        code = f"{random.getrandbits(32):08x}"
        if code not in seen:
            seen.add(code)
            yield code


def _identity(study: Study, jpegs: Mapping[str, bytes]) -> str:
    """Twelve hexadecimal digits that another study, or other images, would not have."""
    content = {**study.to_dict(), "pictures": {code: hashlib.sha256(data).hexdigest() for code, data in jpegs.items()}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
