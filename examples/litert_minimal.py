"""One photo to anime with an exported .tflite file. Needs nothing but: pip install numpy pillow ai-edge-litert.

    python litert_minimal.py generator_256_float32.tflite photo.jpg anime.png

Takes a file of fixed or open size, with float or 8-bit input and output. The picture is that of `animegan3 stylize`,
but for colour profiles and transparency, which are ignored here; and a photo larger than the model is enlarged again
by another cubic, which moves its edges by a few levels.
"""

import os
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps


def read(path):
    """The photo upright, uint8 RGB [H, W, 3]; 16-bit grey by its high byte, as convert("RGB") would clip it at 255."""
    with open(path, "rb") as file:  # by its name, Pillow may map a TIFF into memory, and mixes up a sideways one
        image = Image.open(file)
        grey16 = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
        if image.mode in ("I", "F") and not grey16:
            raise ValueError("32-bit samples have no fixed range; save it with 8 or 16 bits")
        bits = getattr(image, "tag_v2", {}).get(258, (16,))[0]  # a TIFF's may be 12
        image = ImageOps.exif_transpose(image)
    if grey16:
        image = Image.fromarray((np.asarray(image) >> (bits - 8)).astype(np.uint8))
    return np.asarray(image.convert("RGB"))


def shrink(levels, size):
    """[H, W, 3] in 0..255 -> [*size, 3]: each pixel is the mean of the area it covers, as OpenCV's INTER_AREA."""
    for axis, (old, new) in enumerate(zip(levels.shape, size)):
        edges, pixels = np.linspace(0, old, new + 1)[:, None], np.arange(old)
        cover = (np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)).clip(0) * new / old
        levels = np.moveaxis(np.tensordot(cover.astype(np.float32), levels, (1, axis)), 0, axis)
    return np.rint(levels)


def stylize(model, photo):
    """uint8 RGB [H, W, 3], any size from 16x16 -> the same size in anime style."""
    net = Interpreter(str(model), num_threads=os.cpu_count())
    (source,), (result,) = net.get_input_details(), net.get_output_details()
    room = [n if n > 0 else -(-side // 8) * 8 for n, side in zip(source["shape_signature"][1:3], photo.shape)]
    scale = min(1.0, room[0] / photo.shape[0], room[1] / photo.shape[1])  # never enlarged, but padded
    rows, columns = (max(1, round(side * scale)) for side in photo.shape[:2])
    fitted = (photo if scale == 1.0 else shrink(photo, (rows, columns))).astype(np.float32)
    values = np.pad(fitted, ((0, room[0] - rows), (0, room[1] - columns), (0, 0)), mode="reflect")[None] / 127.5 - 1.0
    if source["dtype"] != np.float32:  # value = (stored - zero) * step
        (step, zero), limits = source["quantization"], np.iinfo(source["dtype"])
        values = np.rint(values / step + zero).clip(limits.min, limits.max).astype(source["dtype"])
    net.resize_tensor_input(source["index"], values.shape)
    net.allocate_tensors()
    net.set_tensor(source["index"], values)
    net.invoke()
    step, zero = (1.0, 0) if result["dtype"] == np.float32 else result["quantization"]
    anime = (net.get_tensor(result["index"])[0, :rows, :columns].astype(np.float32) - zero) * step
    levels = np.rint((anime + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize(photo.shape[1::-1], Image.Resampling.BICUBIC))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python litert_minimal.py MODEL.tflite PHOTO RESULT.png")
    try:
        Image.fromarray(stylize(sys.argv[1], read(sys.argv[2]))).save(sys.argv[3])
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"photo {sys.argv[2]!r} with model {sys.argv[1]!r}: {error}")
