"""Prints a Markdown table of how several models draw the faces of a folder of pairs: eyes, skin, identity, likeness.

The folder is one that `animegan3 pairs --no-checks` made. Its photos and their landmarks are used, not its drawings:

    animegan3 pairs HELD_OUT -o faces --teacher portrait --no-checks --size 512
    .venv/bin/python tools/portrait_table.py faces --size 256,512 --model portrait=portrait --model JP_face=FILE.onnx

--sheet FILE also writes all results side by side, one row for each face.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.errors import UserError

SHOWN = 192


def read_faces(folder: Path, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Reads photos of a folder of pairs, at most `count`, spread evenly, with their landmarks in shares of the side."""
    from animegan3_tf.data.manifest import Manifest
    from animegan3_tf.data.pairs import PAIRS, PairManifest

    with Manifest(folder, PAIRS) as records:
        pairs = {stem: record for stem, record in PairManifest(records).pairs.items() if record["landmarks"]}
    faces = []
    for stem in images.evenly_spread(sorted(pairs), count):
        rgb = images.read_image(folder / "photo" / f"{stem}.png").rgb
        faces.append((rgb, np.array(pairs[stem]["landmarks"]) / rgb.shape[0]))
    if len(faces) < 2:
        raise UserError(f"folder {str(folder)!r} holds {len(faces)} faces with landmarks; at least 2 are needed")
    return faces


class Scores:
    """Measures drawings of a set of faces at one size; each model's drawings give one row of the table."""

    def __init__(self, faces, size):
        from animegan3_tf.evaluation.face_scores import between_persons, dlib_embedding
        from animegan3_tf.evaluation.features import anime_likeness

        self.photos = [images.resize(rgb, (size, size)) for rgb, _ in faces]
        self.landmarks = [(points * size).tolist() for _, points in faces]
        self._embedding, self._likeness = dlib_embedding(), anime_likeness()
        self._vectors = self._embed(self.photos)
        self._between = between_persons(self._vectors)

    def row(self, drawings: list[np.ndarray]) -> list[str]:
        """Measures one model's drawings: both eyes drawn, skin shift, identity, likeness."""
        from animegan3_tf.data.drawing_checks import both_eyes_drawn
        from animegan3_tf.evaluation.face_scores import identity_similarity, skin_shift

        eyes = np.mean([both_eyes_drawn(*one) for one in zip(drawings, self.landmarks)])
        skin = np.median([skin_shift(*one) for one in zip(self.photos, drawings, self.landmarks)])
        identity = identity_similarity(self._vectors, self._embed(drawings), self._between).mean()
        prepared = np.stack([self._likeness.prepare(drawing) for drawing in drawings])
        likeness = float(np.mean(self._likeness.forward(prepared)))
        return [f"{100 * eyes:.0f} %", f"{skin:.1f}", f"{identity:.2f}", f"{likeness:.2f}"]

    def _embed(self, faces_rgb):
        from animegan3_tf.data.face_align import Face
        from animegan3_tf.evaluation.face_scores import chip_matrix, face_chip

        faces = [Face((0, 0, 1, 1), 1.0, tuple(map(tuple, points))) for points in self.landmarks]
        return self._embedding([face_chip(rgb, chip_matrix(face)) for rgb, face in zip(faces_rgb, faces)])


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, help="folder of pairs")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME=MODEL",
        help="name and model of a column; may be given again",
    )
    parser.add_argument(
        "--size", default="256,512", help="sides at which faces are drawn, joined by commas (default: 256,512)"
    )
    parser.add_argument("--count", type=int, default=100, help="largest number of faces (default: 100)")
    parser.add_argument("--sheet", type=Path, help="PNG of all results to write; {size} in its name becomes the size")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    from animegan3_tf.stylizer.model import load_stylizer

    try:
        faces = read_faces(options.faces, options.count)
        models = dict(one.split("=", 1) for one in options.model)
        stylizers = {name: load_stylizer(path) for name, path in models.items()}
        print(f"{len(faces)} faces\n")
        print("| at | model | both eyes drawn | skin shift, CIEDE2000 | identity | anime-likeness |")
        print("|---|---|---|---|---|---|")
        for size in map(int, options.size.split(",")):
            scores = Scores(faces, size)
            columns = {"untouched photo": scores.photos}
            for name, stylizer in stylizers.items():
                columns[name] = [stylizer(photo) for photo in scores.photos]
            for name, drawings in columns.items():
                print("|", " | ".join([str(size), name, *scores.row(drawings)]), "|", flush=True)
            if options.sheet:
                rows = [[images.resize(one, (SHOWN, SHOWN)) for one in row] for row in zip(*columns.values())]
                images.write_image(str(options.sheet).replace("{size}", str(size)), images.grid(rows))
    except (UserError, ValueError, json.JSONDecodeError) as error:
        print(f"portrait_table: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
