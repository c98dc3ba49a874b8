import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.inputs import parse_sizes, size_text


def test_sizes_come_by_their_pixels_each_once():
    assert parse_sizes("1080p, 512,64x256,512x512,256") == ((256, 64), (256, 256), (512, 512), (1080, 1920))
    assert size_text((1080, 1920)) == "1920x1080"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("250", "--sizes 250: a side is 250; it must be a multiple of 8"),
        ("8", "from 16 up"),
        ("big", "--sizes 'big' is no size"),
        ("256x", "--sizes '256x' is no size"),
        (",", "--sizes names no size"),
    ],
)
def test_what_is_no_size_is_refused(text, words):
    with pytest.raises(UserError, match=words):
        parse_sizes(text)
