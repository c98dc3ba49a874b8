"""Small shard folders for tests, and what lies in their records."""

import tensorflow as tf

from animegan3_tf.common.images import write_image
from animegan3_tf.data.shards import prepare_shards, style_shards
from helpers.prepared_folders import picture
from helpers.tiny_training import tiny_style

STYLE = tiny_style({"data.salt": 0.1})  # salt depends on the name


def source_folders(root):
    """Five photos, one in a folder below, and three anime pictures; most are not of the working size."""
    for i, name in enumerate(("a.png", "b.jpg", "c.png", "d.png", "more/a.png")):
        write_image(root / "photo" / name, picture(i, 20 + 4 * i))
    for i, name in enumerate(("x.png", "y.png", "z.jpg")):
        write_image(root / "anime" / name, picture(10 + i, 40))
    return root / "photo", root / "anime"


def make_shards(folders, out, *arguments, style=STYLE, size=2, **options):
    """Shards of two pictures; the report."""
    return prepare_shards(style_shards(style, *folders, out), *arguments, images_a_shard=size, **options)


def records(folder):
    """[{feature: bytes}] of all shards in their order, read by TensorFlow."""
    files = sorted(map(str, folder.glob("*.tfrecord")))
    examples = map(tf.train.Example.FromString, tf.data.TFRecordDataset(files).as_numpy_iterator())
    return [{k: v.bytes_list.value[0] for k, v in example.features.feature.items()} for example in examples]
