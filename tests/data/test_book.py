import json

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.manifest import read_book, write_book

ENTRIES = [
    ("a", "x.png", {"n": 1}),
    ("a", "caf\udce9,\n}.png", {"list": [1, {"deep": "},"}]}),
    ("b", "x.png", {"n": 2}),
]


def anything(part, value):
    return True


def test_what_was_written_is_read_and_is_json(tmp_path):
    path = tmp_path / "book.json"
    write_book(path, ENTRIES)
    assert list(read_book(path, anything)) == ENTRIES
    assert json.loads(path.read_text()) == {"a": {n: v for p, n, v in ENTRIES if p == "a"}, "b": {"x.png": {"n": 2}}}
    assert len(path.read_text().splitlines()) == 2 + 3 + 4  # an entry a line, and the brackets


def test_a_book_in_another_layout_is_read_too(tmp_path):
    path = tmp_path / "book.json"
    path.write_text(json.dumps({"a": {"x": 1}, "b": {"y": 2}}, indent=1))
    assert list(read_book(path, anything)) == [("a", "x", 1), ("b", "y", 2)]


def test_nothing_written_is_no_file(tmp_path):
    path = tmp_path / "book.json"
    write_book(path, ENTRIES)
    write_book(path, [])
    assert not path.exists()
    assert list(read_book(path, anything)) == []


@pytest.mark.parametrize("damage", [lambda text: text[:-5], lambda text: "", lambda text: "[1]", lambda text: "{}}"])
def test_what_is_not_such_a_book_is_named(tmp_path, damage):
    path = tmp_path / "book.json"
    write_book(path, ENTRIES)
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match=r"book.json' was not written by prepare"):
        list(read_book(path, anything))


def test_values_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "book.json"
    write_book(path, ENTRIES)
    with pytest.raises(UserError, match="was not written by prepare"):
        list(read_book(path, lambda part, value: part == "a"))
