"""What the generator makes of a few fixed photos: a picture grid to look at, and two cheap curves to follow."""

from __future__ import annotations

import contextlib

import numpy as np
import tensorflow as tf

from animegan3_tf import images
from animegan3_tf.data.pictures import open_images
from animegan3_tf.errors import UserError
from animegan3_tf.losses import feature_distance, gram_matrix
from animegan3_tf.losses.gram import centred
from animegan3_tf.training.callbacks import RunCallback
from animegan3_tf.training.feature_terms import gray

ANIME_PICTURES = 16


class Validation(RunCallback):
    """Draws rows of photo | support | main of the averaged generator, as PNG and in TensorBoard, and scores them.

    A generator with a single tail gives photo | main.

    photos: uint8 [N, H, W, 3], H and W multiples of 8. folder: of the grids. log_folder: of TensorBoard.
    scores: a `Scores` of the same photos, or None for pictures alone. listeners: callbacks told of each validation
    (`RunCallback.validated`).
    """

    def __init__(self, every, photos, folder, log_folder, scores=None, listeners=()):
        super().__init__(every)
        self.photos, self.folder, self.scores, self.listeners = photos, folder, scores, listeners
        self._writer = tf.summary.create_file_writer(str(log_folder))

    def act(self, step, logs):
        """Draws and scores."""
        self.draw(self.model, step)

    def draw(self, trainer, step):
        """Writes `<step>.png` and the curves."""
        rows, columns, values = self.look(trainer.deployed)
        picture = images.grid(rows)
        images.write_image(self.path(step), picture)
        with self._writer.as_default(step=step):
            tf.summary.image(", ".join(columns), picture[None])
            for name, value in values.items():
                tf.summary.scalar(f"validation/{name}", value)
        self._writer.flush()
        for listener in self.listeners:
            listener.validated(step, trainer.phase, values, self.path(step))

    def look(self, generator):
        """The grid's rows of uint8 pictures, the names of its columns, and the curves {name: value}."""
        rows, measured = [], []
        for index, photo in enumerate(self.photos):  # one by one: a grid must not need more memory than a step
            drawn = generator(to_unit(photo))
            drawn = drawn if isinstance(drawn, dict) else {"main": drawn}
            tails = {tail: tf.cast(drawn[tail], tf.float32) for tail in ("support", "main") if tail in drawn}
            rows.append([photo, *(to_levels(picture[0]) for picture in tails.values())])
            if self.scores is not None:
                measured.append(self.scores.measure(index, tails))
        return rows, ["photo", *tails], self.scores.curves(measured) if measured else {}

    def path(self, step):
        """Where a step's grid lies."""
        return self.folder / f"{step:06d}.png"


