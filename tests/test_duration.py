import pytest

from animegan3_tf.common.console import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3569, "59 min"), (3600, "1 h 00 min"), (3900, "1 h 05 min"),
     (86399, "1 d 0 h"), (100 * 3600, "4 d 4 h")],
)  # fmt: skip
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
