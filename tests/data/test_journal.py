import pytest

from animegan3_tf.data.manifest import Journal

LINES = [("a.png", {"n": 1}, None), ("caf\udce9.png", None, "broken\nby far")]


@pytest.fixture
def written(tmp_path):
    journal = Journal(tmp_path)
    for line in LINES:
        journal.write(*line)
    return tmp_path


def test_lines_are_on_disk_at_once(written):
    assert list(Journal(written).read()) == LINES


@pytest.mark.parametrize("torn", [b'["b.png", {"n"', b"\xff\xfe\x00", b'["b.png", {"n": 1}, null]'])
def test_a_torn_end_is_left_out(written, torn):
    (path,) = written.iterdir()
    path.write_bytes(path.read_bytes() + torn)
    assert list(Journal(written).read()) == LINES


def test_removed_it_begins_anew(written):
    journal = Journal(written)
    journal.remove()
    assert list(written.iterdir()) == []
    journal.write(*LINES[0])
    journal.remove()
    journal.remove()
    assert list(Journal(written).read()) == []