class Scores:
    """How far the pictures of a fixed set of photos are from their photos and from anime.

    content_distance: mean absolute difference of the features of photo and picture at the style's `distance` tap, in
    the unit of the content loss before its weight. 0 for the photo itself.

    anime_likeness: at each of the style's `style` taps, 1 - d(picture) / d(photo), where d(x) is the distance of the
    Gram matrix of gray x to the mean Gram matrix of the anime set, averaged over the photos; then averaged over the
    taps. 0: as far from anime as the photos are; 1: at the anime set's mean; below 0: further than the photos. It is
    measured in the network the run trains against, from the statistics its style loss moves. So it compares steps of
    one run, and runs that share network, photos and anime; it is no classifier's verdict, and a picture may score well
    without looking like anime. NaN where the photos' own distance is 0.

    anime_itself: the likeness of the anime pictures, each against the mean of the others: what to expect of real ones,
    which differ from their mean too. NaN with a single picture.

    network: a `PerceptualNetwork` with the taps of `weights`, the style's `PerceptualSettings` for it.
    photos, anime: iterables of uint8 pictures [H, W, 3] of one size, looked at one at a time.
    """

    def __init__(self, network, weights, photos, anime):
        self.network, self.tap = network, weights.distance
        self.style_taps = list(weights.style)
        grams = [self._grams(network(gray(to_unit(picture)))) for picture in anime]
        self.mean = {tap: sum(g[tap] for g in grams) / len(grams) for tap in self.style_taps}
        self._photos, distances = [], []
        for photo in photos:
            unit = to_unit(photo)
            self._photos.append(network(unit)[self.tap])
            distances.append(self._distances(self._grams(network(gray(unit))), self.mean))
        self.photo_distance = _means(distances)
        self.anime_itself = float("nan")
        if len(grams) > 1:
            others = (
                {tap: (len(grams) * self.mean[tap] - g[tap]) / (len(grams) - 1) for tap in self.style_taps}
                for g in grams
            )
            self.anime_itself = self._likeness(_means([self._distances(g, m) for g, m in zip(grams, others)]))

    def measure(self, index, tails):
        """Distances of one photo's pictures, for `curves`; tails: {name: float [1, H, W, 3] in [-1, 1]}."""
        found = {}
        for tail, picture in tails.items():
            features = self.network(tf.concat([picture, gray(picture)], axis=0))
            content = feature_distance(self._photos[index], features[self.tap][:1], self.network.scales[self.tap])
            style = self._distances(self._grams({tap: features[tap][1:] for tap in self.style_taps}), self.mean)
            found[tail] = {"content": float(content), "style": style}
        return found

    def curves(self, measured):
        """The curves {name: value} from what `measure` returned for every photo."""
        values = {}
        for tail in measured[0]:
            of_tail = [found[tail] for found in measured]
            values[f"content_distance_{tail}"] = float(np.mean([found["content"] for found in of_tail]))
            values[f"anime_likeness_{tail}"] = self._likeness(_means([found["style"] for found in of_tail]))
        return {**values, "anime_itself": self.anime_itself}

    def _grams(self, features):
        return {tap: gram_matrix(centred(features[tap])).numpy()[0] for tap in self.style_taps}

    def _distances(self, grams, mean):
        return {tap: float(np.abs(grams[tap] - mean[tap]).mean()) for tap in self.style_taps}

    def _likeness(self, distances):
        ratios = [distances[tap] / far if far > 0 else float("nan") for tap, far in self.photo_distance.items()]
        return float(1.0 - np.mean(ratios))


def spread_pictures(folder, count, side, max_pixels=images.DEFAULT_MAX_PIXELS):
    """Yields up to `count` pictures spread over a folder, in its order: their middle, uint8 [side, side, 3].

    Others stand in for pictures that cannot be read, of which the input pipeline warns. Raises UserError when not one
    can be.
    """
    pictures = open_images(folder, max_pixels)
    spread = [i * len(pictures) // count for i in range(count)] if len(pictures) else []
    found = 0
    for number in dict.fromkeys([*spread, *range(len(pictures))]):
        if found == count:
            break
        with contextlib.suppress(images.ImageError):
            picture = _square(pictures.load(number), side)
            found += 1
            yield picture
    if not found:
        raise UserError(
            f"folder {str(folder)!r} holds no pictures that can be read; name another (--samples, --photos, --anime)"
        )


def to_unit(photo):
    """A uint8 picture [H, W, 3] as a batch of one, float32 [1, H, W, 3] in [-1, 1]."""
    return tf.constant(photo[None], tf.float32) / 127.5 - 1.0


def to_levels(picture):
    """A float picture [H, W, 3] in [-1, 1] as uint8."""
    return np.rint((np.asarray(picture, np.float32) + 1.0) * 127.5).clip(0, 255).astype(np.uint8)


def _means(distances):
    return {tap: float(np.mean([found[tap] for found in distances])) for tap in distances[0]}


def _square(rgb, side):
    shorter = min(rgb.shape[:2])
    top, left = ((length - shorter) // 2 for length in rgb.shape[:2])
    return images.resize(rgb[top : top + shorter, left : left + shorter], (side, side))
