import io

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.data.shard_folder import example, frame, read_frame

PAYLOADS = [b"first", b"", bytes(range(256)) * 300]


def test_tensorflow_writes_the_same_file(tmp_path):
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert b"".join(map(frame, PAYLOADS)) == (tmp_path / "a.tfrecord").read_bytes()


def test_any_record_is_read_by_its_offset():
    file = io.BytesIO(b"".join(map(frame, PAYLOADS)))
    assert read_frame(file, 16 + len(PAYLOADS[0]) + 16 + len(PAYLOADS[1])) == PAYLOADS[2]
    assert read_frame(file, 0) == PAYLOADS[0]


@pytest.mark.parametrize("byte", [0, 7, 8, 11, 12, 16, 17, 20])
def test_a_flipped_bit_is_noticed_wherever_it_is(byte):
    content = bytearray(frame(b"first"))
    content[byte] ^= 0x40
    with pytest.raises(ValueError, match="checksum"):
        read_frame(io.BytesIO(content), 0)


@pytest.mark.parametrize("length", [0, 5, 12, 15, 20])
def test_a_record_cut_short_is_noticed(length):
    with pytest.raises(ValueError, match="cut short"):
        read_frame(io.BytesIO(frame(b"first")[:length]), 0)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=200), st.binary(max_size=40_000), max_size=4))
def test_tensorflow_reads_any_example(features):
    feature = tf.train.Example.FromString(example(features)).features.feature
    assert {name: list(value.bytes_list.value) for name, value in feature.items()} == {
        name: [value] for name, value in features.items()
    }


def test_the_order_of_features_does_not_show():
    assert example({"a": b"1", "b": b"2"}) == example({"b": b"2", "a": b"1"})
