import json

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.manifest import read_entries, write_entries

ENTRIES = [
    ("a", "x.png", {"n": 1}),
    ("a", "caf\udce9,\n}.png", {"list": [1, {"deep": "},"}]}),
    ("b", "x.png", {"n": 2}),
]


def anything(part, value):
    return True


def test_what_was_written_is_read_and_is_json(tmp_path):
    path = tmp_path / "book.json"
    write_entries(path, ENTRIES)
    assert list(read_entries(path, anything)) == ENTRIES
    assert json.loads(path.read_text()) == {"a": {n: v for p, n, v in ENTRIES if p == "a"}, "b": {"x.png": {"n": 2}}}
    assert len(path.read_text().splitlines()) == 2 + 3 + 4  # an entry a line, and the brackets


def test_a_book_in_another_layout_is_read_too(tmp_path):
    path = tmp_path / "book.json"
    path.write_text(json.dumps({"a": {"x": 1}, "b": {"y": 2}}, indent=1))
    assert list(read_entries(path, anything)) == [("a", "x", 1), ("b", "y", 2)]


def test_nothing_written_is_an_empty_object(tmp_path):
    path = tmp_path / "book.json"
    assert list(read_entries(path, anything)) == []
    assert write_entries(path, ENTRIES)
    assert not write_entries(path, [])
    assert path.read_text() == "{}\n"
    assert list(read_entries(path, anything)) == []


PARTS = {"a": "one value", "b": [], "c": {"x.png": {"n": [1, {"m": None}], "o": {}}, "y.png": []}, "d": ["x", {"n": 1}]}


def test_indented_it_is_what_json_writes(tmp_path):
    path = tmp_path / "book.json"
    entries = [
        ("a", "", PARTS["a"]),
        ("b", "", []),
        *(("c", n, v) for n, v in PARTS["c"].items()),
        ("d", "", PARTS["d"]),
    ]
    write_entries(path, entries, indent=1)
    assert path.read_text() == json.dumps(PARTS, indent=1) + "\n"
    assert list(read_entries(path, anything)) == entries


@pytest.mark.parametrize("indent", [None, 1])
def test_pieces_end_anywhere(tmp_path, monkeypatch, indent):
    path = tmp_path / "book.json"
    write_entries(path, ENTRIES, indent)
    for size in range(1, 40):
        monkeypatch.setattr("animegan3_tf.data.manifest._PIECE", size)
        assert list(read_entries(path, anything)) == ENTRIES


@pytest.mark.parametrize("damage", [lambda text: text[:-5], lambda text: "", lambda text: "[1]", lambda text: "{}}"])
def test_what_is_not_such_a_book_is_named(tmp_path, damage):
    path = tmp_path / "book.json"
    write_entries(path, ENTRIES)
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match=r"book.json' was not written by prepare"):
        list(read_entries(path, anything))


def test_values_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "book.json"
    write_entries(path, ENTRIES)
    with pytest.raises(UserError, match="was not written by prepare"):
        list(read_entries(path, lambda part, value: part == "a"))
