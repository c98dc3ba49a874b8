import collections
import io
import pickle
import tracemalloc

import pytest

from animegan3_tf.models.pickled import ARRAY_NAMES, Maker, UnknownName, walk_pickle

LIST = Maker(list)


def walk(data, names=(), persistent=None):
    return walk_pickle(io.BytesIO(data), dict(names), persistent)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back_as_pickle_gives_them(protocol):
    value = {
        "a": [1, -70000, 2**40, 0.5, None, True],
        3: ("x", (), {"deep": {1, "é"}}),
        "b": b"bytes",
        "twice": [[0]] * 2,
    }
    names = {**ARRAY_NAMES, **{f"{module} set": Maker(set) for module in ("builtins", "__builtin__")}}
    assert walk(pickle.dumps(value, protocol), names) == value


def test_several_pickles_in_a_row_are_walked_one_by_one():
    file = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("two", 2) + b"rest")
    assert walk_pickle(file, {}) == [1]
    assert walk_pickle(file, {}) == "two"
    assert file.read() == b"rest"


def test_a_name_that_is_not_known_is_refused_by_name():
    with pytest.raises(UnknownName, match="'collections OrderedDict'"):
        walk(pickle.dumps(collections.OrderedDict(a=1), 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x02]", "ends in the middle"),
        (b"\x80\x02.", "0 values"),
        (b"\x80\x02]].", "2 values"),
        (b"\x80\x02h\x07.", "KeyError"),  # what was never put
        (b"\x80\x02a.", "IndexError"),  # appends to nothing
        (b"\x80\x02K\x01K\x02a.", "adds to a int"),
        (b"\x80\x02}]K\x01s.", "list as a key"),
        (b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"K\x01s.", "tuple as a key"),  # whose hash would end the process
        (b"\x80\x02X\x00\x00\x00\x7fabc.", "ends in the middle"),  # text of two gigabytes
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x00abc.", "ends in the middle"),  # bytes of many exabytes
        (b"\x80\x02c" + b"a" * 1000 + b"\nb\n.", "too long"),
        (b"\x80\x02U\x04evil)R.", "calls a str"),
        (b"\x80\x02]}b.", "gives a state to a list"),
        (b"\x80\x02U\x01aQ.", "BINPERSID"),  # no storages are known here
        (b"\x80\x02(U\x01aI1\nios\nsystem\n.", "INST"),
    ],
)
def test_damaged_and_odd_instructions_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        walk(data)


def test_a_short_pickle_cannot_fill_the_memory():
    """One list of 10,000 numbers, named again and again for something that copies it: 100 times its size at least."""
    once = b"]q\x00(" + b"K\x01" * 10_000 + b"e"
    copies = b"clists\nlist\nq\x01" + b"h\x01h\x00\x85R" * 1_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="more data than it holds"):
        walk(b"\x80\x02](" + once + copies + b"e.", {"lists list": LIST})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
